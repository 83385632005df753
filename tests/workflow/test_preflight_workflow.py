"""What a study will take, and whether it can run."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from conftest import ROOT, jobs, snakemake

from engram.errors import EngramError
from engram.features.layers import reported_layer
from engram.preflight import machine_checks
from engram.preflight.machine_checks import FINE, LOOK, STOP, Machine
from engram.study import model_shapes
from engram.study.config.read import read_study
from engram.study.config.study import Study
from engram.study.needs import Need, need
from engram.study.plan import Plan, make_plan
from engram.study.stages.preflight import all_jobs, depends_on

CONFIG: dict[str, Any] = {
    "annotators": [],
    "disk": 1e9,
    "fetches_by_datalad": False,
    "assumed": [],
    "jobs": {
        "bold": {
            "count": 3,
            "memory": 4e9,
            "gpu": 0,
            "seconds": 100,
            "sure_memory": 4e9,
            "sure_gpu": 0,
        },
        "encoding": {
            "count": 2,
            "memory": 10e9,
            "gpu": 6e9,
            "seconds": 9e5,
            "sure_memory": 2e9,
            "sure_gpu": 1e9,
        },
    },
    "mirror": None,
    "null_texts": None,
    "models": [
        {"code": False, "here": True, "name": "mine", "revision": None, "source": "models/mine"}
    ],
    "remote": False,
    "untested": {},
    "wants_gpu": False,
}
MACHINE = Machine(memory=64e9, disk=500e9, cores=8, gpus=(80e9,))


def states(
    config: dict[str, Any], machine: Machine = MACHINE, hub: str = "", **environment: str
) -> dict[str, str]:
    found = machine_checks.checks(
        {**CONFIG, **config}, machine, lambda source, revision: hub, environment
    )
    return {one.what: one.state for one in found}


def test_too_few_random_texts_for_any_p_to_be_small_are_said() -> None:
    assert states({"null_texts": 39})["null texts"] == FINE
    assert states({"null_texts": 18})["null texts"] == LOOK
    found = machine_checks.checks({**CONFIG, "null_texts": 9}, MACHINE, lambda *_: "", {})
    said = next(one.found for one in found if one.what == "null texts")
    assert "no p over texts is below 0.1" in said and "99 for an atlas" in said


def test_study_that_fits() -> None:
    found = states({})
    assert set(found.values()) == {FINE} and list(found) == [
        "configuration",
        "model mine",
        "disk",
        "memory (encoding)",
        "GPU memory (encoding)",
    ]


@pytest.mark.parametrize(
    ("config", "machine", "what", "state"),
    [
        ({"disk": 600e9}, MACHINE, "disk", STOP),
        ({"disk": 450e9}, MACHINE, "disk", LOOK),
        ({}, Machine(8e9, 500e9, 8, ()), "memory (encoding)", STOP),
        ({}, Machine(64e9, 500e9, 8, (4e9, 2e9)), "GPU memory (encoding)", STOP),
        ({}, Machine(64e9, 500e9, 8, (4e9, 8e9)), "GPU memory (encoding)", FINE),
        ({}, Machine(64e9, 500e9, 8, ()), "GPU", LOOK),
        ({"wants_gpu": True}, Machine(64e9, 500e9, 8, ()), "GPU", STOP),
        ({"remote": True}, Machine(1e9, 500e9, 1, ()), "memory, GPU", LOOK),
        ({"annotators": ["gpt4"]}, MACHINE, "annotator gpt4", LOOK),
    ],
)
def test_what_does_not_fit_is_named(
    config: dict[str, Any], machine: Machine, what: str, state: str
) -> None:
    assert states(config, machine)[what] == state


def test_what_only_an_assumption_would_stop_is_looked_at() -> None:
    config = {**CONFIG, "assumed": ["new"]}
    for machine, what, state in (
        (Machine(8e9, 500e9, 8, (4e9,)), "memory (encoding)", LOOK),
        (Machine(8e9, 500e9, 8, (4e9,)), "GPU memory (encoding)", LOOK),
        (Machine(8e9, 5e8, 8, (4e9,)), "disk", LOOK),
        (Machine(3e9, 500e9, 8, (5e8,)), "memory (encoding)", STOP),  # the BOLD alone takes more
        (Machine(3e9, 500e9, 8, (5e8,)), "GPU memory (encoding)", STOP),
        (MACHINE, "memory (encoding)", FINE),
    ):
        check = {
            one.what: one for one in machine_checks.checks(config, machine, lambda *_: "", {})
        }[what]
        assert check.state == state and (state == LOOK) == (
            "assumes 7 billion parameters for new, whose config.json is not here" in check.found
        )


def test_models_of_unknown_shape_are_known_as_such(tmp_path: Path) -> None:
    models = {
        "here": {"source": str(ROOT / "resources" / "models" / "gpt2-tiny")},
        "known": {"source": "gpt2"},
        "new": {"source": "org/new"},
    }
    study = read_study(
        {
            "study": "s",
            "dataset": {"kind": "simulated", "stories": ["lighthouse"], "n_listeners": 4},
            "models": models,
        }
    )
    found = depends_on(study, make_plan(study), False)
    assert found["assumed"] == ["new"]
    assert (
        found["jobs"]["activations"]["memory"] > 5 * found["jobs"]["activations"]["sure_memory"] > 0
    )
    assert (
        found["jobs"]["bold"]["memory"] == found["jobs"]["bold"]["sure_memory"]
        and found["jobs"]["tables"]["sure_memory"] == 0
    )


def test_a_layer_that_no_model_has_is_refused() -> None:
    tiny = {"source": str(ROOT / "resources" / "models" / "gpt2-tiny")}

    def with_layer(layer: int, **models: Any) -> Study:
        dataset = {"kind": "simulated", "stories": ["lighthouse"], "n_listeners": 4}
        return read_study(
            {
                "study": "s",
                "dataset": dataset,
                "models": {"tiny": tiny, **models},
                "reported_layer": layer,
            }
        )

    depth = model_shapes.known_shape(with_layer(0), "tiny")
    assert depth is not None
    model_shapes.check_layer(with_layer(depth.layers - 1))
    with pytest.raises(
        EngramError,
        match=(
            r"reported_layer: 10000 is beyond the last layer of every model \(tiny "
            rf"{depth.layers - 1}, gpt2 12\)"
        ),
    ):
        model_shapes.check_layer(with_layer(10_000, gpt2={"source": "gpt2"}))
    model_shapes.check_layer(with_layer(12, gpt2={"source": "gpt2"}))
    model_shapes.check_layer(with_layer(10_000, new={"source": "org/new"}))


def test_the_last_layer_takes_the_place_of_one_that_a_model_does_not_have(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert [reported_layer(12, None), reported_layer(12, 12), reported_layer(0, 5)] == [
        8,
        12,
        0,
    ] and not caplog.text
    assert [reported_layer(11, 9_999), reported_layer(11, 9_999)] == [11, 11]
    assert (
        caplog.text.count(
            "reported_layer is 9999, and a model has the layers 0 to 11: its last one is reported"
        )
        == 1
    )


def test_models_of_the_hub_are_asked_for(tmp_path: Path) -> None:
    model = {"code": False, "here": False, "name": "m", "revision": "abc", "source": "org/m"}
    assert states({"models": [model]})["model m"] == FINE
    assert states({"models": [model]}, hub="is gated")["model m"] == STOP
    assert states({"models": [{**model, "code": True}]})["model m"] == LOOK
    assert states({"models": [{**model, "code": True}]}, hub="is gated")["model m"] == STOP
    (tmp_path / "models" / "org" / "m").mkdir(parents=True)
    assert (
        states({"models": [model], "mirror": str(tmp_path)}, hub="never asked")["model m"] == FINE
    )
    assert (
        states({"models": [{**model, "source": "nowhere"}], "mirror": str(tmp_path)})["model m"]
        == STOP
    )


def test_a_key_is_told_of_and_not_told() -> None:
    found = machine_checks.checks(
        {**CONFIG, "annotators": ["gpt4"]}, MACHINE, lambda *_: "", {"ENGRAM_CHAT_KEY": "s3cret"}
    )
    assert {one.what: one.state for one in found}[
        "annotator gpt4"
    ] == FINE and "s3cret" not in machine_checks.report(found)


def test_tables_say_jobs_memory_and_time() -> None:
    lines = machine_checks.table(CONFIG, MACHINE).splitlines()
    assert lines[1].split() == ["bold", "3", "4.0", "GB", "-", "2", "min"]
    assert (
        lines[2].split() == ["encoding", "2", "10.0", "GB", "6.0", "GB", "250.0", "h"]
        and "8 cores" in lines[-1]
    )


@pytest.fixture(scope="module", params=["config", "alice", "narratives", "tiny"])
def planned(request: pytest.FixtureRequest) -> SimpleNamespace:
    study = read_study(yaml.safe_load((ROOT / "config" / f"{request.param}.yaml").read_text()))
    return SimpleNamespace(study=study, plan=make_plan(study))


def test_needs_of_every_job_of_the_shipped_studies_are_sensible(planned: SimpleNamespace) -> None:
    for rule, found in all_jobs(planned.study, planned.plan).items():
        for wildcards in found:
            one = need(planned.study, planned.plan, rule, wildcards)
            assert (
                5e8 < one.memory < 100e9 and 2 < one.seconds < 30 * 86_400 and 0 <= one.gpu < 80e9
            ), (rule, wildcards, one)


def planned_study(**changes: Any) -> tuple[Any, Plan]:
    study = read_study(
        {
            "study": "s",
            "dataset": {"kind": "narratives", "stories": ["pieman", "tunnel"]},
            "models": {"gpt2": {"source": "gpt2"}},
            **changes,
        }
    )
    return study, make_plan(study)


def of(rule: str, wildcards: dict[str, str], **changes: Any) -> Need:
    return need(*planned_study(**changes), rule, wildcards)


def test_needs_grow_with_what_is_read() -> None:
    story, model = {"story": "tunnel", "model": "gpt2"}, {"gpt2": {"source": "gpt2-xl"}}
    assert of("activations", story, models=model).memory > 2 * of("activations", story).memory
    assert (
        of("activations", story).seconds
        > 2 * of("activations", {"story": "pieman", "model": "gpt2"}).seconds
    )
    assert (
        of("activations", story, compute={"reading_dtype": "float16"}).gpu
        < of("activations", story).gpu
    )
    assert of("bold", story, bold={"targets": "roi"}).memory < of("bold", story).memory
    _, plan = planned_study()
    group = {"group": next(iter(plan.groups)), "model": "gpt2"}
    assert of("encoding", group, bold={"targets": "roi"}).memory < of("encoding", group).memory
    changes: dict[str, Any] = {
        "associations": {"mine": {"annotator": {"model": "x", "address": "http://localhost/v1"}}},
        "nuisance": {"method": "banded"},
    }
    study, plan = planned_study(**changes)
    jobs_of_texts = all_jobs(study, plan)["association_nuisance"]
    assert {one["group"] for one in jobs_of_texts} == {
        name for name, one in plan.groups.items() if one.subjects != ("average",)
    }
    few = of(
        "association_nuisance",
        jobs_of_texts[0],
        **{**changes, "nuisance": {"method": "banded", "random_texts": 9}},
    )
    assert (
        2
        < (of("association_nuisance", jobs_of_texts[0], **changes).seconds - 15)
        / (few.seconds - 15)
        < 5
    )
    assert of("figure", {}) == Need()


@pytest.mark.slow
def test_jobs_are_those_of_the_plan(tmp_path: Path) -> None:
    study = read_study(yaml.safe_load((ROOT / "config" / "config.yaml").read_text()))
    expected = {rule: len(found) for rule, found in all_jobs(study, make_plan(study)).items()}
    counts = jobs(snakemake("-n", folder=tmp_path))
    assert {rule: counts[rule] for rule in expected} == expected


@pytest.mark.slow
def test_preflight_says_what_can_work_and_fails_where_it_cannot(tmp_path: Path) -> None:
    result = snakemake(
        "--nolock", "preflight", "--configfile", ROOT / "config" / "tiny.yaml", folder=tmp_path
    )
    assert result.returncode == 0 and "memory (simulate)" in result.stdout + result.stderr, (
        result.stderr[-2000:]
    )
    (tmp_path / "mine.yaml").write_text(
        yaml.safe_dump(
            {"study": "mine", "dataset": {"kind": "alice"}, "models": {"gpt2": {"source": "gpt2"}}}
        )
    )
    result = snakemake(
        "--nolock",
        "preflight",
        "--configfile",
        "mine.yaml",
        folder=tmp_path,
        environment={"HF_ENDPOINT": "http://127.0.0.1:9"},
    )
    assert (
        result.returncode != 0
        and "STOP  model gpt2" in result.stdout
        and "the hub cannot be reached" in result.stdout
    )
    assert (
        not (tmp_path / "resources").exists() and "Traceback" not in result.stdout + result.stderr
    )
