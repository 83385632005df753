"""Word norms over a story: the numbers of each word's row in a table, centred."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engram.associations.norms.english import cue_of, folded
from engram.errors import EngramError
from engram.features.known_tables import KNOWN_TABLES
from engram.features.norms.table import WordTable, read_table
from engram.features.space import Given, Space, centred
from engram.wording import listed
from engram.words.punctuation import bare

logger = logging.getLogger(__name__)


def lay(given: Given) -> Space:
    """Return the norms of a story's words.

    Raises
    ------
    EngramError
        What `engram.features.norms.table.read_table` raises, and if the table has too few of the
        story's words.
    """
    section = given.space
    files = given.config["files"]
    table = open_table(section, Path(files[0]) if files else given.fetched)
    return norms_space(
        given.words["word"].tolist(),
        table,
        given.story,
        section["language"],
        section["least_coverage"],
    )


def open_table(section: Mapping[str, Any], place: Path | None) -> WordTable:
    """Return the table that a section names: of the user's, or below the folder of fetched ones."""
    known = KNOWN_TABLES.get(section["table"])
    if place is None:
        raise EngramError(f"the table '{section['table']}' was not fetched.")
    if known is None:
        return read_table(place, section["word"], section["columns"])
    columns = section["columns"] or list(known.columns)
    return read_table(place / known.file, section["word"] or known.word, columns)


def norms_space(
    words: Sequence[str], table: WordTable, story: str, language: str, least_coverage: float
) -> Space:
    """Return the norms of words.

    Parameters
    ----------
    words : sequence of str
        A story's.
    table : WordTable
    story : str
        For messages.
    language : str
        Of the table; English words are looked up by their lemma too.
    least_coverage : float
        Share of the words that must be known.
    """
    entries = entries_of(words, table.values, language)
    known = np.array([entry != "" for entry in entries])
    check_coverage(words, known, table, story, least_coverage)
    vectors = np.zeros((len(words), len(table.columns)))
    for index in np.flatnonzero(known):
        vectors[index] = table.values[entries[index]]
    vectors, mean = centred(vectors, known)
    return Space(vectors[None], table.columns, known, entries, mean[None])


def entries_of(words: Sequence[str], table: Collection[str], language: str) -> list[str]:
    """Return the entry of a table that each word is a form of, "" where there is none.

    The word as it is written comes first, then an English word's lemma.
    """
    kept: dict[str, str] = {}
    for word in dict.fromkeys(words):
        form = folded(bare(word))
        if form in table:
            kept[word] = form
        elif form and language.casefold().partition("-")[0] == "en":
            kept[word] = cue_of(form, table) or ""
        else:
            kept[word] = ""
    return [kept[word] for word in words]


def check_coverage(
    words: Sequence[str], known: np.ndarray, table: WordTable, story: str, least: float
) -> None:
    """Refuse a table that has too few of a story's words.

    Raises
    ------
    EngramError
        It names the share, and words on either side.
    """
    share = float(known.mean())
    missing = Counter(folded(bare(word)) for word, one in zip(words, known, strict=True) if not one)
    often = [f"'{word}'" for word, _ in missing.most_common(6) if word]
    said = f"story {story}: '{table.path}' has {int(known.sum()):,} of {len(words):,} words"
    first = [f"'{word}'" for word in list(table.values)[:5]]
    if not known.any() or share < least:
        raise EngramError(
            f"{said} ({share:.0%}), and least_coverage asks for {least:.0%}. Words that it lacks: "
            f"{listed(often)}; its own begin with {listed(first)}. Is it of the story's language, "
            "and is its column of words right? A table that is small on purpose needs a smaller "
            "least_coverage."
        )
    logger.info("%s (%.0f %%); most frequent without: %s", said, 100 * share, listed(often))
