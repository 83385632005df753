"""Narratives: words, surfaces and runs, on the simulated dataset in every form."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pandas as pd
import pytest
from conftest import story_bold

from engram.datasets import time_courses
from engram.datasets.images.surfaces import VERTICES
from engram.datasets.narratives import facts, layout
from engram.datasets.narratives.reader import NarrativesDataset
from engram.datasets.narratives.words import NarrativesWords
from engram.datasets.simulated import schedule, simulate
from engram.datasets.simulated.planted import PLANTED
from engram.errors import EngramError
from engram.paths import ASSOCIATIONS, GENERATOR, NARRATIVES_FACTS, TEXTS, TUNED_GENERATOR
from engram.words import stories
from engram.words.timings.transcript import punctuate

FACTS = facts.read_facts(NARRATIVES_FACTS)
N_VERTICES = VERTICES["fsaverage5"]
STUDY: dict[str, Any] = {"stories": ["lighthouse", "market"], "listeners": 6, "words": 120}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The simulated Narratives on fsaverage5: two stories and six listeners.

    One of the listeners has two runs; one scan is excluded.
    """
    folder = tmp_path_factory.mktemp("narratives") / "dataset"
    simulate.write_narratives(
        folder, GENERATOR, TUNED_GENERATOR, TEXTS, ASSOCIATIONS, **STUDY, space="fsaverage5", seed=0
    )
    return folder


SCANS = schedule.simulated_facts(TEXTS, seed=0, **STUDY)


def scans_of(story: str) -> list[facts.Fact]:
    return [fact for fact in SCANS if fact.story == story]


def reader(folder: Path, story: str = "lighthouse", **options: Any) -> NarrativesDataset:
    return NarrativesDataset(folder, scans_of(story), space="fsaverage5", **options)


def raw(folder: Path, scan: str) -> np.ndarray:
    """Both hemispheres of a scan, every vertex."""
    sides = [
        nibabel.load(folder / path)
        for path in layout.bold_files("afni-nosmooth", "fsaverage5", scan)
    ]
    return np.concatenate(
        [np.stack([array.data for array in side.darrays]) for side in sides], axis=1
    )


@pytest.mark.slow
def test_metadata_of_the_made_dataset_give_the_facts_it_was_planned_by(tree: Path) -> None:
    assert facts.read_dataset(tree) == SCANS
    assert sum(fact.excluded is not None for fact in SCANS) == 1 and any(
        fact.run == "2" for fact in SCANS
    )


def test_words_are_those_that_were_told_when_they_were_told(tree: Path) -> None:
    words = NarrativesWords(tree, scans_of("market")).words("market")
    # With the transcript's punctuation.
    assert words["word"].tolist() == (TEXTS / "market.txt").read_text().split()[:120]
    told = schedule.speak((TEXTS / "market.txt").read_text(), 1, 120)
    fact = scans_of("market")[0]
    lead = fact.story_onset - fact.audio_onset  # the audio begins with music
    timed = words["onset"].notna().to_numpy()
    assert 0 < (~timed).sum() < 10
    np.testing.assert_allclose(
        words["onset"][timed], lead + np.array([onset for _, onset, _ in told])[timed], atol=0.006
    )
    table = stories.words_table(words, 15, "market")
    assert table["onset"].notna().all() and (table["timed"] == "false").sum() == (~timed).sum()


def test_words_before_the_story_lose_their_times(tree: Path, tmp_path: Path) -> None:
    """As in milkywaysynonyms, whose first word is aligned into the music."""
    folder = tmp_path / "copy"
    shutil.copytree(tree / "stimuli", folder / "stimuli")
    path = folder / layout.alignment_file("lighthouse")
    lines = path.read_text().splitlines()
    path.write_text("\n".join(["The,the,2.0,2.1", *lines[1:]]) + "\n")
    assert np.isnan(NarrativesWords(folder, scans_of("lighthouse")).words("lighthouse")["onset"][0])


def test_two_stories_of_one_scan_are_told_apart(tmp_path: Path) -> None:
    """slumlordreach: the audio begins 4.5 s into the scan.

    Told from 29.5 s for 903 s, and from 969.5 s for 825 s.
    """
    path = tmp_path / layout.alignment_file("slumlordreach")
    path.parent.mkdir(parents=True)
    # on the audio's clock slumlord ends at 928 s and reach begins at 965 s: they are
    # cut half-way, at 946.5 s
    path.write_text(
        "one,one,25.2,25.5\ntwo,two,927.0,927.4\nthree,,,\n"
        "four,four,965.3,965.6\nfive,five,1788.0,1789.0\n"
    )
    scan = next(fact.scan for fact in FACTS if fact.story == "reach" and fact.excluded is None)
    told = [fact for fact in FACTS if fact.scan == scan]
    reader_of_words = NarrativesWords(tmp_path, told)
    assert reader_of_words.words("slumlord")["word"].tolist() == ["one", "two", "three"]
    reach = reader_of_words.words("reach")
    assert reach["word"].tolist() == ["four", "five"] and reach["onset"].tolist() == [965.3, 1788.0]
    # on the scan's clock 969.8 s: row 646, which begins at 969.0 s
    assert int((965.3 + told[0].audio_onset) / 1.5) == 646


@pytest.mark.parametrize(
    ("story", "start"),
    [
        ("pieman", 0.0),
        ("tunnel", -3.0),
        ("shapesphysical", -4.5),
        ("black", -12.0),
        ("reach", -4.5),
    ],
)
def test_the_audio_begins_where_the_events_say(tree: Path, story: str, start: float) -> None:
    mine = [fact for fact in FACTS if fact.story == story and fact.excluded is None]
    dataset = NarrativesDataset(tree, mine, space="fsaverage5")
    assert {dataset.start(fact.subject, story) for fact in mine} == {start}


def test_schema_begins_at_each_listeners_own_time(tree: Path) -> None:
    mine = [fact for fact in FACTS if fact.story == "friends"]
    dataset = NarrativesDataset(tree, mine, space="fsaverage5")
    assert (dataset.start("049", "friends"), dataset.start("075", "friends")) == (-199.93, -199.7)


def test_targets_leave_out_the_medial_wall_and_cortex_without_a_region(tree: Path) -> None:
    targets = reader(tree).targets()
    assert set(targets["roi"]) <= set(PLANTED) and set(targets["hemisphere"]) == {"L", "R"}
    values = raw(tree, "sub-001_task-lighthouse")
    assert 300 < np.isnan(values).all(0).sum() < 1200  # the medial wall, both hemispheres
    chosen = targets["vertex"].to_numpy() + np.where(targets["hemisphere"] == "R", N_VERTICES, 0)
    np.testing.assert_array_equal(reader(tree).timeseries("001", "lighthouse"), values[:, chosen])
    assert set(reader(tree, regions=["precuneus"]).targets()["roi"]) == {"precuneus"}


def test_runs_are_averaged_or_chosen(tree: Path) -> None:
    runs = [
        reader(tree, runs=which).timeseries("002", "lighthouse")
        for which in ("first", "last", "mean")
    ]
    n_trs = min(len(runs[0]), len(runs[1]))
    assert len(runs[0]) != len(runs[1])
    np.testing.assert_allclose(runs[2], (runs[0][:n_trs] + runs[1][:n_trs]) / 2, atol=1e-6)
    assert (
        reader(tree).scan_names("002", "lighthouse")
        == "sub-002_task-lighthouse_run-1 sub-002_task-lighthouse_run-2"
    )


def test_runs_that_begin_at_different_times_are_not_averaged(tree: Path, tmp_path: Path) -> None:
    folder = copy_of(tree, tmp_path)
    events = folder / layout.events_file("sub-002_task-lighthouse_run-2")
    events.write_text(events.read_text().replace("0.0\t13.0\tmusic", "6.0\t7.0\tmusic"))
    late = [fact for fact in facts.read_dataset(folder) if fact.story == "lighthouse"]
    with pytest.raises(EngramError, match=r"begins at \[0.0, 6.0\] s in its runs.*runs: first"):
        NarrativesDataset(folder, late, space="fsaverage5").timeseries("002", "lighthouse")


OPTIONS: dict[str, Any] = {
    "confounds": True,
    "high_pass": None,
    "targets": "roi",
    "average": True,
    "trim": 6,
    "tail": 60.0,
}


def test_scans_are_cut_to_the_shortest(tree: Path, caplog: pytest.LogCaptureFixture) -> None:
    words = stories.words_table(
        NarrativesWords(tree, scans_of("lighthouse")).words("lighthouse"),
        15,
        "lighthouse",
    )
    result, scans = story_bold(reader(tree), "lighthouse", ["001", "002", "003"], words, **OPTIONS)
    assert scans["n_trs"].nunique() == 2 and "cut to the shortest" in caplog.text
    # the first word begins 15.5 s into the scan, in row 10
    assert (result["time"].values[0], result.sizes["time"]) == (15.0, scans["n_trs"].min() - 10)
    assert "L-angular gyrus" in result["target"].values.tolist()
    # every vertex of a region belongs to the region's target
    regions = result["roi"].values[result["vertex_target"].values]
    assert (regions == reader(tree).targets()["roi"]).all()


def test_listeners_who_heard_it_at_other_times_are_brought_to_one_clock() -> None:
    """Schema: the same response, 200.0 s into one scan and 150.4 s into the other.

    That is 33 TRs less 0.1 s.
    """
    rng = np.random.default_rng(0)
    response = rng.standard_normal((60, 2)).astype(np.float32)
    begins = {"a": 200.0, "b": 150.4}

    class Made:
        tr, slack_trs, most_constant, simulated = 1.5, 5, 0.0, False

        def targets(self) -> pd.DataFrame:
            return pd.DataFrame({"target": ["p", "q"], "hemisphere": "L", "roi": ["p", "q"]})

        def start(self, subject: str, story: str) -> float:
            return -begins[subject]

        def scan_names(self, subject: str, story: str) -> str:
            return subject

        def timeseries(self, subject: str, story: str) -> np.ndarray:
            before = round(begins[subject] / 1.5)
            rest = rng.standard_normal((200 - before - 60, 2))
            return np.concatenate([rng.standard_normal((before, 2)), response, rest]).astype(
                np.float32
            )

        def confounds(self, subject: str, story: str) -> None:
            return None

    words = pd.DataFrame({"word": ["a", "b"], "onset": [0.6, 80.0], "offset": [0.9, 80.4]})
    result, _ = story_bold(
        Made(), "friends", ["a", "b"], words, **{**OPTIONS, "targets": "all", "tail": 4.0}
    )
    one, other = result["bold"].sel(subject=["a", "b"]).values
    np.testing.assert_allclose(one, other, atol=1e-5)
    np.testing.assert_allclose(one, time_courses.zscore(response[: len(one)]), atol=3e-4)


def test_facts_that_the_dataset_contradicts_stop_the_scan(tree: Path, tmp_path: Path) -> None:
    folder = copy_of(tree, tmp_path)
    events = folder / layout.events_file("sub-003_task-lighthouse")
    events.write_text(events.read_text().replace("15.0", "18.0"))
    with pytest.raises(
        EngramError,
        match=r"sub-003_task-lighthouse.*story_onset: table 15, metadata 18.*make_facts",
    ):
        reader(folder).timeseries("003", "lighthouse")


def copy_of(tree: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "copy"
    shutil.copytree(tree, folder)
    return folder


def write_surface(path: Path, values: np.ndarray) -> None:
    arrays = [
        nibabel.gifti.GiftiDataArray(row.astype(np.float32), intent="NIFTI_INTENT_TIME_SERIES")
        for row in values
    ]
    nibabel.save(nibabel.gifti.GiftiImage(darrays=arrays), path)


def test_broken_files_are_named(tree: Path, tmp_path: Path) -> None:
    folder = copy_of(tree, tmp_path)
    left = folder / layout.bold_files("afni-nosmooth", "fsaverage5", "sub-003_task-lighthouse")[0]
    whole = left.read_bytes()
    left.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(
        EngramError, match=r"hemi-L_desc-clean\.func\.gii' cannot be read .* fetch it again"
    ):
        reader(folder).timeseries("003", "lighthouse")
    left.unlink()
    left.symlink_to("../../.git/annex/objects/not-fetched")
    with pytest.raises(EngramError, match="not fetched"):
        reader(folder).timeseries("003", "lighthouse")
    left.unlink()
    write_surface(left, np.zeros((50, 500)))
    with pytest.raises(EngramError, match="has 500 vertices; fsaverage5 has 10242"):
        reader(folder).timeseries("003", "lighthouse")
    write_surface(left, np.ones((20, N_VERTICES)))
    with pytest.raises(EngramError, match=r"have \[20, \d+\] TRs"):
        reader(folder).timeseries("003", "lighthouse")
    alignment = folder / layout.alignment_file("lighthouse")
    alignment.write_text("I,i,2.0,2.1\nbegan,began,late,3\n")
    with pytest.raises(EngramError, match=r"align\.csv', line 2"):
        NarrativesWords(folder, scans_of("lighthouse")).words("lighthouse")
    alignment.unlink()
    with pytest.raises(EngramError, match="is not there"):
        NarrativesWords(folder, scans_of("lighthouse")).words("lighthouse")


def test_a_few_targets_without_variance_are_counted_many_are_refused(
    tree: Path, tmp_path: Path
) -> None:
    folder = copy_of(tree, tmp_path)
    left = folder / layout.bold_files("afni-nosmooth", "fsaverage5", "sub-003_task-lighthouse")[0]
    values = np.stack([array.data for array in nibabel.load(left).darrays])
    targets = reader(folder).targets()
    vertices = targets.loc[targets["hemisphere"] == "L", "vertex"].to_numpy()
    values[:, vertices[:5]] = 0
    write_surface(left, values)
    words = stories.words_table(
        NarrativesWords(folder, scans_of("lighthouse")).words("lighthouse"),
        15,
        "lighthouse",
    )
    result, scans = story_bold(
        reader(folder), "lighthouse", ["001", "003"], words, **{**OPTIONS, "targets": "all"}
    )
    assert scans["n_constant"].tolist() == [0, 5]
    assert (result["bold"].sel(subject="003").values[:, :5] == 0).all() and np.isfinite(
        result["bold"].values
    ).all()
    values[:, vertices[:200]] = 0
    write_surface(left, values)
    with pytest.raises(EngramError, match="200 of"):
        reader(folder).timeseries("003", "lighthouse")


def test_punctuation_survives_differences() -> None:
    words = ["so", "i", "um", "went", "to", "st", "johns"]
    assert punctuate(words, "So I went to St. John's!") == [
        "So",
        "I",
        "um",
        "went",
        "to",
        "St.",
        "John's!",
    ]
