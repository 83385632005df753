"""Similarity: known answers, and direct computations in a few lines of numpy and SciPy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import metric_sample
import numpy as np
import pytest
import xarray as xr
from metric_sample import NAMES, TR, standardised
from scipy.spatial.distance import pdist, squareform

from engram.encoding.folds import blocked_folds
from engram.errors import EngramError
from engram.features.vectors import to_dataset
from engram.features.word_rate import word_rate
from engram.files import storage
from engram.similarity import ceiling, scoring, weighted_mean
from engram.similarity.dissimilarity import Pairs, comparable, pooled

ROWS, WORDS, UNITS, TARGETS = 200, 400, 6, 6
SETTINGS: dict[str, Any] = {
    "metrics": ["rsa", "encoding"],
    "seconds": 6.0,
    "sets": ["all", "hemispheres"],
}
LENGTH, APART = 4, 7


def slow(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Noise as slow as a story's topics: (n_rows, ...)."""
    noise = rng.standard_normal((shape[0] + 19, *shape[1:]))
    return np.stack([noise[row : row + 20].mean(0) for row in range(shape[0])])


def files(folder: Path, signal: float, seed: int = 0) -> dict[str, Any]:
    """What a job reads: layer 1 of the model drives the BOLD, layer 0 does not."""
    rng = np.random.default_rng(seed)
    onsets = np.sort(rng.uniform(0, TR * (ROWS - 6), WORDS))
    row = (onsets / TR).astype(int)
    vectors = np.stack([slow(rng, ROWS, UNITS)[row], slow(rng, ROWS, UNITS)[row]])
    driven = np.zeros((ROWS, UNITS))
    np.add.at(driven, row + 2, vectors[1])
    bold = signal * driven + 0.3 * rng.standard_normal((len(NAMES), ROWS, TARGETS))
    bold[-1] = bold[:-1].mean(0)
    storage.write_dataset(str(folder / "r.nc"), word_rate(WORDS))
    return metric_sample.files(folder, onsets, vectors, standardised(bold))


def score(paths: dict[str, Any], **changes: Any) -> xr.Dataset:
    mine, others = metric_sample.split(changes, SETTINGS)
    comparison = metric_sample.compared(paths, **{"alphas": [10.0], **others})
    return scoring.score_similarity(comparison, **mine)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("similarity")


@pytest.fixture(scope="module")
def paths(folder: Path) -> dict[str, Any]:
    return files(folder, 1.0)


@pytest.fixture(scope="module")
def found(paths: dict[str, Any]) -> xr.Dataset:
    return score(paths)


# ---------------------------------------------------------------- dissimilarities
def test_pairs_are_far_apart_and_their_lags_have_others() -> None:
    pairs = Pairs.of(9, 4, 7)
    assert pairs.lag.min() == 2 and pairs.lag.max() == 7
    assert (pairs.second - pairs.first == pairs.lag).all() and len(
        pairs.lag
    ) == 7 + 6 + 5 + 4 + 3 + 2
    values = np.random.default_rng(0).standard_normal((2, len(pairs.lag)))
    centred = pairs.centred(values)
    for lag in range(2, 8):
        assert np.allclose(centred[:, pairs.lag == lag].mean(1), 0)


def test_dissimilarities_are_those_of_scipy() -> None:
    patterns = np.random.default_rng(0).standard_normal((9, 5))
    pairs = Pairs.of(9, 4, 7)
    expected = squareform(pdist(patterns, "correlation"))[pairs.first, pairs.second]
    assert np.allclose(pairs.dissimilarities(patterns), expected)
    few = patterns[:, :2]
    expected = squareform(pdist(few))[pairs.first, pairs.second]
    assert np.allclose(pairs.dissimilarities(few), expected)


def test_identical_features_give_1_and_what_follows_from_time_alone_nothing() -> None:
    rng = np.random.default_rng(0)
    patterns, counts = slow(rng, 40, 8), rng.poisson(5, (40, 1)).astype(float)
    pairs = Pairs.of(40, 4, 7)
    beside = pairs.dissimilarities(counts)
    mine = comparable(pairs.dissimilarities(patterns), pairs, beside)
    assert mine @ mine == pytest.approx(1)
    # Before they are centred within lags, slow features are alike as their times are.
    time = pairs.lag.astype(float)
    assert np.corrcoef(pairs.dissimilarities(patterns), time)[0, 1] > 0.2
    assert not comparable(time, pairs, beside).any()
    assert mine @ beside == pytest.approx(0, abs=1e-9)


def test_time_index_is_within_chance(paths: dict[str, Any], folder: Path) -> None:
    """A model of the words' times alone; near pairs left out are not enough."""
    onsets = storage.read_words(paths["words"][0])["onset"].to_numpy()
    waves = np.stack([np.cos(onsets / 300 + k) for k in range(3)], axis=1)
    path = str(folder / "time.nc")
    storage.write_dataset(path, to_dataset(waves[None].astype(np.float32)))
    of = {**paths, "activations": [path]}
    result = score(of, metrics=["rsa"], sets=["all"], number=39)
    single = result["score"].sel(subject=NAMES[:-1], set="all").mean().item()
    null = result["shifted"].sel(set="all").values.ravel()
    assert (1 + (null >= single).sum()) / 40 > 0.05


def test_segments_are_means_of_rows_and_of_later_ones() -> None:
    rows = np.arange(10.0)[:, None]
    assert pooled(rows, 4)[:, 0].tolist() == [1.5, 5.5]
    # Rows 1 to 4 and 3 to 6; of the second segment 5 to 8 and 7 to 9, as far as they go.
    expected = [np.mean([1, 2, 3, 4, 3, 4, 5, 6]), np.mean([5, 6, 7, 8, 7, 8, 9])]
    assert np.allclose(pooled(rows, 4, (1, 3))[:, 0], expected)


def test_rsa_is_a_direct_computation(paths: dict[str, Any], found: xr.Dataset) -> None:
    """Loops over pairs, ordinary least squares for what is taken off, SciPy's distances."""
    with storage.open_dataset(paths["bold"][0]) as one:
        bold = one["bold"].sel(subject="02").values.astype(float)
    onsets = storage.read_words(paths["words"][0])["onset"].to_numpy()
    with storage.open_dataset(paths["activations"][0]) as one:
        vectors = one["activation"][1].values.astype(float)
    row = (onsets / TR).astype(int)
    text, counts = np.zeros((ROWS, UNITS)), np.zeros((ROWS, 1))
    np.add.at(text, row, vectors)
    np.add.at(counts, row, 1.0)
    text = (text - text.mean(0)) / text.std(0)
    n = ROWS // LENGTH
    of_text = text.reshape(n, LENGTH, -1).mean(1)
    of_counts = counts.reshape(n, LENGTH).mean(1)[:, None]
    brain = []
    for segment in range(n):
        rows = [segment * LENGTH + k + d for d in (1, 2, 3) for k in range(LENGTH)]
        brain.append(bold[[one for one in rows if one < ROWS]].mean(0))
    seen = np.array(brain) - np.mean(brain, axis=0)
    matrices = [
        squareform(pdist(seen, "correlation")),
        squareform(pdist(of_text, "correlation")),
        squareform(pdist(of_counts)),
    ]
    vectors_of = []
    for matrix in matrices:
        kept = []
        for lag in range(2, n - 1):
            mine = np.diagonal(matrix, lag)
            kept.append(mine - mine.mean())
        vectors_of.append(np.concatenate(kept))
    a, b, c = vectors_of
    a, b = (one - c * (one @ c) / (c @ c) for one in (a, b))
    expected = np.corrcoef(a, b)[0, 1]
    result = found["score"].sel(way="rsa", layer=1, subject="02", set="all").item()
    assert result == pytest.approx(expected, abs=1e-5)
    assert len(a) == found["n_pairs"].item()


# ---------------------------------------------------------------- similarity encoding
def test_similarity_encoding_is_a_weighted_mean_of_training_rows() -> None:
    rng = np.random.default_rng(0)
    features, bold = rng.standard_normal((40, 5)), rng.standard_normal((40, 2))
    story, position = np.repeat([0, 1], 20), np.tile(np.arange(20), 2)
    folds = blocked_folds(story, position, 2, 2)
    alike = [weighted_mean.likeness(features, train, test) for train, test in folds]
    found = weighted_mean.scores(alike, folds, bold, story)
    expected = np.zeros((2, 2))
    for train, test in folds:
        scaled = (features - features[train].mean(0)) / features[train].std(0)
        guess = np.zeros((len(test), 2))
        for place, one in enumerate(test):
            for other in train:
                cosine = scaled[one] @ scaled[other]
                cosine /= np.linalg.norm(scaled[one]) * np.linalg.norm(scaled[other])
                guess[place] += cosine * (bold[other] - bold[train].mean(0))
        for number in (0, 1):
            rows = story[test] == number
            for target in (0, 1):
                r = np.corrcoef(guess[rows, target], bold[test][rows, target])[0, 1]
                expected[number, target] += r / 2
    assert np.allclose(found, expected, atol=1e-5)


# ---------------------------------------------------------------- a group
def test_what_is_planted_is_found_and_the_other_layer_is_not(found: xr.Dataset) -> None:
    planted = found["score"].sel(layer=1, set="all", subject=NAMES[:-1])
    assert (planted.sel(way="rsa") > 0.3).all() and (planted.sel(way="encoding") > 0.3).all()
    other = found["score"].sel(layer=0, set="all", subject=NAMES[:-1])
    assert (abs(other.mean(("story", "subject"))) < 0.25).all()
    null = found["shifted"].sel(set="all")
    assert (null.max("shift") < planted.mean(("story", "subject"))).all()


def test_sets_of_fewer_than_three_targets_have_no_geometry(
    paths: dict[str, Any], found: xr.Dataset
) -> None:
    assert found["n_targets"].values.tolist() == [6, 3, 3]
    several = score(paths, sets=["all", "regions"], layers="reported")
    assert several["set"].values.tolist() == ["all", "L-one", "R-one", "L-two", "R-two"]
    rsa = several["score"].sel(way="rsa")
    small = several["set"][several["n_targets"] < 3].values
    assert len(small) and rsa.sel(set=small).isnull().all() and rsa.sel(set="all").notnull().all()
    assert several["score"].sel(way="encoding").notnull().all()
    with pytest.raises(EngramError, match=r"fewer: L-one, R-one, .*targets: all"):
        score(paths, sets=["regions"], targets="roi", metrics=["rsa"])


def test_few_pairs_are_refused(paths: dict[str, Any]) -> None:
    with pytest.raises(EngramError, match=r"the story tale has .*similarity: \{seconds"):
        score(paths, seconds=60.0)


def test_shifted_text_is_shifted_bold(paths: dict[str, Any], found: xr.Dataset) -> None:
    """Away from the ends of the story, where delayed BOLD wraps, both are the same."""
    shift = int(found["rows"][0, 0])
    with storage.open_dataset(paths["bold"][0]) as one:
        moved = one.load().assign(bold=one["bold"].roll(time=shift))
    path = paths["bold"][0].replace("b.nc", "moved.nc")
    storage.write_dataset(path, moved)
    result = score({**paths, "bold": [path]}, layers="reported", subjects=NAMES[:-1])
    single = result["score"].mean(("story", "subject")).isel(layer=0)
    expected = found["shifted"].isel(shift=0)
    assert np.allclose(single.sel(way="encoding"), expected.sel(way="encoding"), atol=1e-5)
    assert np.allclose(single.sel(way="rsa"), expected.sel(way="rsa"), atol=0.05)


def test_word_rate_itself_is_compared_as_it_is(paths: dict[str, Any], folder: Path) -> None:
    rate = {**paths, "activations": [str(folder / "r.nc")]}
    result = score(rate, metrics=["rsa"], sets=["all"])["score"]
    assert result.notnull().all() and (abs(result) > 1e-6).all()


def test_ceilings_hold_what_listeners_share(paths: dict[str, Any], found: xr.Dataset) -> None:
    bounds = ceiling.rsa_ceiling(
        paths["bold"][0],
        paths["words"][0],
        "all",
        seconds=6.0,
        sets=["all", "hemispheres"],
        longest_delay=4.5,
        delays=None,
        words_to_trs="sum",
    )
    assert bounds["subject"].values.tolist() == NAMES[:-1]
    assert (bounds["ceiling_lower"] <= bounds["ceiling_upper"]).all() and (
        bounds["ceiling_lower"] > 0.3
    ).all()
    vectors = np.random.default_rng(0).standard_normal((3, 1, 20))
    vectors /= np.linalg.norm(vectors, axis=-1, keepdims=True)
    lower, upper = ceiling.ceilings(vectors)
    mean = vectors[1:, 0].mean(0)
    assert lower[0, 0] == pytest.approx(vectors[0, 0] @ mean / np.linalg.norm(mean))
    mean = vectors[:, 0].mean(0)
    assert upper[0, 0] == pytest.approx(vectors[0, 0] @ mean / np.linalg.norm(mean))


@pytest.mark.parametrize("value", [0.1, 1 / 3, 7.7])
def test_a_feature_that_is_constant_in_training_rows_counts_as_it_varies(value: float) -> None:
    """Its mean is not quite its value in single precision, and rounding must not be scaled up."""
    rng = np.random.default_rng(0)
    features = rng.standard_normal((150, 8)).astype(np.float32)
    features[:, 3] = value
    features[140:, 3] += rng.standard_normal(10).astype(np.float32)
    train, test = np.arange(120), np.arange(125, 150)
    wide = features.astype(float)
    spread = np.where(np.ptp(wide[train], axis=0) > 0, wide[train].std(0), 1)
    scaled = (wide - wide[train].mean(0)) / spread
    unit = scaled / np.linalg.norm(scaled, axis=1, keepdims=True)
    found = weighted_mean.likeness(features, train, test)
    np.testing.assert_allclose(found, unit[test] @ unit[train].T, atol=1e-5)
