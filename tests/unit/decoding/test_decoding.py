"""Decoding: known answers, and forty lines of numpy that do it directly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import metric_sample
import numpy as np
import pytest
import xarray as xr
from conftest import regions
from metric_sample import NAMES, OPTIONS, TR, standardised

from engram.decoding import ceiling, from_bold, from_predictions, ranks, scoring, segments
from engram.decoding.target_sets import target_sets
from engram.encoding import predictions
from engram.encoding.correlation import deviations
from engram.encoding.folds import blocked_folds
from engram.encoding.group import Group
from engram.encoding.story_data import StoryData
from engram.errors import EngramError

ROWS, WORDS, UNITS, TARGETS = 160, 320, 4, 4
SETTINGS: dict[str, Any] = {
    "directions": ["encoding", "decoding"],
    "seconds": 9.0,
    "sets": ["all", "hemispheres"],
}


def world(seed: int, signal: float, rows: int = ROWS) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Onsets and vectors of words, and BOLD of listeners, a linear map of them and noise."""
    rng, words = np.random.default_rng(seed), 2 * rows
    onsets = np.sort(rng.uniform(0, TR * (rows - 6), words))
    vectors = rng.standard_normal((2, words, UNITS)).astype(np.float32)
    driven = np.zeros((rows, UNITS))
    np.add.at(driven, (onsets / TR).astype(int) + 2, vectors[1])
    mixed = driven @ rng.standard_normal((UNITS, TARGETS))
    bold = signal * mixed + rng.standard_normal((len(NAMES), rows, TARGETS))
    bold[-1] = bold[:-1].mean(0)
    return onsets, vectors, standardised(bold)


def group_of(onsets: np.ndarray, bold: np.ndarray, **options: Any) -> Group:
    """The listeners of a story."""
    places = {
        name: (("target",), regions(TARGETS)[name].to_numpy())
        for name in ("target", "hemisphere", "roi")
    }
    array = xr.DataArray(
        bold.astype(np.float32), dims=("subject", "time", "target"), coords={"subject": NAMES}
    )
    times = TR * np.arange(bold.shape[1])
    story = StoryData("tale", TR, onsets, times, array, places)
    return Group([story], NAMES, **{**OPTIONS, **options})


def files(folder: Path, seed: int, signal: float, rows: int = ROWS) -> dict[str, list[str]]:
    """What the job reads, in a folder."""
    return metric_sample.files(folder, *world(seed, signal, rows))


def scored(folder: Path, seed: int, signal: float, **changes: Any) -> xr.Dataset:
    return score(files(folder, seed, signal), **changes)


def score(paths: dict[str, list[str]], **changes: Any) -> xr.Dataset:
    """What the job writes, with some settings or options changed."""
    mine, others = metric_sample.split(changes, SETTINGS)
    return scoring.score_decoding(metric_sample.compared(paths, **others), **mine)


# ---------------------------------------------------------------- segments and ranks
def test_segments_lie_in_test_blocks_and_candidates_far_from_each_other() -> None:
    story = np.repeat([0, 1], [53, 40])
    position = np.concatenate([np.arange(53), np.arange(40)])
    folds = blocked_folds(story, position, 2, 3)
    blocks = segments.cut(folds, story, position, 5, 8)
    for (_, test), here in zip(folds, blocks, strict=True):
        assert [one.story for one in here] == [0, 1]
        for block in here:
            assert set(block.rows.ravel()) <= set(test)
            assert (np.diff(block.rows, axis=1) == 1).all()
            begins = position[block.rows[:, 0]]
            for i, one in enumerate(begins):
                for j, other in enumerate(begins):
                    assert block.far[i, j] == (abs(one - other) >= 8)
    assert [len(one.rows) for here in blocks for one in here] == [5, 4, 5, 4]


def test_segments_do_not_run_over_holes() -> None:
    position = np.r_[np.arange(7), np.arange(20, 27)]
    (block,) = segments.cut([(np.empty(0, int), np.arange(14))], np.zeros(14, int), position, 4, 4)[
        0
    ]
    assert block.rows.tolist() == [[0, 1, 2, 3], [7, 8, 9, 10]]


def test_a_story_too_short_for_candidates_is_refused_with_what_to_write() -> None:
    one = group_of(*(world(0, 1)[k] for k in (0, 2)))
    with pytest.raises(EngramError, match=r"the story tale has .*decoding: \{seconds"):
        scoring.Trials.of(one, 30.0, ["all"], 4, 2)


def test_ranks_of_a_small_table_with_ties() -> None:
    far = ~np.eye(3, dtype=bool)
    alike = np.array([[0.5, 0.5, 0.1], [0.9, 0.3, 0.2], [0.0, 0.0, 0.0]])
    assert ranks.rank_accuracy(alike, far) == pytest.approx(np.mean([0.75, 0.5, 0.5]))
    assert ranks.top(alike, far, 1) == pytest.approx(np.mean([0.5, 0, 1 / 3]))
    assert ranks.top(alike, far, 5) == 1
    # Pairs (0, 1): .8 against 1.4; (0, 2): .5 against .1; (1, 2): .3 against .2.
    assert ranks.two_versus_two(alike, far) == pytest.approx(2 / 3)
    assert ranks.by_chance(far) == pytest.approx([0.5, 1 / 3, 1, 0.5])


def test_a_constant_expectation_is_a_tie() -> None:
    onsets, _, bold = world(0, 1)
    one = group_of(onsets, bold)
    trials = scoring.Trials.of(one, 9.0, ["all"], 4, 2)
    nothing = one.features([np.zeros((WORDS, 1), np.float32)])
    held = predictions.of_targets(one, nothing, one.targets)
    found = from_predictions.identified(held, trials.blocks, trials.sets, len(NAMES), 1)
    assert (found[0] == 0.5).all() and (found[3] == 0.5).all()


# ---------------------------------------------------------------- the encoding direction
def test_scores_of_predictions_are_r() -> None:
    onsets, vectors, bold = world(1, 1)
    one = group_of(onsets, bold)
    features = one.features([vectors[1]])
    r = one.score_features(features, one.targets).r[0]
    for fold, held in enumerate(predictions.of_targets(one, features, one.targets)):
        found = np.empty(one.targets.shape[1])

        def take(columns: np.ndarray, guess: np.ndarray, seen: np.ndarray) -> None:
            for place, column in enumerate(columns):
                found[column] = np.corrcoef(guess[:, place], seen[:, place])[0, 1]  # noqa: B023

        held.each(take)
        assert np.allclose(found, r[fold], atol=1e-4)


def direct(alike: np.ndarray, begins: np.ndarray, apart: int) -> float:
    """Rank accuracy by its definition, one candidate at a time."""
    found = []
    for i in range(len(begins)):
        others = [j for j in range(len(begins)) if abs(begins[j] - begins[i]) >= apart]
        if others:
            found.append(
                np.mean(
                    [
                        1.0 * (alike[i, j] < alike[i, i]) + 0.5 * (alike[i, j] == alike[i, i])
                        for j in others
                    ]
                )
            )
    return float(np.mean(found))


def test_identification_is_a_direct_loop() -> None:
    """Forty lines of numpy: both directions, one listener, ridge by the normal equations."""
    onsets, vectors, bold = world(2, 0.7)
    options = {"alphas": [10.0], "scaling": "none"}
    one = group_of(onsets, bold, **options)
    features, mine = one.features([vectors[1]]).astype(float), bold[0]
    embedding = np.zeros((ROWS, UNITS))
    np.add.at(embedding, (onsets / TR).astype(int), vectors[1])
    by_delay = np.zeros((ROWS, 3, TARGETS))
    for number, delay in enumerate((1, 2, 3)):
        by_delay[:-delay, number] = mine[delay:]
    ranked: dict[str, list[float]] = {"encoding": [], "decoding": []}
    story, place = np.zeros(ROWS, int), np.arange(ROWS)
    for train, test in blocked_folds(story, place, 4, 3):
        rows = test[: len(test) // 6 * 6].reshape(-1, 6)
        scaled = (embedding - embedding[train].mean(0)) / embedding[train].std(0)
        answers = by_delay[train].reshape(-1, TARGETS)
        later = ((by_delay - answers.mean(0)) / answers.std(0)).reshape(ROWS, -1)
        for name, (x, y) in {"encoding": (features, mine), "decoding": (later, scaled)}.items():
            centred, means = x - x[train].mean(0), y[train].mean(0)
            square = centred[train].T @ centred[train]
            weights = np.linalg.solve(
                square + 10 * np.eye(len(square)), centred[train].T @ (y[train] - means)
            )
            guess = centred @ weights
            if name == "encoding":
                seen = y[rows] - y[rows.ravel()].mean(0)
                spread = y[rows.ravel()].std(0)
                expected = guess[rows] - guess[rows.ravel()].mean(0)
                a, b = ((v / spread).reshape(len(rows), -1) for v in (seen, expected))
                alike = np.corrcoef(a, b)[: len(rows), len(rows) :]
            else:
                a, b = guess[rows].mean(1), (y - means)[rows].mean(1)
                alike = a @ b.T / np.outer(np.linalg.norm(a, axis=1), np.linalg.norm(b, axis=1))
            ranked[name].append(direct(alike, rows[:, 0], 9))
    trials = scoring.Trials.of(one, 9.0, ["all"], 4, 2)
    held = predictions.of_targets(one, one.features([vectors[1]]), mine.astype(np.float32))
    found = from_predictions.identified(held, trials.blocks, trials.sets, 1, 1)
    assert found[0, 0, 0, 0] == pytest.approx(np.mean(ranked["encoding"]), abs=1e-9)
    decoder = from_bold.Decoder(
        from_bold.BoldFeatures(mine, story, place, (1, 2, 3)).scaled,
        trials.folds,
        trials.inner,
        [10.0],
    )
    embeddings = [from_bold.Embeddings(embedding)]
    found = from_bold.identified([decoder], trials.folds, trials.blocks, embeddings, 1)
    assert found[0, 0, 0, 0] == pytest.approx(np.mean(ranked["decoding"]), abs=1e-9)


# ---------------------------------------------------------------- the decoding direction
def test_many_targets_give_the_products_of_few_columns() -> None:
    """Two stories: targets are scaled by the BOLD that answers to training rows alone."""
    rng = np.random.default_rng(0)
    story, position = np.repeat([0, 1], [12, 9]), np.r_[np.arange(12), np.arange(9)]
    train = np.r_[0:6, 13:18]
    bold = rng.uniform(0.1, 9, 30) * (3 + rng.standard_normal((21, 30)))
    by_delay, there = np.zeros((21, 2, 30)), np.zeros((21, 2), bool)
    for place, delay in enumerate((1, 2)):
        for row in range(21):
            if row + delay < 21 and story[row + delay] == story[row]:
                by_delay[row, place], there[row, place] = bold[row + delay], True
    answers = by_delay[train][there[train]]
    scaled = there[..., None] * (by_delay - answers.mean(0)) / answers.std(0)
    wide = scaled.reshape(21, -1)
    found = from_bold.BoldFeatures(bold, story, position, (1, 2)).scaled(train)
    assert found.shape == (21, 21) and np.allclose(found @ found.T, wide @ wide.T)
    few = from_bold.BoldFeatures(bold[:, :3], story, position, (1, 2)).scaled(train)
    assert np.allclose(few, scaled[:, :, :3].reshape(21, -1))
    bold[8], bold[20] = 900.0, -900.0  # no training row looks there
    again = from_bold.BoldFeatures(bold, story, position, (1, 2)).scaled(train)
    rows = np.ix_(train, train)
    assert np.allclose((again @ again.T)[rows], (wide @ wide.T)[rows])


def test_what_is_constant_in_training_rows_is_left_out() -> None:
    """Its mean may be off its value by rounding, which is no spread to divide by."""
    rng = np.random.default_rng(0)
    train = np.arange(14)
    values = rng.standard_normal((20, 4))
    values[:, 0] = 0.1
    values[15:, 0] = 3.0  # test rows alone
    assert values[train, 0].std() > 0
    products = from_bold.Embeddings(values).products(train)
    expected = from_bold.Embeddings(values[:, 1:]).products(train)
    assert np.allclose(4 * products, 3 * expected, atol=1e-5)
    story, position = np.zeros(20, int), np.arange(20)
    found = from_bold.BoldFeatures(values, story, position, (1,)).scaled(train[:-1])
    assert np.abs(found[:, 0]).max() == 0 and np.abs(found).max() < 5
    assert deviations(values[train].astype(np.float32))[0] == 0


def test_both_forms_of_ridge_are_the_closed_form() -> None:
    rng = np.random.default_rng(0)
    for n_columns in (5, 40):
        x, y = rng.standard_normal((30, n_columns)), rng.standard_normal((30, 2))
        fit, held_out = np.arange(20), np.arange(20, 30)
        centred = x - x[fit].mean(0)
        square = centred[fit].T @ centred[fit] + 3 * np.eye(n_columns)
        expected = (
            centred[held_out] @ np.linalg.solve(square, centred[fit].T) @ (y[fit] - y[fit].mean(0))
        )
        matrix = from_bold._Regression.of(x, fit, held_out).matrix(3.0)
        assert np.allclose(matrix @ y[fit], expected)


def test_penalties_are_chosen_by_the_errors_of_inner_folds() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((60, 4)), rng.standard_normal((60, 3))
    story, position = np.zeros(60, int), np.arange(60)
    outer, inner = from_bold.nested_folds(story, position, 3, 2, 1)
    found, _ = from_bold.Decoder(lambda _: x, outer, inner, [1.0, 50.0]).fold(1)
    train = outer[1][0]
    products = (y @ y.T)[np.ix_(train, train)].ravel()
    for number, penalty in enumerate((1.0, 50.0)):
        error = 0.0
        for fit, held in inner[1]:
            a, b = train[fit], train[held]
            matrix = from_bold._Regression.of(x, a, b).matrix(penalty)
            error += ((y[b] - y[a].mean(0) - matrix @ y[a]) ** 2).sum()
        assert found[number] @ products == pytest.approx(error, rel=1e-4)


def test_shifted_embeddings_are_bold_shifted_the_other_way() -> None:
    values, train = np.random.default_rng(0).standard_normal((10, 3)), np.array([0, 1, 2, 7, 8])
    story = np.repeat([0, 1], [6, 4])
    moved = np.concatenate([np.roll(values[:6], -2, 0), np.roll(values[6:], -1, 0)])
    found = from_bold.rolled(from_bold.Embeddings(values), story, [2, 1]).products(train)
    assert np.allclose(found, from_bold.Embeddings(moved).products(train))


def test_units_are_scaled_by_training_rows_alone() -> None:
    """What test rows hold changes no product of training rows; constant units say nothing."""
    values, train = np.random.default_rng(0).standard_normal((9, 4)), np.arange(6)
    values[train, 3] = 2.0
    mine = values[:6, :3]
    scaled = (mine - mine.mean(0)) / mine.std(0)
    for test in (values[6:], 100 * values[6:]):
        whole = np.vstack([values[:6], test])
        found = from_bold.Embeddings(whole).products(train)
        assert np.allclose(found[:6, :6], scaled @ scaled.T / 4, atol=1e-6)
        others = (test[:, :3] - mine.mean(0)) / mine.std(0)
        assert np.allclose(found[:6, 6:], scaled @ others.T / 4, rtol=1e-5, atol=1e-6)


# ---------------------------------------------------------------- a group
@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> xr.Dataset:
    return scored(tmp_path_factory.mktemp("planted"), 3, 30.0)


def test_a_planted_linear_map_is_identified_every_time(found: xr.Dataset) -> None:
    planted = found["score"].sel(layer=1)
    assert (planted.sel(measure=["rank", "pairs", "top1"], set="all") == 1).all()
    assert found["set"].values.tolist() == ["all", "left", "right"]
    assert found["score"].sel(layer=0, measure="rank").mean() < 0.75
    assert found["n_segments"].item() == 24 and found["by_chance"].sel(measure="rank") == 0.5


@pytest.mark.slow
@pytest.mark.parametrize("signal", [30.0, 0.0])
def test_shifted_bold_is_at_chance(signal: float, tmp_path: Path) -> None:
    """Whether BOLD holds a planted map or noise alone: 60 segments, 19 shifts of each."""
    some: dict[str, Any] = {"sets": ["all"], "layers": "reported", "layer": 1, "alphas": [10.0]}
    found = score(files(tmp_path, 3, signal, 400), **some)
    assert found["n_segments"].item() > 55 and found["shifted"].shape == (2, 19, 1)
    assert (abs(found["shifted"].mean("shift") - 0.5) < 0.03).all()


@pytest.mark.slow
def test_scaling_of_targets_changes_no_rank(tmp_path: Path) -> None:
    """In both directions, with many targets and with few."""
    onsets, vectors, bold = world(4, 1)
    scale = np.array([3.0, 0.2, 700.0, 1.0])
    for number, copies in enumerate((1, 20)):
        found: list[xr.DataArray] = []
        for values in (bold, bold * scale + 5 * scale):
            folder = tmp_path / f"{number}-{len(found)}"
            folder.mkdir()
            paths = metric_sample.files(folder, onsets, vectors, np.tile(values, copies))
            some: dict[str, Any] = {"layers": "reported", "layer": 1, "sets": ["all"], "number": 0}
            found.append(score(paths, **some)["score"])
        xr.testing.assert_allclose(found[0], found[1], atol=1e-6)


def test_null_is_a_direct_loop(tmp_path: Path) -> None:
    """Each shift by itself, in both directions: BOLD is rolled and everything is fitted anew."""
    onsets, vectors, bold = world(5, 1)
    one = group_of(onsets, bold)
    trials = scoring.Trials.of(one, 9.0, ["all"], 4, 2)
    single = Group(one.stories, NAMES[:-1], **OPTIONS)
    features = single.features([vectors[1]])
    shifts = np.array([[30], [71]])
    null = from_predictions.null_ranks(single, features, shifts, trials.blocks, trials.sets)
    for (shift,), values in zip(shifts, null, strict=True):
        held = predictions.of_targets(single, features, np.roll(single.targets, shift, axis=0))
        direct = from_predictions.identified(held, trials.blocks, trials.sets, 4, 1)
        assert values == pytest.approx(direct[0].mean((0, 1)), abs=1e-6)


def test_null_is_that_of_single_listeners_whatever_else_is_in_the_group(tmp_path: Path) -> None:
    paths = files(tmp_path, 6, 1.0)
    some: dict[str, Any] = {"layers": "reported", "sets": ["all"], "layer": 1}
    whole = score(paths, **some)
    without = score(paths, **some, subjects=NAMES[:-1])
    assert whole["layer"].values.tolist() == [1] and whole.attrs["reported_layer"] == 1
    xr.testing.assert_allclose(whole["shifted"], without["shifted"])
    xr.testing.assert_allclose(whole["score"].sel(subject=NAMES[:-1]), without["score"])


@pytest.mark.slow
def test_listeners_of_noise_are_at_chance(tmp_path: Path) -> None:
    """Five groups of four listeners, 60 segments each, in both directions."""
    some: dict[str, Any] = {"layers": "reported", "layer": 1, "alphas": [10.0], "number": 0}
    found = []
    for seed in range(5):
        folder = tmp_path / str(seed)
        folder.mkdir()
        paths = files(folder, 100 + seed, 0.0, 400)
        comparison = metric_sample.compared(paths, **some, subjects=NAMES[:-1])
        found.append(scoring.score_decoding(comparison, ["encoding", "decoding"], 9.0, ["all"]))
    rank = np.stack([one["score"].sel(measure="rank").values for one in found])
    assert (abs(rank.mean((0, 2, 3, 4, 5)) - 0.5) < 0.03).all()


def test_shared_penalties_are_those_of_scores(tmp_path: Path) -> None:
    """Under `penalty: listeners` parts come twice, and layers keep their penalties apart."""
    paths = files(tmp_path, 7, 1.0)
    whole = score(paths, penalty="listeners")
    onsets, vectors, bold = world(7, 1.0)
    one = group_of(onsets, bold, penalty="listeners")
    trials = scoring.Trials.of(one, 9.0, SETTINGS["sets"], 4, 2)
    for layer in (0, 1):
        held = predictions.of_targets(
            one, one.features([vectors[layer]]), one.targets, tied=predictions.ties_of(one, 1)
        )
        expected = from_predictions.identified(held, trials.blocks, trials.sets, len(NAMES), 1)
        assert np.allclose(whole["score"].sel(way="encoding")[:, layer], expected)


def test_ceiling_is_that_of_the_others_mean(tmp_path: Path) -> None:
    paths = files(tmp_path, 8, 1.5)
    of = {"targets": "all", "seconds": 9.0, "sets": ["all"], **OPTIONS}
    of |= {"bold": paths["bold"], "words": paths["words"]}
    found = ceiling.identification_ceiling(subjects=NAMES[:-1], **of)
    onsets, _, values = world(8, 1.5)
    one = group_of(onsets, values)
    trials = scoring.Trials.of(one, 9.0, ["all"], 4, 2)
    others = (values[:-1].sum(0) - values[0]) / 3
    ranked = []
    for (block,) in trials.blocks:
        rows = block.rows
        a, b = (v[rows] - v[rows.ravel()].mean(0) for v in (values[0], others))
        a, b = ((v / values[0][rows.ravel()].std(0)).reshape(len(rows), -1) for v in (a, b))
        ranked.append(direct(np.corrcoef(a, b)[: len(rows), len(rows) :], rows[:, 0], 9))
    assert found["ceiling"].sel(subject="01").item() == pytest.approx(np.mean(ranked))
    assert found["ceiling"].mean() > 0.9
    few = ceiling.identification_ceiling(subjects=NAMES[:1], **of)
    assert few["ceiling"].notnull().all()  # the others of the story are there, if not of the group


# ---------------------------------------------------------------- sets of targets
COORDINATES = {
    "hemisphere": (("target",), np.array(["L", "L", "R", "R"])),
    "roi": (("target",), np.array(["S_temporal_sup", "x", "S_temporal_sup", "y"])),
}


def test_sets_are_all_targets_hemispheres_and_what_the_atlas_has() -> None:
    found = target_sets(COORDINATES, ["all", "hemispheres", "roi-sets"])
    assert list(found)[:3] == ["all", "left", "right"] and "language" in found
    assert found["language"].tolist() == [True, False, True, False]
    both = {**COORDINATES, "hemisphere": (("target",), np.array(["B"] * 4))}
    assert list(target_sets(both, ["all", "hemispheres"])) == ["all"]


def test_sets_that_are_not_here_or_too_small_are_refused_by_name() -> None:
    with pytest.raises(EngramError, match="no region of the ROI set 'associative-memory'"):
        target_sets(COORDINATES, ["associative-memory"])
    assert list(target_sets(COORDINATES, ["all", "language"], fewest=3)) == ["all"]
    with pytest.raises(EngramError, match="these have fewer: \\['language'\\]"):
        target_sets(COORDINATES, ["language"], fewest=3)
