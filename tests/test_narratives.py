"""Narratives: the facts table, alignments, surfaces; on made files of the dataset's form, and on its real metadata where a mirror has them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pandas as pd
import pytest
import yaml
from conftest import ROOT, jobs, snakemake

from engram import bold, facts, narratives, stories
from engram.config import read_study
from engram.errors import EngramError
from engram.paths import NARRATIVES_FACTS
from engram.plan import make_plan

FACTS = facts.read_facts(NARRATIVES_FACTS)
N_VERTICES = narratives.VERTICES["fsaverage5"]


def write_surface(path: Path, values: np.ndarray) -> None:
    """Write BOLD of shape (n_trs, n_vertices) as GIFTI, one array for each TR."""
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = [nibabel.gifti.GiftiDataArray(row.astype(np.float32), intent="NIFTI_INTENT_TIME_SERIES") for row in values]
    nibabel.save(nibabel.gifti.GiftiImage(darrays=arrays), path)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with Narratives' tree: shapesphysical of three real listener numbers on fsaverage5, pieman with two runs of one."""
    folder = tmp_path_factory.mktemp("narratives")
    rng = np.random.default_rng(0)
    labels = folder / "derivatives" / "freesurfer" / "fsaverage6" / "label"
    labels.mkdir(parents=True)
    for side in "lr":
        vertices = np.arange(narratives.VERTICES["fsaverage6"])
        label = np.where(vertices % 100 < 8, 0, 1 + vertices % 3)  # 8 % medial wall
        colours = np.array([[10 * i, i, i, 0, 0] for i in range(4)])
        nibabel.freesurfer.write_annot(labels / f"{side}h.aparc.a2009s.annot", label, colours, ["Medial_wall", "G_one", "S_two", "G_three"], fill_ctab=True)
    for scan, n_trs in (("sub-002_task-pieman_run-1", 300), ("sub-002_task-pieman_run-2", 298), ("sub-023_task-pieman", 300)):
        for side in "LR":
            values = rng.standard_normal((n_trs, N_VERTICES)).astype(np.float32)
            values[:, np.arange(N_VERTICES) % 100 < 7] = np.nan  # the data's medial wall is a little smaller than the label's
            write_surface(narratives.surface_file(folder, "afni-nosmooth", scan, "fsaverage5", side), values)
    alignment = folder / "stimuli" / "gentle" / "pieman"
    alignment.mkdir(parents=True)
    rows = ["I,i,2.0,2.1", "began,began,16.0,16.4", "my,my,16.4,16.6", "illustrious,<unk>,17.0,17.9", "career,,,", "as,as,30.0,30.2", "it,it,430.0,431.0"]
    (alignment / "align.csv").write_text("\n".join(rows) + "\n")
    (alignment / "transcript.txt").write_text('"I began my illustrious career, as... it."\n')
    return folder


def reader(folder: Path, runs: str = "mean") -> narratives.NarrativesDataset:
    return narratives.NarrativesDataset(folder, "afni-nosmooth", "fsaverage5", runs)


def test_words_times_and_punctuation(tree: Path) -> None:
    words = reader(tree).words("pieman")
    assert words["word"].tolist() == ['"I', "began", "my", "illustrious", "career,", "as...", 'it."']
    # "I" is aligned into the music, 15 s of which come before the story: its time is unknown, as "career"'s is
    assert words["onset"].isna().tolist() == [True, False, False, False, True, False, False]
    table = stories.words_table(words, 15, "pieman")
    assert table.loc[4, "onset"] == pytest.approx(17.9) and table.loc[4, "offset"] == pytest.approx(30.0)


@pytest.mark.parametrize(("story", "start"), [("pieman", 0.0), ("tunnel", -3.0), ("shapesphysical", -4.5), ("black", -12.0), ("reach", -4.5)])
def test_the_audio_begins_where_the_events_say(tree: Path, story: str, start: float) -> None:
    assert reader(tree).start(story) == start


def test_targets_leave_out_the_medial_wall(tree: Path) -> None:
    targets = reader(tree).targets()
    n_side = int((np.arange(N_VERTICES) % 100 >= 8).sum())
    assert targets.groupby("hemisphere").size().to_dict() == {"L": n_side, "R": n_side}
    assert set(targets["roi"]) == {"G_one", "S_two", "G_three"}
    first = targets.iloc[0]
    assert (first["target"], first["vertex"], first["roi"]) == ("L8", 8, "G_three")


def test_runs_are_averaged_or_chosen(tree: Path) -> None:
    mask = np.arange(N_VERTICES) % 100 >= 8
    runs = []
    for run in ("1", "2"):
        sides = [nibabel.load(narratives.surface_file(tree, "afni-nosmooth", f"sub-002_task-pieman_run-{run}", "fsaverage5", side)) for side in "LR"]
        runs.append(np.concatenate([np.stack([array.data for array in side.darrays])[:, mask] for side in sides], axis=1))
    np.testing.assert_allclose(reader(tree).timeseries("002", "pieman"), (runs[0][:298] + runs[1]) / 2, atol=1e-6)
    np.testing.assert_array_equal(reader(tree, "first").timeseries("002", "pieman"), runs[0])
    np.testing.assert_array_equal(reader(tree, "last").timeseries("002", "pieman"), runs[1])


def test_scans_are_cut_to_the_shortest(tree: Path) -> None:
    dataset = reader(tree)
    words = stories.words_table(dataset.words("pieman"), 15, "pieman")
    options: dict[str, Any] = {"confounds": True, "high_pass": None, "targets": "roi", "average": True, "trim": 6, "tail": 60.0}
    result, _ = bold.story_bold(dataset, "pieman", ["002", "023"], words, **options)
    # the first timed word is in row 10 (16 s; "I" gets that time too); 491 s would be row 328: the shorter scan ends with row 297
    assert (result["time"].values[0], result.sizes["time"]) == (15.0, 288)
    assert result["target"].values.tolist() == ["L-G_one", "L-G_three", "L-S_two", "R-G_one", "R-G_three", "R-S_two"]


def broken(tree: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "copy"
    shutil.copytree(tree, folder)
    return folder


def test_broken_files_are_named(tree: Path, tmp_path: Path) -> None:
    folder = broken(tree, tmp_path)
    left = narratives.surface_file(folder, "afni-nosmooth", "sub-023_task-pieman", "fsaverage5", "L")
    whole = left.read_bytes()
    left.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(EngramError, match=r"hemi-L_desc-clean\.func\.gii' cannot be read .* fetch it again"):
        reader(folder).timeseries("023", "pieman")
    left.unlink()
    left.symlink_to("../../.git/annex/objects/not-fetched")
    with pytest.raises(EngramError, match="not fetched"):
        reader(folder).timeseries("023", "pieman")
    left.unlink()
    write_surface(left, np.zeros((300, 500)))
    with pytest.raises(EngramError, match="has 500 vertices; fsaverage5 has 10242"):
        reader(folder).timeseries("023", "pieman")
    write_surface(left, np.ones((290, N_VERTICES)))
    with pytest.raises(EngramError, match=r"hemispheres have \[290, 300\] TRs"):
        reader(folder).timeseries("023", "pieman")
    (folder / "stimuli" / "gentle" / "pieman" / "align.csv").write_text("I,i,2.0,2.1\nbegan,began,late,3\n")
    with pytest.raises(EngramError, match=r"align\.csv', line 2"):
        reader(folder).words("pieman")
    (folder / "stimuli" / "gentle" / "pieman" / "align.csv").unlink()
    with pytest.raises(EngramError, match="is not there"):
        reader(folder).words("pieman")


def test_punctuation_survives_differences() -> None:
    words = ["so", "i", "um", "went", "to", "st", "johns"]
    assert narratives.punctuate(words, "So I went to St. John's!") == ["So", "I", "um", "went", "to", "St.", "John's!"]


def test_facts_hold_what_is_known_of_the_dataset() -> None:
    scans = {fact.scan: fact.excluded for fact in FACTS}
    assert len({fact.subject for fact in FACTS}) == 345
    assert len(scans) == 873 and sum(reason is not None for reason in scans.values()) == 27
    milkyway = {fact.story for fact in FACTS if fact.task == "milkyway"}
    assert milkyway == {"milkywayoriginal", "milkywaysynonyms", "milkywayvodka"}
    assert {fact.story for fact in FACTS if fact.task == "prettymouth"} == {"prettymouthaffair", "prettymouthparanoia"}
    for story, onset, length in (("pieman", 15, 422), ("tunnel", 3, 1534), ("slumlord", 29.5, 903), ("reach", 969.5, 825), ("21styear", 21, 3338)):
        found = {(fact.story_onset, fact.story_end - fact.story_onset) for fact in FACTS if fact.story == story}
        assert found == {(onset, length)}


def study(**dataset: object) -> dict[str, object]:
    return {"study": "n", "dataset": {"kind": "narratives", "path": "nowhere", **dataset}, "models": {}}


def test_plan_needs_no_data_and_loses_nobody() -> None:
    plan = make_plan(read_study(study(stories=["pieman", "tunnel"])))
    # sub-001's two runs of pieman are excluded; of sub-013's, the second: one remains
    assert ("001", "pieman") not in {(scan.subject, scan.story) for scan in plan.scans}
    assert ("001", "pieman") in {(subject, story) for subject, story, _ in plan.excluded}
    assert ("013", "pieman") in {(scan.subject, scan.story) for scan in plan.scans}
    everyone = {(fact.subject, fact.story) for fact in FACTS if fact.story in ("pieman", "tunnel")}
    assert {(scan.subject, scan.story) for scan in plan.scans} | {(subject, story) for subject, story, _ in plan.excluded} == everyone
    assert set(plan.groups) == {"pieman", "tunnel", "pieman+tunnel"}
    assert "average" in plan.groups["pieman+tunnel"].subjects


def test_adding_a_story_renames_no_other_group() -> None:
    few, more = (make_plan(read_study(study(stories=names))).groups for names in (["black", "bronx"], ["black", "bronx", "lucy"]))
    assert set(few) <= set(more) and "lucy" in more
    for name, group in few.items():
        assert set(group.subjects) - {"average"} == set(more[name].subjects) - {"average"}


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        ({"stories": ["piemann"]}, "piemann"),
        ({"stories": ["friends"]}, "friends"),  # schema: every listener heard the clips in an order of their own
        ({"subjects": ["999"]}, "999"),
        ({"stories": ["lucy"], "subjects": ["002"]}, "no listener is left for lucy"),
    ],
)
def test_unknown_names_are_refused(dataset: dict[str, object], message: str) -> None:
    with pytest.raises(EngramError, match=message):
        make_plan(read_study(study(**dataset)))


@pytest.mark.parametrize(("name", "n_groups"), [("narratives-pilot", 3), ("narratives", 48)])
def test_shipped_studies_are_planned_on_a_fresh_clone(tmp_path: Path, name: str, n_groups: int) -> None:
    config = ROOT / "config" / f"{name}.yaml"
    content = yaml.safe_load(config.read_text())
    assert len(make_plan(read_study(content)).groups) == n_groups
    counts = jobs(snakemake("-n", "--configfile", config, folder=tmp_path))
    n_models = len(content["models"]) + 1  # and the word rate
    assert counts["encoding"] == n_groups * n_models
    assert sum(counts.values()) < 3000


def test_from_surfaces_to_regions(tree: Path, tmp_path: Path) -> None:
    """The whole road on the made tree: two listeners, one of them with two runs."""
    content = {
        "study": "road",
        "dataset": {"kind": "narratives", "path": str(tree), "stories": ["pieman"], "subjects": ["002", "023"], "space": "fsaverage5"},
        "bold": {"targets": "roi", "high_pass": None},
        "encoding": {"trim": 6, "tail": 60},
    }
    (tmp_path / "road.yaml").write_text(yaml.safe_dump(content))
    result = snakemake("--configfile", "road.yaml", folder=tmp_path)
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
    scores = pd.read_csv(tmp_path / "results" / "road" / "tables" / "scores.tsv", sep="\t", dtype={"subject": str})
    assert set(scores["subject"]) == {"002", "023", "average"}
    assert set(scores["roi"]) == {"G_one", "S_two", "G_three"} and set(scores["hemisphere"]) == {"L", "R"}
    scans = pd.read_csv(tmp_path / "results" / "road" / "scans.tsv", sep="\t", dtype={"subject": str})
    assert scans["n_targets"].tolist() == [2 * int((np.arange(N_VERTICES) % 100 >= 8).sum())] * 2


def test_real_metadata_give_the_facts_table(mirror: Path, tmp_path: Path) -> None:
    folder = tmp_path / "resources"
    folder.mkdir()
    script = folder / "make_facts.py"
    script.write_text((ROOT / "resources" / "narratives" / "make_facts.py").read_text())
    subprocess.run([sys.executable, str(script), str(mirror / "narratives")], check=True, capture_output=True)
    assert (folder / "scans.tsv").read_text() == NARRATIVES_FACTS.read_text()


@pytest.mark.parametrize(
    ("stimulus", "n_words", "n_untimed"),
    [("shapesphysical", 951, 9), ("shapessocial", 910, 6), ("milkywayoriginal", 1059, 7), ("milkywaysynonyms", 1066, 10), ("milkywayvodka", 1058, 2)],
)
def test_real_alignments(mirror: Path, stimulus: str, n_words: int, n_untimed: int) -> None:
    table = narratives.read_alignment(mirror / "narratives" / "stimuli" / "gentle" / stimulus / "align.csv")
    assert (len(table), int(table["onset"].isna().sum())) == (n_words, n_untimed)


def test_real_words_land_in_the_right_rows(mirror: Path) -> None:
    """shapesphysical: "A" at 44.67 s of the audio, which begins 4.5 s into the scan: 49.17 s, row 32 (48.0 to 49.5 s)."""
    dataset = narratives.NarrativesDataset(mirror / "narratives", "afni-nosmooth", "fsaverage6", "mean")
    words = dataset.words("shapesphysical")
    assert words["onset"].iloc[0] == pytest.approx(44.67, abs=0.01)
    assert int((words["onset"].iloc[0] - dataset.start("shapesphysical")) / narratives.TR) == 32
    # milkywaysynonyms: the first word is aligned to 5.6 s, into the music before the story at 21 s: its time is unknown
    assert np.isnan(dataset.words("milkywaysynonyms")["onset"].iloc[0])
    targets = dataset.targets()
    assert targets["roi"].nunique() == 74 and targets.groupby("hemisphere").size().to_dict() == {"L": 37447, "R": 37454}
