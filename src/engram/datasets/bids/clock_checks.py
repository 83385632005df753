"""Whether a story can begin when events or the user say so, seen before the first job."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engram.datasets.bids import events
from engram.datasets.bids.config import BidsSection
from engram.datasets.bids.heard import Heard
from engram.errors import EngramError


def check_beginnings(
    heard: Sequence[Heard], rows: Mapping[str, int], tr: float, dataset: BidsSection
) -> None:
    """Refuse a story that begins when its recording is over, and a start of the wrong sign.

    Parameters
    ----------
    heard : sequence of Heard
        In use.
    rows : mapping
        Of each recording, by its name.
    tr : float
        Seconds.
    dataset : BidsSection
    """
    for one in heard:
        last = rows[one.recording.name] * tr
        start = dataset.start[one.story] if isinstance(dataset.start, dict) else dataset.start
        begins = one.onset if start is None else -start
        if begins is None or begins < last:
            if start is not None:
                _check_sign(one, start, tr, dataset)
            continue
        said = f"'{one.recording.events[0]}'" if start is None else "dataset.start"
        raise EngramError(
            f"{said}: the story '{one.story}' would begin {begins:g} s after the first volume of "
            f"{one.recording.name}, which has {rows[one.recording.name]} volumes of {tr:g} s "
            f"({last:g} s). Is the time in milliseconds, or counted from something else? Seconds "
            "from the first volume are needed."
        )


def _check_sign(one: Heard, start: float, tr: float, dataset: BidsSection) -> None:
    """Refuse a start that is as long as events say, the other way."""
    if start <= tr or not one.recording.events:
        return
    try:
        found = events.presentations(one.recording.events[0], dataset.trial_type)
    except EngramError:
        return  # why the user says it by hand
    onsets = [each.onset for each in found if each.onset is not None]
    if len(onsets) == 1 and abs(onsets[0] - start) < tr:
        raise EngramError(
            f"dataset.start is {start:g}, and by '{one.recording.events[0]}' the story began "
            f"{onsets[0]:g} s after the first volume of {one.recording.name}: on the story's clock "
            f"the first volume is then at {-onsets[0]:g} s. Write dataset: {{start: "
            f"{-onsets[0]:g}}}, or take the key out, since events say it."
        )
