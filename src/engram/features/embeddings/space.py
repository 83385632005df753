"""A static vector for each word of a story, centred; unknown words have the story's mean."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import numpy as np

from engram.errors import EngramError
from engram.features.embeddings.vectors import read_vectors
from engram.features.space import Given, Space, centred
from engram.paths import found
from engram.words.punctuation import bare

logger = logging.getLogger(__name__)


def lay(given: Given) -> Space:
    """Return the vectors of a story's words.

    Raises
    ------
    EngramError
        If the table cannot be read, or has too few of the story's words.
    """
    section = given.space
    if given.activations is not None:
        vectors = given.activations["activation"].values[0]
        known = np.ones(len(vectors), dtype=bool)
        vectors, mean = centred(vectors, known)
        return Space(vectors[None], known=known, mean=mean[None])
    words = [bare(word) for word in given.words["word"]]
    wanted = {form for word in words for form in (word, word.casefold()) if form}
    table = read_vectors(found(section["table"]), wanted)
    return of_table(words, table, given.story, section)


def of_table(
    words: list[str], table: Mapping[str, np.ndarray], story: str, section: Mapping[str, float]
) -> Space:
    """Return the vectors of words: as they are written, else in small letters."""
    entries = [next((one for one in (w, w.casefold()) if one in table), "") for w in words]
    known = np.array([entry != "" for entry in entries])
    if not known.any() or known.mean() < section["least_coverage"]:
        raise EngramError(
            f"story {story}: '{section['table']}' has {int(known.sum()):,} of {len(words):,} words "
            f"({known.mean():.0%}), and least_coverage asks for {section['least_coverage']:.0%}. "
            "Is it of the story's language?"
        )
    logger.info("story %s: %.0f %% of words have a vector", story, 100 * known.mean())
    size = len(table[entries[int(known.argmax())]])
    vectors = np.zeros((len(words), size))
    for index in np.flatnonzero(known):
        vectors[index] = table[entries[index]]
    vectors, mean = centred(vectors, known)
    return Space(vectors[None], None, known, entries, mean[None])
