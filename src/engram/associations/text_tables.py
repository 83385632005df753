"""Tables of what a model reads of a story: its texts, and the inserted words that are rows."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import pandas as pd

from engram.associations.insertions import inserted_rows
from engram.paths import COMMON_WORDS

#: Words after an insertion in which its content must not appear for the first time.
AHEAD = 100
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
TEXTS = "The texts that a model read of a story, one of them its own."
TEXTS_COLUMNS = {
    "story": "Story.",
    "text": "Name of the associations.",
    "variant": "original, associations, or a control and its number.",
    "insertions": "Texts inserted.",
    "inserted_words": "Words inserted.",
    "content_words": (
        "Inserted words with content (not articles, pronouns, prepositions and the like)."
    ),
    "ahead": (
        "Content words that first occur in the story within the next 100 words: foresight, "
        "where it is more than the shuffled texts'."
    ),
}
ROWS = (
    "Inserted words that are rows of their own, with their times; none where only the story's own "
    "words give rows (context, anchor)."
)
ROWS_COLUMNS = {
    "story": "Story.",
    "text": "Name of the associations.",
    "variant": "associations, or a control and its number.",
    "after_word": "Index of the story's word that the insertion follows.",
    "word": "Inserted word.",
    "onset": "Seconds on the story's clock.",
}


def texts_table(
    story: str, name: str, words: Sequence[str], texts: Mapping[str, Mapping[int, str]]
) -> pd.DataFrame:
    """Return what was inserted in each text (the columns of `TEXTS_COLUMNS`)."""
    common = frozenset(
        line
        for line in COMMON_WORDS.read_text(encoding="utf-8").split("\n")
        if line and not line.startswith("#")
    )
    rows = []
    for text, insertions in texts.items():
        content, ahead = foresight(words, insertions, common)
        inserted = sum(len(one.split()) for one in insertions.values())
        rows.append((story, name, text, len(insertions), inserted, content, ahead))
    return pd.DataFrame(rows, columns=list(TEXTS_COLUMNS))


def rows_table(
    story: str,
    name: str,
    words: pd.DataFrame,
    texts: Mapping[str, Mapping[int, str]],
    alignment: str,
) -> pd.DataFrame:
    """Return the inserted words that are rows in each text (the columns of `ROWS_COLUMNS`)."""
    parts = [
        inserted_rows(words, insertions, alignment).assign(variant=variant)
        for variant, insertions in texts.items()
    ]
    return pd.concat(parts, ignore_index=True).assign(story=story, text=name)[list(ROWS_COLUMNS)]


def foresight(
    words: Sequence[str], insertions: Mapping[int, str], common: frozenset[str]
) -> tuple[int, int]:
    """Return how many content words are inserted, and how many of them the story says soon.

    These first occur in the story within the next 100 words.

    Parameters
    ----------
    words : sequence of str
    insertions : mapping
    common : frozenset of str
        Words without content (articles, pronouns, prepositions and the like).
    """
    stems = [stem_of(word) for word in words]
    first: dict[str, int] = {}
    for index, stem in enumerate(stems):
        first.setdefault(stem, index)
    total = ahead = 0
    for place, text in insertions.items():
        for word in _WORD.findall(text.lower()):
            if word in common:
                continue
            total += 1
            ahead += place < first.get(stem_of(word), -1) <= place + AHEAD
    return total, ahead


def stem_of(word: str) -> str:
    """Return a word without the endings of plural and tense: enough to know it again."""
    found = _WORD.search(word.lower())
    stem = found[0].removesuffix("'s") if found else word
    for ending in ("ing", "ed", "es", "s"):
        if stem.endswith(ending) and len(stem) - len(ending) >= 3:
            return stem[: -len(ending)]
    return stem


def content_stems(text: str, common: frozenset[str]) -> list[str]:
    """Return the stems of a text's words with content, in their order."""
    return [stem_of(word) for word in _WORD.findall(text.lower()) if word not in common]


def stems_ahead(stems: Sequence[str], place: int) -> frozenset[str]:
    """Return the stems of the story's next words: what says them behind a place has foresight."""
    return frozenset(stems[place + 1 : place + 1 + AHEAD])
