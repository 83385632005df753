"""Numbers, ranges and lists as sentences hold them, in captions as in the report."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import pandas as pd

from engram.vocabulary import NORMS, PEOPLE

#: What stands where there is no number.
NONE = "n/a"
#: Between names, but not inside parentheses.
_BETWEEN = re.compile(r", (?![^(]*\))")


def number(value: float, digits: int = 3, signed: bool = False) -> str:
    """Return a number with a minus sign (not a hyphen): ``−0.012``, or ``+0.012`` if signed.

    Parameters
    ----------
    value : float
        Missing values give ``n/a``.
    digits : int
        Decimal places. What rounds to 0 has no sign.
    signed : bool
        Whether positive numbers have a plus sign.
    """
    if pd.isna(value):
        return NONE
    rounded = round(float(value), digits) + 0.0  # no negative zero
    return f"{rounded:{'+' if signed and rounded else ''}.{digits}f}".replace("-", "−")


def percent(share: float, digits: int = 0) -> str:
    """Return a share as a signed percentage: ``+12 %``."""
    return NONE if pd.isna(share) else f"{number(100 * share, digits, signed=True)} %"


def span(values: Iterable[float], digits: int = 3, signed: bool = False) -> str:
    """Return the range of the values that are known: ``0.012 to 0.140``; n/a if none is."""
    known = [value for value in values if pd.notna(value)]
    if not known:
        return NONE
    low, high = number(min(known), digits, signed), number(max(known), digits, signed)
    return low if low == high else f"{low} to {high}"


def count(amount: int, noun: str) -> str:
    """Return an amount with its noun: ``1 listener``, ``2 stories``."""
    return f"{amount:,} {noun if amount == 1 else plural(noun)}"


def plural(noun: str) -> str:
    """Return the regular plural of a noun: ``listeners``, ``stories``, ``days``."""
    if noun.endswith("y") and noun[-2:-1] not in set("aeiou"):
        return f"{noun[:-1]}ies"
    return f"{noun}s"


def listed(names: Sequence[str]) -> str:
    """Return names as a sentence has them: ``a, b and c``; nothing where there are none."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def null_text(kinds: Iterable[str]) -> str:
    """Return what the control texts that are the null are called: ``random text``.

    Where there are several kinds it is ``null text``.

    Parameters
    ----------
    kinds : iterable of str
        The kind of each.
    """
    names = set(kinds)
    return f"{names.pop()} text" if len(names) == 1 else "null text"


def writers(written_by: Iterable[str]) -> list[str]:
    """Return who wrote texts, as a sentence has them: people, a language model, or a model's name.

    Parameters
    ----------
    written_by : iterable of str
        Annotators of each text, with commas between them; in parentheses what they are.
    """
    said = {PEOPLE: "people", "language model": "a language model"}
    names = {name for text in written_by for name in _BETWEEN.split(text)}
    return sorted(
        said.get(name, name.replace("language model: ", "the language model ")) for name in names
    )


def origin(written_by: Iterable[str]) -> str:
    """Return where texts come from: who wrote them, or from which norms they are taken.

    Parameters
    ----------
    written_by : iterable of str
        As in `writers`.
    """
    names = writers(written_by)
    norms = [name.removeprefix(NORMS) for name in names if name.startswith(NORMS)]
    authors = [name for name in names if not name.startswith(NORMS)]
    said = [f"written by {listed(authors)}"] if authors else []
    return " or ".join([*said, *([f"from norms: {listed(norms)}"] if norms else [])])


def capitalised(text: str) -> str:
    """Return a text with its first letter as a capital, and the rest as it is."""
    return text[:1].upper() + text[1:]
