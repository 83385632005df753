"""Similarity of all layers of a model with the brains of a group's listeners.

A group is listeners who heard the same stories.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from engram.decoding.comparison import Comparison
from engram.decoding.segments import segment_rows
from engram.decoding.target_sets import target_sets
from engram.encoding import circular_shift, timing
from engram.encoding.correlation import deviations
from engram.encoding.folds import outer_folds
from engram.encoding.group import Group
from engram.encoding.story_data import StoryData, stack_listeners
from engram.errors import EngramError
from engram.jobs.progress import progress
from engram.similarity import weighted_mean
from engram.similarity.dissimilarity import FEWEST, Pairs, comparable, pooled

#: Ways of comparing: dissimilarities of pairs of segments; weighted means of rows.
RSA, ENCODING = "rsa", "encoding"
#: Numbers of shifted BOLD that are in memory at once.
_NUMBERS = 1 << 26


def score_similarity(
    comparison: Comparison, metrics: Sequence[str], seconds: float, sets: Sequence[str]
) -> xr.Dataset:
    """Compare what is alike in a model with what is alike in the brains of a group's listeners.

    Parameters
    ----------
    comparison : Comparison
    metrics : sequence of {"rsa", "encoding"}
    seconds : float
        Length of a segment, for `rsa`.
    sets : sequence of str
        Sets of targets (`engram.decoding.target_sets`).

    Returns
    -------
    xarray.Dataset
        ``score`` (way, measure, layer, story, subject, set), by metric, and ``shifted``
        (way, shift, set), mean over stories and single listeners. NaN by `rsa` for sets of fewer
        than three targets.
    """
    group = comparison.group
    found = target_sets(group.stories[0].target_coordinates, sets)
    score, shifted = [], []
    for metric in metrics:
        compare: _Rsa | _Encoding = (
            _Rsa(comparison.read, group, found, seconds)
            if metric == RSA
            else _Encoding(comparison.read, group, found)
        )
        layers = progress(comparison.layers, "layers", "layer")
        score.append(np.stack([compare.observed(one) for one in layers]))
        shifted.append(compare.null(comparison.reported, comparison.shifts, comparison.single))
    pairs = [len(story_pairs(one, seconds, group.gap).lag) for one in group.tested]
    return comparison.dataset(
        metrics,
        {"similarity": "Of a model with a listener's brain"},
        found,
        np.stack(score)[:, None],
        np.stack(shifted),
        "Pearson r",
        n_pairs=("story", pairs, {"description": "Pairs of segments"}),
    )


def story_pairs(story: StoryData, seconds: float, gap: int) -> Pairs:
    """Return the pairs of a story's segments that share neither words nor the BOLD they answer to.

    Raises
    ------
    EngramError
        If there are fewer than ten.
    """
    length = segment_rows(seconds, story.tr)
    pairs = Pairs.of(len(story.times) // length, length, length + gap)
    if len(pairs.lag) < 10:
        raise EngramError(
            f"similarity: the story {story.name} has {len(pairs.lag)} pairs of segments of "
            f"{seconds:g} s that are far enough apart; RSA needs ten at least. Write shorter "
            "segments (similarity: {seconds: ...}), or leave the story out."
        )
    return pairs


def word_counts(story: StoryData) -> np.ndarray:
    """Return how many words each row of a story holds: (n_rows, 1)."""
    ones = np.ones((len(story.onsets), 1), dtype=np.float32)
    return timing.delayed_features(ones, story.onsets, story.times, story.tr, [0], "sum")


class _Rsa:
    """Dissimilarities of a model's layers beside those of each listener's BOLD."""

    def __init__(
        self,
        read: Sequence[xr.Dataset],
        group: Group,
        sets: Mapping[str, np.ndarray],
        seconds: float,
    ) -> None:
        self._read, self._group, self._how = read, group, group.how_for(read[0]) or group.how
        self._length = segment_rows(seconds, group.tr)
        self._pairs = {
            place: story_pairs(group.stories[place], seconds, group.gap)
            for place in group.tested_places
        }
        self._counts = [word_counts(one) for one in group.stories]
        if all(one.sum() < FEWEST for one in sets.values()):
            raise EngramError(
                f"similarity: RSA compares patterns over {FEWEST} targets or more, and these sets "
                f"have fewer: {', '.join(sets)}. Write sets: [all], targets: all, or leave rsa out "
                "(similarity: {metrics: [encoding]})."
            )
        #: By story: (n_subjects, n_sets, n_pairs).
        self._brains = {
            place: np.stack(
                [
                    brain_dissimilarities(
                        group.stories[place], subject, sets, self._length, group.fir, pairs
                    )
                    for subject in group.subjects
                ]
            )
            for place, pairs in self._pairs.items()
        }

    def observed(self, layer: int) -> np.ndarray:
        """Return the similarity with a layer: (n_stories, n_subjects, n_sets)."""
        return np.stack(
            [self._similarity(brains, layer, number, 0) for number, brains in self._brains.items()]
        )

    def null(self, layer: int, shifts: np.ndarray, single: Sequence[str]) -> np.ndarray:
        """Return the same with the text shifted against BOLD, mean over listeners.

        Its shape is (n_draws, n_sets).
        """
        mine = [self._group.subjects.index(one) for one in single]
        brains = {number: one[mine] for number, one in self._brains.items()}
        found = np.empty((len(shifts), next(iter(brains.values())).shape[1]))
        for draw, by_story in enumerate(shifts):
            of_stories = [
                self._similarity(one, layer, number, int(by_story[number])).mean(0)
                for number, one in brains.items()
            ]
            found[draw] = np.mean(of_stories, axis=0)
        return found

    def _similarity(self, brains: np.ndarray, layer: int, story: int, shift: int) -> np.ndarray:
        """Return correlations with a layer's dissimilarities: (n_subjects, n_sets).

        The text, its word rate too, is shifted by so many rows against BOLD, which comes to the
        same as BOLD that is shifted the other way. Word rate is taken off both sides; where
        nothing else is in a model, as in the word rate itself, it is left in.
        """
        one, pairs = self._group.stories[story], self._pairs[story]
        vectors = self._read[story]["activation"][layer].values
        rows = timing.delayed_features(vectors, one.onsets, one.times, one.tr, [0], self._how)
        spread = deviations(rows)
        rows = rows.astype(np.float64) - rows.mean(0, dtype=np.float64)
        rows = np.roll(rows / np.where(spread > 0, spread, 1), -shift, axis=0)
        counts = np.roll(self._counts[story], -shift, axis=0)
        values = pairs.dissimilarities(pooled(rows, self._length))
        beside = pairs.dissimilarities(pooled(counts, self._length))
        model = comparable(values, pairs, beside)
        if not model.any():
            result: np.ndarray = brains @ comparable(values, pairs, None)
            return result
        of_rate = brains @ comparable(beside, pairs, None)
        left = np.sqrt(np.maximum(1 - of_rate**2, np.finfo(float).tiny))
        partial: np.ndarray = brains @ model / left
        return partial


def brain_dissimilarities(
    story: StoryData,
    subject: str,
    sets: Mapping[str, np.ndarray],
    length: int,
    delays: Sequence[int],
    pairs: Pairs,
    counts: np.ndarray | None = None,
) -> np.ndarray:
    """Return a listener's dissimilarities as they are correlated: (n_sets, n_pairs).

    With `counts`, the number of words of each row, word rate is taken off. NaN for sets of fewer
    than three targets, which have no geometry.
    """
    bold = story.bold.sel(subject=subject).values.astype(np.float64)
    segments = pooled(bold, length, delays)
    segments = segments - segments.mean(0)
    beside = None if counts is None else pairs.dissimilarities(pooled(counts, length))
    found = np.full((len(sets), len(pairs.lag)), np.nan)
    for number, is_in in enumerate(sets.values()):
        if is_in.sum() >= FEWEST:
            values = pairs.dissimilarities(segments[:, is_in])
            found[number] = comparable(values, pairs, beside)
    return found


class _Encoding:
    """Similarity encoding of a model's layers, mean r over each set's targets."""

    def __init__(
        self,
        read: Sequence[xr.Dataset],
        group: Group,
        sets: Mapping[str, np.ndarray],
    ) -> None:
        self._read, self._group, self._how = read, group, group.how_for(read[0])
        self._folds = outer_folds(group.row_story, group.row_position, group.folds, group.gap)
        self._sets = np.stack([one / one.sum() for one in sets.values()], axis=1)

    def observed(self, layer: int) -> np.ndarray:
        """Return r with a layer: (n_stories, n_subjects, n_sets)."""
        alike, found = self._likeness(layer), []
        for subject in self._group.subjects:
            bold = stack_listeners(self._group.stories, [subject])
            r = weighted_mean.scores(alike, self._folds, bold, self._group.row_story)
            found.append(r @ self._sets)
        return np.stack(found, axis=1)

    def null(self, layer: int, shifts: np.ndarray, single: Sequence[str]) -> np.ndarray:
        """Return r on shifted BOLD: (n_draws, n_sets), mean over stories and listeners."""
        group, alike = self._group, self._likeness(layer)
        total = np.zeros((len(shifts), self._sets.shape[1]))
        for subject in single:
            bold = stack_listeners(group.stories, [subject])
            at_once = max(1, _NUMBERS // bold.size)
            for begin in range(0, len(shifts), at_once):
                some = shifts[begin : begin + at_once]
                moved = circular_shift.side_by_side(bold, group, some)
                r = weighted_mean.scores(alike, self._folds, moved, group.row_story)
                by_draw = r.mean(0).reshape(len(some), -1)
                total[begin : begin + len(some)] += by_draw @ self._sets
        return total / max(len(single), 1)

    def _likeness(self, layer: int) -> list[np.ndarray]:
        vectors = [one["activation"][layer].values for one in self._read]
        features = self._group.features(vectors, self._how)
        return [weighted_mean.likeness(features, train, test) for train, test in self._folds]
