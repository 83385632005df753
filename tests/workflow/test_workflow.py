"""The workflow: planned (dry-runs), run end to end, rerun, offline."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from conftest import ROOT, forks, jobs, random_words, regions, snakemake, write_table_study
from forks import no_network

import engram
from engram import trace
from engram.interactive import recomputed

pytestmark = pytest.mark.slow


def configfile(folder: Path, **content: object) -> Path:
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump({"study": "mine", **content}))
    return path


@pytest.fixture
def table_study(tmp_path: Path) -> Path:
    """A working directory with a table study: two stories, overlapping listeners."""
    rng = np.random.default_rng(0)
    for story, subjects in (("one", ["01", "02", "03"]), ("two", ["02", "03", "04"])):
        bold = {subject: rng.standard_normal((90, 4)) for subject in subjects}
        words = random_words(300).assign(log_frequency=-5.0)
        words.loc[::2, "log_frequency"] = np.nan
        write_table_study(tmp_path / "data", bold, words, regions(4), story)
    return tmp_path


DATASET = {"kind": "table", "path": "data", "tr": 1.5}
MODEL = {"tiny": {"source": "resources/models/gpt2-tiny"}}


def test_demo_is_planned_when_no_study_is_given(tmp_path: Path) -> None:
    planned = jobs(snakemake("-n", folder=tmp_path))
    # Two stories; two models and the word rate.
    assert planned["simulate"] == 1 and planned["activations"] == 6


def test_own_study_holds_nothing_of_the_demo(table_study: Path) -> None:
    result = snakemake(
        "-n",
        "--configfile",
        configfile(table_study, dataset=DATASET, models=MODEL, baselines=[]),
        folder=table_study,
    )
    planned = jobs(result)
    assert "llama-tiny" not in result.stdout + result.stderr
    assert "simulate" not in planned and "nuisance" not in planned
    # three groups: 01 heard one, 04 heard two; 02, 03 and the average heard both
    assert (planned["activations"], planned["encoding"], planned["bold"], planned["ceiling"]) == (
        2,
        3,
        2,
        2,
    )


def test_stacked_files_and_command_line_values(table_study: Path) -> None:
    base = configfile(
        table_study,
        dataset=DATASET,
        models={**MODEL, "other": {"source": "resources/models/llama-tiny"}},
    )
    extra = table_study / "extra.yaml"
    extra.write_text(yaml.safe_dump({"models": {"other": None}, "baselines": []}))
    planned = jobs(
        snakemake(
            "-n",
            "--configfile",
            base,
            extra,
            "--config",
            "encoding={folds: 4}",
            "seed=3",
            folder=table_study,
        )
    )
    assert planned["activations"] == 2
    result = snakemake(
        "-n", "--configfile", base, extra, "--config", "encoding={folds: 1}", folder=table_study
    )
    assert result.returncode != 0 and "encoding.folds" in result.stdout + result.stderr


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dataset": {**DATASET, "stories": ["three"]}}, "three"),
        ({"dataset": {**DATASET, "path": "nowhere"}}, "there is no folder 'nowhere'"),
        ({"modles": {}}, "Did you mean 'models'?"),
        ({"models": {"tiny": {"source": "./data"}}}, "no config.json"),
    ],
)
def test_wrong_configurations_stop_before_any_job(
    table_study: Path, change: dict[str, object], message: str
) -> None:
    content: dict[str, object] = {"dataset": DATASET, "models": MODEL, **change}
    result = snakemake("-n", "--configfile", configfile(table_study, **content), folder=table_study)
    assert result.returncode != 0 and message in result.stdout + result.stderr
    assert "Traceback" not in result.stdout + result.stderr


def test_alice_is_planned_without_any_download(tmp_path: Path) -> None:
    planned = jobs(snakemake("-n", "--configfile", ROOT / "config" / "alice.yaml", folder=tmp_path))
    # Two models, their twins and the word rate; two models read eight texts, of which one of them
    # writes two, and are tuned in two ways with four seeds of each of three conditions.
    assert {rule: planned[rule] for rule in ("fetch_alice", "fetch_model", "activations")} == {
        "fetch_alice": 1,
        "fetch_model": 2,
        "activations": 5,
    }
    assert (planned["encoding"], planned["text_activations"], planned["tune"]) == (5, 16, 48)
    assert planned["annotate_locally"] == 2


def test_alice_uses_the_mirrors_model(tmp_path: Path) -> None:
    model = tmp_path / "mirror" / "models" / "SmolLM2-135M-Instruct"
    shutil.copytree(ROOT / "resources" / "models" / "llama-tiny", model)
    stacked = ("alice.yaml", "alice-smollm2.yaml", "alice-quick.yaml")
    result = snakemake(
        "-n",
        "--configfile",
        *(ROOT / "config" / name for name in stacked),
        folder=tmp_path,
        environment={"ENGRAM_MIRROR": str(tmp_path / "mirror")},
    )
    planned = jobs(result)
    assert planned["activations"] == 3 and planned["text_activations"] == 1
    assert "tune" not in planned and "nuisance" not in planned
    assert "smollm2-135m-4bit" in result.stdout


BLOCKER = """
import socket
def refuse(self, address, *rest):
    if self.family != socket.AF_UNIX:
        raise RuntimeError(f"a job opened the network: {address}")
socket.socket.connect = socket.socket.connect_ex = refuse
"""


@pytest.fixture(scope="module")
def blocked(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment in which Python opens no network."""
    folder = tmp_path_factory.mktemp("blocker")
    (folder / "sitecustomize.py").write_text(BLOCKER)
    return {"PYTHONPATH": str(folder)}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory, blocked: dict[str, str]) -> Path:
    """config/tiny.yaml, run from another directory, all sockets blocked.

    The directory has a space in its name.
    """
    folder = tmp_path_factory.mktemp("run") / "my run"
    folder.mkdir()
    planned = jobs(snakemake("-n", "--configfile", ROOT / "config" / "tiny.yaml", folder=folder))
    assert planned["all"] == 1 and sum(planned.values()) <= 29
    result = snakemake(
        "--configfile",
        ROOT / "config" / "tiny.yaml",
        folder=folder,
        environment=blocked,
    )
    assert result.returncode == 0, result.stdout[-5000:] + result.stderr[-5000:]
    return folder


def test_sockets_are_blocked(blocked: dict[str, str], tmp_path: Path) -> None:
    """In a Python of its own as in the forks in which runs and jobs of the tests go.

    They import under `no_network`, which is tried here too.
    """
    environment = {**os.environ, **blocked}
    code = "import socket; socket.create_connection(('127.0.0.1', 9))"
    result = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert "a job opened the network" in result.stderr
    (tmp_path / "opens.py").write_text(code)
    (tmp_path / "Snakefile").write_text("rule opens:\n    script: 'opens.py'\n")
    status, output = forks().run(tmp_path, ["--cores", "1"], environment, fork_jobs=True)
    assert status != 0 and "a job opened the network" in output
    with no_network(), pytest.raises(RuntimeError, match="opened the network"):
        socket.create_connection(("127.0.0.1", 9))


def test_tables_and_figures(tiny: Path) -> None:
    results = tiny / "results" / "tiny"
    scores = pd.read_csv(results / "tables" / "scores.tsv", sep="\t", dtype={"subject": str})
    assert list(scores.columns) == [
        "study", "group", "subject", "model", "text", "layer", "hemisphere", "roi", "n_targets",
        "n_trs",
        "score", "ceiling_split", "ceiling_split_sb", "ceiling_loo", "ceiling_kind", "ceiling",
        "normalized",
    ]  # fmt: skip
    # The sixth is excluded.
    assert set(scores["subject"]) == {"001", "002", "003", "004", "005", "average"}
    assert scores["score"].between(-1, 1).all()
    found = pd.read_csv(results / "tables" / "truth.tsv", sep="\t").set_index("planted")["found"]
    assert (found.drop("association") == "yes").all() and found["association"] == "not required"
    for figure in (
        "layers",
        "regions",
        "roi-layers",
        "reliability",
        "time-resolved",
        "alignment",
        "brain",
        "ceiling-brain",
    ):
        assert (results / "figures" / f"{figure}.png").read_bytes().startswith(b"\x89PNG")
        assert "</svg>" in (results / "figures" / f"{figure}.svg").read_text()
        words = json.loads((results / "figures" / f"{figure}.json").read_text())
        assert (
            set(words) == {"Title", "Caption", "Alt", "Pieces", "Provenance"}
            and "5 listeners" in words["Caption"]
        )


def test_the_report_holds_what_the_study_has(tiny: Path) -> None:
    report = (tiny / "results" / "tiny" / "report.html").read_text()
    for expected in (
        'id="figure-brain"',
        'id="surface-data"',
        'id="table-scores"',
        "5 simulated listeners",
        "jobs behind this page",
    ):
        assert expected in report, expected
    assert "Not asked here: associations (F) and tunings (M)." in report
    assert "How well does gpt2-tiny predict the brain?" in report
    assert 'id="claims"' not in report  # none can be tested
    assert str(tiny) not in report and str(Path.home()) + "/" not in report


def test_snakemakes_report_is_built_offline_with_the_captions_of_the_data(
    tiny: Path, blocked: dict[str, str]
) -> None:
    result = snakemake(
        "--configfile",
        ROOT / "config" / "tiny.yaml",
        "--report",
        "report.zip",
        folder=tiny,
        environment=blocked,
        own_processes=True,
    )
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
    with zipfile.ZipFile(tiny / "report.zip") as archive:
        names = {Path(name).name for name in archive.namelist()}
        (page,) = (
            archive.read(name).decode()
            for name in archive.namelist()
            if name.endswith("report.html")
        )
    assert {
        "layers.svg",
        "reliability.svg",
        "ceiling-brain.svg",
        "scores.tsv",
        "truth.tsv",
    } <= names
    assert (
        "n = 5 listeners" in page
        and "Reliability of 5 listeners" in page
        and "Noise ceilings of every kind" in page
        and "system-message" not in page
    )


def test_every_output_says_where_it_came_from(tiny: Path) -> None:
    results = tiny / "results" / "tiny"
    outputs = [
        path
        for path in results.rglob("*")
        if path.suffix in (".nc", ".tsv", ".png")
        and "benchmarks" not in path.parts
        and "simulated" not in path.parts
    ]
    assert len(outputs) > 10
    for path in outputs:
        provenance = json.loads(path.with_suffix(".json").read_text())["Provenance"]
        assert (
            len(provenance["Code"]) == 16
            and provenance["Versions"]["python"]
            and provenance["Seconds"] >= 0
        )
        assert all(len(digest) == 64 for digest in provenance["Inputs"].values())
    table = json.loads((results / "tables" / "scores.json").read_text())
    assert table["score"]["Description"].startswith("Brain score")


def test_the_page_on_python_opens_the_study(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The block of docs/how-to/python.md that opens a finished study, on this one."""
    monkeypatch.chdir(tiny)
    page = (ROOT / "docs" / "how-to" / "python.md").read_text()
    (block,) = re.findall(r"^```python\n([^`]*engram\.load\([^`]*)^```", page, flags=re.MULTILINE)
    lines = block.replace("results/alice", "results/tiny").replace('"gpt2"', '"gpt2-tiny"')
    names: dict[str, Any] = {"engram": engram}
    exec(lines, names)
    study = names["study"]
    assert study.name == "tiny" and study.config["study"] == "tiny"
    assert study.plot_reliability()._repr_png_()
    assert set(study.arrays["result"]) >= {"scores", "bold", "ceilings", "activations"}
    reported = round(2 * study.scores.query("model == 'gpt2-tiny'")["layer"].max() / 3)
    assert reported in set(study.scores["layer"])


def test_a_number_of_the_study_is_made_again_by_the_lines_of_its_trace(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tiny)
    scores = pd.read_csv("results/tiny/tables/scores.tsv", sep="\t", dtype={"subject": str})
    row = scores[scores["model"] == "gpt2-tiny"].iloc[7]
    names = ("model", "subject", "layer", "hemisphere", "roi")
    values = [f"{name}={row[name]}" for name in names]
    assert trace.main(["results/tiny", "scores", *values]) == 0
    said = capsys.readouterr().out
    assert "features  " in said and "raw files " in said and "rule encoding" in said
    exec("\n".join(line[4:] for line in said.split("again:\n\n")[1].splitlines()), {})
    assert float(capsys.readouterr().out) == pytest.approx(row["score"], rel=1e-5)


def test_second_run_has_nothing_to_do_even_after_touches(tiny: Path) -> None:
    assert jobs(snakemake("-n", "--configfile", ROOT / "config" / "tiny.yaml", folder=tiny)) == {}


def test_a_table_study_with_every_option_flipped(table_study: Path) -> None:
    """Each option that a run can be given, at another value than its default.

    It is tried from raw files to figures.
    """
    content: dict[str, Any] = {
        "dataset": {**DATASET, "start": {"one": 0.0, "two": 0.0}, "exclude": {"01": "asleep"}},
        "models": {"tiny": {"source": str(ROOT / "resources" / "models" / "gpt2-tiny")}},
        "baselines": ["reinitialised"],
        "stories": {"pseudo_sentence": 7},
        "activations": {"context": 64, "stride": 16, "pooling": "mean", "batch_tokens": 512},
        "bold": {
            "targets": "roi",
            "high_pass": None,
            "average": False,
            "confounds": False,
            "trim": 2,
            "tail": 4,
        },
        "encoding": {
            "words_to_trs": "lanczos",
            "delays": [1, 3],
            "folds": 3,
            "inner_folds": 2,
            "alphas": [1, 100],
        },
        "compute": {"backend": "numpy"},
        "chance": {"shifts": 21, "targets": "all"},
        "nuisance": {
            "method": "banded",
            "features": ["word-rate", "pause", "log-frequency", "since-insertion"],
            "targets": "all",
        },
        "decoding": {
            "directions": ["decoding", "encoding"],
            "seconds": 6,
            "sets": ["all", "regions"],
            "layers": "reported",
            "shifts": 19,
            "targets": "all",
        },
        "similarity": {
            "metrics": ["encoding", "rsa"],
            "seconds": 6,
            "sets": ["regions", "all"],
            "layers": "reported",
            "shifts": 20,
            "targets": "roi",
        },
        "pathvars": {"results": "elsewhere"},
    }
    result = snakemake("--configfile", configfile(table_study, **content), folder=table_study)
    assert result.returncode == 0, result.stdout[-5000:] + result.stderr[-5000:]
    tables = table_study / "elsewhere" / "tables"
    scores = pd.read_csv(tables / "scores.tsv", sep="\t", dtype={"subject": str})
    assert set(scores["subject"]) == {"02", "03", "04"}
    assert set(scores["model"]) == {"tiny", "tiny-reinitialised"}
    # Fewer than four listeners.
    assert scores["normalized"].isna().all() and scores["ceiling_kind"].isna().all()
    assert "01, one: asleep" in (table_study / "elsewhere" / "report.html").read_text()
    scans = pd.read_csv(table_study / "elsewhere" / "scans.tsv", sep="\t", dtype={"subject": str})
    assert scans.loc[scans["subject"] == "01", "excluded"].tolist() == ["asleep"]
    areas = len(scores[["hemisphere", "roi"]].drop_duplicates())
    found = pd.read_csv(tables / "nuisance.tsv", sep="\t")
    assert (
        set(found["beyond"]) == {"word-rate", "word-rate, pause, log-frequency"}
        and len(found) == 2 * areas * found["model"].nunique()
    )
    # The study has no associations.
    assert "association_unique.tsv" not in [path.name for path in tables.iterdir()]
    against = pd.read_csv(tables / "chance.tsv", sep="\t")
    assert len(against) == 2 * areas and (against["n_shifts"] == 21).all()
    assert "models" in set(pd.read_csv(tables / "comparisons.tsv", sep="\t")["question"])
    told = pd.read_csv(tables / "decoding_tests.tsv", sep="\t")
    assert len(told) == 2 * 2 * (1 + areas) and (told["n_shifts"] == 19).all()
    alike = pd.read_csv(tables / "similarity_tests.tsv", sep="\t")
    # A region of one target has no geometry.
    assert alike.groupby("metric").size().to_dict() == {"encoding": 2 * (1 + areas), "rsa": 2}
    assert len(pd.read_csv(tables / "metrics.tsv", sep="\t")) == 5 * 2
    for name in ("decoding", "similarity", "metrics"):
        assert (table_study / "elsewhere" / "figures" / f"{name}.svg").exists()
    assert set(pd.read_csv(tables / "claims.tsv", sep="\t")["verdict"]) == {"not testable here"}
    with contextlib.chdir(table_study):
        from_python_the_scores_are_the_same()


def from_python_the_scores_are_the_same() -> None:
    """Hold `engram.brain_score` against the scores that the workflow wrote, under its settings.

    Also the lines by which `engram.trace` makes a score anew from raw data.
    """
    study = engram.load("elsewhere")
    scored = engram.brain_score(
        study.config["models"]["tiny"],
        study.config["dataset"],
        name="tiny",
        settings=study.settings,
        progress=False,
    )
    for group in study.arrays.query("result == 'scores'")["group"].unique():
        with study.array("scores", group=group, model="tiny") as dataset:
            expected = dataset["r"].mean("story").transpose("subject", "layer", "target").load()
        mine = scored.scores.sel(subject=expected["subject"].values)
        np.testing.assert_allclose(mine, expected, atol=1e-6)
    kept = study.scores[study.scores["model"] == "tiny"].reset_index(drop=True)
    table = scored.to_frame()
    for name in ("score", "ceiling", "ceiling_loo", "normalized"):
        np.testing.assert_allclose(table[name], kept[name], atol=1e-6, rtol=1e-5)
    row = study.scores[study.scores["model"] == "tiny-reinitialised"].iloc[5]
    lines = recomputed.from_raw_data(trace._plain(row), "table", [row["model"]], "elsewhere")
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec("\n".join(lines), {})
    assert float(printed.getvalue()) == pytest.approx(row["score"], rel=1e-5)


def test_wrong_data_are_named_and_nothing_is_made_of_them(table_study: Path) -> None:
    path = table_study / "data" / "sub-03_story-two_timeseries.tsv"
    table = pd.read_csv(path, sep="\t")
    table.iloc[:50].to_csv(path, sep="\t", index=False)
    result = snakemake(
        "--configfile",
        configfile(table_study, dataset=DATASET, models=MODEL, baselines=[]),
        folder=table_study,
    )
    text = result.stdout + result.stderr
    assert result.returncode != 0
    assert "unequal numbers of TRs. Most have 90; these differ: {'03': 50}" in text
    # What does not need the wrong file is finished all the same; nothing is made of it,
    # and there are no tables.
    made = [
        path.name
        for path in (table_study / "results" / "mine").rglob("*")
        if path.suffix in (".nc", ".tsv") and "benchmarks" not in path.parts
    ]
    assert "story-one_bold.nc" in made and "story-two_bold.nc" not in made
    assert (
        not [name for name in made if name.startswith("group-") and "two" in name]
        and "scores.tsv" not in made
    )
