"""Stories of a BIDS dataset: events, tasks, names, runs, and when a story begins."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from bids_studies import opened, planned
from made_bids import ONSET, Made

from engram.datasets.bids import events, sidecars
from engram.datasets.story_names import story_name
from engram.errors import EngramError

pytest_plugins = "bids_studies"


def test_a_name_that_fits_nothing_is_refused(made: dict[str, Made]) -> None:
    with pytest.raises(EngramError, match=r"story_names: 'tael.wav' \(story 'mine'\) is no file"):
        planned(made["volume"].root, story_names={"tael.wav": "mine"})


def test_stories_by_events_task_or_name(copied: Callable[[str], Made]) -> None:
    one = copied("parcels")
    plan = planned(one.root, story_from="task")
    assert opened(plan).start("01", "tale") == -ONSET
    # Two stories in one scan.
    for story in ("tale", "fable"):
        for path in one.root.glob(f"sub-*/func/*task-{story}_events.tsv"):
            path.write_text(
                "onset\tduration\tstim_file\n6\t5\ttale.wav\n11\t5\ttale.wav\n"
                f"30\t9\t{'fable' if story == 'tale' else 'third'}.wav\n"
            )
    with pytest.raises(EngramError, match=r"no words of third.*story_names: {third: fable}"):
        planned(one.root, entities={"task": "fable"})
    plan = planned(one.root, entities={"task": "tale"})
    assert plan.stories == ["fable", "tale"]
    assert opened(plan, "fable").start("01", "fable") == -30.0
    with pytest.raises(EngramError, match=r"2 recordings of the story 'tale'.*runs: first"):
        planned(one.root, stories=["tale"])
    first = planned(one.root, stories=["tale"], runs="first")
    assert opened(first).scan_names("01", "tale") == "sub-01_task-fable"
    assert [one.scan for one in first.excluded] == ["sub-01_task-tale", "sub-02_task-tale"]
    named = planned(one.root, story_names={"third.wav": "fable"}, stories=["fable"], runs="last")
    assert opened(named, "fable").scan_names("01", "fable") == "sub-01_task-tale"
    by_task = planned(
        one.root, story_names={"task-tale": "fable", "task-fable": "tale"}, start=-2.0
    )
    assert opened(by_task).start("01", "tale") == -2.0
    assert opened(by_task).scan_names("01", "tale") == "sub-01_task-fable"
    left = planned(one.root, entities={"task": "tale"}, exclude={"02": "fell asleep"})
    assert {(one.subject, one.story) for one in left.excluded} == {("02", "fable"), ("02", "tale")}


def test_runs_are_sections_or_the_same_again(copied: Callable[[str], Made]) -> None:
    one = copied("parcels")
    for path in sorted(one.root.rglob("sub-*_task-*")):
        number = 1 if "tale" in path.name else 2
        path.rename(
            path.with_name(
                path.name.replace("task-tale", "task-x_run-01").replace(
                    "task-fable", "task-x_run-02"
                )
            )
        )
        assert number
    (one.root / "task-tale_bold.json").rename(one.root / "task-x_bold.json")
    stimuli = one.root / "stimuli"
    (stimuli / "story-tale_words.tsv").rename(stimuli / "story-x-run-1_words.tsv")
    (stimuli / "story-fable_words.tsv").rename(stimuli / "story-x-run-2_words.tsv")
    plan = planned(one.root, story_from="task", runs="sections")
    assert plan.stories == ["x-run-1", "x-run-2"]
    assert opened(plan, "x-run-2").scan_names("02", "x-run-2") == "sub-02_task-x_run-02"
    with pytest.raises(ValueError, match="each run has confounds of its own"):
        planned(one.root, runs="mean")
    (stimuli / "story-x-run-1_words.tsv").rename(stimuli / "story-x_words.tsv")
    (stimuli / "story-x-run-2_words.tsv").unlink()
    mean = planned(one.root, story_from="task", runs="mean", confounds=None)
    runs = [one.bold["01", story] for story in ("tale", "fable")]
    shortest = min(map(len, runs))
    np.testing.assert_allclose(
        opened(mean, "x").timeseries("01", "x"),
        np.mean([run[:shortest] for run in runs], axis=0),
        rtol=1e-6,
    )


def test_zeros_before_a_run_do_not_count(copied: Callable[[str], Made]) -> None:
    one = copied("parcels")
    for path in sorted(one.root.rglob("sub-*_task-tale_*")):
        run = "run-1" if path.name.endswith("events.tsv") else "run-01"
        path.rename(path.with_name(path.name.replace("task-tale", f"task-tale_{run}")))
    assert opened(planned(one.root)).start("01", "tale") == -ONSET


def test_several_sessions_and_names_that_nearly_fit(copied: Callable[[str], Made]) -> None:
    one = copied("parcels")
    for path in sorted(one.root.glob("sub-*/func/*task-tale_events.tsv")):
        path.write_text(path.read_text().replace("tale.wav", "Tale_audio.wav"))
    with pytest.raises(EngramError, match=r"story_names: {Tale-audio: tale}}"):
        planned(one.root)
    plan = planned(one.root, story_names={"Tale-audio": "tale"})
    assert plan.stories == ["fable", "tale"]
    for folder in sorted(one.root.rglob("sub-*/func")):
        for session in ("ses-1", "ses-2"):
            (folder.parent / session / "func").mkdir(parents=True)
            for path in sorted(folder.iterdir()):
                name = path.name.replace("_task", f"_{session}_task")
                shutil.copy(path, folder.parent / session / "func" / name)
        shutil.rmtree(folder)
    names = {"Tale-audio": "tale"}
    with pytest.raises(EngramError, match=r"the same heard again.*entities: {ses: 1}}") as error:
        planned(one.root, story_names=names)
    assert "sections" not in str(error.value)
    assert len(planned(one.root, story_names=names, entities={"ses": 1}).scans) == 4


def test_names_of_stories_and_events(tmp_path: Path) -> None:
    assert story_name("audio/lpp_EN section.1.wav") == "lpp-EN-section.1"
    path = tmp_path / "events.tsv"
    path.write_text(
        "onset\tduration\ttrial_type\tstim_file\n3\t1\tbeep\ta.wav\n9\t5\tstory\ta.wav\n"
    )
    with pytest.raises(EngramError, match="do not follow each other without a break"):
        events.presentations(path, None)
    assert events.presentations(path, "story") == [events.Presentation("a.wav", 9.0, 14.0)]
    with pytest.raises(EngramError, match=r"no event of trial_type 'x'.*'beep', 'story'"):
        events.presentations(path, "x")
    path.write_text("onset\tduration\ttrial_type\n3\t1\tmusic\n9\t5\tstory\n")
    with pytest.raises(EngramError, match=r"2 events and no 'stim_file'.*'music', 'story'"):
        events.presentations(path, None)
    path.write_text("onset\tduration\n6000000\t5\n")
    with pytest.raises(EngramError, match="milliseconds"):
        events.presentations(path, None)


def test_where_the_first_row_begins(tmp_path: Path) -> None:
    path = tmp_path / "bold.json"

    def begins(**content: object) -> float:
        path.write_text(json.dumps(content))
        return sidecars.first_row_begins([path], 2.0)

    assert begins() == begins(StartTime=0) == 0.0
    assert begins(StartTime=0.95, SliceTimingCorrected=True) == pytest.approx(-0.05)
    assert begins(StartTime=0, SliceTimingCorrected=True) == -1.0
    for wrong in ({"StartTime": 0.95}, {"StartTime": 950, "SliceTimingCorrected": True}):
        with pytest.raises(EngramError, match="StartTime is"):
            begins(**wrong)
