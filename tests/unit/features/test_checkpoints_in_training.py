"""A model in training: step 0 is as its twins are, and a step that is followed comes back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from conftest import ROOT, random_words
from read_models import READING
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from engram.encoding.ridge import encode
from engram.encoding.timing import delayed_features, fold_gap
from engram.features.language_models.activations import story_activations
from engram.features.language_models.reader import reader_of
from engram.features.language_models.tokens import tokenize

FOLDER = ROOT / "resources" / "models" / "gpt2-tiny"
TR, N_ROWS, N_WORDS = 1.5, 180, 360
DELAYS = [1, 2, 3]


def new_model(seed: int) -> Any:
    torch.manual_seed(seed)
    return AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(FOLDER))


def trained(words: list[str], steps: list[int]) -> dict[int, Any]:
    """Return a model at some steps of its training on other words."""
    tokenizer = AutoTokenizer.from_pretrained(FOLDER)
    ids = torch.as_tensor(tokenize(words, tokenizer).ids.astype(np.int64))
    model, kept = new_model(0), {}
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for step in range(max(steps) + 1):
        if step in steps:
            copy = new_model(0)
            copy.load_state_dict(model.state_dict())
            kept[step] = copy.base_model.eval()
        begin = 37 * step % (len(ids) - 65)
        window = ids[None, begin : begin + 64]
        model.train()
        model(input_ids=window, labels=window).loss.backward()
        optimiser.step()
        optimiser.zero_grad()
    return kept


@pytest.mark.slow
def test_step_0_is_a_twin_and_a_followed_step_comes_back() -> None:
    table = random_words(N_WORDS, rate=N_WORDS / (TR * N_ROWS - 8))
    words, tokenizer = table["word"].tolist(), AutoTokenizer.from_pretrained(FOLDER)
    models = trained(words[::-1], [0, 5, 30])
    reader = reader_of(models[0], tokenizer, "float32")  # tried out once: all are of one family

    def vectors(model: Any) -> np.ndarray:
        read = story_activations(words, replace(reader, model=model), **READING)
        found: np.ndarray = read["activation"].values[-2]
        return found - found.mean(0)

    times, onsets = np.arange(N_ROWS) * TR, table["onset"].to_numpy()
    rng = np.random.default_rng(0)

    def listener(followed: np.ndarray) -> np.ndarray:
        projected = (followed @ rng.standard_normal((followed.shape[1], 8))).astype(np.float32)
        signal = delayed_features(projected, onsets, times, TR, [2], "sum")
        noisy = signal / signal.std(0) + 0.7 * rng.standard_normal(signal.shape)
        return noisy.astype(np.float32)

    def score(read: np.ndarray, bold: np.ndarray) -> float:
        scored = encode(
            delayed_features(read, onsets, times, TR, DELAYS, "sum"),
            *(bold, np.zeros(N_ROWS, int), np.arange(N_ROWS)),
            folds=4,
            inner_folds=2,
            gap=fold_gap(DELAYS, "sum"),
            alphas=[1.0, 1e2, 1e4, 1e6],
            backend="numpy",
        )
        return float(scored.r.mean())

    read = {step: vectors(model) for step, model in models.items()}
    twins = [vectors(new_model(seed).base_model.eval()) for seed in range(1, 7)]
    # One who follows another training: for this listener step 0 is one more twin.
    other = listener(vectors(AutoModelForCausalLM.from_pretrained(FOLDER).base_model.eval()))
    of_twins = [score(one, other) for one in twins]
    assert abs(score(read[0], other) - np.mean(of_twins)) <= 3 * np.std(of_twins, ddof=1)
    # One who follows the last step of this training.
    mine = listener(read[30])
    by_step = [score(one, mine) for one in read.values()]
    assert by_step == sorted(by_step) and by_step[-1] > by_step[-2] + 0.1, by_step
    assert by_step[-1] > max(score(one, mine) for one in twins) + 0.3
