"""Known answers through several stages: a planted layer, simulated listeners, Alice's published order of magnitude."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import MODELS, STORY, story_bold
from scipy.linalg import eigh

from engram import activations, encoding, listening, simulate, timing
from engram.bold import zscore
from engram.paths import TEXTS

ALPHAS = [10.0**power for power in range(-1, 9)]


@pytest.mark.parametrize("name", ["gpt2-tiny", "llama-tiny"])
@pytest.mark.parametrize("planted", [2, 4])
def test_a_planted_layer_is_the_best_layer(name: str, planted: int) -> None:
    """Listeners follow the directions of a layer that its neighbours know least of, by regression on both of them.

    Neighbouring layers explain nearly all of each other's variance (a residual stream), so an arbitrary direction would be
    found in all of them.
    """
    reader = activations.load(MODELS / name)
    options: dict[str, Any] = {"mode": "strided", "context": None, "stride": None, "pooling": "last", "batch_tokens": 4096}
    stories = []
    for story in ("lighthouse", "market"):
        words = pd.DataFrame(listening.speak((TEXTS / f"{story}.txt").read_text(), 0), columns=["word", "onset", "offset"])
        stories.append((words, activations.story_activations(words["word"].tolist(), reader, **options)["activation"].values))
    vectors = np.concatenate([activation for _, activation in stories], axis=1)
    neighbours = np.column_stack([vectors[planted - 1], vectors[planted + 1], np.ones(vectors.shape[1])])
    own = vectors[planted] - neighbours @ np.linalg.lstsq(neighbours, vectors[planted], rcond=None)[0]
    whole = np.cov(vectors[planted].T)
    _, directions = eigh(np.cov(own.T), whole + 1e-6 * np.trace(whole) / len(whole) * np.eye(len(whole)))
    followed = zscore(vectors[planted] @ directions[:, -4:])
    delays, rng, begin = [1, 2, 3, 4], np.random.default_rng(1), 0
    features: list[list[np.ndarray]] = [[] for _ in vectors]
    bold, story_of, position = [], [], []
    for number, (words, activation) in enumerate(stories):
        onsets, times = words["onset"].to_numpy(), 1.5 * np.arange(int(words["offset"].max() / 1.5) + 5)
        part = followed[begin : begin + len(words)]
        begin += len(words)
        bold.append(zscore(timing.delayed_features(part, onsets, times, 1.5, delays).reshape(len(times), 4, -1).sum(1)))
        story_of.append(np.full(len(times), number))
        position.append(np.arange(len(times)))
        for layer, values in enumerate(activation):
            features[layer].append(timing.delayed_features(values, onsets, times, 1.5, delays))
    targets = np.concatenate(bold)
    targets = (targets + 0.3 * rng.standard_normal(targets.shape)).astype(np.float32)
    rows: dict[str, Any] = {"folds": 5, "inner_folds": 3, "gap": 4, "alphas": ALPHAS, "backend": "torch"}
    scores = [encoding.encode(np.concatenate(layer), targets, np.concatenate(story_of), np.concatenate(position), **rows).r.mean() for layer in features]
    others = max(score for layer, score in enumerate(scores) if layer != planted)
    assert scores[planted] > others + 0.1, np.round(scores, 3)


def test_simulated_listeners_have_what_was_planted() -> None:
    onsets = np.array([onset for _, onset, _ in listening.speak(STORY, 0)])
    planted = np.array(["language"] * 10 + ["word rate"] * 4 + ["stimulus"] * 6 + ["nothing"] * 5)
    vectors = np.random.default_rng(1).standard_normal((len(onsets), 20))
    response = simulate.responses(onsets, vectors, 320, 1.5, planted.tolist(), seed=3, story_seed=0)
    assert ((response == 0).all(0) == (planted == "nothing")).all()
    again = simulate.responses(onsets, vectors, 320, 1.5, planted.tolist(), seed=3, story_seed=1)
    language, stimulus = (planted == kind for kind in ("language", "stimulus"))
    np.testing.assert_allclose(response[:, language], again[:, language])  # the wiring is the same for all stories
    assert np.abs(response[:, stimulus] - again[:, stimulus]).max() > 1
    rng = np.random.default_rng(0)
    driven = response[:, planted != "nothing"]
    heard = np.stack([simulate.listen(driven, 0.09, rng) for _ in range(40)])
    correlations = [np.corrcoef(one[:, t], driven[:, t])[0, 1] for one in heard for t in range(driven.shape[1])]
    assert np.mean(correlations) == pytest.approx(0.3, abs=0.02)  # sqrt(0.09)


def truth_scores(language: float, nothing: float) -> pd.DataFrame:
    truth = pd.DataFrame([(side, roi, planted) for side in "LR" for roi, planted in simulate.PLANTED.items()], columns=["hemisphere", "roi", "planted"])
    rng = np.random.default_rng(0)
    means = {"language": language, "word rate": 0.05, "stimulus": 0.0, "nothing": nothing}
    rows = [
        {"subject": f"{s}", "model": "m", "layer": 4, "hemisphere": row.hemisphere, "roi": row.roi, "score": means[row.planted] + 0.01 * rng.standard_normal()}
        for s in range(8)
        for row in truth.itertuples()
    ]
    return pd.DataFrame(rows)


@pytest.mark.parametrize(("language", "nothing", "wrong"), [(0.12, 0.0, set()), (0.0, 0.0, {"language"}), (0.12, 0.08, {"nothing"})])
def test_the_comparison_with_the_truth_can_fail(language: float, nothing: float, wrong: set[str]) -> None:
    truth = pd.DataFrame([(side, roi, planted) for side in "LR" for roi, planted in simulate.PLANTED.items()], columns=["hemisphere", "roi", "planted"])
    table = simulate.compare_with_truth(truth_scores(language, nothing), truth, ["m"], {"m": 4})
    assert wrong <= set(table.loc[table["found"] == "no", "planted"])
    assert wrong or (table["found"] == "yes").all()


def test_alice_is_near_independent_computations(mirror: Path) -> None:
    """Word rate on the real data: computations independent of this project gave 0.365 for the average listener."""
    from engram.alice import REGIONS, AliceDataset
    from engram.stories import words_table

    dataset = AliceDataset(mirror / "alice", "6mm")
    words = words_table(dataset.words("alice"), 15, "alice")
    subjects = sorted(path.name[1:3] for path in (mirror / "alice" / "6mm").glob("s*") if path.name[1:3] != "33")
    data, _ = story_bold(dataset, "alice", subjects, words, confounds=True, high_pass=1 / 128, targets="all", average=True, trim=0, tail=8.0)
    assert len(subjects) == 27 and data.sizes["target"] == len(REGIONS)
    features = timing.delayed_features(np.ones((len(words), 1)), words["onset"].to_numpy(), data["time"].values, 2.0, [1, 2, 3, 4, 5])
    average = data["bold"].sel(subject="average").values
    n_rows = len(average)
    found = encoding.encode(features, average, np.zeros(n_rows, int), np.arange(n_rows), folds=5, inner_folds=5, gap=5, alphas=ALPHAS, backend="torch")
    assert found.r.mean() == pytest.approx(0.365, abs=0.01)
