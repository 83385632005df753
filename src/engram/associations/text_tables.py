"""Tables of what a model reads of a story: its texts, and the inserted words that are rows."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

import pandas as pd

from engram.associations.insertions import inserted_rows
from engram.associations.random_texts import Made
from engram.associations.word_counts import (
    SourceCounts,
    common_words,
    content_words,
    plain_words,
)
from engram.features.variants import kind_of
from engram.words.punctuation import core

#: Words after an insertion in which its content must not appear for the first time.
AHEAD = 100
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
TEXTS = "The texts that a model read of a story, one of them its own."
TEXTS_COLUMNS = {
    "story": "Story.",
    "text": "Name of the associations.",
    "variant": "original, associations, or a control and its number.",
    "source": "Whose words a random text has: a story's text, or a part of the tuning samples.",
    "n_sources": "Sources that random texts are drawn from.",
    "pool": (
        "Texts of the source that could stand for an insertion, and share no words; with fewer "
        "than 20 times the insertions, or fewer than ten sources, p over texts holds for these "
        "sources only."
    ),
    "insertions": "Texts inserted.",
    "inserted_words": "Words inserted.",
    "characters": "Letters and digits inserted.",
    "content_words": (
        "Inserted words with content (not articles, pronouns, prepositions and the like)."
    ),
    "log_frequency": (
        "Mean over insertions of log10(1 + count) of their content words, counted in the story "
        "and in all sources but the text's own."
    ),
    "punctuated": "Insertions that end in punctuation.",
    "capitals": "Insertions with a capital letter.",
    "repeated": "Insertions that stand in this text more than once, but for the first time.",
    "shared": "Insertions that another text of the same kind has too.",
    "cut": "Insertions that are any words in a row of a text, or of several.",
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
    story: str,
    name: str,
    words: Sequence[str],
    texts: Mapping[str, Made],
    counts: SourceCounts,
) -> pd.DataFrame:
    """Return what was inserted in each text (the columns of `TEXTS_COLUMNS`)."""
    common = common_words()
    having = Counter(
        (kind_of(variant), text)
        for variant, made in texts.items()
        for text in set(made.insertions.values())
    )
    rows = []
    for variant, made in texts.items():
        insertions = list(made.insertions.values())
        content, ahead = foresight(words, made.insertions, common)
        known = counts.outside(made.source)
        frequencies = [
            known.log_frequency(content_words(text, common) or plain_words(text))
            for text in insertions
        ]
        row = {
            "story": story,
            "text": name,
            "variant": variant,
            "source": made.source or None,
            "n_sources": made.n_sources or None,
            "pool": made.pool or None,
            "insertions": len(insertions),
            "inserted_words": sum(len(text.split()) for text in insertions),
            "characters": sum(map(len, plain_words(" ".join(insertions)))),
            "content_words": content,
            "log_frequency": sum(frequencies) / len(frequencies) if frequencies else None,
            "punctuated": sum(core(text)[1] < len(text) for text in insertions),
            "capitals": sum(text != text.lower() for text in insertions),
            "repeated": len(insertions) - len(set(insertions)),
            "shared": sum(having[kind_of(variant), text] > 1 for text in insertions),
            "cut": made.cut,
            "ahead": ahead,
        }
        rows.append(row)
    table = pd.DataFrame(rows, columns=list(TEXTS_COLUMNS))
    return table.astype({"n_sources": "Int64", "pool": "Int64", "log_frequency": float})


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
