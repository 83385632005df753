"""engram.load: what it opens, what it refuses, and how it says so."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from conftest import ROOT

import engram
from engram.errors import EngramError
from engram.files import keys, storage
from engram.files.checksums import PROVENANCE, checksum
from engram.interactive import plots, study_figures
from engram.statistics import score_tables

REGIONS = [("L", "one"), ("R", "one")]


def scores() -> pd.DataFrame:
    """A table of scores of two models, three layers, four listeners and their average."""
    rng = np.random.default_rng(0)
    rows = [
        {
            "study": "mine",
            "group": "tale",
            "subject": subject,
            "model": model,
            "text": "original",
            "layer": layer,
            "hemisphere": hemisphere,
            "roi": roi,
            "n_targets": 2,
            "n_trs": 90,
            "score": rng.normal(0.1 + layer / 50, 0.01),
            "ceiling_kind": "loo/sqrt(rel(n-1))",
            "ceiling": 0.4,
            "normalized": 0.3,
        }
        for model in ("gpt2", "word-rate")
        for layer in range(3)
        for subject in ("01", "02", "03", "04", "average")
        for hemisphere, roi in REGIONS
    ]
    return pd.DataFrame(rows).reindex(columns=list(score_tables.SCORES_COLUMNS))


def ceilings() -> pd.DataFrame:
    rows = [
        {
            "study": "mine",
            "story": "tale",
            "subject": subject,
            "hemisphere": hemisphere,
            "roi": roi,
            "n_targets": 2,
            "n_listeners": 4,
            "kind": kind,
            "ceiling": 0.4,
        }
        for kind, subjects in (("single", ("01", "02", "03", "04")), ("average", ("average",)))
        for subject in subjects
        for hemisphere, roi in REGIONS
    ]
    return pd.DataFrame(rows)[list(score_tables.CEILINGS_COLUMNS)]


def array(folder: Path, model: str, group: str = "tale") -> None:
    path = folder / "scores" / f"group-{group}_model-{model}_text-original_scores.nc"
    values = np.full((3, 2), 0.25, dtype=np.float32)
    keys.write_dataset(path, xr.Dataset({"r": (("layer", "target"), values)}), {"model": model})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The results of a finished study, as little as there can be."""
    folder = tmp_path / "results" / "mine"
    tables: dict[str, tuple[pd.DataFrame, dict[str, str]]] = {
        "scores": (scores(), score_tables.SCORES_COLUMNS),
        "ceilings": (ceilings(), score_tables.CEILINGS_COLUMNS),
        "best_layer": (pd.DataFrame({"model": ["gpt2"]}), {"model": "Model."}),
        "regions": (pd.DataFrame({"roi": ["one"]}), {"roi": "Region."}),
    }
    for name, (table, columns) in tables.items():
        storage.write_table(folder / f"tables/{name}.tsv", table, f"All {name}.", columns)
    storage.write_table(
        folder / "scans.tsv", pd.DataFrame({"subject": ["01"]}), "Scans.", {"subject": "Listener."}
    )
    for model in ("gpt2", "word-rate"):
        array(folder, model)
    (folder / "report.html").write_text("<p>")
    storage.write_json(folder / "dataset_description.json", {})
    inputs = ["results/mine/tables/scores.tsv", "results/mine/figures/layers.svg"]
    storage.write_json(
        folder / "report.json",
        {
            PROVENANCE: {
                "Config": {
                    "study": "mine",
                    "reported_layer": None,
                    "scored": ["gpt2", "word-rate"],
                },
                "Inputs": dict.fromkeys(inputs, "0"),
            }
        },
    )
    (folder / "figures").mkdir()
    (folder / "figures" / "layers.svg").write_text("<svg/>")
    return folder


def test_tables_are_frames_that_say_what_they_hold(folder: Path) -> None:
    study = engram.load(folder)
    assert study.name == "mine" and "scores" in study.tables and "tuning" not in study.tables
    assert list(study.tables) == ["scans", "best_layer", "ceilings", "regions", "scores"]
    assert len(study.tables) == 5
    assert study.scores is study.tables["scores"] and len(study.scores) == 60
    assert study.scores["subject"].iloc[0] == "01" and len(study.ceilings) == 10
    assert study.scores.attrs["description"] == "All scores."
    described = study.describe("scores").set_index("column")["description"]
    assert described["score"] == "Brain score R (Pearson r)."
    assert "scores" in repr(study) and "scores" in repr(study.tables)


def test_a_table_that_is_cut_is_warned_of(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = folder / "tables" / "scores.tsv"
    sidecar = storage.sidecar(path)
    said = {**storage.read_json(sidecar), PROVENANCE: {"Outputs": {path.name: checksum(path)}}}
    storage.write_json(sidecar, said)
    assert len(engram.load(folder).scores) == 60 and not caplog.messages
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:31]))
    assert len(engram.load(folder).scores) == 30
    assert "scores.tsv' is not as it was made: it was edited, or copied in part" in caplog.text


def test_nothing_is_read_before_it_is_asked_for(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = engram.load(folder)
    (folder / "tables" / "scores.tsv").unlink()
    assert len(study.ceilings) == 10
    monkeypatch.setattr(storage, "read_table", lambda *_, **__: pytest.fail("read again"))
    assert len(study.ceilings) == 10


def test_arrays_are_found_by_what_they_are_of(folder: Path) -> None:
    study = engram.load(str(folder))
    assert study.arrays["model"].tolist() == ["gpt2", "word-rate"]
    with study.array("scores", model="gpt2") as one:
        assert one.attrs["model"] == "gpt2" and one["r"].sizes == {"layer": 3, "target": 2}
    for key, message in (
        ({}, r"2 arrays 'scores' fit. Say which: \{'model': \['gpt2', 'word-rate'\]\}"),
        ({"model": "gpt3"}, r"model 'gpt3'. There are \['gpt2', 'word-rate'\]"),
        ({"layer": "1"}, r"told apart by \['group', 'model', 'text', 'suffix'\]"),
    ):
        with pytest.raises(EngramError, match=message):
            study.array("scores", **key)
    with pytest.raises(EngramError, match=r"no arrays 'bold'. There are \['scores'\]"):
        study.array("bold")


def test_what_a_study_lacks_is_said(folder: Path) -> None:
    study = engram.load(folder)
    with pytest.raises(EngramError, match="asked for no texts with associations"):
        _ = study.association
    with pytest.raises(EngramError, match="asked for no tunings"):
        _ = study.tuning
    with pytest.raises(EngramError, match="no table 'score'. There are"):
        study.tables["score"]
    with pytest.raises(EngramError, match=r"\['gpt3'\] are no models of the study"):
        study.plot_layers(["gpt3"])


def test_an_unfinished_study_says_what_is_missing(folder: Path) -> None:
    (folder / "figures" / "layers.svg").unlink()
    with pytest.raises(EngramError, match=r"not finished: there is no figures/layers.svg\. Run"):
        engram.load(folder)
    (folder / "report.json").unlink()
    (folder / "report.html").unlink()
    (folder / "tables" / "regions.tsv").unlink()
    with pytest.raises(EngramError, match=r"no tables/regions.tsv, report.html\. Run the workflow"):
        engram.load(folder)
    opened = engram.load(folder, unfinished=True)
    assert opened.name == "mine" and opened.config == {} and len(opened.scores) == 60


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("nowhere", "there is no folder '.*nowhere'"),
        ("mine/tables/scores.tsv", "scores.tsv' is a file. Give the folder"),
        (".", "There are some in .*mine"),
        ("mine/figures", "holds no results of a study.$"),
    ],
)
def test_other_folders_are_refused(folder: Path, place: str, message: str) -> None:
    with pytest.raises(EngramError, match=message):
        engram.load(folder.parent / place)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("layers", {"models": ["gpt2"]}),
        ("regions", {}),
        ("regions", {"layer": 1}),
        ("roi_layers", {"models": ["gpt2"]}),
    ],
)
def test_figures_are_drawn(
    folder: Path, tmp_path: Path, name: str, options: dict[str, Any]
) -> None:
    plot = getattr(engram.load(folder), f"plot_{name}")(**options)
    assert plot.title and plot.caption and plot.alt and repr(plot) == f"<Plot: {plot.title}>"
    assert plot._repr_png_()[1:4] == b"PNG"
    for suffix, begin in (("svg", b"<?xml"), ("pdf", b"%PDF")):
        plot.save(tmp_path / f"one.{suffix}")
        assert (tmp_path / f"one.{suffix}").read_bytes().startswith(begin)


def test_every_figure_of_the_workflow_has_a_name_here() -> None:
    rules = "\n".join(path.read_text() for path in (ROOT / "workflow/rules").glob("*.smk"))
    names = {
        *"|".join(re.findall(r'^        figure="([a-z|-]+)",$', rules, re.MULTILINE)).split("|"),
        *re.findall(r"<results>/figures/([a-z-]+)\.svg", rules),
    }
    names |= {"association-decoding", "tuning-decoding"}  # wildcards of one rule
    assert len(names) > 15 and names == set(study_figures.FIGURES)
    source = Path(study_figures.__file__).read_text()
    families = set(re.findall(r'family\("(\w+)"\)', source))
    assert len(families) > 10 and all(plots.family(name) for name in families)


@pytest.mark.slow
def test_figures_are_drawn_by_name_and_for_slides(folder: Path, tmp_path: Path) -> None:
    study = engram.load(folder)
    assert study.figures == ["layers"] and study.models == ["gpt2", "word-rate"]
    printed, shown = (study.plot("depth", style=style) for style in ("paper", "slides"))
    widths = [one.figure.get_figwidth() for one in (printed, shown)]
    assert printed.title == shown.title and widths[0] == pytest.approx(1.5 * widths[1])
    for name, expected in (("layer", "There are \\['alignment'"), ("tuning", "no table 'tuning'")):
        with pytest.raises(EngramError, match=expected):
            study.plot(name)
    with pytest.raises(EngramError, match="no style 'wall'"):
        study.plot("layers", style="wall")


def test_figures_leave_the_backend_of_a_notebook() -> None:
    import matplotlib

    before = matplotlib.get_backend(auto_select=False)
    matplotlib.use("svg")
    try:
        from engram.interactive import plots

        plots.family("score_figures")
        assert matplotlib.get_backend(auto_select=False) == "svg"
    finally:
        matplotlib.use(before or "agg")
