"""Random control texts: a story's insertions with content of one source, matched one by one.

For each insertion the source has candidates with the same number of words. Those are near that
are alike in the frequency of their content words, in how many function words they have, and in
characters. What is tested, how far the content is from the passage and how surprising it is there,
is never matched.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from engram.associations.annotators.story_style import StoryStyle
from engram.associations.control_sources import ENOUGH_SOURCES, ENOUGH_TEXTS, Source
from engram.associations.text_pieces import CUT, Piece, pieces
from engram.associations.word_counts import (
    SourceCounts,
    WordCounts,
    content_words,
    plain_words,
)

logger = logging.getLogger(__name__)

#: Weights of what is matched: frequency, function words, characters.
WEIGHTS = np.array([3.0, 3.0, 1.0])
#: Candidates, the nearest ones, of which one is drawn.
NEAREST = 5
#: What makes a candidate farther, in standard deviations of what is matched: that its words stand
#: in this text already, each earlier text that they stand in, that it is a phrase cut out of
#: a sentence or any words in a row, and that it is of the other granularity.
IN_THIS_TEXT, IN_ANOTHER, PER_CUT, OTHER_GRANULARITY = 20.0, 4.0, 2.0, 1.0
#: Any words in a row are candidates only where there are fewer others than so many times those
#: that a text needs.
SPARE = 2


@dataclass(frozen=True)
class Made:
    """A control text.

    Attributes
    ----------
    insertions : dict
        By the words of the story that they stand behind.
    source : str
        Whose words they are; nothing where they are the text's own, or the story's.
    n_sources : int
        How many sources there are.
    pool : int
        Texts of the source that are candidates for any of the insertions and share no words.
    cut : int
        Insertions that are any words in a row, or of several texts.
    """

    insertions: dict[int, str]
    source: str = ""
    n_sources: int = 0
    pool: int = 0
    cut: int = 0


@dataclass
class _Candidates:
    """Pieces of a source, by number of words, and where its texts have been used."""

    pieces: list[Piece]
    texts: list[str]
    identity: np.ndarray
    parent: np.ndarray
    begin: np.ndarray
    end: np.ndarray
    penalty: np.ndarray
    features: np.ndarray
    uses: np.ndarray
    by_length: dict[int, np.ndarray]

    @property
    def apart(self) -> int:
        """Return how many candidates there are that share no words, the shortest first."""
        taken = np.zeros(len(self.pieces), dtype=bool)
        number = 0
        for chosen in np.argsort(self.end - self.begin, kind="stable"):
            if not taken[chosen]:
                taken |= self.overlapping(int(chosen))
                number += 1
        return number

    def overlapping(self, chosen: int) -> np.ndarray:
        """Return which candidates share words with one of them, or are the same text."""
        result: np.ndarray = (
            (self.parent == self.parent[chosen])
            & (self.begin < self.end[chosen])
            & (self.end > self.begin[chosen])
        ) | (self.identity == self.identity[chosen])
        return result


class RandomTexts:
    """Random control texts of one text, each from one source; sources take turns.

    Parameters
    ----------
    insertions : mapping
        The text's, in the story's style.
    granularity : {"word", "sentence"}
    sources : sequence of Source
    style : StoryStyle
    counts : SourceCounts
        For the frequency of words.
    common : frozenset of str
        Function words.
    """

    def __init__(
        self,
        insertions: Mapping[int, str],
        granularity: str,
        sources: Sequence[Source],
        style: StoryStyle,
        counts: SourceCounts,
        common: frozenset[str],
    ) -> None:
        self._insertions, self._granularity = insertions, granularity
        self._style, self._common = style, common
        self._needed = Counter(len(text.split()) for text in insertions.values())
        everywhere = counts.outside("")
        self._wanted = {
            place: self._features(text, everywhere) for place, text in insertions.items()
        }
        made = {
            source.name: self._candidates(source, counts.outside(source.name)) for source in sources
        }
        self._sources = self._sufficient(made)
        self._pools = {name: one.apart for name, one in self._sources.items()}
        self._scale = _scale(list(self._sources.values()))
        self._say_what_p_holds_for()

    def make(self, number: int, order: np.random.Generator, rng: np.random.Generator) -> Made:
        """Return a random text.

        Parameters
        ----------
        number : int
            From 1. Texts are to be made in this order, since each avoids what others have.
        order : numpy.random.Generator
            For the order of sources: the same for all texts.
        rng : numpy.random.Generator
            For the text.
        """
        names = list(self._sources)
        name = names[order.permutation(len(names))[(number - 1) % len(names)]]
        candidates = self._sources[name]
        taken = np.zeros(len(candidates.pieces), dtype=bool)
        result: dict[int, str] = {}
        cut = 0
        for place in rng.permutation(np.array(list(self._insertions))).tolist():
            wanted = self._insertions[place]
            among = candidates.by_length.get(len(wanted.split()))
            if among is None:
                text, cut = _joined(candidates, len(wanted.split()), rng), cut + 1
            else:
                chosen = self._nearest(candidates, among, taken, self._wanted[place], rng)
                same = candidates.overlapping(chosen)
                taken |= same
                candidates.uses += same
                text = candidates.texts[chosen]
                cut += candidates.pieces[chosen].wholeness == CUT
            result[place] = self._style.applied(text, self._granularity, place)
        return Made(
            {place: result[place] for place in self._insertions},
            name,
            len(names),
            self._pools[name],
            cut,
        )

    def _nearest(
        self,
        candidates: _Candidates,
        among: np.ndarray,
        taken: np.ndarray,
        wanted: np.ndarray,
        rng: np.random.Generator,
    ) -> int:
        """Return one of the candidates that are nearest to what is wanted."""
        away = (candidates.features[among] - wanted) / self._scale
        cost = (
            np.sqrt((away**2) @ WEIGHTS)
            + candidates.penalty[among]
            + IN_THIS_TEXT * taken[among]
            + IN_ANOTHER * candidates.uses[among]
        )
        # Equals are in no order: the texts of a source come in one.
        nearest = np.lexsort((rng.random(len(cost)), cost))[:NEAREST]
        free = nearest[~taken[among[nearest]]]
        return int(among[rng.choice(free if len(free) else nearest)])

    def _features(self, text: str, counts: WordCounts) -> np.ndarray:
        """Return what insertions are matched in."""
        words = plain_words(text)
        content = content_words(text, self._common)
        return np.array(
            [
                counts.log_frequency(content or words),
                len(words) - len(content),
                sum(map(len, words)),
            ]
        )

    def _candidates(self, source: Source, counts: WordCounts) -> _Candidates:
        """Return what a source has for the insertions; words are counted in the other sources."""
        found: list[tuple[Piece, str, int, float]] = []
        parent = 0
        for texts, penalty in ((source.texts, 0.0), (source.other_texts, OTHER_GRANULARITY)):
            for text in texts:
                parent += 1
                for piece in pieces(text, self._needed, self._common):
                    found.append((piece, piece.text, parent, penalty))
        enough = self._lengths_with_enough([one[0] for one in found])
        kept: list[tuple[Piece, str, int, float]] = []
        for piece, text, parent, penalty in found:
            length = piece.end - piece.begin
            if piece.wholeness == CUT and length in enough:
                continue
            # A dash within a word may make two of it: what counts is what a reader sees.
            styled = self._style.applied(text, self._granularity, 0)
            if len(styled.split()) == length:
                kept.append((piece, text, parent, penalty))
        spans = np.array([(one[0].begin, one[0].end) for one in kept], dtype=int).reshape(-1, 2)
        lengths = spans[:, 1] - spans[:, 0]
        return _Candidates(
            [one[0] for one in kept],
            [one[1] for one in kept] or list(source.texts),
            np.unique([one[1].lower() for one in kept], return_inverse=True)[1],
            np.array([one[2] for one in kept], dtype=int),
            spans[:, 0],
            spans[:, 1],
            np.array([one[3] + PER_CUT * one[0].wholeness for one in kept]),
            np.array([self._features(one[1], counts) for one in kept]).reshape(-1, 3),
            np.zeros(len(kept)),
            {int(one): np.flatnonzero(lengths == one) for one in np.unique(lengths)},
        )

    def _lengths_with_enough(self, found: Sequence[Piece]) -> set[int]:
        """Return the numbers of words of which there are enough pieces that are not cut."""
        whole = Counter(piece.end - piece.begin for piece in found if piece.wholeness != CUT)
        return {
            length for length, needed in self._needed.items() if whole[length] >= SPARE * needed
        }

    def _sufficient(self, made: Mapping[str, _Candidates]) -> dict[str, _Candidates]:
        """Return the sources that can fill a text without a piece twice, or all if few can."""
        fit = {name: candidates for name, candidates in made.items() if self._fills(candidates)}
        if len(fit) < 2:
            return dict(made)
        if len(fit) < len(made):
            logger.info(
                "random texts: too small to fill a text of %d insertions without any of theirs "
                "twice, and left out: %s",
                len(self._insertions),
                "; ".join(sorted(set(made) - set(fit))),
            )
        return fit

    def _fills(self, candidates: _Candidates) -> bool:
        """Tell whether a source has pieces that share no words for all insertions.

        Any words in a row do not count.
        """
        taken = np.array([piece.wholeness == CUT for piece in candidates.pieces], dtype=bool)
        for length, needed in sorted(self._needed.items(), reverse=True):
            among = candidates.by_length.get(length, np.empty(0, dtype=int))
            for _ in range(needed):
                free = among[~taken[among]]
                if len(free) == 0:
                    return False
                taken |= candidates.overlapping(int(free[0]))
        return True

    def _say_what_p_holds_for(self) -> None:
        """Log whether p holds for other sources too."""
        pool = min(self._pools.values())
        if is_conditional(len(self._sources), pool, len(self._insertions)):
            logger.info(
                "random texts: p is conditional on these sources: there are %d (%d would do), "
                "and the smallest has %d texts for %d insertions (%d would do)",
                len(self._sources),
                ENOUGH_SOURCES,
                pool,
                len(self._insertions),
                ENOUGH_TEXTS * len(self._insertions),
            )


def is_conditional(n_sources: int, pool: int, insertions: int) -> bool:
    """Tell whether p over random texts holds for their sources only.

    So it is with fewer than ten sources, or with one of fewer texts than 20 an insertion.
    """
    return n_sources < ENOUGH_SOURCES or pool < ENOUGH_TEXTS * insertions


def _joined(candidates: _Candidates, length: int, rng: np.random.Generator) -> str:
    """Return so many words of texts that are all shorter."""
    words: list[str] = []
    while len(words) < length:
        words += plain_words(candidates.texts[int(rng.integers(len(candidates.texts)))])
    return " ".join(words[:length])


def _scale(sources: Sequence[_Candidates]) -> np.ndarray:
    """Return the standard deviations of what is matched, among candidates of a number of words."""
    parts = [
        one.features[among] for one in sources for among in one.by_length.values() if len(among) > 1
    ]
    if not parts:
        return np.ones(3)
    spread: np.ndarray = np.sqrt(np.concatenate([part - part.mean(0) for part in parts]).var(0))
    return np.where(spread > 0, spread, 1.0)
