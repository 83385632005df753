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
from engram.decoding.target_sets import target_sets
from engram.encoding import circular_shift, predictions, scores, timing
from engram.encoding.folds import Folds
from engram.encoding.group import Group, Part, open_group
from engram.encoding.story_data import stack_listeners
from engram.features.layers import reported_layer
from engram.jobs.progress import progress
from engram.vocabulary import AVERAGE

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
        cls, group: Group, seconds: float, sets: Sequence[str], folds: int, inner_folds: int
    ) -> Trials:
        """Return the trials of a group.

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
        names = [one.name for one in group.stories]
        segments.check_candidates(blocks, names, seconds, apart, _KEY)
        found = target_sets(group.stories[0].target_coordinates, sets)
        return cls(outer, inner, blocks, found, length)

    def coordinates(self, group: Group) -> dict[str, Any]:
        """Return what measures, stories and sets are called, and how many segments there are."""
        n_stories = len(group.stories)
        usable = [block for fold in self.blocks for block in fold if block.usable]
        by_story = [[one for one in usable if one.story == number] for number in range(n_stories)]
        counts = [sum(int(one.far.any(1).sum()) for one in mine) for mine in by_story]
        candidates = [
            float(np.mean(np.concatenate([one.far.sum(1)[one.far.any(1)] for one in mine])))
            for mine in by_story
        ]
        guessed = [np.mean([ranks.by_chance(one.far) for one in mine], 0) for mine in by_story]
        return {
            "measure": list(ranks.MEASURES),
            "story": [one.name for one in group.stories],
            "set": list(self.sets),
            "n_targets": ("set", [int(one.sum()) for one in self.sets.values()]),
            "n_segments": ("story", counts, {"description": "Segments that have candidates"}),
            "n_candidates": ("story", candidates, {"description": "Candidates of each, mean"}),
            "by_chance": (
                ("story", "measure"),
                np.array(guessed),
                {"description": "What guessing gives"},
            ),
        }


def score_decoding(
    activations: Sequence[str],
    bold: Sequence[str],
    words: Sequence[str],
    subjects: Sequence[str],
    targets: str,
    *,
    directions: Sequence[str],
    seconds: float,
    sets: Sequence[str],
    layers: str,
    layer: int | None,
    number: int,
    seed: int,
    **options: Any,
) -> xr.Dataset:
    """Identify segments from the BOLD of a group of listeners.

    Parameters
    ----------
    activations, bold, words, subjects, targets, **options
        As `engram.encoding.group.open_group` takes them.
    directions : sequence of {"encoding", "decoding"}
    seconds : float
        Length of a segment.
    sets : sequence of str
        Sets of targets (`engram.decoding.target_sets`).
    layers : {"all", "reported"}
    layer : int or None
        The layer to report (`engram.features.layers.reported_layer`).
    number, seed : int
        Of circular shifts, at the reported layer.

    Returns
    -------
    xarray.Dataset
        ``accuracy`` (direction, measure, layer, story, subject, set), mean over test blocks, and
        ``rank_shifted`` (direction, shift, set), mean over stories and single listeners.
    """
    read, group = open_group(activations, bold, words, subjects, targets, **options)
    depth = read[0].sizes["layer"]
    reported = reported_layer(depth - 1, layer)
    kept = list(range(depth)) if layers == "all" else [reported]
    trials = Trials.of(group, seconds, sets, options["folds"], options["inner_folds"])
    identification = _Identification(read, group, trials, options)
    single = [one for one in group.subjects if one != AVERAGE]
    shifts = _shifts(group, number if single else 0, seed)
    accuracy, shifted = [], []
    for direction in directions:
        by_encoding = direction == ENCODING
        observe = identification.by_encoding if by_encoding else identification.by_decoding
        test = identification.null_of_encoding if by_encoding else identification.null_of_decoding
        accuracy.append(observe(kept))
        shifted.append(test(reported, shifts, single))
    found = _dataset(group, directions, kept, np.stack(accuracy), np.stack(shifted), shifts)
    return found.assign_coords(trials.coordinates(group)).assign_attrs(
        reported_layer=reported, rows_of_a_segment=trials.length
    )


def _dataset(
    group: Group,
    directions: Sequence[str],
    layers: Sequence[int],
    accuracy: np.ndarray,
    shifted: np.ndarray,
    shifts: np.ndarray,
) -> xr.Dataset:
    """Return accuracies and those on shifted BOLD as `score_decoding` describes them."""
    allowed = [
        len(circular_shift.allowed_shifts(len(one.times), group.tr)) for one in group.stories
    ]
    return xr.Dataset(
        {
            "accuracy": (
                ("direction", "measure", "layer", "story", "subject", "set"),
                accuracy.astype(np.float32),
                {"units": "share", "description": "Of segments, mean over test blocks"},
            ),
            "rank_shifted": (
                ("direction", "shift", "set"),
                shifted.astype(np.float32),
                {
                    "units": "share",
                    "description": "Rank accuracy on BOLD that was shifted in time, mean over "
                    "stories and single listeners, at the reported layer",
                },
            ),
            "rows": (("shift", "story"), shifts, {"description": "Shift of each story, in rows"}),
        },
        coords={
            "direction": list(directions),
            "layer": list(layers),
            "subject": group.subjects,
            "allowed": ("story", allowed, {"description": "Shifts that there are"}),
        },
        attrs=scores.attributes(group),
    )


def _shifts(group: Group, number: int, seed: int) -> np.ndarray:
    """Return the shifts in rows: (n_draws, n_stories); no draws where a story is too short."""
    drawn = [
        circular_shift.drawn_shifts(one.name, len(one.times), group.tr, number, seed)
        for one in group.stories
    ]
    if not number or not all(len(one) for one in drawn):
        return np.zeros((0, len(drawn)), dtype=int)
    return np.stack(drawn, axis=1)


class _Identification:
    """Identification in a group, in either direction, observed and on shifted BOLD."""

    def __init__(
        self,
        read: Sequence[xr.Dataset],
        group: Group,
        trials: Trials,
        options: Mapping[str, Any],
    ) -> None:
        self.read, self.group, self.trials, self.options = read, group, trials, options
        self.how, self.n_stories = group.how_for(read[0]), len(group.stories)

    def _vectors(self, layer: int) -> list[np.ndarray]:
        return [one["activation"][layer].values for one in self.read]

    def _empty(self, n_layers: int) -> np.ndarray:
        shape = (self.n_stories, self.group.shape[0], len(self.trials.sets))
        return np.full((len(ranks.MEASURES), n_layers, *shape), np.nan)

    def by_encoding(self, layers: Sequence[int]) -> np.ndarray:
        """Return accuracy by predicted BOLD: (n_measures, n_layers, n_stories, n_subjects, n_sets).

        As `by_decoding` returns it by decoded embeddings.
        """
        group, trials, result = self.group, self.trials, self._empty(len(layers))

        def work(part: Part) -> None:
            n_listeners = part.listeners.stop - part.listeners.start
            for place, layer in enumerate(progress(layers, "layers", "layer")):
                held = predictions.of_part(group, part, self._vectors(layer), self.how)
                if held is not None:
                    result[:, place, :, part.listeners] = from_predictions.identified(
                        held, trials.blocks, trials.sets, n_listeners, self.n_stories
                    )

        group.each_part(self.read[0].sizes["unit"], 1, work)
        return result

    def null_of_encoding(self, layer: int, shifts: np.ndarray, single: Sequence[str]) -> np.ndarray:
        """Return rank accuracy on shifted BOLD, by predicted BOLD: (n_draws, n_sets)."""
        if not len(shifts):
            return np.empty((0, len(self.trials.sets)))
        group = self.group
        if list(single) != group.subjects:
            group = Group(group.stories, single, **self.options)
        features = group.features(self._vectors(layer), self.how)
        return from_predictions.null_ranks(
            group, features, shifts, self.trials.blocks, self.trials.sets
        )

    def by_decoding(self, layers: Sequence[int]) -> np.ndarray:
        """Return accuracy by decoded embeddings, as `by_encoding` does."""
        products = [self._products(layer) for layer in layers]
        found = self._decoded(products, self.group.subjects, whole=True)
        # (n_measures, n_stories, n_layers, n_subjects, n_sets)
        return found.transpose(0, 2, 1, 3, 4)

    def null_of_decoding(self, layer: int, shifts: np.ndarray, single: Sequence[str]) -> np.ndarray:
        """Return rank accuracy on shifted BOLD, by decoded embeddings: (n_draws, n_sets)."""
        if not len(shifts):
            return np.empty((0, len(self.trials.sets)))
        products = self._products(layer)
        parts = []
        for part in from_bold.in_parts(len(shifts), products.size):
            moved = [from_bold.rolled(products, self.group.row_story, one) for one in shifts[part]]
            # (1, n_stories, n_draws, n_subjects, n_sets)
            parts.append(self._decoded(moved, single, whole=False)[0].mean((0, 2)))
        return np.concatenate(parts)

    def _products(self, layer: int) -> np.ndarray:
        embeddings = np.concatenate(
            [
                timing.delayed_features(
                    values, one.onsets, one.times, self.group.tr, [0], self.how or self.group.how
                )
                for values, one in zip(self._vectors(layer), self.group.stories, strict=True)
            ]
        )
        return from_bold.embedding_products(embeddings)

    def _decoded(
        self, products: Sequence[np.ndarray], subjects: Sequence[str], whole: bool
    ) -> np.ndarray:
        """Return accuracy: (n_measures, n_stories, n_products, n_subjects, n_sets)."""
        group, trials = self.group, self.trials
        n_sets, n_rows = len(trials.sets), len(group.row_story)
        size = n_sets * n_rows * min(n_rows, len(group.fir) * group.shape[1])
        parts = []
        for some in from_bold.in_parts(len(subjects), size):
            decoders = [
                from_bold.Decoder(features, trials.folds, trials.inner, self.options["alphas"])
                for subject in subjects[some]
                for features in self._bold_features(subject)
            ]
            found = from_bold.identified(
                decoders, trials.folds, trials.blocks, products, self.n_stories, whole
            )
            parts.append(found.reshape(*found.shape[:3], -1, n_sets))
        return np.concatenate(parts, axis=3)

    def _bold_features(self, subject: str) -> list[np.ndarray]:
        """Return what a listener's BOLD is decoded from, for each set of targets."""
        group = self.group
        bold = stack_listeners(group.stories, [subject])
        return [
            from_bold.bold_features(bold[:, is_in], group.row_story, group.row_position, group.fir)
            for is_in in self.trials.sets.values()
        ]
