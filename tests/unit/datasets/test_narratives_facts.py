"""Facts: the table that plans a study without data.

The dataset's metadata must agree with it.
"""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path

import pytest

from engram.datasets.narratives import facts, layout
from engram.datasets.narratives.facts import EXCLUDED, Fact
from engram.errors import EngramError

PARTICIPANTS = [
    ("sub-001", "pieman,prettymouth", "n/a,affair"),
    ("sub-002", "prettymouth", "paranoia"),
    ("sub-003", "slumlordreach", "n/a"),
    ("sub-004", "schema", "n/a"),
    ("sub-005", "schema", "n/a"),
]
EVENTS = {
    "sub-001_task-pieman_run-1": [
        (0.0, 13.0, "music", "pieman_audio.wav"),
        (15.0, 422.0, "story", "pieman_audio.wav"),
    ],
    "sub-001_task-pieman_run-2": [
        (1.5, 13.0, "music", "pieman_audio.wav"),
        (16.5, 422.0, "story", "pieman_audio.wav"),
    ],
    "sub-001_task-prettymouth": [
        (3.0, 18.0, "music", "prettymouth_audio.wav"),
        (24.0, 661.0, "story", "prettymouth_audio.wav"),
    ],
    "sub-002_task-prettymouth": [
        (3.0, 18.0, "music", "prettymouth_audio.wav"),
        (24.0, 661.0, "story", "prettymouth_audio.wav"),
    ],
    "sub-003_task-slumlordreach": [
        (4.5, 22.0, "music", "slumlordreach_audio.wav"),
        (29.5, 903.0, "story", "slumlordreach_audio.wav"),
        (944.5, 22.0, "music", "slumlordreach_audio.wav"),
        (969.5, 825.0, "story", "slumlordreach_audio.wav"),
    ],
    "sub-004_task-schema_run-1": [
        (5.0, 185.0, "movie", "n/a"),
        (196.27, 179.0, "story", "vinny_audio.wav"),
        (380.71, 190.0, "movie", "n/a"),
        (576.18, 187.0, "story", "upintheair_audio.wav"),
    ],
    "sub-005_task-schema_run-1": [
        (5.0, 187.0, "story", "upintheair_audio.wav"),
        (199.92, 179.0, "story", "vinny_audio.wav"),
        (390.0, 9.0, "movie", "n/a"),
    ],
}
TOLD = [
    Fact("001", "pieman", "1", "pieman", "pieman", 0.0, 15.0, 437.0, None),
    Fact("001", "pieman", "2", "pieman", "pieman", 1.5, 16.5, 438.5, EXCLUDED),
    Fact("001", "prettymouth", None, "prettymouthaffair", "prettymouth", 3.0, 24.0, 685.0, None),
    Fact("002", "prettymouth", None, "prettymouthparanoia", "prettymouth", 3.0, 24.0, 685.0, None),
    Fact("003", "slumlordreach", None, "slumlord", "slumlordreach", 4.5, 29.5, 932.5, None),
    Fact("003", "slumlordreach", None, "reach", "slumlordreach", 4.5, 969.5, 1794.5, None),
    Fact("004", "schema", "1", "vinny", "vinny", 196.27, 196.27, 375.27, None),
    Fact("004", "schema", "1", "upintheair", "upintheair", 576.18, 576.18, 763.18, None),
    Fact("005", "schema", "1", "upintheair", "upintheair", 5.0, 5.0, 192.0, None),
    Fact("005", "schema", "1", "vinny", "vinny", 199.92, 199.92, 378.92, None),
]


def write_events(folder: Path, scan: str, events: list[tuple[float, float, str, str]]) -> None:
    path = folder / layout.events_file(scan)
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [
        "onset\tduration\ttrial_type\tstim_file",
        *("\t".join(map(str, event)) for event in events),
    ]
    path.write_text("\n".join(rows) + "\n")


def write_exclusions(folder: Path, exclusions: dict[str, dict[str, list[str]]]) -> None:
    path = folder / "code" / "scan_exclude.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(exclusions))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The metadata of a small Narratives."""
    rows = [
        "participant_id\tage\tsex\ttask\tcondition\tcomprehension",
        *(f"{name}\t20\tF\t{task}\t{condition}\tn/a" for name, task, condition in PARTICIPANTS),
    ]
    (tmp_path / "participants.tsv").write_text("\n".join(rows) + "\n")
    write_exclusions(tmp_path, {"pieman": {"sub-001": ["sub-001_task-pieman_run-2"]}, "schema": {}})
    for scan, events in EVENTS.items():
        write_events(tmp_path, scan, events)
    return tmp_path


def test_a_table_is_read_as_it_was_written(tmp_path: Path) -> None:
    made = [*TOLD, Fact("010", "lucy", None, "lucy", "lucy", 0.0, 0.125, 1000.0, None)]
    facts.write_facts(tmp_path / "scans.tsv", made)
    assert facts.read_facts(tmp_path / "scans.tsv") == made
    lines = (tmp_path / "scans.tsv").read_text().splitlines()
    assert lines[0].split("\t") == [
        "subject",
        "task",
        "run",
        "story",
        "stimulus",
        "audio_onset",
        "story_onset",
        "story_end",
        "excluded",
    ]
    assert lines[-1].split("\t") == [
        "010",
        "lucy",
        "n/a",
        "lucy",
        "lucy",
        "0",
        "0.125",
        "1000",
        "n/a",
    ]


def test_a_fact_travels_as_a_list() -> None:
    for fact in TOLD:
        assert Fact(*json.loads(json.dumps(fact.plain()))) == fact


def test_scans_are_named_as_in_bids() -> None:
    assert list(dict.fromkeys(fact.scan for fact in TOLD)) == list(EVENTS)


def test_metadata_give_the_facts(folder: Path) -> None:
    assert facts.read_dataset(folder) == TOLD


def test_only_the_scans_asked_for_are_read(folder: Path) -> None:
    scans = ["sub-005_task-schema_run-1", "sub-001_task-pieman_run-2"]
    found = facts.read_dataset(folder, scans)
    assert found == [fact for scan in scans for fact in TOLD if fact.scan == scan]


def test_what_was_read_survives_the_table(folder: Path) -> None:
    facts.write_facts(folder / "scans.tsv", facts.read_dataset(folder))
    assert facts.read_facts(folder / "scans.tsv") == TOLD


def test_equal_facts_pass(folder: Path) -> None:
    facts.check_facts(folder, TOLD)
    facts.check_facts(folder, TOLD[4:5])  # a study may use one of a scan's two stories


@pytest.mark.parametrize("fact", TOLD, ids=lambda fact: f"{fact.scan}-{fact.story}")
def test_a_table_with_another_time_does_not_pass(folder: Path, fact: Fact) -> None:
    wrong = replace(fact, story_onset=fact.story_onset + 1.5)
    with pytest.raises(
        EngramError, match=rf"^{fact.scan}, story {fact.story}: .*story_onset: table .*, metadata "
    ) as error:
        facts.check_facts(folder, [wrong if one == fact else one for one in TOLD])
    assert "story_end" not in str(error.value) and "make_facts.py" in str(error.value)


def test_a_changed_onset_is_named(folder: Path) -> None:
    write_events(
        folder,
        "sub-001_task-prettymouth",
        [
            (4.5, 18.0, "music", "prettymouth_audio.wav"),
            (24.0, 661.0, "story", "prettymouth_audio.wav"),
        ],
    )
    with pytest.raises(
        EngramError,
        match=(
            r"^sub-001_task-prettymouth, story prettymouthaffair: .*\(audio_onset: "
            r"table 3, metadata 4\.5\)"
        ),
    ):
        facts.check_facts(folder, TOLD)


@pytest.mark.parametrize(
    ("exclusions", "message"),
    [
        (
            {"schema": {"sub-004": ["sub-004_task-schema_run-1"]}},
            (
                r"^sub-004_task-schema_run-1, story vinny: .*\(excluded: table "
                rf"n/a, metadata {EXCLUDED}\)"
            ),
        ),
        (
            {},
            (
                r"^sub-001_task-pieman_run-2, story pieman: .*\(excluded: table "
                rf"{EXCLUDED}, metadata n/a\)"
            ),
        ),
    ],
)
def test_a_changed_exclusion_is_named(
    folder: Path, exclusions: dict[str, dict[str, list[str]]], message: str
) -> None:
    pieman = {"pieman": {"sub-001": ["sub-001_task-pieman_run-2"]}} if exclusions else {}
    write_exclusions(folder, {**pieman, **exclusions})
    with pytest.raises(EngramError, match=message):
        facts.check_facts(folder, TOLD)


def test_a_missing_story_is_named(folder: Path) -> None:
    write_events(folder, "sub-005_task-schema_run-1", EVENTS["sub-005_task-schema_run-1"][:1])
    with pytest.raises(
        EngramError, match=r"^sub-005_task-schema_run-1, story vinny: .*that story is not in it"
    ):
        facts.check_facts(folder, TOLD)


def test_another_condition_is_another_story(folder: Path) -> None:
    table = folder / "participants.tsv"
    table.write_text(table.read_text().replace("paranoia", "affair"))
    with pytest.raises(
        EngramError,
        match=r"^sub-002_task-prettymouth, story prettymouthparanoia: .*that story is not in it",
    ):
        facts.check_facts(folder, TOLD)


def test_a_part_that_was_not_told_is_refused(folder: Path) -> None:
    write_events(folder, "sub-003_task-slumlordreach", EVENTS["sub-003_task-slumlordreach"][:2])
    with pytest.raises(
        EngramError,
        match=(
            r"sub-003_task-slumlordreach_events\.tsv': 1 stories are told in "
            r"slumlordreach_audio\.wav, 2 were expected"
        ),
    ):
        facts.read_dataset(folder)


@pytest.mark.parametrize(
    "name",
    [
        "participants.tsv",
        "code/scan_exclude.json",
        "sub-001/func/sub-001_task-pieman_run-1_events.tsv",
    ],
)
def test_missing_files_are_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(EngramError, match=rf"{Path(name).name}' is not there"):
        facts.check_facts(folder, TOLD)
    (folder / name).symlink_to("../.git/annex/objects/not-fetched")
    with pytest.raises(EngramError, match="not fetched"):
        facts.check_facts(folder, TOLD)
    with pytest.raises(EngramError, match=r"nothing\.tsv' is not there"):
        facts.read_facts(folder / "nothing.tsv")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("code/scan_exclude.json", '{"pieman": {"sub-001": ['),  # cut off
        ("code/scan_exclude.json", "[]"),
        ("participants.tsv", "participant_id\tage\nsub-001\t20\n"),
        (
            "participants.tsv",
            "participant_id\ttask\tcondition\nsub-001\tpieman,prettymouth\taffair\n",
        ),
        # Nobody's condition of prettymouth.
        ("participants.tsv", "participant_id\ttask\tcondition\nsub-003\tslumlordreach\tn/a\n"),
        ("sub-001/func/sub-001_task-pieman_run-1_events.tsv", "onset\tduration\n0\t1\n"),
        (
            "sub-001/func/sub-001_task-pieman_run-1_events.tsv",
            "onset\tduration\ttrial_type\tstim_file\nlate\t1\tstory\tpieman_audio.wav\n",
        ),
    ],
)
def test_files_that_are_not_what_they_should_be_are_named(
    folder: Path, name: str, content: str
) -> None:
    (folder / name).write_text(content)
    with pytest.raises(EngramError, match=Path(name).name):
        facts.read_dataset(folder)


ROW = ("001", "pieman", "n/a", "pieman", "pieman", "0", "15", "437.5", "n/a")


def told(folder: Path, *rows: tuple[str, ...]) -> list[Fact]:
    (folder / "facts.tsv").write_text(
        "".join("\t".join(row) + "\n" for row in ([field.name for field in fields(Fact)], *rows)),
        encoding="utf-8",
    )
    return facts.read_facts(folder / "facts.tsv")


@pytest.mark.parametrize("place", [5, 6, 7])
@pytest.mark.parametrize("number", ["1_5", "\uff11\uff15", "15,0", "soon", "True"])
def test_times_of_a_facts_table_are_plain_numbers(tmp_path: Path, place: int, number: str) -> None:
    with pytest.raises(
        EngramError, match=rf"facts\.tsv', line 3, column '\w+': '{number}' is no number"
    ):
        told(tmp_path, ROW, (*ROW[:place], number, *ROW[place + 1 :]))


def test_a_missing_time_is_refused_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(EngramError, match=r"facts\.tsv', line 2: .*seconds are needed"):
        told(tmp_path, (*ROW[:5], "n/a", *ROW[6:]))


@pytest.mark.parametrize("written", ["no", "False", "0", "none"])
def test_what_says_no_excludes_no_scan(tmp_path: Path, written: str) -> None:
    with pytest.raises(
        EngramError, match=rf"line 2: excluded is '{written}'\. Write n/a for a scan that counts"
    ):
        told(tmp_path, (*ROW[:-1], written))
    assert [one.excluded for one in told(tmp_path, ROW, ("002", *ROW[1:-1], "no sound"))] == [
        None,
        "no sound",
    ]


def test_a_scan_and_story_that_stands_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        EngramError, match=r"line 3: sub-001_task-pieman, story pieman, was there in line 2"
    ):
        told(tmp_path, ROW, (*ROW[:5], "3", *ROW[6:]))
