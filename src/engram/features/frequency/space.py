"""The logarithm of each word's frequency, centred; unknown words have the story's mean."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engram.errors import EngramError
from engram.features.space import Given, Space, centred
from engram.words.language import language_of, primary
from engram.words.punctuation import bare


def lay(given: Given) -> Space:
    """Return the frequency of a story's words.

    Raises
    ------
    EngramError
        If there is no such column or language, or too few words are known.
    """
    section = given.space
    words = given.words["word"].tolist()
    language = section["language"] or primary(language_of(given.words))
    if section["source"] == "column":
        if "log_frequency" not in given.words:
            raise EngramError(
                f"story {given.story}: its words have no column log_frequency "
                "(docs/data/tables.md). "
                "Add it, or write 'source: wordfreq'."
            )
        values = given.words["log_frequency"].to_numpy(float)
    else:
        values = zipf(words, language)
    known = np.isfinite(values)
    if not known.any() or known.mean() < section["least_coverage"]:
        raise EngramError(
            f"story {given.story}: the frequency of {int(known.sum()):,} of {len(words):,} words "
            f"is known ({known.mean():.0%}), and least_coverage asks for "
            f"{section['least_coverage']:.0%}. Is '{language}' the "
            "story's language?"
        )
    vectors, mean = centred(np.nan_to_num(values)[:, None], known)
    return Space(vectors[None], ["log_frequency"], known, mean=mean[None])


def zipf(words: Sequence[str], language: str) -> np.ndarray:
    """Return the Zipf frequency of words by wordfreq, NaN where it knows none: (n_words, )."""
    import wordfreq

    if language not in wordfreq.available_languages():
        raise EngramError(
            f"wordfreq has no language '{language}'. It has "
            f"{', '.join(sorted(wordfreq.available_languages()))}."
        )
    try:
        found = {word: wordfreq.zipf_frequency(bare(word), language) for word in set(words)}
    except ModuleNotFoundError as error:
        raise EngramError(
            f"wordfreq needs '{error.name}' for the language '{language}'. Install its extra: "
            f"pip install 'wordfreq[cjk]'."
        ) from error
    return np.array([found[word] or np.nan for word in words])
