"""Folds by story before the first job: who can be tested, and what is said of the others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engram.errors import EngramError
from engram.preflight.machine_checks import LOOK, _untested
from engram.statistics.folds_table import folds_table
from engram.study import story_folds
from engram.study.config.protocols import described, substituted
from engram.study.config.read import read_study
from engram.study.config.study import Study
from engram.study.plan import Plan, make_plan
from engram.study.stages import ceilings, folds, tables

TARGETS = "target\themisphere\troi\nt\tL\tone\n"
HEARD = {"a": "one three two", "b": "one three two", "c": "one two"}


def study_of(folder: Path, folds: Any, heard: dict[str, str] = HEARD, **more: Any) -> Study:
    folder.mkdir(exist_ok=True)
    (folder / "targets.tsv").write_text(TARGETS)
    for subject, stories in heard.items():
        for story in stories.split():
            (folder / f"story-{story}_words.tsv").touch()
            (folder / f"sub-{subject}_story-{story}_timeseries.tsv").touch()
    return read_study(written(folder, folds, **more))


def written(folder: Path, folds: Any, decoding: Any = None, **more: Any) -> dict[str, Any]:
    """What the study's file says."""
    return {
        "study": "s",
        "dataset": {"kind": "table", "path": str(folder), "tr": 1.5, **more.pop("dataset", {})},
        "bold": {"average": False},
        "encoding": {"folds": folds, **more.pop("encoding", {})},
        **({"decoding": decoding} if decoding else {}),
        **more,
    }


def refused(folder: Path, folds: Any, heard: dict[str, str] = HEARD, **more: Any) -> str:
    with pytest.raises(EngramError) as caught:
        make_plan(study_of(folder, folds, heard, **more))
    return str(caught.value)


def test_named_test_stories_are_scored_and_who_lacks_them_is_said(tmp_path: Path) -> None:
    study = study_of(tmp_path, {"by": "story", "test": ["three"]})
    plan: Plan = make_plan(study)
    assert list(plan.groups) == ["one+three+two"]  # c heard no test story
    assert tables.depends_on(study, plan)["stories"] == {"one+three+two": ["three"]}
    heard = {story: plan.listeners(story) for story in plan.stories}
    lacking = story_folds.untested(study, heard)
    assert lacking == {"c": ["three"]}
    check = _untested(lacking)
    assert check.state == LOOK and "c (three)" in check.found
    assert folds.shown_tables(study, plan) and folds.jobs(study, plan) == [{}]
    settings = folds.depends_on(study, plan)
    table = folds_table(settings["heard"], settings["stories"], settings["test"])
    of_a = table[table["subject"] == "a"].set_index("story")
    assert of_a["role"].to_dict() == {"one": "taught", "three": "tested", "two": "taught"}
    assert of_a.loc["three", "n_other_stories"] == 2
    of_c = table[table["subject"] == "c"].set_index("story")["role"].to_dict()
    assert of_c == {"one": "not scored", "three": "not heard", "two": "not scored"}
    assert ceilings.depends_on(study, plan)["rows"]["folds"] == "story"


def test_too_few_stories_are_refused_before_the_first_job(tmp_path: Path) -> None:
    said = refused(tmp_path / "a", {"by": "story"})
    assert "1 listener (c) heard one and two" in said and "a single penalty" in said
    left_out = study_of(tmp_path / "b", {"by": "story"}, dataset={"exclude": {"c": "two stories"}})
    plan = make_plan(left_out)
    assert list(plan.groups) == ["one+three+two"] and story_folds.untested(left_out, {}) == {}
    assert story_folds.count_folds(left_out, plan.groups["one+three+two"]) == 3
    assert story_folds.count_fits(left_out, plan.groups["one+three+two"]) == 3
    single = study_of(tmp_path / "c", {"by": "story"}, encoding={"alphas": [1000.0]})
    assert len(make_plan(single).groups) == 2
    banded: dict[str, Any] = {"encoding": {"alphas": [1000.0]}, "nuisance": {"method": "banded"}}
    assert "1 listener (c)" in refused(tmp_path / "c", {"by": "story"}, **banded)
    one = {"a": "one", "b": "one"}
    assert "leaves 0 stories to learn from" in refused(tmp_path / "d", {"by": "story"}, one)
    versions = {"a": "pieman piemanpni"}  # versions of one stimulus
    assert "leaves 0 stories" in refused(tmp_path / "e", {"by": "story"}, versions)
    two = {"a": "one two three four"}
    assert "leaves 2 stories" not in str(
        make_plan(study_of(tmp_path / "f", {"by": "story", "n": 2}, two)).groups
    )


def test_strange_test_stories_are_refused(tmp_path: Path) -> None:
    assert "['four'], which are no stories" in refused(tmp_path, {"by": "story", "test": ["four"]})
    all_of_them = {"by": "story", "test": ["one", "two", "three"]}
    assert "leaves 0 stories" in refused(tmp_path, all_of_them)
    alone = {"a": "one", "b": "two"}
    assert "leaves 0 stories" in refused(tmp_path / "a", {"by": "story", "test": ["one"]}, alone)


def test_blocks_are_a_number_however_they_are_written(tmp_path: Path) -> None:
    study = study_of(tmp_path, {"by": "block", "n": 7})
    assert study.encoding.folds == 7 and study == study_of(tmp_path, 7)
    plan = make_plan(study)
    assert len(plan.groups) == 2 and folds.jobs(study, plan) == []
    assert ceilings.depends_on(study, plan)["rows"]["folds"] == 7


def test_segments_must_fit_into_tested_stories(tmp_path: Path) -> None:
    """A tested story is a block of its own; nothing is said of fewer folds, which do not help."""
    folds, decoding = {"by": "story", "test": ["three"]}, {"directions": ["decoding"]}
    study_of(tmp_path, folds)
    for subject in HEARD:
        for story, rows in (("one", 9), ("two", 9), ("three", 90)):
            path = tmp_path / f"sub-{subject}_story-{story}_timeseries.tsv"
            if path.exists():
                path.write_text("t\n" + "0\n" * rows)
    make_plan(read_study(written(tmp_path, folds, decoding)))
    with pytest.raises(EngramError) as caught:
        make_plan(read_study(written(tmp_path, {"by": "story"}, decoding)))
    assert "a test block of one has about 9 rows" in str(caught.value)
    assert "fewer folds" not in str(caught.value)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"by": "stories"}, "{by: story, test: [name]}"),
        ({"by": "story", "tests": ["one"]}, "Did you mean 'test'?"),
        ({"by": "story", "n": 3, "test": ["one"]}, "take n out"),
        ({"by": "story", "test": ["one", "one"]}, "twice"),
        ({"by": "block", "n": 1}, "encoding.folds: Input should be greater than or equal to 2"),
    ],
)
def test_other_ways_to_write_folds_are_refused(tmp_path: Path, wrong: Any, said: str) -> None:
    with pytest.raises(EngramError) as caught:
        study_of(tmp_path, wrong)
    assert said in str(caught.value)


def test_a_protocol_says_that_stories_are_left_out(tmp_path: Path) -> None:
    study = study_of(tmp_path, {"by": "story", "test": ["one"]}, protocol="huth")
    said = described("huth", study.encoding)
    assert "huth with folds: {by: story, test: ['one']}" in said
    assert "take the place of a held-out story" not in substituted("huth", study.encoding)
