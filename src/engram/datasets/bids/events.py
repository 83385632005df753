"""Which stories a recording holds, and when each begins: a table of events says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from engram.datasets.bids.headers import check_fetched
from engram.errors import EngramError
from engram.files import delimited
from engram.files.cells import MISSING

#: Seconds between two events with one file, up to which the second goes on with the first.
GAP = 1.0
#: Onsets are times from the first volume; a scan is no longer than this, in seconds.
_LONGEST = 24 * 3600.0


class Presentation(NamedTuple):
    """A stimulus that was presented, and when it began.

    Attributes
    ----------
    stimulus : str
        Its file; empty where there is none.
    onset : float or None
        Seconds from the first volume; None where nobody needs it.
    end : float
        Seconds from the first volume at which it ended; 0 where the events do not say it.
    """

    stimulus: str
    onset: float | None
    end: float = 0.0


class _Event(NamedTuple):
    line: int
    onset: float
    duration: float
    stimulus: str | None


def presentations(
    path: Path, trial_type: str | None, needs_onsets: bool = True
) -> list[Presentation]:
    """Return what a table of events says was presented.

    Parameters
    ----------
    path : Path
        With the columns onset and duration (seconds), and those of trial_type and stim_file
        that there are.
    trial_type : str or None
        Only events of this type count; None: all.
    needs_onsets : bool
        Whether it matters when a stimulus began; else it may have begun several times.

    Returns
    -------
    list of Presentation
        One for each `stim_file`; where the table has none, one without a name, whose onset is
        that of its only event.

    Raises
    ------
    EngramError
        If a time is no number, no event is left, a file was presented more than once, or events
        without a file are several.
    """
    events = _events(path, trial_type)
    if not any(one.stimulus for one in events):
        if len(events) > 1 and needs_onsets:
            types = _types(path)
            raise EngramError(
                f"'{path}' has {len(events)} events and no 'stim_file', so which of them is the "
                f"beginning of the story cannot be told. "
                + (
                    f"Write dataset: {{trial_type: ...}}, one of {types}, if one of them is; "
                    if len(types) > 1 and trial_type is None
                    else ""
                )
                + "or dataset: {start: ...}, the time of the first volume on the words' clock."
            )
        return [Presentation("", events[0].onset, _end(events))]
    found = []
    for stimulus in dict.fromkeys(one.stimulus for one in events if one.stimulus):
        mine = sorted(
            (one for one in events if one.stimulus == stimulus), key=lambda one: one.onset
        )
        if needs_onsets:
            _check_once(mine, stimulus, path)
        found.append(Presentation(stimulus, mine[0].onset, _end(mine)))
    return found


def _end(events: Sequence[_Event]) -> float:
    """Return when the last event ends; 0 where none has a duration."""
    return max((one.onset + one.duration for one in events if one.duration > 0), default=0.0)


def _events(path: Path, trial_type: str | None) -> list[_Event]:
    check_fetched(path)
    rows = delimited.read_rows(path, ("onset", "duration"))
    if trial_type is not None:
        kept = [(line, row) for line, row in enumerate(rows, 2) if _cell(row) == trial_type]
        if not kept:
            raise EngramError(
                f"'{path}' has no event of trial_type '{trial_type}' (dataset.trial_type). "
                f"It has {_types(path) or 'no such column'}."
            )
    else:
        kept = list(enumerate(rows, 2))
    if not kept:
        raise EngramError(
            f"'{path}' has no events, so nothing says when the story began. Add one, or write "
            "dataset: {start: ...}, the time of the first volume on the words' clock."
        )
    return [
        _Event(
            line,
            _seconds(row, "onset", line, path),
            _seconds(row, "duration", line, path, needed=False),
            _cell(row, "stim_file"),
        )
        for line, row in kept
    ]


def _cell(row: Mapping[str, str], name: str = "trial_type") -> str | None:
    cell = row.get(name, MISSING).strip()
    return None if cell in ("", MISSING) else cell


def _types(path: Path) -> list[str]:
    rows = delimited.read_rows(path, ("onset", "duration"))
    return sorted({found for row in rows if (found := _cell(row))})


def _seconds(
    row: Mapping[str, str], name: str, line: int, path: Path, needed: bool = True
) -> float:
    cell = _cell(row, name)
    if cell is None and not needed:
        return 0.0
    try:
        value = float(cell or "")
    except ValueError:
        raise EngramError(
            f"'{path}', line {line}: {name} is '{row[name]}'; seconds from the first volume are "
            "needed."
        ) from None
    if not -_LONGEST < value < _LONGEST:
        raise EngramError(
            f"'{path}', line {line}: {name} is {value:g} s, more than a day. Is it in "
            "milliseconds? BIDS wants seconds."
        )
    return value


def _check_once(events: Sequence[_Event], stimulus: str, path: Path) -> None:
    """Refuse a file that begins twice: words would have two clocks.

    Events that follow each other without a break, such as music and story, are one presentation.
    """
    end = events[0].onset + events[0].duration
    for one in events[1:]:
        if one.onset - end > GAP or one.duration == 0 or end == events[0].onset:
            raise EngramError(
                f"'{path}': '{stimulus}' is named by {len(events)} events, at "
                f"{', '.join(f'{event.onset:g}' for event in events[:5])} s, which do not follow "
                "each other without a break. Which is its beginning? Write dataset: {trial_type: "
                "...} if one type of events has it alone, or dataset: {start: ...}, the time of "
                "the first volume on the words' clock."
            )
        end = max(end, one.onset + one.duration)
