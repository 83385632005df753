"""What is known of Narratives without its data.

That is who heard what and when (resources/narratives).

The facts come from the dataset's own metadata (`read_dataset`), are kept in a table that plans
a study without the network, and are compared with the metadata again when a scan is read.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass, fields
from math import isfinite
from pathlib import Path
from typing import Any

from engram.datasets.narratives.layout import METADATA, events_file
from engram.errors import EngramError
from engram.files import delimited, text_files
from engram.files.json_text import value_of
from engram.vocabulary import scan_name

#: Seconds.
TR = 1.5
#: One text, heard under different instructions: never to be averaged together,
#: hence stories of their own.
CONDITIONS = ("prettymouth",)
#: Audio files in which more than one story is told, in their order.
PARTS = {"slumlordreach": ("slumlord", "reach")}
EXCLUDED = "named in the dataset's code/scan_exclude.json"
_MISSING = "n/a"
#: What people write for no, where a reason is expected: it would leave the scan out.
_NO = ("0", "no", "none", "false", "f", "n", "nan", "null", "-")
_TIMES = ("audio_onset", "story_onset", "story_end")


@dataclass(frozen=True)
class Fact:
    """One listener, run and story.

    `stimulus` is the audio file's name; times are seconds of the scan's clock.
    """

    subject: str
    task: str
    run: str | None
    story: str
    stimulus: str
    audio_onset: float
    story_onset: float
    story_end: float
    excluded: str | None

    @property
    def scan(self) -> str:
        """The scan's name, as the dataset's files begin."""
        return scan_name(self.subject, self.task, self.run)

    def plain(self) -> list[Any]:
        """Return the fields as a list, as jobs get them in their parameters."""
        return list(astuple(self))


_COLUMNS = [field.name for field in fields(Fact)]


def read_facts(path: Path) -> list[Fact]:
    """Read a facts table (resources/narratives/make_facts.py makes it).

    Raises
    ------
    EngramError
        If it is no facts table; with its line for a time that is no plain number, a scan whose
        exclusion is "no" or the like, and a scan and story that were there before.
    """
    table = delimited.read_frame(
        path, text=[name for name in _COLUMNS if name not in _TIMES], known=_TIMES
    )
    delimited.need_columns(list(table.columns), _COLUMNS, path)
    table = table.assign(**{name: delimited.numbers(table[name], path) for name in _TIMES})
    found: dict[tuple[str, str], int] = {}
    facts = []
    for line, row in zip(table.index, table[_COLUMNS].to_dict("records"), strict=True):
        try:
            fact = _fact(
                {
                    name: (
                        value
                        if name in _TIMES
                        else str(value).strip() or None
                        if isinstance(value, str)
                        else None
                    )
                    for name, value in row.items()
                }
            )
        except (TypeError, ValueError) as error:
            raise EngramError(
                f"'{path}', line {line}: it is no row of a facts table ({error}). Its columns "
                f"are {', '.join(_COLUMNS)}."
            ) from None
        if fact.excluded is not None and fact.excluded.lower() in _NO:
            raise EngramError(
                f"'{path}', line {line}: excluded is '{fact.excluded}'. Write {_MISSING} for a "
                "scan that counts, or why it does not."
            )
        before = found.setdefault((fact.scan, fact.story), line)
        if before != line:
            raise EngramError(
                f"'{path}', line {line}: {fact.scan}, story {fact.story}, was there in line "
                f"{before}. Keep one of them."
            )
        facts.append(fact)
    return facts


def write_facts(path: Path, facts: Iterable[Fact]) -> None:
    """Write a facts table."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, delimiter="\t", lineterminator="\n")
        writer.writerow(_COLUMNS)
        writer.writerows([_written(value) for value in astuple(fact)] for fact in facts)


def read_dataset(folder: Path, scans: Sequence[str] | None = None) -> list[Fact]:
    """Return the facts from a dataset's own metadata.

    Parameters
    ----------
    folder : Path
        Holds participants.tsv, ``sub-*/func/*_events.tsv`` and ``code/scan_exclude.json``
        (a clone of OpenNeuro ds002345 or of the DataLad dataset: a few MB of text).
    scans : sequence of str, optional
        Only these scans.

    Returns
    -------
    list of Fact
        A scan in which two stories were told has two.

    Raises
    ------
    EngramError
        If a file is not there or is not what it should be.
    """
    participants, exclusions = (folder / name for name in METADATA)
    with _named(exclusions, "a JSON object of tasks, listeners and scans"):
        listed = value_of(text_files.read_text(exclusions))
        excluded = {
            scan
            for listeners in listed.values()
            for scans_of_listener in listeners.values()
            for scan in scans_of_listener
        }
    with _named(participants, "a table with participant_id, and as many conditions as tasks"):
        conditions = {
            (row["participant_id"], task): condition
            for row in delimited.read_rows(participants, ("participant_id", "task", "condition"))
            for task, condition in zip(
                row["task"].split(","), row["condition"].split(","), strict=True
            )
        }
    paths = (
        sorted(folder.glob("sub-*/func/*_events.tsv"))
        if scans is None
        else [folder / events_file(scan) for scan in scans]
    )
    facts: list[Fact] = []
    for path in paths:
        with _named(
            path,
            (
                "events with onset, duration, trial_type and stim_file, of a listener "
                f"in {participants.name}"
            ),
        ):
            facts += _scan_facts(path, excluded, conditions)
    return facts


@contextmanager
def _named(path: Path, expected: str) -> Iterator[None]:
    """Turn the errors of a file that is not what it should be into one that names it."""
    try:
        yield
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise EngramError(
            f"'{path}' is not what it should be, {expected} ({type(error).__name__}: "
            f"{error}). Fetch it again."
        ) from error


def check_facts(folder: Path, facts: Sequence[Fact]) -> None:
    """Raise `EngramError` where the dataset's metadata contradict the facts.

    By the facts the study was planned.
    """
    scans = sorted({fact.scan for fact in facts})
    from_metadata = {(fact.scan, fact.story): fact for fact in read_dataset(folder, scans)}
    for fact in facts:
        found = from_metadata.get((fact.scan, fact.story))
        if found != fact:
            differences = (
                "that story is not in it" if found is None else ", ".join(_differences(fact, found))
            )
            raise EngramError(
                f"{fact.scan}, story {fact.story}: the facts table and the metadata in '{folder}' "
                f"differ ({differences}). If the dataset was changed, make the table anew "
                "with resources/narratives/make_facts.py; if not, fetch its metadata again."
            )


def _differences(expected: Fact, found: Fact) -> Iterator[str]:
    for name, one, other in zip(_COLUMNS, astuple(expected), astuple(found), strict=True):
        if one != other:
            yield f"{name}: table {_written(one)}, metadata {_written(other)}"


def _scan_facts(
    path: Path, excluded: set[str], conditions: dict[tuple[str, str], str]
) -> Iterator[Fact]:
    """Yield the facts of one scan."""
    name = path.name.removesuffix("_events.tsv")
    match = re.fullmatch(
        r"(?P<participant>sub-(?P<subject>\w+?))_task-(?P<task>\w+?)(?:_run-(?P<run>\d+))?", name
    )
    if match is None:
        raise EngramError(f"'{path}' is not the name of an events file.")
    events = [
        event
        for event in delimited.read_rows(path, ("onset", "duration", "trial_type", "stim_file"))
        if event["stim_file"] != _MISSING
    ]
    for stimulus in dict.fromkeys(event["stim_file"] for event in events):
        mine = [event for event in events if event["stim_file"] == stimulus]
        story_events = [event for event in mine if event["trial_type"] == "story"]
        base = stimulus.removesuffix("_audio.wav")
        names = PARTS.get(
            base,
            (
                base
                + (conditions[match["participant"], match["task"]] if base in CONDITIONS else ""),
            ),
        )
        if len(names) != len(story_events):
            raise EngramError(
                f"'{path}': {len(story_events)} stories are told in {stimulus}, "
                f"{len(names)} were expected."
            )
        for story, event in zip(names, story_events, strict=True):
            yield _fact(
                {
                    "subject": match["subject"],
                    "task": match["task"],
                    "run": match["run"],
                    "story": story,
                    "stimulus": base,
                    # The audio begins with the first event that names its file; music counts.
                    "audio_onset": min(float(one["onset"]) for one in mine),
                    "story_onset": float(event["onset"]),
                    "story_end": float(event["onset"]) + float(event["duration"]),
                    "excluded": EXCLUDED if name in excluded else None,
                }
            )


def _fact(values: dict[str, Any]) -> Fact:
    """Return a fact with times to the millisecond, as the table keeps them."""
    for name in ("subject", "task", "run", "story", "stimulus"):
        if values[name] is None and name != "run":
            raise ValueError(f"{name} is missing")
        # They become parts of paths, which must not lead out of a folder.
        if values[name] is not None and not re.fullmatch(
            r"[A-Za-z0-9][A-Za-z0-9_-]*", values[name]
        ):
            raise ValueError(
                f"{name} '{values[name]}' has other signs than letters, digits, '-' and '_'"
            )
    times = {name: round(float(values[name]), 3) for name in _TIMES}
    if not (all(map(isfinite, times.values())) and times["story_onset"] < times["story_end"]):
        raise ValueError(
            f"times of {values['subject']}, {values['story']}: {times}; seconds are needed, "
            "and a story that ends after it began"
        )
    return Fact(**{**values, **times})


def _written(value: object) -> str:
    return (
        _MISSING
        if value is None
        else f"{value:.3f}".rstrip("0").rstrip(".")
        if isinstance(value, float)
        else str(value)
    )
