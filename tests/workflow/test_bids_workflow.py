"""A study of fMRIPrep's outputs, from ten lines of YAML to the report, and the same as tables."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from conftest import snakemake, story_bold
from made_bids import Made, as_tables, make

from engram.datasets import kinds, readers
from engram.datasets.planned import Context, PlannedDataset
from engram.words import stories

pytestmark = pytest.mark.slow

#: What the user writes for a dataset with fMRIPrep's outputs in their usual place.
STUDY = """\
study: made
dataset:
  kind: bids
  path: data
  confounds: {columns: [trans_x, trans_x_derivative1, csf]}
models:
  tiny: {source: resources/models/gpt2-tiny}
baselines: []
chance: {shifts: 19}
"""
TEXTGRIDS = True
COLUMNS = ["trans_x", "trans_x_derivative1", "csf"]
BOLD = {
    "confounds": True,
    "high_pass": 1 / 128,
    "targets": "all",
    "average": True,
    "trim": 0,
    "tail": 8.0,
}


def planned(**keys: object) -> PlannedDataset:
    section = kinds.section(str(keys["kind"])).model_validate(keys)
    return kinds.planned(section, Context(0, 8.0, 1 / 128, Path("downloads"), None))


def bold_and_words(
    plan: PlannedDataset, folder: Path, story: str
) -> tuple[xr.Dataset, pd.DataFrame]:
    """Return a story's BOLD and words as the jobs of a study make them."""

    def told(config: object) -> dict[str, object]:
        return json.loads(json.dumps({"reader": plan.reader, **config}))  # type: ignore[dict-item]

    words = stories.words_table(
        readers.open_words(told(plan.words_config(story)), folder).words(story), 15, story
    )
    dataset = readers.open_dataset(told(plan.scans_config(story)), folder)
    bold, _ = story_bold(dataset, story, plan.listeners(story), words, **BOLD)
    return bold, words


@pytest.mark.parametrize("kind", ["volume", "surface", "parcels", "dense"])
def test_the_same_data_as_tables_give_the_same_bold_and_words(tmp_path: Path, kind: str) -> None:
    made = make(tmp_path / "data", kind, ("01", "02", "03"), textgrids=TEXTGRIDS)
    tables = as_tables(made, tmp_path / "tables", COLUMNS)
    one = planned(kind="bids", path=str(made.root), confounds={"columns": COLUMNS})
    other = planned(kind="table", path=str(tables), tr=1.5, start=-6.0)
    for story in made.words:
        bold, words = bold_and_words(one, made.root, story)
        expected, expected_words = bold_and_words(other, tables, story)
        xr.testing.assert_equal(bold, expected)
        pd.testing.assert_frame_equal(words, expected_words)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Made]:
    """A working directory with a finished study of volumes."""
    folder = tmp_path_factory.mktemp("bids")
    made = make(folder / "data", "volume", textgrids=TEXTGRIDS)
    (folder / "study.yaml").write_text(STUDY)
    assert len(STUDY.splitlines()) <= 10
    result = snakemake("--configfile", "study.yaml", folder=folder)
    assert result.returncode == 0, result.stdout[-4000:]
    return folder, made


def test_ten_lines_give_a_report_and_the_scores_of_tables(run: tuple[Path, Made]) -> None:
    folder, made = run
    page = (folder / "results/made/report.html").read_text(encoding="utf-8")
    assert "Esteban et al. 2019" in page and "trans_x, trans_x_derivative1 and csf" in page
    as_tables(made, folder / "tables", COLUMNS)
    lines = STUDY.replace("study: made", "study: tables").split("models:")
    (folder / "tables.yaml").write_text(
        "study: tables\ndataset: {kind: table, path: tables, tr: 1.5, start: -6.0}\nmodels:"
        + lines[1]
    )
    result = snakemake("--until", "tables", "--configfile", "tables.yaml", folder=folder)
    assert result.returncode == 0, result.stdout[-4000:]
    found, expected = (
        pd.read_csv(folder / f"results/{name}/tables/scores.tsv", sep="\t").drop(columns="study")
        for name in ("made", "tables")
    )
    assert set(found["subject"]) >= {f"0{number}" for number in range(1, 7)}
    assert found["score"].abs().max() > 0.1
    pd.testing.assert_frame_equal(found, expected, rtol=0, atol=1e-6)
    scans = pd.read_csv(folder / "results/made/scans.tsv", sep="\t")
    assert (scans["n_confounds"] == 3).all() and (scans["words_in_scan"] == 1).all()
    assert np.unique(scans["n_targets"]).tolist() == [len(made.targets)]
