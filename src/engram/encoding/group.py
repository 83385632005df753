"""A group of listeners who heard the same stories, opened and scored together.

What they heard is the same, so its features and their decompositions are shared. All that is scored
opens a group's files here (`open_group`), and so passes the same checks.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import xarray as xr

from engram.encoding import memory, ridge, timing
from engram.encoding.backends import (
    Arrays,
    arrays,
    batch_bytes,
    batch_limit,
    choose_backend,
    listener_limit,
)
from engram.encoding.memory import EncodingShape
from engram.encoding.other_listeners import OtherListeners
from engram.encoding.preparation import Preparation
from engram.encoding.read_ahead import ReadAhead
from engram.encoding.shared_penalties import SharedPenalties, tied
from engram.encoding.story_data import (
    StoryData,
    check_same_targets,
    open_stories,
    stack_listeners,
    with_own_times,
)
from engram.encoding.story_folds import folds_of
from engram.errors import EngramError
from engram.files import storage

logger = logging.getLogger(__name__)


@dataclass
class Part:
    """Some listeners of a group, with their BOLD.

    Attributes
    ----------
    listeners : slice
        Of the group's subjects.
    targets : array or Tensor of shape (n_rows, n_listeners * n_targets)
        Their BOLD, where it is computed with: on the GPU, if one is used.
    others : array or Tensor, optional
        Of the same shape: mean BOLD of each one's others, where weights are learned from it too.
    """

    listeners: slice
    targets: Any
    others: Any = None


class Group:
    """Listeners who heard the same stories, against whose BOLD features are scored.

    Parameters
    ----------
    stories : sequence of StoryData
    subjects : sequence of str
        The group's listeners.
    memory : float, optional
        Bytes that the job may take; listeners whose BOLD does not fit come one part after the
        other. None: most of what is free.
    words_to_trs, longest_delay, delays, folds, inner_folds, alphas, alpha_by, backend
        The `encoding` section of the configuration, and `compute.backend`.
    penalty, trend, learn_from, scaling, components
        The same.
    """

    def __init__(
        self,
        stories: Sequence[StoryData],
        subjects: Sequence[str],
        *,
        words_to_trs: str,
        longest_delay: float,
        delays: Sequence[int] | None,
        folds: int | Mapping[str, Any],
        inner_folds: int,
        alphas: Sequence[float],
        alpha_by: str,
        backend: str,
        penalty: str = "target",
        trend: str = "none",
        learn_from: str = "listener",
        scaling: str = "variance",
        components: int | None = None,
        memory: float | None = None,
    ) -> None:
        check_same_targets(stories)
        self.stories, self.subjects, self.how = stories, list(subjects), words_to_trs
        self.tr, self.backend = stories[0].tr, choose_backend(backend)
        self.fir = timing.fir_delays(self.tr, longest_delay, delays)
        self.gap = timing.fold_gap(self.fir, words_to_trs)
        #: Blocks of each story, or which stories are left out together.
        self.folds = folds_of(
            folds, [one.name for one in stories], [len(one.times) for one in stories]
        )
        self._options: dict[str, Any] = {
            "folds": self.folds,
            "own": learn_from != "others",
            "inner_folds": inner_folds,
            "gap": self.gap,
            "alphas": alphas,
            "alpha_by": alpha_by,
            "preparation": Preparation(trend, scaling, components, len(self.fir)),
        }
        self.penalty, self.learn_from = penalty, learn_from
        self._others = OtherListeners(stories) if learn_from != "listener" else None
        self._shared: SharedPenalties | None = None
        self._memory, self._limit = memory, batch_limit(self.backend)
        #: Index of the story of each row, and place of each row in its story: (n_rows, ).
        self.row_story = np.concatenate(
            [np.full(len(one.times), index) for index, one in enumerate(stories)]
        )
        self.row_position = np.concatenate([np.arange(len(one.times)) for one in stories])
        #: Listeners, and targets of each.
        self.shape = (len(subjects), stories[0].bold.sizes["target"])
        logger.info(
            "%d stories, %d rows, %d listeners, %d targets each, delays %s, gap %d, backend %s",
            len(stories),
            len(self.row_story),
            *self.shape,
            self.fir,
            self.gap,
            self.backend,
        )

    @property
    def tested(self) -> list[StoryData]:
        """The stories that are scored: all, or those that some fold leaves out."""
        return [self.stories[place] for place in self.tested_places]

    @property
    def tested_places(self) -> list[int]:
        """Their places among all stories."""
        if isinstance(self.folds, int):
            return list(range(len(self.stories)))
        return self.folds.tested

    def each_part(self, units: int, layers: int, work: Callable[[Part], None]) -> None:
        """Call `work` for some listeners after the other, as many at a time as memory holds.

        The next ones are read while it works on these.

        Parameters
        ----------
        units : int
            Of the word vectors that will be scored.
        layers : int
            How many layers, or variants, have scores kept by target.
        work : callable
            Takes a `Part`. Where memory runs out it is called again for fewer of the same
            listeners: it must write what it makes of them anew.
        """
        at_once = self._listeners_at_once(units, layers)
        if self.penalty == "listeners":
            self._shared = SharedPenalties()
            self._each_part(at_once, work)
            self._shared.choose()
        self._each_part(at_once, work)
        self._shared = None

    def _each_part(self, at_once: int, work: Callable[[Part], None]) -> None:
        xp, n_listeners = arrays(self.backend), self.shape[0]
        limit = listener_limit(at_once)
        tried = limit.size

        with ReadAhead(lambda some: stack_listeners(self.stories, self.subjects[some])) as bold:

            def one(listeners: slice) -> None:
                nonlocal tried
                if limit.size < tried:  # fewer listeners leave room for larger batches
                    tried = limit.size
                    self._limit.reset()
                end, size = listeners.stop, listeners.stop - listeners.start
                part = self._part(listeners, bold.take(listeners), xp)
                if self._shared is not None:
                    self._shared.begin_part()
                try:
                    if end < n_listeners:
                        bold.announce(slice(end, min(end + size, n_listeners)))
                    work(part)
                finally:
                    # So that no more than two parts are in memory, whoever still holds this one.
                    part.targets = part.others = None
                if self._shared is not None:
                    self._shared.end_part()

            limit.each(n_listeners, one)

    def _part(self, listeners: slice, bold: np.ndarray, xp: Arrays) -> Part:
        part = Part(listeners, xp.asarray(bold))
        if self._others is not None:
            part.others = xp.asarray(self._others.means(bold, self.subjects[listeners]))
        return part

    def _listeners_at_once(self, units: int, layers: int) -> int:
        n_listeners, n_targets = self.shape
        shape = EncodingShape(
            rows=len(self.row_story),
            features=units * len(self.fir),
            listeners=n_listeners,
            targets=n_targets,
            layers=layers,
            stories=len(self.stories),
            folds=self._folds_in_memory(),
            inner_folds=self._options["inner_folds"],
            alphas=len(self._options["alphas"]),
            shared_penalties=self.penalty == "listeners",
            others=self._others is not None,
            whole=not self._options["preparation"].is_by_feature,
        )
        batch = batch_bytes(self.backend)
        at_once = memory.listeners_at_once(
            shape,
            memory.available() if self._memory is None else self._memory,
            batch,
            memory.device_available(self.backend),
        )
        logger.info(
            "%.1f GB of memory planned, %d of %d listeners at a time",
            memory.encoding_bytes(shape, at_once, batch) / 1e9,
            at_once,
            n_listeners,
        )
        return at_once

    def _folds_in_memory(self) -> int:
        """Return how many folds there are, or would be if all were as large as the largest."""
        if isinstance(self.folds, int):
            return self.folds
        largest = max(
            sum(len(self.stories[place].times) for place in test) for test in self.folds.tests
        )
        return max(2, round(len(self.row_story) / largest))

    def features(
        self,
        vectors: Sequence[np.ndarray],
        how: str | None = None,
        more_onsets: Sequence[np.ndarray] | None = None,
    ) -> np.ndarray:
        """Return the delayed features of word vectors, all stories one after the other.

        Parameters
        ----------
        vectors : sequence of arrays of shape (n_words, n_units)
            One for each story.
        how : str, optional
            How the words of a row become its features, if not as configured (`words_to_trs`).
        more_onsets : sequence of arrays, optional
            Where a story's vectors are more than its words: the times of those behind, in seconds.

        Returns
        -------
        array of shape (n_rows, n_delays * n_units)
        """
        more = more_onsets or [np.empty(0)] * len(self.stories)
        return np.concatenate(
            [
                timing.delayed_features(
                    values,
                    np.append(one.onsets, times),
                    one.times,
                    self.tr,
                    self.fir,
                    how or self.how,
                )
                for values, one, times in zip(vectors, self.stories, more, strict=True)
            ]
        )

    def how_for(self, activations: xr.Dataset) -> str | None:
        """Return how the words of a row become its features where it is not as configured.

        The word rate is summed where vectors are averaged, and samples in time are averaged where
        vectors are summed. A Lanczos filter is one for all.
        """
        own: str | None = activations.attrs.get("words_to_trs")
        return own if self.how != "lanczos" and own != self.how else None

    def score_vectors(
        self,
        part: Part,
        vectors: Sequence[np.ndarray],
        how: str | None = None,
        more_onsets: Sequence[np.ndarray] | None = None,
    ) -> ridge.Scores:
        """Score word vectors on some listeners; the other parameters are those of `features`.

        Under `penalty: listeners` parts come twice (`each_part`), and all scores are 0 the first
        time.
        """
        features, shared = self.features(vectors, how, more_onsets), self._shared
        if shared is None:
            return self._encode(features, part.targets, others=part.others)
        of_part = tied(self.subjects[part.listeners], self.shape[1])
        if not shared.choosing:
            chosen = shared.next()[:, of_part]
            return self._encode(features, part.targets, others=part.others, chosen=chosen)
        found = ridge.inner_criterion(
            features,
            part.targets,
            self.row_story,
            self.row_position,
            of_part,
            2 * self.shape[1],
            others=part.others,
            backend=self.backend,
            limit=self._limit,
            **self._options,
        )
        shared.note(found, everyone=len(of_part) == self.shape[0] * self.shape[1])
        return ridge.no_scores(len(self.tested), self.folds, len(of_part))

    def score_features(
        self,
        features: np.ndarray,
        targets: Any,
        others: Any = None,
        windows: np.ndarray | None = None,
    ) -> ridge.Scores:
        """Score delayed features (`features`) on targets of the same rows: (n_rows, n_targets).

        The targets are those of all listeners side by side, once or several times; so are
        `others`, from whom weights are learned too. `windows` is that of `ridge.encode`.
        """
        ties = {}
        if self.penalty == "listeners":
            n_listeners, n_targets = self.shape
            repeats = targets.shape[1] // (n_listeners * n_targets)
            ties["tied"] = tied(self.subjects, n_targets, repeats)
        return self._encode(features, targets, others=others, windows=windows, **ties)

    def _encode(self, features: np.ndarray, targets: Any, **more: Any) -> ridge.Scores:
        return ridge.encode(
            features,
            targets,
            self.row_story,
            self.row_position,
            backend=self.backend,
            limit=self._limit,
            **self._options,
            **more,
        )

    def by_listener(self, scores: ridge.Scores) -> np.ndarray:
        """Return r of shape (n_scored_stories, n_blocks, n_listeners, n_targets)."""
        return scores.r.reshape(*scores.r.shape[:2], -1, self.shape[1])

    def of_rows(self, rows: np.ndarray) -> Group:
        """Return a group that scores features and targets of some rows alone; it has no BOLD."""
        part = copy(self)
        part.row_story, part.row_position = self.row_story[rows], self.row_position[rows]
        return part

    @cached_property
    def targets(self) -> np.ndarray:
        """BOLD of all stories and listeners at once, listeners' targets side by side.

        Its shape is (n_rows, n_subjects * n_targets).
        """
        return stack_listeners(self.stories, self.subjects)

    @cached_property
    def others(self) -> np.ndarray | None:
        """Mean BOLD of each one's others, of the shape of `targets`; None: not learned from."""
        return None if self._others is None else self._others.means(self.targets, self.subjects)


def open_group(
    activations: Sequence[str],
    bold: Sequence[str],
    words: Sequence[str],
    subjects: Sequence[str],
    targets: str,
    **options: Any,
) -> tuple[list[xr.Dataset], Group]:
    """Return the activations of the stories that a group heard, and the group.

    Parameters
    ----------
    activations, bold, words : sequences of paths
        One file per story of the group, in the same order.
    subjects : sequence of str
        The group's listeners.
    targets : {"all", "roi"}
        `all`: every target; `roi`: the mean time course of each region.
    **options
        The `encoding` section of the configuration, and `memory`, as in `Group`.

    Raises
    ------
    EngramError
        If activations are not of the story's words, or stories have different targets.
    """
    return group_of(activations, open_stories(bold, words, targets), words, subjects, **options)


def group_of(
    activations: Sequence[str],
    stories: Sequence[StoryData],
    words: Sequence[str],
    subjects: Sequence[str],
    **options: Any,
) -> tuple[list[xr.Dataset], Group]:
    """Return activations of stories whose data are open already, and the group.

    The other parameters are those of `open_group`.
    """
    read = [storage.open_dataset(path) for path in activations]
    group = Group(
        [
            with_own_times(story, one, options["words_to_trs"])
            for story, one in zip(stories, read, strict=True)
        ],
        subjects,
        **options,
    )
    for path, one, words_file in zip(activations, read, words, strict=True):
        if "onset" not in one.coords:
            check_words(path, one.sizes["word"], words_file)
    return read, group


def check_words(activations: str, n_words: int, words: str) -> None:
    """Raise `EngramError` if activations were made for another number of words."""
    expected = len(storage.read_words(words))
    if n_words != expected:
        raise EngramError(
            f"'{activations}' has {n_words} words and '{words}' {expected}. Delete "
            "the former and run again."
        )
