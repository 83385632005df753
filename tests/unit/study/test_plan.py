"""The plan: stories, listeners, groups and models, from file names alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engram.errors import EngramError
from engram.study import plan
from engram.study.config.read import read_study
from engram.study.groups import Group
from engram.study.plan import Plan

TARGETS = "target\themisphere\troi\nt\tL\tone\n"


def data_folder(folder: Path, heard: dict[str, str], targets: str = TARGETS) -> Path:
    """Make the empty files of a table study from the stories that each listener heard.

    These stand in one string.
    """
    folder.mkdir(exist_ok=True)
    (folder / "targets.tsv").write_text(targets)
    for subject, stories in heard.items():
        for story in stories.split():
            (folder / f"story-{story}_words.tsv").touch()
            (folder / f"sub-{subject}_story-{story}_timeseries.tsv").touch()
    return folder


def plan_of(folder: Path, average: bool = True, **dataset: Any) -> Plan:
    return plan.make_plan(
        read_study(
            {
                "study": "s",
                "dataset": {"kind": "table", "path": str(folder), "tr": 1.5, **dataset},
                "bold": {"average": average},
            }
        )
    )


def message(folder: Path, **dataset: Any) -> str:
    with pytest.raises(EngramError) as caught:
        plan_of(folder, **dataset)
    return str(caught.value)


def test_scans_and_their_files(tmp_path: Path) -> None:
    folder = data_folder(tmp_path, {"b": "one", "a": "one two"})
    (folder / "sub-a_story-two_confounds.tsv").touch()
    made = plan_of(folder)
    assert made.stories == ["one", "two"]
    assert made.listeners("one") == ["a", "b"]
    assert [(scan.subject, scan.story, len(scan.files)) for scan in made.dataset.scans] == [
        ("a", "one", 1),
        ("a", "two", 2),
        ("b", "one", 1),
    ]
    assert made.dataset.scans[1].files == (
        str(folder / "sub-a_story-two_timeseries.tsv"),
        str(folder / "sub-a_story-two_confounds.tsv"),
    )
    assert made.dataset.story_files["one"] == (str(folder / "story-one_words.tsv"),)
    assert made.dataset.common_files == (str(folder / "targets.tsv"),)


def test_average_joins_those_who_heard_the_shared_stories(tmp_path: Path) -> None:
    made = plan_of(data_folder(tmp_path, {"a": "one two", "b": "one", "c": "two"}))
    assert made.groups == {
        "one": Group(("b",), ("one",)),
        "one+two": Group(("a", "average"), ("one", "two")),
        "two": Group(("c",), ("two",)),
    }


def test_average_makes_a_group_of_its_own_where_nobody_heard_just_the_shared_stories(
    tmp_path: Path,
) -> None:
    made = plan_of(data_folder(tmp_path, {"a": "one two", "b": "one three"}))
    assert made.groups["one"] == Group(("average",), ("one",))
    assert list(made.groups) == ["one", "one+three", "one+two"]


@pytest.mark.parametrize(
    ("heard", "average"),
    [({"a": "one", "b": "one"}, False), ({"a": "one"}, True), ({"a": "one", "b": "two"}, True)],
)
def test_no_average_when_unwanted_or_nothing_is_shared(
    heard: dict[str, str], average: bool, tmp_path: Path
) -> None:
    made = plan_of(data_folder(tmp_path, heard), average)
    assert "average" not in [
        subject for group in made.groups.values() for subject in group.subjects
    ]


def test_excluded_listener_leaves_the_average_and_is_listed_with_the_reason(tmp_path: Path) -> None:
    made = plan_of(
        data_folder(tmp_path, {"a": "one", "b": "one two", "c": "two"}), exclude={"b": "slept"}
    )
    assert made.dataset.excluded == (
        ("b", "one", "sub-b_task-one", "slept"),
        ("b", "two", "sub-b_task-two", "slept"),
    )
    assert made.groups == {"one": Group(("a",), ("one",)), "two": Group(("c",), ("two",))}


def test_chosen_stories_and_subjects(tmp_path: Path) -> None:
    made = plan_of(
        data_folder(tmp_path, {"a": "one two", "b": "one", "c": "one two"}),
        stories=["one"],
        listeners=["a", "b"],
    )
    assert made.groups == {"one": Group(("a", "average", "b"), ("one",))}
    assert made.stories == ["one"]


def test_long_names_of_groups_are_abbreviated() -> None:
    stories = tuple(f"story{number:02d}" for number in range(20))
    name = plan.group_name(stories)
    assert name.startswith("story00+19more-")
    assert len(name) <= 60
    assert name == plan.group_name(stories)
    assert name != plan.group_name((*stories[:-1], "story99"))


def test_short_names_of_groups_tell_the_stories() -> None:
    assert plan.group_name(("one", "two")) == "one+two"


def test_adding_a_story_renames_no_group_of_others(tmp_path: Path) -> None:
    many = " ".join(f"story{number:02d}" for number in range(20))
    before = plan_of(data_folder(tmp_path, {"a": many, "b": "story00"}), average=False)
    after = plan_of(data_folder(tmp_path, {"c": "aaa story00 zzz"}), average=False)
    assert set(after.groups) - set(before.groups) == {"aaa+story00+zzz"}
    assert {name: after.groups[name] for name in before.groups} == before.groups


@pytest.mark.parametrize(
    ("dataset", "key", "unknown"),
    [
        ({"stories": ["one", "three"]}, "dataset.stories", "three"),
        ({"listeners": ["a", "z"]}, "dataset.listeners", "z"),
        ({"exclude": {"z": "slept"}}, "dataset.exclude", "z"),
        ({"start": {"one": 0, "two": 3, "huut": 3}}, "dataset.start", "huut"),
        ({"start": {"one": 0, "huut": 3}}, "dataset.start", "huut"),
    ],
)
def test_unknown_names_are_told_with_the_known_ones(
    dataset: dict[str, Any], key: str, unknown: str, tmp_path: Path
) -> None:
    found = message(data_folder(tmp_path, {"a": "one two", "b": "one"}), **dataset)
    assert f"{key} names ['{unknown}'], which the dataset does not have" in found
    assert (
        "It has: "
        f"{['one', 'two'] if key in ('dataset.stories', 'dataset.start') else ['a', 'b']}. "
        "(Numbers that begin with 0 need quotes"
    ) in found


def test_time_of_a_story_that_is_not_chosen_may_be_given(tmp_path: Path) -> None:
    folder = data_folder(tmp_path, {"a": "one two"})
    assert plan_of(folder, stories=["one"], start={"one": 0, "two": 3}).stories == ["one"]


def test_listener_of_a_story_that_is_not_chosen_may_be_excluded(tmp_path: Path) -> None:
    folder = data_folder(tmp_path, {"a": "one", "b": "two"})
    assert plan_of(folder, stories=["one"], exclude={"b": "slept"}).listeners("one") == ["a"]


def test_story_without_a_listener_is_an_error(tmp_path: Path) -> None:
    folder = data_folder(tmp_path, {"a": "one two", "b": "one"})
    assert "no listener is left for two" in message(folder, exclude={"a": "slept"})
    assert "no listener is left for two" in message(folder, listeners=["b"])


def test_missing_folder_is_told_with_where_it_was_looked_for(tmp_path: Path) -> None:
    found = message(tmp_path / "none")
    assert f"there is no folder '{tmp_path / 'none'}'" in found
    assert str(Path.cwd()) in found


@pytest.mark.parametrize(
    "lacking", ["story-one_words.tsv", "targets.tsv", "sub-a_story-one_timeseries.tsv"]
)
def test_lacking_files(lacking: str, tmp_path: Path) -> None:
    folder = data_folder(tmp_path, {"a": "one"})
    (folder / lacking).unlink()
    pattern = lacking.replace("sub-a", "sub-<id>").replace("-one", "-<story>")
    assert f"'{folder}' has no '{pattern}'" in message(folder)


def test_time_series_of_a_story_without_words(tmp_path: Path) -> None:
    folder = data_folder(tmp_path, {"a": "one two"})
    (folder / "story-two_words.tsv").unlink()
    found = message(folder)
    assert "sub-a_story-two_timeseries.tsv" in found
    assert "has no 'story-two_words.tsv'. Stories with words: ['one']" in found


@pytest.mark.parametrize(
    "name",
    [
        "sub-a_timeseries.tsv",
        "sub-a_b_story-one_timeseries.tsv",
        "sub-a_story-one_run-1_timeseries.tsv",
        "sub-01_story-x_bold.tsv",
        "sub-a_story-one_confound.tsv",
        "story-a_b_words.tsv",
        "story-one_word.tsv",
        "story-one.tsv",
    ],
)
def test_misnamed_file_is_named_with_the_names_that_are_known(name: str, tmp_path: Path) -> None:
    folder = data_folder(tmp_path, {"a": "one"})
    (folder / name).touch()
    found = message(folder)
    assert (
        f"dataset.path: '{folder}' has files with names that mean nothing here: ['{name}']" in found
    )
    kinds = (
        "story-<story>_words",
        "sub-<id>_story-<story>_timeseries",
        "sub-<id>_story-<story>_confounds",
    )
    assert all(f"'{kind}.tsv'" in found for kind in kinds)


@pytest.mark.parametrize(
    "name",
    [
        "sub-a_story-one_timeseries.tsv",
        "sub-a_story-one_confounds.tsv",
        "sub-a_story-one_timeseries.json",
        "story-one_words.tsv",
        "story-two_transcript.txt",
        "targets.tsv",
    ],
)
def test_a_link_to_nothing_is_named_and_not_passed_over(name: str, tmp_path: Path) -> None:
    """Such as a file of git-annex that was not fetched."""
    folder = data_folder(tmp_path / "data", {"a": "one two"})
    (folder / "story-two_words.tsv").rename(folder / "story-two_words.TextGrid")
    (folder / name).unlink(missing_ok=True)
    (folder / name).symlink_to(tmp_path / "nowhere")
    assert f"'{folder / name}' is a link to a file that is not there" in message(folder)
    if "one" in name:
        assert plan_of(folder, stories=["two"]).stories == ["two"]


def test_every_misnamed_file_is_named_at_once(tmp_path: Path) -> None:
    folder = data_folder(tmp_path, {"a": "one"})
    for name in ("sub-a_bold.tsv", "story-one.tsv"):
        (folder / name).touch()
    assert "['story-one.tsv', 'sub-a_bold.tsv']" in message(folder)


def test_files_that_do_not_look_like_a_study_are_passed_over(tmp_path: Path) -> None:
    folder = data_folder(tmp_path, {"a": "one"})
    for name in (
        "participants.tsv",
        "notes.txt",
        "story-one_words.json",
        "sub-a_story-one_timeseries.json",
    ):
        (folder / name).touch()
    assert len(plan_of(folder).dataset.scans) == 1


@pytest.mark.parametrize("name", ["sub-z_story-one_confounds.tsv", "sub-a_story-two_confounds.tsv"])
def test_confounds_without_a_time_course(name: str, tmp_path: Path) -> None:
    folder = data_folder(tmp_path, {"a": "one"})
    (folder / "sub-a_story-one_confounds.tsv").touch()
    (folder / name).touch()
    assert (
        f"'{folder}' has confounds without a time course: ['{name}']. Is a name misspelt?"
        in message(folder)
    )


def test_listener_called_average_is_refused(tmp_path: Path) -> None:
    assert "'average' is the name of the average listener" in message(
        data_folder(tmp_path, {"average": "one", "b": "one"})
    )


def test_start_needs_a_time_for_every_story_in_use(tmp_path: Path) -> None:
    folder = data_folder(tmp_path, {"a": "one two"})
    found = message(folder, start={"one": 3.0})
    assert "dataset.start gives no time for ['two']" in found
    assert "'two: 0.0'" in found
    assert plan_of(folder, start={"one": 3.0}, stories=["one"]).stories == ["one"]


@pytest.mark.parametrize(
    ("header", "there"),
    [
        ("target\themisphere\troi", False),
        ("target\tx\ty\themisphere\tz\troi", True),
        ("target\tx\ty", False),
    ],
)
def test_coordinates_are_found_in_the_header(header: str, there: bool, tmp_path: Path) -> None:
    assert plan_of(data_folder(tmp_path, {"a": "one"}, header + "\n")).dataset.brain == (
        "markers" if there else None
    )


def test_alice_is_planned_without_its_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    made = plan.make_plan(read_study({"study": "s", "dataset": {"kind": "alice"}}))
    assert len(made.dataset.scans) == 27
    assert made.dataset.excluded == (
        ("33", "alice", "sub-33_task-alice", "constant in every column of the published file"),
    )
    assert not any(scan.files for scan in made.dataset.scans)
    assert made.groups["alice"].subjects == (*made.listeners("alice"), "average")
    assert made.dataset.brain is None


def test_simulated_listeners() -> None:
    made = plan.make_plan(
        read_study(
            {
                "study": "s",
                "dataset": {"kind": "simulated", "stories": ["market"], "n_listeners": 2},
            }
        )
    )
    assert made.groups == {"market": Group(("001", "002", "average"), ("market",))}
    with pytest.raises(EngramError, match=r"dataset.stories names .'nowhere'.*lighthouse"):
        plan.make_plan(
            read_study({"study": "s", "dataset": {"kind": "simulated", "stories": ["nowhere"]}})
        )


def test_story_named_twice_is_heard_once() -> None:
    made = plan.make_plan(
        read_study(
            {
                "study": "s",
                "dataset": {"kind": "simulated", "stories": ["market", "market"], "n_listeners": 2},
            }
        )
    )
    assert list(made.groups) == ["market"]
    assert made.listeners("market") == ["001", "002"]


def test_source_datasets(tmp_path: Path) -> None:
    def sources(dataset: dict[str, Any]) -> list[str]:
        study = read_study({"study": "s", "baselines": ["word-rate"], "dataset": dataset})
        return [one["URL"] for one in plan.make_plan(study).dataset.sources()]

    folder = str(data_folder(tmp_path / "tables", {"a": "one"}))
    assert sources({"kind": "simulated"}) == []
    assert sources({"kind": "table", "path": folder, "tr": 1.5}) == [folder]
    assert sources({"kind": "narratives", "source": "/clone"}) == ["/clone"]
    (alice,) = sources({"kind": "alice"})
    assert alice.startswith("https://") and alice.endswith("/alice_data_shared/")


def test_frequencies_that_are_asked_for_must_be_there(tmp_path: Path) -> None:
    folder = data_folder(tmp_path, {"a": "one two"})
    raw: dict[str, Any] = {
        "study": "s",
        "dataset": {"kind": "table", "path": str(folder), "tr": 1.5},
    }
    (folder / "story-one_words.tsv").write_text("word\tonset\toffset\tlog_frequency\n")
    (folder / "story-two_words.tsv").write_text("word\tonset\toffset\n")
    wanted = {"features": ["word-rate", "log-frequency"]}
    plan.make_plan(read_study({**raw, "nuisance": wanted}))  # nobody reads them
    with pytest.raises(
        EngramError, match=r"story-two_words.tsv', which has \['word', 'onset', 'offset'\]\. Add it"
    ):
        plan.make_plan(read_study({**raw, "nuisance": {**wanted, "method": "banded"}}))
    column = {"features": {"own": {"kind": "frequency", "source": "column"}}}
    with pytest.raises(EngramError, match=r"^features.own: a column 'log_frequency' is needed"):
        plan.make_plan(read_study({**raw, **column}))
    with pytest.raises(EngramError, match=r"features.own: log_frequency is a column of a folder"):
        read_study({**raw, **column, "dataset": {"kind": "alice"}})
    (folder / "story-two_words.tsv").write_text("word\tlog_frequency\tonset\toffset\n")
    plan.make_plan(read_study({**raw, **column}))
    plan.make_plan(read_study({**raw, "nuisance": {**wanted, "method": "banded"}}))


def test_words_may_come_from_files_of_timings(tmp_path: Path) -> None:
    folder = data_folder(tmp_path, {"a": "one two", "b": "three"})
    for name in ("story-two_words.tsv", "story-three_words.tsv"):
        (folder / name).unlink()
    (folder / "story-two_words.TextGrid").write_text("x" * 1300)
    (folder / "story-two_transcript.txt").touch()
    (folder / "story-three_words.json").touch()
    dataset = plan_of(folder).dataset
    assert dataset.words_config("one") == {}  # as before there were timings
    assert dataset.words_config("two") == {
        "words": {
            "two": [{"file": "story-two_words.TextGrid", "transcript": "story-two_transcript.txt"}]
        }
    }
    assert [Path(path).name for path in dataset.story_files["two"]] == [
        "story-two_words.TextGrid",
        "story-two_transcript.txt",
    ]
    assert dataset.n_words("two") == 10
    (folder / "story-two_words.tsv").touch()
    assert "two files of words for story 'two'" in message(folder)
    assert plan_of(folder, words={"two": "story-two_words.tsv"}).dataset.words_config("two") == {}


def test_the_key_words_names_files_of_timings(tmp_path: Path) -> None:
    folder = data_folder(tmp_path / "data", {"a": "one two"})
    grids = tmp_path / "grids"
    grids.mkdir()
    for name in ("one.TextGrid", "two-1.TextGrid", "two-2.TextGrid"):
        (grids / name).touch()
    (folder / "story-one_words.tsv").unlink()
    sections = [
        {"file": "../grids/two-1.TextGrid"},
        {"file": "../grids/two-2.TextGrid", "offset": 60},
    ]
    dataset = plan_of(
        folder, words={"{story}": "../grids/{story}.TextGrid", "two": sections}
    ).dataset
    assert dataset.stories == ["one", "two"]
    assert dataset.words_config("two")["words"]["two"][1]["offset"] == 60.0
    assert len(dataset.story_files["two"]) == 2
    assert "no file '" in message(folder, words={"one": "one.json", "two": sections})
    (folder / "story-two_words.tsv").rename(folder / "story-two_words.csv")
    assert "names that mean nothing here" in message(folder, words={"one": "../grids/one.TextGrid"})
    table = {"file": "story-{story}_words.csv", "columns": {"word": "token"}}
    words = {"one": "../grids/one.TextGrid", "{story}": table}
    assert plan_of(folder, words=words).stories == ["one", "two"]
