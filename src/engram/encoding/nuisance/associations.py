"""What associations predict beyond nuisance features and the story alone.

Banded ridge regression with four bands: the word rate, the other nuisance features (words since the
last insertion among them), the language model's features of the story alone, and the difference
that a text's insertions make to these. The unique contribution of a text is the score of all bands
minus that without its own. A fourth band may gain or lose by its mere size, so random texts are
scored in the same way, and only what exceeds theirs counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from engram.encoding import variant_vectors
from engram.encoding.banded_ridge import (
    Kernels,
    band_kernels,
    block_scores,
    candidates,
    solve,
)
from engram.encoding.folds import (
    Folds,
    count_blocks,
    count_tested,
    inner_folds_of,
    outer_folds,
    place_of_scores,
)
from engram.encoding.group import Group, open_group
from engram.encoding.nuisance.word_features import nuisance_bands
from engram.encoding.scores import banded_scores
from engram.encoding.story_folds import StoryFolds
from engram.features.variants import kind_of
from engram.features.word_features import since_insertion
from engram.files import storage
from engram.jobs.progress import progress
from engram.vocabulary import DEALT, ORIGINAL, RANDOM, SHUFFLED, WITH_ASSOCIATIONS

#: Shares of a text's band beside all others that are tried for each target, besides none.
SHARES = (0.1, 0.5)


def text_scores(
    bands: Sequence[np.ndarray],
    text: Callable[[str], np.ndarray],
    names: Sequence[str],
    targets: np.ndarray,
    story: np.ndarray,
    position: np.ndarray,
    *,
    folds: int | StoryFolds,
    inner_folds: int,
    gap: int,
    alphas: Sequence[float],
    backend: str,
) -> np.ndarray:
    """Return the scores of some bands alone, and with each text's band beside them.

    In each outer fold all targets share the weights of `bands`. So one decomposition serves all
    targets of a text, and every text stands beside the same thing.

    Parameters
    ----------
    bands : sequence of arrays of shape (n_rows, n_features)
        Delayed features that are always there.
    text : callable
        Returns the delayed features of a text by its name, as many for each.
    names : sequence of str
        The texts.
    targets, story, position, folds, inner_folds, gap, alphas, backend
        As `engram.encoding.banded_ridge.banded_predictions` takes them.

    Returns
    -------
    array of shape (1 + n_texts, n_stories, n_targets)
        Pearson r, mean over test blocks; first without a text.
    """
    n_blocks = count_blocks(folds)
    r = np.zeros((1 + len(names), count_tested(story, folds), targets.shape[1]))
    outer = outer_folds(story, position, folds, gap)
    for number_of_fold, (train, test) in enumerate(progress(outer, "folds", "fold")):
        places, _ = place_of_scores(folds, number_of_fold)
        inner = inner_folds_of(story[train], position[train], folds, inner_folds, gap)
        fold = _Fold(train, test, inner, targets, alphas, backend)
        for number, predictions in enumerate(fold.predictions(bands, text, names)):
            r[number][places] += block_scores(predictions, targets[test], story[test]) / n_blocks
    return r


@dataclass(frozen=True)
class _Fold:
    """An outer fold, whose training rows have inner folds."""

    train: np.ndarray
    test: np.ndarray
    inner: Folds
    targets: np.ndarray
    alphas: Sequence[float]
    backend: str

    def predictions(
        self, bands: Sequence[np.ndarray], text: Callable[[str], np.ndarray], names: Sequence[str]
    ) -> Iterator[np.ndarray]:
        """Yield predictions of the test rows, without a text and with each: (n_test, n_targets).

        Each target chooses a text's share, which may be none, and the penalty, by the highest mean
        r over inner folds.
        """
        n_features = sum(band.shape[1] for band in bands)
        whole = self._mixed([self._kernels(band, n_features) for band in bands])
        without, inner_without = self._solve([whole], np.ones((1, 1)))
        yield without
        beside = np.array([(1 - share, share) for share in SHARES])
        for name in names:
            with_text, inner = self._solve([whole, self._kernels(text(name), n_features)], beside)
            yield np.where(inner.max(0) > inner_without[0], with_text, without)

    def _mixed(self, kernels: Sequence[Kernels]) -> Kernels:
        """Return the kernels of all bands together, with weights that all targets share.

        None of the weights is 0: they are those with the highest mean r over targets and inner
        folds.
        """
        mixtures = np.array([shares for shares in candidates(len(kernels)) if (shares > 0).all()])
        _, found = self._solve(kernels, mixtures)
        weights = mixtures[found.mean(1).argmax()]
        fit, held_out = (
            np.tensordot(weights, np.stack(parts), axes=1) for parts in zip(*kernels, strict=True)
        )
        return fit, held_out

    def _kernels(self, band: np.ndarray, n_features: int) -> Kernels:
        return band_kernels(band, self.train, self.test, n_features)

    def _solve(
        self, kernels: Sequence[Kernels], shares: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        return solve(
            kernels,
            self.targets[self.train],
            self.inner,
            alphas=self.alphas,
            shares=shares,
            backend=self.backend,
        )


def score_associations(
    activations: Sequence[str],
    bold: Sequence[str],
    words: Sequence[str],
    insertions: Sequence[str],
    subjects: Sequence[str],
    targets: str,
    features: Sequence[str],
    random_texts: int | None,
    **options: Any,
) -> xr.Dataset:
    """Score the story and nuisance features, without and with what a text's insertions change.

    That is done on a group of listeners, at the reported layer.

    Parameters
    ----------
    activations : sequence of paths
        As `engram.features.variants.collect` made them.
    bold, words, subjects, targets, **options
        As `engram.encoding.group.open_group` takes them; without the average listener.
    insertions : sequence of paths
        One file per story, as ``workflow/scripts/association_texts.py`` makes them.
    features : sequence of str
        Nuisance features (`engram.features.word_features.FEATURES`).
    random_texts : int or None
        How many random texts are scored, and at most how many shuffled ones; None: all.

    Returns
    -------
    xarray.Dataset
        ``r`` (variant, story, subject, region), mean over test blocks and a region's targets:
        original, without a text's band; the others, with it.
    """
    read, group = open_group(activations, bold, words, subjects, targets, **options)
    names = _scored(read[0]["variant"].values.tolist(), random_texts)
    original = _delayed(group, read, ORIGINAL)
    nuisance = nuisance_bands(group, _with_since_insertion(words, insertions), features)
    scores = text_scores(
        [*nuisance.values(), original],
        lambda name: _delayed(group, read, name) - original,
        names,
        group.targets,
        group.row_story,
        group.row_position,
        folds=group.folds,
        gap=group.gap,
        backend=group.backend,
        **{name: options[name] for name in ("inner_folds", "alphas")},
    )
    return banded_scores(
        group,
        "variant",
        [ORIGINAL, *names],
        scores,
        "Mean over test blocks and a region's targets; original: without a text's band",
        reported_layer=int(read[0].attrs["reported_layer"]),
        nuisance=", ".join(features),
    )


def _delayed(group: Group, read: Sequence[xr.Dataset], name: str) -> np.ndarray:
    """Return the delayed features of a text at the reported layer: (n_rows, n_features)."""
    number = read[0]["variant"].values.tolist().index(name)
    return group.features(
        variant_vectors.at_reported_layer(read, number),
        group.how_for(read[0]),
        variant_vectors.inserted_onsets(read, number),
    )


def _scored(variants: Sequence[str], random_texts: int | None) -> list[str]:
    """Return the texts that are scored: with associations, null texts, shuffled ones.

    Null texts are dealt ones where there are some, else random ones.
    """
    names = [WITH_ASSOCIATIONS]
    null = DEALT if DEALT in map(kind_of, variants) else RANDOM
    for kind in (null, SHUFFLED):
        names += [name for name in variants if kind_of(name) == kind][:random_texts]
    return names


def _with_since_insertion(words: Sequence[str], insertions: Sequence[str]) -> list[pd.DataFrame]:
    """Return each story's words, with how many stand between each and the insertion before it."""
    tables = []
    for words_file, insertions_file in zip(words, insertions, strict=True):
        table = storage.read_words(words_file)
        places = map(int, storage.read_json(insertions_file)["texts"][WITH_ASSOCIATIONS])
        tables.append(table.assign(since_insertion=since_insertion(len(table), places)))
    return tables
