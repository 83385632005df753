"""Give English contractions their apostrophe back, where an aligner took words apart at it."""

from __future__ import annotations

from collections.abc import Sequence

#: What stands before 't without an apostrophe.
_NEGATED = frozenset(
    (
        "ain", "aren", "can", "couldn", "daren", "didn", "doesn", "don", "hadn", "hasn", "haven",
        "isn", "mightn", "mustn", "needn", "oughtn", "shan", "shouldn", "wasn", "weren", "won",
        "wouldn",
    )
)  # fmt: skip
_SUBJECTS = frozenset(
    ("he", "how", "i", "it", "she", "that", "there", "they", "we", "what", "where", "who", "you")
)
#: Of the words t, the share behind one of `_NEGATED` from which a file is of this kind.
_SHARE = 0.8


def with_apostrophes(words: Sequence[str]) -> list[str]:
    """Return the words with apostrophes before the ends of contractions.

    Parameters
    ----------
    words : sequence of str
        A file's words. They are changed where the file has t alone behind words such as didn, and
        hardly elsewhere.

    Returns
    -------
    list of str
        As many words: didn, 't; it, 's; o', clock. Models read them without a blank between
        (`engram.words.spacing`).
    """
    lower = [word.casefold() for word in words]
    alone = [place for place, word in enumerate(lower) if word == "t" and place]
    negated = sum(lower[place - 1] in _NEGATED for place in alone)
    if not negated or negated < _SHARE * len(alone):
        return list(words)
    return [
        f"'{word}"
        if place and _is_end(lower[place - 1], lower[place])
        else f"{word}'"
        if lower[place : place + 2] == ["o", "clock"]
        else word
        for place, word in enumerate(words)
    ]


def _is_end(before: str, word: str) -> bool:
    """Tell whether a word is the end of a contraction, behind the word before it."""
    if word == "t":
        return before in _NEGATED
    if word in ("d", "re", "m"):
        return before == "i" if word == "m" else before in _SUBJECTS
    return word in ("s", "ve", "ll") and before[-1:].isalpha() and len(before) + len(word) > 2
