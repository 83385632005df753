"""The bench runs, agrees with scikit-learn, and memory is predicted: on small shapes."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from engram.encoding import memory
from engram.encoding.memory import EncodingShape, encoding_bytes, listeners_at_once

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.mark.slow
def test_the_bench_runs_and_its_page_says_what_was_found(tmp_path: Path) -> None:
    sections = ("encoding", "scaling", "activations")
    command: list[str | Path] = [
        sys.executable,
        BENCHMARKS / "bench.py",
        "--small",
        "--repeats",
        "1",
        "--folder",
        tmp_path,
        "--only",
        *sections,
    ]
    subprocess.run(command, check=True, capture_output=True)
    (path,) = tmp_path.glob("20*.json")
    found = json.loads(path.read_text())
    (difference,) = (
        value
        for name, value in found["encoding"]["agreement"].items()
        if name.startswith("largest difference")
    )
    assert 0 < difference < 1e-3
    assert found["encoding"]["agreement"]["mean r, Engram"] > 0.05
    forms = {(row["varied"], row["value"]): row["form"] for row in found["scaling"]}
    assert forms["units", 8] == "primal" and forms["units", 256] == "kernel"
    assert {varied for varied, _ in forms} == {
        "listeners",
        "targets",
        "units",
        "rows",
        "layers",
        "context",
    }
    assert found["activations"][0]["times"]["a forward pass for each word"]["ratio"] > 1
    assert (
        "| scikit-learn RidgeCV, each listener |" in (text := page_of(tmp_path))
        and f"{difference:.2g}" in text
    )
    assert (
        tmp_path / "page" / f"{path.stem}-scaling.svg"
    ).exists() and f"(page/{path.stem}-scaling.svg)" in text


def page_of(folder: Path) -> str:
    code = (
        "import page, pathlib, sys; page.write(pathlib.Path(sys.argv[1]), "
        "pathlib.Path(sys.argv[1], 'page.md'))"
    )
    subprocess.run([sys.executable, "-c", code, folder], check=True, cwd=BENCHMARKS)
    return (folder / "page.md").read_text()


def _printing(code: str) -> Callable[[], subprocess.Popen[str]]:
    """Return what starts Python with this code."""

    def start() -> subprocess.Popen[str]:
        return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)

    return start


def test_cases_that_are_compared_take_turns() -> None:
    """Each goes on whenever it is stopped, and what it printed last comes back."""
    texts = importlib.import_module("bench_texts")
    code = "import json, time; time.sleep(0.3); print('so far'); print(json.dumps({'read': %d}))"
    both = {name: _printing(code % number) for number, name in enumerate("ab")}
    assert texts.in_turns(both, turn=0.05) == {"a": {"read": 0}, "b": {"read": 1}}
    with pytest.raises(SystemExit, match="b ended with 3"):
        texts.in_turns({**both, "b": _printing("raise SystemExit(3)")}, turn=0.05)


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "number"), [("encoding", 0), ("encoding", 1), ("reading", 0)])
def test_memory_is_predicted_within_a_quarter(kind: str, number: int) -> None:
    bench_memory = importlib.import_module("bench_memory")
    shapes = {"encoding": bench_memory.SMALL_ENCODINGS, "reading": bench_memory.SMALL_READINGS}[
        kind
    ]
    found = bench_memory.measured(kind, shapes[number])
    assert 0.75 < found["ratio"] < 1.25, found


SHAPE = EncodingShape(
    rows=300,
    features=4608,
    listeners=40,
    targets=80_000,
    layers=13,
    stories=1,
    folds=5,
    inner_folds=5,
    alphas=10,
)


def test_listeners_come_in_as_many_parts_as_memory_asks_for(
    caplog: pytest.LogCaptureFixture,
) -> None:
    everything = encoding_bytes(SHAPE, 40, 1 << 20)
    assert listeners_at_once(SHAPE, everything, 1 << 20) == 40
    fewer = listeners_at_once(SHAPE, everything - 1, 1 << 20)
    assert 0 < fewer < 40 and encoding_bytes(SHAPE, fewer, 1 << 20) < everything
    assert listeners_at_once(SHAPE, everything, 1 << 20, device_memory=1.5e9) < 20
    assert listeners_at_once(SHAPE, 0.5e9, 1 << 20) == 1
    assert "this job has 0.5 GB of memory and is expected to take" in caplog.text


def test_a_job_plans_with_what_it_was_given() -> None:
    assert memory.available(2000) == 2e9 - memory.BESIDE
    assert memory.available() > 1e8
    assert memory.available("a name") == pytest.approx(memory.available(), rel=0.5)


def test_what_spaces_took_is_summed_by_step() -> None:
    import page

    jobs = pd.DataFrame(
        [
            ("chance", "group-g_model-norms", 2.0, 100.0),
            ("deals", "model-norms_deals", 1.5, 300.0),
            ("deal_scores", "group-g_model-norms", 0.5, 200.0),
            ("encoding", "group-g_model-word-rate_text-original", 4.0, 50.0),
            ("tables", "tables", 3.0, 900.0),
        ],
        columns=["rule", "job", "cpu_seconds", "megabytes"],
    )
    said = page._spaces(jobs)
    assert "| norms |  |  | 2.0 |  |  | 2.0 | 4.0 | 300 |" in said
    assert "| word-rate |  | 4.0 |  |  |  |  | 4.0 | 50 |" in said
    assert "All 5 jobs of the study took 11 s" in said


def test_nulls_are_counted_against_r_of_their_own_study(tmp_path: Path) -> None:
    import page

    jobs = [
        ("chance", "group-g_model-m", 5.0),
        ("chance", "group-g_model-word-rate", 70.0),  # another model's
        ("encoding", "group-g_model-m_text-original", 4.0),
        ("encoding", "group-g_model-word-rate_text-original", 9.0),
        ("partition", "group-g_partition-meaning", 2.0),
        ("tune", "one_model-m_shuffled-1", 20.0),
        ("tune", "two_model-m_shuffled-1", 30.0),
        ("tune", "two_model-m_shuffled-2", 32.0),
        ("tuning_scores", "group-g_model-m_tuning-one", 6.0),
        ("tuning_scores", "group-g_model-m_tuning-two", 8.0),
    ]
    tables = {
        "scores": {"model": ["word-rate", "m", "m"], "layer": [0, 0, 6]},
        "chance": {"model": ["m"], "n_shifts": [99]},
        "partitions": {"kind": ["part", "all"], "part": ["rate", "rate+model"]},
        "tuning_models": {
            "model": ["m"] * 4,
            "tuning": ["one", "one", "two", "two"],
            "condition": ["shuffled"] * 4,
            "seed": [1, 1, 1, 2],
        },
    }
    (tmp_path / "tables").mkdir()
    pd.DataFrame(jobs, columns=["rule", "job", "cpu_seconds"]).to_csv(
        tmp_path / "jobs.tsv", sep="\t", index=False
    )
    for name, columns in tables.items():
        path = tmp_path / "tables" / f"{name}.tsv"
        pd.DataFrame(columns).to_csv(path, sep="\t", index=False)
    said = page._nulls(tmp_path, tmp_path).splitlines()
    for what, numbers in (
        ("R of 7 layers", "4.0 | 1.00"),
        ("R against chance, 99 circular shifts", "5.0 | 1.25"),
        ("partition of 2 groups of features", "2.0 | 0.50"),
        ("R of 3 tunings and controls", "14.0 | 3.50"),
        ("1 models tuned: one", "20.0 | 5.00"),
        ("2 models tuned: two", "62.0 | 15.50"),
    ):
        assert f"| {tmp_path.name} | {what} | {numbers} |" in said


def test_changed_penalties_are_counted_and_r_is_compared_elsewhere(tmp_path: Path) -> None:
    import bench_earlier
    import page
    from bench_encoding import Shape

    r = np.array([[[0.1, 0.2], [0.3, 0.4]]])
    alpha = np.array([[1, 2], [3, 4]])
    np.savez(tmp_path / "Engram.npz", r=r, alpha=alpha)
    other_r = r + np.array([[[0.001, 0.0], [0.0, 0.1]]])
    np.savez(tmp_path / "abc.npz", r=other_r, alpha=alpha + np.array([[0, 0], [0, 1]]))
    agreement = bench_earlier._agreement(tmp_path, "abc")
    assert agreement == {
        "penalties changed": 1,
        "penalties": 4,
        "largest difference of r": pytest.approx(0.001),
        "mean difference of r": pytest.approx(-0.101 / 4),
    }
    seconds = {
        name: {"seconds": value}
        for name, value in (("Engram", 2.0), ("abc", 5.0), ("bare matrix products", 1.6))
    }
    row = bench_earlier._row(Shape(1, 6), "abc", [seconds]) | agreement
    row["operations"] = {"products": 8.0, "kernels": 2.0}
    said = "".join(page._earlier({"before": "abc", "rows": [row]}))
    assert "| 1 x 6 | 5 x 5 | 5.0 | 2.0 | 1.6 | 2.5 | 1.25 | 1 of 4 | 0.001 |" in said
    assert "| 1 x 6 | 8 | 2 | 1.25 | 5 | 5 |" in said


def test_operations_are_those_of_each_product_of_an_encoding() -> None:
    from bench_encoding import ALPHAS, Shape, operations

    shape = Shape(1, 3, 40, 4, 2, 2, 2)
    found = operations(shape)
    products = kernels = 0
    for train, test in shape.outer:
        for fit, held_out in shape.inner(train):
            products += sum(
                2 * len(fit) for _ in ALPHAS for _ in held_out for _ in range(3)
            )  # each predicted value adds a product for each row
            kernels += sum(
                2 * 8 for place in range(len(fit)) for _ in range(place + 1 + len(held_out))
            )
        products += 2 * len(train) * len(test) * 3
        kernels += sum(2 * 8 for place in range(len(train)) for _ in range(place + 1 + len(test)))
    assert found["products"] == pytest.approx(products / 1e9)
    assert found["kernels"] == pytest.approx(kernels / 1e9)


def test_a_stride_of_an_encoder_is_held_against_a_window_a_word() -> None:
    import bench_encoders
    import page

    exact = np.zeros((2, 3, 2))  # listeners, layers, regions
    r = exact.copy()
    r[0, 1, 0], r[1, 1, 0], r[0, 2, 1] = 0.3, -0.1, 0.5
    found = bench_encoders._differences(r, exact, 1)
    assert found == {
        "mean R": 0.05,
        "largest difference of a region's mean R": 0.1,
        "the same, any layer": 0.25,
        "largest difference of a listener's R": 0.3,
    }
    row = {"context": 128, "encoder_stride": 8, "seconds": 9.5, "times faster": 7.5, **found}
    said = "".join(page._encoders({"model": "small", "rows": [row]}))
    assert "| 128 | 8 | 9.5 | 7.5 | 0.05 | 0.1 | 0.25 | 0.3 |" in said
    assert "(Alice, small," in said and "knows up to k - 1 later words" in said


def test_whole_runs_say_what_each_commit_took_and_how_many_tests_it_had() -> None:
    import page

    before = {"tests": 1200, "seconds": 300, "cpu_seconds": 500}
    found: dict[str, Any] = {
        "before": "abc",
        "environment": {"machine": "two cores"},
        "cases": {
            "tests": {
                "said": "all tests",
                "before": before,
                "now": {"tests": 1500, "seconds": 200, "cpu_seconds": 400},
                "load": 2.1,
            },
            "tiny": {
                "said": "tiny",
                "before": {"seconds": 57, "cpu_seconds": 87},
                "now": {"seconds": 48, "cpu_seconds": 72},
                "load": 2.0,
            },
        },
    }
    said = page._whole_runs(Path("whole-runs-2026-01-01-2-cores.json"), found)
    assert "| all tests (1,200 and 1,500) | 300 (500) | 200 (400) | 1.25 | 2.1 |" in said
    assert "| tiny | 57 (87) | 48 (72) | 1.21 | 2.0 |" in said
    # A case of which one side alone was run is not compared.
    del found["cases"]["tests"]["now"]
    assert "all tests" not in page._whole_runs(Path("whole-runs-2026-01-01-2-cores.json"), found)
