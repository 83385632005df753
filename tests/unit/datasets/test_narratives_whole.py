"""Narratives by DataLad to the end, and its real metadata where a mirror has them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import nibabel
import numpy as np
import pandas as pd
import pytest
import yaml
from conftest import ROOT, jobs, snakemake
from datalad_source import make_dataset

from engram.datasets.narratives import facts
from engram.datasets.narratives.reader import NarrativesDataset
from engram.datasets.narratives.words import NarrativesWords
from engram.datasets.simulated import simulate
from engram.datasets.simulated.planted import PLANTED
from engram.paths import ASSOCIATIONS, GENERATOR, NARRATIVES_FACTS, TEXTS, TUNED_GENERATOR
from engram.words.timings.gentle import read_alignment

FACTS = facts.read_facts(NARRATIVES_FACTS)


@pytest.fixture(scope="module")
def superdataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same builder's dataset with the shapes of fsaverage6.

    It is a DataLad dataset with sub-datasets.
    """
    folder = tmp_path_factory.mktemp("datalad") / "narratives"
    simulate.write_narratives(
        folder,
        GENERATOR,
        TUNED_GENERATOR,
        TEXTS,
        ASSOCIATIONS,
        stories=["lighthouse"],
        listeners=4,
        words=150,
        space="fsaverage6",
        seed=0,
    )
    make_dataset(folder, ["derivatives/afni-nosmooth", "derivatives/freesurfer", "stimuli/gentle"])
    return folder


@pytest.mark.slow
def test_fetched_by_datalad_to_the_end(superdataset: Path, tmp_path: Path) -> None:
    """From a DataLad dataset to tables and maps.

    Raw files may be dropped afterwards; what is asked for later is fetched then.
    """
    own = superdataset.parent / "facts.tsv"
    facts.write_facts(own, facts.read_dataset(superdataset))
    content = {
        "study": "road",
        "dataset": {
            "kind": "narratives",
            "source": str(superdataset),
            "facts": str(own),
            "stories": ["lighthouse"],
            "listeners": ["001", "002", "003"],
        },
        "bold": {"targets": "roi", "high_pass": None, "trim": 6},
        "encoding": {"longest_delay": 4.5, "folds": 3, "inner_folds": 2},
    }
    (tmp_path / "road.yaml").write_text(yaml.safe_dump(content))
    result = snakemake("--configfile", "road.yaml", folder=tmp_path)
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
    results = tmp_path / "results" / "road"
    scores = pd.read_csv(results / "tables" / "scores.tsv", sep="\t", dtype={"subject": str})
    assert set(scores["subject"]) == {"001", "002", "003", "average"}
    assert set(scores["roi"]) == set(PLANTED)
    left = (
        nibabel.load(results / "maps" / "model-word-rate_text-original_hemi-L_scores.shape.gii")
        .darrays[0]
        .data
    )
    assert left.shape == (40962,) and 1000 < np.isfinite(left).sum() < 10000
    clone = next((tmp_path / "resources" / "downloads").glob("narratives-*")) / "dataset"
    got = sorted(path.name for path in clone.rglob("*_desc-clean.func.gii") if path.exists())
    # Exactly the scans of the study.
    assert len(got) == 6 and not any("sub-004" in name for name in got)
    subprocess.run(["chmod", "-R", "u+w", str(clone)], check=True)
    shutil.rmtree(clone)
    assert jobs(snakemake("-n", "--configfile", "road.yaml", folder=tmp_path)) == {}
    more = ["--config", 'dataset={listeners: ["001", "002", "003", "004"]}']
    planned = jobs(snakemake("-n", "--configfile", "road.yaml", *more, folder=tmp_path))
    assert planned["fetch_scans"] == planned["bold"] == 1 and not {
        "fetch_words",
        "story",
        "activations",
    } & set(planned)
    result = snakemake("--configfile", "road.yaml", *more, "--until", "bold", folder=tmp_path)
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
    scans = pd.read_csv(
        results / "bold" / "story-lighthouse_scans.tsv", sep="\t", dtype={"subject": str}
    )
    assert scans["subject"].tolist() == ["001", "002", "003", "004"]


def test_real_metadata_give_the_facts_table(mirror: Path, tmp_path: Path) -> None:
    script = ROOT / "resources" / "narratives" / "make_facts.py"
    subprocess.run(
        [sys.executable, str(script), str(mirror / "narratives"), str(tmp_path / "scans.tsv")],
        check=True,
        capture_output=True,
    )
    assert (tmp_path / "scans.tsv").read_text() == NARRATIVES_FACTS.read_text()


@pytest.mark.parametrize(
    ("stimulus", "n_words", "n_untimed"),
    [
        ("shapesphysical", 951, 9),
        ("shapessocial", 910, 6),
        ("milkywayoriginal", 1059, 7),
        ("milkywaysynonyms", 1066, 10),
        ("milkywayvodka", 1058, 2),
    ],
)
def test_real_alignments(mirror: Path, stimulus: str, n_words: int, n_untimed: int) -> None:
    table = read_alignment(mirror / "narratives" / "stimuli" / "gentle" / stimulus / "align.csv")
    assert (len(table), int(table["onset"].isna().sum())) == (n_words, n_untimed)


def test_real_words_land_in_the_right_rows(mirror: Path) -> None:
    """shapesphysical: "A" is at 49.17 s, row 32 (48.0 to 49.5 s).

    That is 44.67 s of the audio, which begins 4.5 s into the scan.
    """
    mine = [fact for fact in FACTS if fact.story == "shapesphysical" and fact.excluded is None]
    dataset = NarrativesDataset(mirror / "narratives", mine)
    words = NarrativesWords(mirror / "narratives", mine[:1]).words("shapesphysical")
    assert words["onset"].iloc[0] == pytest.approx(44.67, abs=0.01)
    assert (
        int((words["onset"].iloc[0] - dataset.start(mine[0].subject, "shapesphysical")) / 1.5) == 32
    )
    # milkywaysynonyms: the first word is aligned to 5.6 s, into the music before the story at 21
    # s: its time is unknown
    synonyms = [
        fact for fact in FACTS if fact.story == "milkywaysynonyms" and fact.excluded is None
    ]
    assert np.isnan(
        NarrativesWords(mirror / "narratives", synonyms[:1])
        .words("milkywaysynonyms")["onset"]
        .iloc[0]
    )
    targets = dataset.targets()
    assert targets["roi"].nunique() == 74 and targets.groupby("hemisphere").size().to_dict() == {
        "L": 37447,
        "R": 37454,
    }
