"""Lemmas and parts of speech of English words, for finding a word's cue in a table of norms.

The rules are those of WordNet's Morphy: irregular forms from a list, else endings are taken off,
and what remains counts where a dictionary has it. The dictionary is the table's own cues.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from pathlib import Path

from engram.paths import IRREGULAR_FORMS, PARTS_OF_SPEECH

#: Endings, and what stands in their place; tried in this order.
_ENDINGS = (
    ("ies", "y"),
    ("ied", "y"),
    ("ier", "y"),
    ("iest", "y"),
    ("ves", "f"),
    ("ves", "fe"),
    ("s", ""),
    ("es", ""),
    ("ed", "e"),
    ("ed", ""),
    ("ing", "e"),
    ("ing", ""),
    ("er", "e"),
    ("er", ""),
    ("est", "e"),
    ("est", ""),
)
#: Letters of what remains, at least.
_SHORTEST = 3


def folded(text: str) -> str:
    """Return a word or phrase as it is looked up: case-folded, one blank between words."""
    return " ".join(text.replace("\u2019", "'").casefold().split())


def cue_of(word: str, cues: Collection[str]) -> str | None:
    """Return the cue that a word of a story is a form of; None if the table has none.

    Parameters
    ----------
    word : str
        Without punctuation around it.
    cues : collection of str
        As `folded` gives them.

    Notes
    -----
    First comes what an irregular form is a form of (*went*: *go*), then the word as it is, then the
    word without its ending. A word that is a lemma of its own (*evening*) keeps its ending.
    """
    form = folded(word).removesuffix("'s")
    candidates = [_irregular().get(form, form), form]
    if form not in _classes():
        candidates += _without_ending(form)
    return next((one for one in candidates if one in cues), None)


def parts_of_speech(word: str) -> str:
    """Return the letters of the parts of speech that a word can be, "" where it is not known.

    They are a (adjective), n (noun), r (adverb) and v (verb), in this order.
    """
    return _classes().get(folded(word), "")


def _without_ending(form: str) -> list[str]:
    found = []
    for ending, instead in _ENDINGS:
        stem = form.removesuffix(ending)
        if stem == form or len(stem) < _SHORTEST:
            continue
        found.append(stem + instead)
        if not instead and stem[-1] == stem[-2]:  # stopped: stop
            found.append(stem[:-1])
    return found


@cache
def _classes() -> dict[str, str]:
    return _pairs(PARTS_OF_SPEECH)


@cache
def _irregular() -> dict[str, str]:
    return _pairs(IRREGULAR_FORMS)


def _pairs(path: Path) -> dict[str, str]:
    """Return a list of the project's own as a mapping of its first column to its second."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return dict(line.split("\t") for line in lines if not line.startswith("#"))
