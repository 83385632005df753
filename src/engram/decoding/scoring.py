"""Identification of segments by all layers of a model, in both directions, for a group.

A group is listeners who heard the same stories.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from engram.decoding import from_bold, from_predictions, ranks, segments
from engram.decoding.comparison import Comparison
from engram.decoding.target_sets import target_sets
from engram.encoding import predictions, timing
from engram.encoding.folds import Folds
from engram.encoding.group import Group, Part
from engram.encoding.story_data import stack_listeners
from engram.encoding.story_folds import StoryFolds
from engram.jobs.progress import progress

#: Directions: BOLD is predicted from features, or embeddings from BOLD.
ENCODING, DECODING = "encoding", "decoding"
#: Section of the configuration, for messages.
_KEY = "decoding"


@dataclass(frozen=True)
class Trials:
    """What is identified in a group: segments by fold, and sets of targets.

    Attributes
    ----------
    folds : Folds
    inner : list of Folds
        By places among the training rows of each.
    blocks : list of lists of Block
        By fold.
    sets : mapping
        By name, which targets are in each.
    length : int
        Rows of a segment.
    """

    folds: Folds
    inner: list[Folds]
    blocks: list[list[segments.Block]]
    sets: Mapping[str, np.ndarray]
    length: int

    @classmethod
    def of(
        cls,
        group: Group,
        seconds: float,
        sets: Sequence[str],
        folds: int | StoryFolds,
        inner_folds: int,
    ) -> Trials:
        """Return the trials of a group; where whole stories are left out, each is a test block.

        Raises
        ------
        EngramError
            If a story has no two segments that are far enough apart, or a set no targets.
        """
        length = segments.segment_rows(seconds, group.tr)
        apart = length + group.gap
        outer, inner = from_bold.nested_folds(
            group.row_story, group.row_position, folds, inner_folds, group.gap
        )
        blocks = segments.cut(outer, group.row_story, group.row_position, length, apart)
        tested = {place: group.stories[place].name for place in group.tested_places}
        segments.check_candidates(blocks, tested, seconds, apart, _KEY)
        found = target_sets(group.stories[0].target_coordinates, sets)
        return cls(outer, inner, blocks, found, length)

    def coordinates(self, group: Group) -> dict[str, Any]:
        """Return how many segments there are in each scored story, and what guessing gives."""
        usable = [block for fold in self.blocks for block in fold if block.usable]
        by_story = [[one for one in usable if one.story == place] for place in group.tested_places]
        counts = [sum(int(one.far.any(1).sum()) for one in mine) for mine in by_story]
        candidates = [
            float(np.mean(np.concatenate([one.far.sum(1)[one.far.any(1)] for one in mine])))
            for mine in by_story
        ]
        guessed = [np.mean([ranks.by_chance(one.far) for one in mine], 0) for mine in by_story]
        return {
            "n_segments": ("story", counts, {"description": "Segments that have candidates"}),
            "n_candidates": ("story", candidates, {"description": "Candidates of each, mean"}),
            "by_chance": (
                ("story", "measure"),
                np.array(guessed),
                {"description": "What guessing gives"},
            ),
        }


def score_decoding(
    comparison: Comparison, directions: Sequence[str], seconds: float, sets: Sequence[str]
) -> xr.Dataset:
    """Identify segments from the BOLD of a group of listeners.

    Parameters
    ----------
    comparison : Comparison
    directions : sequence of {"encoding", "decoding"}
    seconds : float
        Length of a segment.
    sets : sequence of str
        Sets of targets (`engram.decoding.target_sets`).

    Returns
    -------
    xarray.Dataset
        ``score`` (way, measure, layer, story, subject, set): means over test blocks, by direction;
        ``shifted`` (way, shift, set): rank accuracy on shifted BOLD at the reported layer, mean
        over stories and single listeners. ``by_chance`` (story, measure) is what guessing gives.

    Raises
    ------
    EngramError
        If a story has no two segments that are far enough apart, or a set no targets.
    """
    group = comparison.group
    options = comparison.options
    inner = options["inner_folds"] if len(options["alphas"]) > 1 else 0
    trials = Trials.of(group, seconds, sets, group.folds, inner)
    found = _Identification(comparison, trials, options["alphas"])
    score, shifted = [], []
    for direction in directions:
        if direction == ENCODING:
            score.append(found.by_encoding(comparison.layers))
            shifted.append(found.null_of_encoding())
        else:
            score.append(found.by_decoding(comparison.layers))
            shifted.append(found.null_of_decoding())
    return comparison.dataset(
        directions,
        ranks.MEASURES,
        trials.sets,
        np.stack(score),
        np.stack(shifted),
        "share",
        **trials.coordinates(group),
    ).assign_attrs(rows_of_a_segment=trials.length)


class _Identification:
    """Identification in a group, in either direction, observed and on shifted BOLD."""

    def __init__(self, comparison: Comparison, trials: Trials, alphas: Sequence[float]) -> None:
        self.comparison, self.trials, self.alphas = comparison, trials, alphas
        self.group, self.n_stories = comparison.group, len(comparison.group.stories)
        self.how = self.group.how_for(comparison.read[0])

    def by_encoding(self, layers: Sequence[int]) -> np.ndarray:
        """Return accuracy by predicted BOLD: (n_measures, n_layers, n_scored, n_subjects, n_sets).

        As `by_decoding` returns it by decoded embeddings.
        """
        group, trials = self.group, self.trials
        shape = (self.n_stories, group.shape[0], len(trials.sets))
        result = np.full((len(ranks.MEASURES), len(layers), *shape), np.nan)

        def work(part: Part) -> None:
            n_listeners = part.listeners.stop - part.listeners.start
            for place, layer in enumerate(progress(layers, "layers", "layer")):
                vectors = self.comparison.vectors(layer)
                held = predictions.of_part(group, part, vectors, self.how)
                if held is not None:
                    result[:, place, :, part.listeners] = from_predictions.identified(
                        held, trials.blocks, trials.sets, n_listeners, self.n_stories
                    )

        group.each_part(self.comparison.read[0].sizes["unit"], 1, work)
        return result[:, :, group.tested_places]

    def null_of_encoding(self) -> np.ndarray:
        """Return rank accuracy on shifted BOLD, by predicted BOLD: (n_draws, n_sets)."""
        shifts = self.comparison.shifts
        if not len(shifts):
            return np.empty((0, len(self.trials.sets)))
        group = self.comparison.listeners
        features = group.features(self.comparison.vectors(self.comparison.reported), self.how)
        return from_predictions.null_ranks(
            group, features, shifts, self.trials.blocks, self.trials.sets
        )

    def by_decoding(self, layers: Sequence[int]) -> np.ndarray:
        """Return accuracy by decoded embeddings, as `by_encoding` does."""
        embeddings = [self._embeddings(layer) for layer in layers]
        found = self._decoded(embeddings, self.group.subjects, whole=True)
        # (n_measures, n_scored, n_layers, n_subjects, n_sets)
        return found.transpose(0, 2, 1, 3, 4)

    def null_of_decoding(self) -> np.ndarray:
        """Return rank accuracy on shifted BOLD, by decoded embeddings: (n_draws, n_sets)."""
        shifts = self.comparison.shifts
        if not len(shifts):
            return np.empty((0, len(self.trials.sets)))
        whole, row_story = self._embeddings(self.comparison.reported), self.group.row_story
        parts = []
        for part in from_bold.in_parts(len(shifts), len(row_story) ** 2):
            moved = [from_bold.rolled(whole, row_story, one) for one in shifts[part]]
            # (1, n_scored, n_draws, n_subjects, n_sets)
            found = self._decoded(moved, self.comparison.single, whole=False)
            parts.append(found[0].mean((0, 2)))
        return np.concatenate(parts)

    def _embeddings(self, layer: int) -> from_bold.Embeddings:
        how, tr = self.how or self.group.how, self.group.tr
        stories = zip(self.comparison.vectors(layer), self.group.stories, strict=True)
        rows = [
            timing.delayed_features(values, one.onsets, one.times, tr, [0], how)
            for values, one in stories
        ]
        return from_bold.Embeddings(np.concatenate(rows))

    def _decoded(
        self, embeddings: Sequence[from_bold.Embeddings], subjects: Sequence[str], whole: bool
    ) -> np.ndarray:
        """Return accuracy: (n_measures, n_scored, n_embeddings, n_subjects, n_sets)."""
        group, trials = self.group, self.trials
        n_sets = len(trials.sets)
        size = len(group.row_story) * sum(int(is_in.sum()) for is_in in trials.sets.values())
        parts = []
        for some in from_bold.in_parts(len(subjects), size):
            decoders = [
                from_bold.Decoder(features.scaled, trials.folds, trials.inner, self.alphas)
                for subject in subjects[some]
                for features in self._bold_features(subject)
            ]
            found = from_bold.identified(
                decoders, trials.folds, trials.blocks, embeddings, self.n_stories, whole
            )
            parts.append(found.reshape(*found.shape[:3], -1, n_sets))
        return np.concatenate(parts, axis=3)[:, group.tested_places]

    def _bold_features(self, subject: str) -> list[from_bold.BoldFeatures]:
        """Return what a listener's BOLD is decoded from, for each set of targets."""
        group = self.group
        bold = stack_listeners(group.stories, [subject])
        return [
            from_bold.BoldFeatures(bold[:, is_in], group.row_story, group.row_position, group.fir)
            for is_in in self.trials.sets.values()
        ]
