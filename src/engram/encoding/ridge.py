"""Encoding models: brain scores R by nested cross-validated ridge regression.

The decompositions are himalaya's.

All targets of a group of listeners share their features, so one decomposition per fold serves them
all. Targets go through in batches sized to the memory at hand; no weights are kept.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from types import ModuleType
from typing import Any

import numpy as np
import xarray as xr

from engram.bold.regions import region_indices
from engram.encoding import memory, timing
from engram.encoding.correlation import pearson, standardize
from engram.encoding.folds import blocked_folds
from engram.encoding.memory import EncodingShape
from engram.errors import EngramError
from engram.files import storage
from engram.jobs.out_of_memory import Shrinking
from engram.jobs.progress import progress

logger = logging.getLogger(__name__)

#: Bytes of predictions held at a time: what a CPU's cache holds, and a small
#: part of a GPU's memory.
_BATCH_BYTES = {"numpy": memory.BATCH_BYTES, "torch": memory.BATCH_BYTES, "torch_cuda": 1 << 30}
#: The fewest bytes of predictions worth a try where memory runs out: then it is
#: something else that takes it.
_FEWEST_BYTES = 64 << 10
#: What spares a search for what fits into memory, and what to do where nothing does.
_SMALLER = (
    (
        "More memory for the job (resources: mem_mb), fewer jobs at once, or fewer targets "
        "(bold.targets: roi) spare this; scores are the same up to rounding."
    ),
    (
        "Give the job more memory (resources: mem_mb), run fewer jobs at once, score fewer "
        "targets (bold.targets: roi), or use the CPU (encoding.backend: torch)."
    ),
)


@dataclass(frozen=True)
class Scores:
    """What an encoding gives.

    Attributes
    ----------
    r : array of shape (n_stories, n_folds, n_targets)
        Pearson r between predicted and recorded BOLD, per story and test block.
    alpha : array of shape (n_folds, n_targets)
        Which of the penalties the inner folds chose, from 0.
    """

    r: np.ndarray
    alpha: np.ndarray


def batch_bytes(backend: str) -> int:
    """Return how many bytes of predictions are held at a time."""
    return _BATCH_BYTES[backend]


def batch_limit(backend: str) -> Shrinking:
    """Return the bytes of predictions that are held at a time.

    They are made fewer where memory runs out.
    """
    size = batch_bytes(backend)
    return Shrinking(
        size, "bytes of predictions at a time", *_SMALLER, least=min(size, _FEWEST_BYTES)
    )


def choose_backend(name: str) -> str:
    """Return the himalaya backend to use: `auto` is torch_cuda where there is a GPU, else torch."""
    if name != "auto":
        return name
    import torch

    return "torch_cuda" if torch.cuda.is_available() else "torch"


def encode(
    features: np.ndarray,
    targets: np.ndarray,
    story: np.ndarray,
    position: np.ndarray,
    *,
    folds: int,
    inner_folds: int,
    gap: int,
    alphas: Sequence[float],
    alpha_by: str = "r",
    backend: str = "torch",
    limit: Shrinking | None = None,
) -> Scores:
    """Score how well features predict targets, on rows that no part of the model has seen.

    Parameters
    ----------
    features : array of shape (n_rows, n_features)
        Delayed features of all stories, one after the other.
    targets : array of shape (n_rows, n_targets)
        BOLD on the same rows, finite; of numpy, or of the backend (it stays where it is).
    story, position : arrays of shape (n_rows, )
        Which story a row belongs to, and its place there (in TRs).
    folds, inner_folds : int
        Contiguous blocks, outer and inner (`engram.encoding.folds.blocked_folds`).
    gap : int
        Rows next to a test block that are left out of training.
    alphas : sequence of float
        Ridge penalties; each target gets its own.
    alpha_by : {"r", "mse"}
        Inner criterion: highest mean Pearson r over stories and inner folds,
        or lowest mean squared error.
    backend : {"numpy", "torch", "torch_cuda"}
        himalaya's backend.
    limit : Shrinking, optional
        Bytes of predictions that are held at a time (`batch_limit`), fewer where
        memory ran out before.

    Returns
    -------
    Scores

    Notes
    -----
    Features and targets are centred, and features scaled, by each training set's own rows, inner
    ones too. The smaller of the two forms is solved: kernel where features outnumber training rows,
    else primal. Products with the targets are in float32, decompositions in float64: in float32
    scores were the same within 1e-4 on Alice, but off by up to 0.16 for features with a dominant
    common direction (a test holds this case against scikit-learn).
    """
    from himalaya.backend import set_backend

    xp = set_backend(backend)
    limit, n_targets = limit or batch_limit(backend), targets.shape[1]
    design = xp.asarray(features, dtype=xp.float32)
    bold = xp.asarray(targets, dtype=xp.float32)
    stories = np.unique(story)
    r = np.zeros((len(stories), folds, n_targets), dtype=np.float32)
    chosen = np.zeros((folds, n_targets), dtype=np.uint8)
    for fold, (train, test) in enumerate(blocked_folds(story, position, folds, gap)):
        inner = [
            _inner_fold(design, train[fit], train[held_out], story, alphas, xp)
            for fit, held_out in blocked_folds(story[train], position[train], inner_folds, gap)
        ]
        chosen[fold] = _best_penalties(inner, bold, alpha_by, limit, xp)
        matrices, parts = _hat_matrices(design, train, test, alphas, xp), _by_story(story, test)
        places = [int(np.searchsorted(stories, one)) for one, _ in parts]
        for index in np.unique(chosen[fold]):
            mine = np.flatnonzero(chosen[fold] == index)
            scores = _held_out_scores(
                matrices[int(index)],
                bold,
                mine,
                train,
                test,
                [rows for _, rows in parts],
                limit,
                xp,
            )
            for place, values in zip(places, scores, strict=True):
                r[place, fold, mine] = values
    return Scores(r, chosen)


def _hat_matrices(
    design: Any, train: np.ndarray, test: np.ndarray, alphas: Sequence[float], xp: ModuleType
) -> Any:
    """Return what turns training targets into predictions, for every penalty.

    It has the shape (n_alphas, n_test, n_train), in float32.

    Predictions are deviations from the training targets' mean, which the
    matrices take off themselves.
    """
    from himalaya.kernel_ridge._random_search import _decompose_kernel_ridge
    from himalaya.ridge._random_search import _decompose_ridge

    n_train = len(train)
    rows = xp.asarray(design[np.concatenate([train, test])], dtype=xp.float64)
    rows -= rows[:n_train].mean(0)
    scale = (rows[:n_train] ** 2).mean(0) ** 0.5
    rows /= scale + (scale == 0)
    penalties = xp.asarray(np.asarray(alphas), dtype=xp.float64)
    n_features = rows.shape[1]
    if n_features > n_train:
        kernel = rows @ rows[:n_train].T
        batches = _decompose_kernel_ridge(
            kernel[:n_train], penalties, Ktest=kernel[n_train:], n_alphas_batch=1
        )
        matrices = (matrix[0] for matrix, _ in batches)
    else:
        batches = _decompose_ridge(rows[:n_train], penalties, n_alphas_batch=1)
        matrices = (rows[n_train:] @ weights[0] for weights, _ in batches)
    # One penalty at a time: long stories and wide models make them large.
    return xp.stack(
        [xp.asarray(matrix - matrix.mean(-1)[:, None], dtype=xp.float32) for matrix in matrices]
    )


@dataclass(frozen=True)
class _InnerFold:
    """What turns BOLD of the rows `fit` into predictions of the rows `held_out`.

    The stories of the latter are `parts`.
    """

    matrices: Any
    fit: Any
    held_out: Any
    parts: Sequence[tuple[int, slice]]


def _inner_fold(
    design: Any,
    fit: np.ndarray,
    held_out: np.ndarray,
    story: np.ndarray,
    alphas: Sequence[float],
    xp: ModuleType,
) -> _InnerFold:
    return _InnerFold(
        _hat_matrices(design, fit, held_out, alphas, xp),
        xp.asarray(fit),
        xp.asarray(held_out),
        _by_story(story, held_out),
    )


def _criterion(fold: _InnerFold, bold: Any, alpha_by: str, xp: ModuleType) -> Any:
    """Return how well each penalty predicts each target of `bold` (n_rows, n_targets).

    The shape is (n_alphas, n_targets); higher is better.
    """
    fit, held_out = bold[fold.fit], bold[fold.held_out]
    predictions = xp.matmul(fold.matrices, fit)
    if alpha_by == "mse":
        return -((predictions - (held_out - fit.mean(0))) ** 2).mean(1)
    scores = [pearson(standardize(held_out[rows]), predictions[:, rows]) for _, rows in fold.parts]
    return sum(scores) / len(scores)


def _best_penalties(
    inner: Sequence[_InnerFold], bold: Any, alpha_by: str, limit: Shrinking, xp: ModuleType
) -> np.ndarray:
    """Return which penalty predicts each target best: (n_targets, ), from 0."""
    best = np.empty(bold.shape[1], dtype=np.uint8)

    # All inner folds of a batch follow each other, so that its BOLD is read from memory once.
    def choose(batch: slice) -> None:
        criterion = sum(_criterion(one, bold[:, batch], alpha_by, xp) for one in inner)
        best[batch] = xp.to_numpy(criterion.argmax(0))

    limit.each(
        len(best),
        choose,
        weight=4 * len(inner[0].matrices) * max(len(one.held_out) for one in inner),
    )
    return best


def _held_out_scores(
    matrix: Any,
    bold: Any,
    mine: np.ndarray,
    train: np.ndarray,
    test: np.ndarray,
    parts: Sequence[slice],
    limit: Shrinking,
    xp: ModuleType,
) -> np.ndarray:
    """Return r of the targets `mine` for each part of the test rows: (n_parts, n_mine)."""
    r = np.empty((len(parts), len(mine)), dtype=np.float32)

    def score(batch: slice) -> None:
        selected = bold[:, mine[batch]]
        predictions = matrix @ selected[train]
        for place, rows in enumerate(parts):
            r[place, batch] = xp.to_numpy(
                pearson(standardize(selected[test][rows]), predictions[rows])
            )

    limit.each(len(mine), score, weight=4 * len(test))
    return r


def _by_story(story: np.ndarray, rows: np.ndarray) -> list[tuple[int, slice]]:
    """Return, for each story among the rows, which of the rows are its.

    Stories follow each other.
    """
    names, begins = np.unique(story[rows], return_index=True)
    ends = [*begins[1:], len(rows)]
    return [
        (int(one), slice(begin, end)) for one, begin, end in zip(names, begins, ends, strict=True)
    ]


def check_same_targets(stories: Sequence[StoryData]) -> None:
    """Raise `EngramError` unless all stories have the same targets at the same places."""
    first = stories[0]
    for one in stories[1:]:
        for name, (_, values) in first.target_coordinates.items():
            mine = one.target_coordinates[name][1]
            same = values.shape == mine.shape and (
                np.allclose(values, mine, atol=0.1)
                if values.dtype.kind == "f"
                else bool((values == mine).all())
            )
            if not same:
                raise EngramError(
                    f"the stories {first.name} and {one.name} have different targets "
                    f"({len(values)} and {len(mine)}; '{name}' differs), so they cannot "
                    "be scored together. Volumes of different scanners may have different grids: "
                    "make a study of each grid (dataset.stories), or use a surface."
                )


@dataclass(frozen=True)
class StoryData:
    """A story's part of a group's data; BOLD stays on disk until it is used."""

    name: str
    tr: float
    onsets: np.ndarray
    times: np.ndarray
    bold: xr.DataArray
    target_coordinates: dict[str, Any]


def load_story(bold: str, words: str) -> StoryData:
    """Open a story's part of a group's data."""
    dataset = storage.open_dataset(bold)
    coordinates = {
        str(name): (value.dims, value.values)
        for name, value in dataset.coords.items()
        if value.dims == ("target",)
    }
    onsets = storage.read_words(words)["onset"].to_numpy(float)
    return StoryData(
        dataset.attrs["story"],
        float(dataset.attrs["tr"]),
        onsets,
        dataset["time"].values,
        dataset["bold"],
        coordinates,
    )


def by_region(story: StoryData) -> StoryData:
    """Return a story's data with the mean time course of every region in place of its targets."""
    regions = region_indices(story.target_coordinates)
    parts = []
    for subject in range(story.bold.sizes["subject"]):
        values = story.bold[subject].values
        parts.append(np.stack([values[:, index].mean(1) for index in regions.values()], axis=1))
    names = {
        "hemisphere": [side for side, _ in regions],
        "roi": [roi for _, roi in regions],
        "target": [f"{side}-{roi}" for side, roi in regions],
    }
    bold = xr.DataArray(
        np.stack(parts),
        dims=("subject", "time", "target"),
        coords={"subject": story.bold["subject"].values},
    )
    coordinates: dict[str, Any] = {
        name: (("target",), np.array(values)) for name, values in names.items()
    }
    return replace(story, bold=bold, target_coordinates=coordinates)


def check_words(activations: str, n_words: int, words: str) -> None:
    """Raise `EngramError` if activations were made for another number of words."""
    expected = len(storage.read_words(words))
    if n_words != expected:
        raise EngramError(
            f"'{activations}' has {n_words} words and '{words}' {expected}. Delete "
            "the former and run again."
        )


def stack_listeners(stories: Sequence[StoryData], subjects: Sequence[str]) -> np.ndarray:
    """Return the BOLD of all stories, one after the other.

    The listeners' targets stand side by side.

    Returns
    -------
    array of shape (n_rows, n_subjects * n_targets)
        Float32, filled listener by listener, so that it is in memory once.
    """
    n_targets = stories[0].bold.sizes["target"]
    targets = np.empty(
        (sum(len(one.times) for one in stories), len(subjects) * n_targets), dtype=np.float32
    )
    begin = 0
    for one in stories:
        for number, subject in enumerate(subjects):
            rows = slice(begin, begin + len(one.times))
            targets[rows, number * n_targets : (number + 1) * n_targets] = one.bold.sel(
                subject=subject
            ).values
        begin += len(one.times)
    return targets


@dataclass
class Part:
    """Some listeners of a group (`listeners` of its subjects), with their BOLD.

    It lies where it is computed with: (n_rows, n_listeners * n_targets).
    """

    listeners: slice
    targets: Any


class Group:
    """The data of a group of listeners, against which features are scored.

    Parameters
    ----------
    stories : sequence of StoryData
    subjects : sequence of str
        The group's listeners.
    memory : float, optional
        Bytes that the job may take; listeners whose BOLD does not fit come one part after the
        other. None: most of what is free.
    words_to_trs, longest_delay, delays, folds, inner_folds, alphas, alpha_by, backend
        The `encoding` section of the configuration; `tail` and `trim`, which shaped the BOLD's
        rows, are not used here.
    """

    def __init__(
        self,
        stories: Sequence[StoryData],
        subjects: Sequence[str],
        *,
        words_to_trs: str,
        longest_delay: float,
        delays: Sequence[int] | None,
        folds: int,
        inner_folds: int,
        alphas: Sequence[float],
        alpha_by: str,
        backend: str,
        memory: float | None = None,
        **_rows: float,
    ) -> None:
        check_same_targets(stories)
        self.stories, self.subjects, self.how = stories, list(subjects), words_to_trs
        self.tr, self.backend = stories[0].tr, choose_backend(backend)
        self.fir = timing.fir_delays(self.tr, longest_delay, delays)
        self.gap = timing.fold_gap(self.fir, words_to_trs)
        self._options: dict[str, Any] = {
            "folds": folds,
            "inner_folds": inner_folds,
            "gap": self.gap,
            "alphas": alphas,
            "alpha_by": alpha_by,
        }
        self._memory, self._limit = memory, batch_limit(self.backend)
        self._story = np.concatenate(
            [np.full(len(one.times), index) for index, one in enumerate(stories)]
        )
        self._position = np.concatenate([np.arange(len(one.times)) for one in stories])
        #: Listeners and targets of each.
        self.shape = (len(subjects), stories[0].bold.sizes["target"])
        logger.info(
            "%d stories, %d rows, %d listeners, %d targets each, delays %s, gap %d, backend %s",
            len(stories),
            len(self._story),
            *self.shape,
            self.fir,
            self.gap,
            self.backend,
        )

    def each_part(self, units: int, layers: int, work: Callable[[Part], None]) -> None:
        """Call `work` for some listeners after the other, as many at a time as memory holds.

        The next ones are read while it works on these.

        Parameters
        ----------
        units : int
            Of the word vectors that will be scored.
        layers : int
            How many layers, or texts, have scores kept by target.
        work : callable
            Takes a `Part`. Where memory runs out it is called again for fewer of the same
            listeners: it must write what it makes of them anew.
        """
        from himalaya.backend import set_backend

        xp = set_backend(self.backend)
        n_listeners, n_targets = self.shape
        sizes = {
            "folds": self._options["folds"],
            "inner_folds": self._options["inner_folds"],
            "alphas": len(self._options["alphas"]),
        }
        shape = EncodingShape(
            len(self._story),
            units * len(self.fir),
            n_listeners,
            n_targets,
            layers,
            len(self.stories),
            **sizes,
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
        limit, tried = Shrinking(at_once, "listeners at a time", *_SMALLER), at_once
        coming: dict[tuple[int, int], Future[np.ndarray]] = {}
        with ThreadPoolExecutor(max_workers=1) as reader:

            def read(listeners: slice) -> Future[np.ndarray]:
                return reader.submit(stack_listeners, self.stories, self.subjects[listeners])

            def one(listeners: slice) -> None:
                nonlocal tried
                if limit.size < tried:  # fewer listeners leave room for larger batches
                    tried = limit.size
                    self._limit.reset()
                key, size = (listeners.start, listeners.stop), listeners.stop - listeners.start
                future = coming.pop(key, None)
                coming.clear()  # read for other listeners, before memory ran out
                part = Part(listeners, xp.asarray((future or read(listeners)).result()))
                del future
                try:
                    if listeners.stop < n_listeners:
                        after = slice(listeners.stop, min(listeners.stop + size, n_listeners))
                        coming[after.start, after.stop] = read(after)
                    work(part)
                finally:
                    # So that no more than two parts are in memory, whoever still holds this one.
                    part.targets = None

            limit.each(n_listeners, one)

    def score(
        self,
        part: Part,
        vectors: Sequence[np.ndarray],
        how: str | None = None,
        more_onsets: Sequence[np.ndarray] | None = None,
    ) -> Scores:
        """Score word vectors on some listeners; the other parameters are those of `features`."""
        return self.score_others(self.features(vectors, how, more_onsets), part.targets)

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
            How they meet the rows, if not as configured.
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

    def score_others(self, features: np.ndarray, targets: Any) -> Scores:
        """Score delayed features (`features`) on targets of the same rows: (n_rows, n_targets)."""
        return encode(
            features,
            targets,
            self._story,
            self._position,
            backend=self.backend,
            limit=self._limit,
            **self._options,
        )

    @cached_property
    def targets(self) -> np.ndarray:
        """BOLD of all stories and listeners at once, listeners' targets side by side.

        Its shape is (n_rows, n_subjects * n_targets).
        """
        return stack_listeners(self.stories, self.subjects)

    @property
    def row_story(self) -> np.ndarray:
        """Index of the story of each row: (n_rows, )."""
        return self._story

    @property
    def row_position(self) -> np.ndarray:
        """Place of each row in its story: (n_rows, )."""
        return self._position

    def how_for(self, activations: xr.Dataset) -> str | None:
        """Return how activations meet the rows where it is not as configured.

        The word rate is summed where vectors are averaged.
        """
        return (
            "sum" if self.how == "mean" and activations.attrs.get("words_to_trs") == "sum" else None
        )

    def by_story(self, scores: Scores) -> np.ndarray:
        """Return r of shape (n_stories, n_folds, n_listeners, n_targets)."""
        return scores.r.reshape(*scores.r.shape[:2], -1, self.shape[1])

    def coordinates(self) -> dict[str, Any]:
        """Return what stories, listeners and targets are called in results."""
        return {
            "story": [one.name for one in self.stories],
            "subject": self.subjects,
            "n_trs": (
                "story",
                [len(one.times) for one in self.stories],
                {"description": "Rows of each story"},
            ),
            **self.stories[0].target_coordinates,
        }

    def attributes(self) -> dict[str, Any]:
        """Return what is worth knowing of how scores were made."""
        return {"tr": self.tr, "delays": self.fir, "gap": self.gap, "backend": self.backend}


def open_group(
    activations: Sequence[str],
    bold: Sequence[str],
    words: Sequence[str],
    subjects: Sequence[str],
    targets: str,
    **options: Any,
) -> tuple[list[xr.Dataset], Group]:
    """Return the activations of a group's stories, and its data.

    The data are those on targets, or (`roi`) on the mean time course of each region.

    Parameters
    ----------
    activations, bold, words : sequences of paths
        One file per story of the group, in the same order.
    subjects : sequence of str
        The group's listeners.
    targets : {"all", "roi"}
    **options
        The `encoding` section of the configuration, and `memory`, as in `Group`.
    """
    read = [storage.open_dataset(path) for path in activations]
    stories = [load_story(*files) for files in zip(bold, words, strict=True)]
    group = Group(
        [by_region(one) for one in stories] if targets == "roi" else stories, subjects, **options
    )
    for path, one, words_file in zip(activations, read, words, strict=True):
        check_words(path, one.sizes["word"], words_file)
    return read, group


def group_scores(
    activations: Sequence[str],
    bold: Sequence[str],
    words: Sequence[str],
    subjects: Sequence[str],
    **options: Any,
) -> xr.Dataset:
    """Score every layer of a model on every target of a group of listeners.

    Parameters
    ----------
    activations, bold, words : sequences of paths
        One file per story of the group, in the same order.
    subjects : sequence of str
        The group's listeners.
    **options
        The `encoding` section of the configuration, and `memory`, as in `Group`.

    Returns
    -------
    xarray.Dataset
        ``r`` (layer, story, subject, target), Pearson, mean over folds; ``r_fold``
        (layer, story, fold, subject, region), each fold by region, so that a layer can
        be chosen on other folds than it is tested on; ``alpha`` (layer, subject, target),
        an index of ``penalties``.
    """
    read, group = open_group(activations, bold, words, subjects, "all", **options)
    n_layers = read[0].sizes["layer"]
    how = group.how_for(read[0])
    regions = region_indices(group.stories[0].target_coordinates)
    n_stories, n_folds = len(group.stories), options["folds"]
    # In memory once, as they will be written: for whole cortices they are gigabytes.
    r = np.empty((n_layers, n_stories, *group.shape), dtype=np.float32)
    r_fold = np.empty(
        (n_layers, n_stories, n_folds, group.shape[0], len(regions)), dtype=np.float32
    )
    alpha = np.empty((n_layers, *group.shape), dtype=np.uint8)

    def score(part: Part) -> None:
        for layer in progress(range(n_layers), "layers", "layer"):
            scores = group.score(part, [one["activation"][layer].values for one in read], how)
            by_target = group.by_story(scores)
            r[layer][:, part.listeners] = by_target.mean(1)
            for number, index in enumerate(regions.values()):
                r_fold[layer][:, :, part.listeners, number] = by_target[..., index].mean(-1)
            alpha[layer, part.listeners] = np.rint(scores.alpha.mean(0)).reshape(-1, group.shape[1])

    group.each_part(read[0].sizes["unit"], n_layers, score)
    return xr.Dataset(
        {
            "r": (
                ("layer", "story", "subject", "target"),
                r,
                {
                    "units": "Pearson r",
                    "description": "Predicted against recorded BOLD, mean over test blocks",
                },
                storage.packed(1.0),
            ),
            "r_fold": (
                ("layer", "story", "fold", "subject", "region"),
                r_fold,
                {
                    "units": "Pearson r",
                    "description": "The same per test block, mean over the targets of each region",
                },
            ),
            "alpha": (
                ("layer", "subject", "target"),
                alpha,
                {
                    "description": (
                        "Which of `penalties` the inner folds chose, mean over outer folds, rounded"
                    )
                },
                storage.COMPRESSED,
            ),
        },
        coords={
            "layer": np.arange(n_layers),
            "region": [f"{hemisphere}-{roi}" for hemisphere, roi in regions],
            "penalties": (
                "penalty",
                [float(value) for value in options["alphas"]],
                {"description": "Ridge penalties to choose from"},
            ),
            **group.coordinates(),
        },
        attrs=group.attributes(),
    )
