"""What can be seen of words without a brain: how frequent they are, and whether they say anything.

Frequencies are counted in what is at hand: the story and the sources of control texts. This needs
no list of a language, and is coarse: rare words all count alike.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping

from engram.paths import COMMON_WORDS
from engram.words.punctuation import bare


def common_words() -> frozenset[str]:
    """Return the words without content: articles, pronouns, prepositions and the like."""
    lines = COMMON_WORDS.read_text(encoding="utf-8").split("\n")
    return frozenset(line for line in lines if line and not line.startswith("#"))


def plain_words(text: str) -> list[str]:
    """Return the words of a text in small letters, without the punctuation around them."""
    return [word for token in text.split() if (word := bare(token).lower())]


def content_words(text: str, common: frozenset[str]) -> list[str]:
    """Return the plain words of a text that are no function words."""
    return [word for word in plain_words(text) if word not in common]


class WordCounts:
    """How often words stand in texts.

    Parameters
    ----------
    texts : iterable of str
    """

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._counts = Counter(word for text in texts for word in plain_words(text))

    def __add__(self, other: WordCounts) -> WordCounts:
        """Return the counts of both."""
        result = WordCounts()
        result._counts = self._counts + other._counts
        return result

    def __sub__(self, other: WordCounts) -> WordCounts:
        """Return the counts without those of a part."""
        result = WordCounts()
        result._counts = self._counts - other._counts
        return result

    def log_frequency(self, words: Iterable[str]) -> float:
        """Return the mean log10 of one more than the counts of some words; 0 for none."""
        found = [math.log10(1 + self._counts[word]) for word in words]
        return sum(found) / len(found) if found else 0.0


class SourceCounts:
    """How often words stand in a story and in sources of texts.

    Parameters
    ----------
    story_words : iterable of str
    sources : mapping
        The texts of each source, by its name.
    """

    def __init__(self, story_words: Iterable[str], sources: Mapping[str, Iterable[str]]) -> None:
        self._of = {name: WordCounts(texts) for name, texts in sources.items()}
        self._all = sum(self._of.values(), WordCounts(story_words))

    def outside(self, source: str) -> WordCounts:
        """Return the counts in all but a source, so that its own words are not known better.

        With a name that no source has they are all counts.
        """
        return self._all - self._of[source] if source in self._of else self._all
