"""What is wrong with tuning samples, by line, and the error that lists it."""

from __future__ import annotations

from collections.abc import Sequence

from engram.errors import EngramError

#: A line of the file of samples, from 1, and what is wrong there.
Problem = tuple[int, str]
#: Lines that an error lists.
_LISTED = 10


def refuse(what: object, problems: Sequence[Problem], advice: str) -> None:
    """Raise `EngramError` if there are problems: up to ten of them by line, and how many more."""
    if problems:
        ordered = sorted(problems, key=lambda problem: problem[0])
        listed = "; ".join(f"line {line}: {text}" for line, text in ordered[:_LISTED])
        more = f"; and {len(ordered) - _LISTED} more" if len(ordered) > _LISTED else ""
        raise EngramError(f"'{what}': {listed}{more}. {advice}")
