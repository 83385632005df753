"""The read check: other conventions than those of a hidden state for each layer are refused."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from conftest import MODELS, story_words
from read_models import Broken, vectors

from engram.errors import EngramError
from engram.features.language_models import activations
from engram.features.language_models.read_check import read_check
from engram.features.language_models.reader import Reader


@pytest.fixture(scope="module")
def gpt2() -> Reader:
    """The demo's GPT-2, loaded once for tests that leave it as it is."""
    return activations.load(MODELS / "gpt2-tiny", device="cpu")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda states, ids, mask: None, "gives no hidden states"),
        (lambda states, ids, mask: states[1:], "6 hidden states for 6 blocks"),
        (lambda states, ids, mask: (*states[:-1], states[-2]), "last two hidden states alike"),
        (
            lambda states, ids, mask: (*states[1:], states[-1]),
            "knows the context, and not the embeddings",
        ),
        (lambda states, ids, mask: tuple(state * torch.nan for state in states), "not finite"),
        (lambda states, ids, mask: tuple(state[:, ::2] for state in states), "not one for each"),
        (
            lambda states, ids, mask: (states[0], states[1][..., :8], *states[2:]),
            "of different widths",
        ),
        (lambda states, ids, mask: 1 / 0, "cannot read tokens in float32"),
        (
            lambda states, ids, mask: (states[0], *states[:-1]),
            "hidden state 1 is the embeddings once more",
        ),
        (
            lambda states, ids, mask: (states[0], *states[:-2], states[-1]),
            "hidden state 1 is the embeddings once more",
        ),
        (
            lambda states, ids, mask: (*states[:2], *states[1:-2], states[-1]),
            "hidden state 2 is what block 1 gives",
        ),
        (
            lambda states, ids, mask: (states[0], *states[:0:-1]),
            "hidden state 2 is what block 5 gives",
        ),
        (
            lambda states, ids, mask: (*states[:2], states[3], states[2], *states[4:]),
            "hidden state 2 is what block 3 gives",
        ),
        (
            lambda states, ids, mask: (states[0], *(one - states[0] for one in states[1:])),
            "none of the 5 between",
        ),
        (
            lambda states, ids, mask: (
                states[0],
                *(torch.nn.functional.layer_norm(one, one.shape[-1:]) for one in states[1:]),
            ),
            "none of the 5 between",
        ),
    ],
    ids=[
        *("none", "one too few", "one twice", "shifted", "NaN", "shorter", "widths", "an error"),
        *(
            "embeddings twice",
            "embeddings twice and the norm",
            "block 1 twice",
            "reversed",
            "two swapped",
            "differences",
            "normed",
        ),
    ],
)
def test_other_conventions_are_refused(
    change: Callable[[Any, Any, Any], Any], message: str, gpt2: Reader
) -> None:
    with pytest.raises(EngramError, match=message):
        read_check(Broken(gpt2.model, change).eval(), gpt2.tokenizer, "float32")


@pytest.mark.parametrize(
    ("start", "causal", "alone"),
    [(32, False, False), (None, True, False)],
    ids=["sees all from token 32 on", "the mean of the batch from token 30 on"],
)
def test_what_only_long_sequences_show_is_seen(
    start: int | None, causal: bool, alone: bool, gpt2: Reader
) -> None:
    def changed(states: Any, ids: torch.Tensor, mask: Any) -> Any:
        last = states[-1].clone()
        if start is not None:
            last[:, start:] += states[-1].mean(1, keepdim=True)
        else:
            last[:, 30:] += states[-1].mean((0, 1))[None, None] if len(ids) > 1 else 0
        return (*states[:-1], last)

    found = read_check(Broken(gpt2.model, changed).eval(), gpt2.tokenizer, "float32")
    assert (found.causal, found.batched_is_single) == (causal, alone)


def test_a_prefix_whose_tokens_see_each_other_makes_a_model_bidirectional(gpt2: Reader) -> None:
    def changed(states: Any, ids: torch.Tensor, mask: Any) -> Any:
        last = states[-1].clone()
        last[:, :2] += states[-1][:, :2].mean(1, keepdim=True)
        return (*states[:-1], last)

    assert not read_check(Broken(gpt2.model, changed).eval(), gpt2.tokenizer, "float32").causal


def test_a_model_that_reads_otherwise_each_time_is_refused() -> None:
    reader = activations.load(MODELS / "gpt2-tiny", device="cpu")
    reader.model.h[1].mlp.register_forward_hook(
        lambda _m, _i, output: torch.nn.functional.dropout(output, 0.1, training=True)
    )
    with pytest.raises(EngramError, match="reads the same tokens differently each time"):
        read_check(reader.model, reader.tokenizer, "float32")


@pytest.mark.slow
def test_where_padding_changes_what_is_read_windows_of_equal_length_are_batched(
    caplog: pytest.LogCaptureFixture, gpt2: Reader
) -> None:
    def changed(states: Any, ids: torch.Tensor, mask: Any) -> Any:
        """Every token sees how many tokens its batch has, in the last layer."""
        return (*states[:-1], states[-1] + ids.shape[1])

    model = Broken(gpt2.model, changed).eval()
    found = read_check(model, gpt2.tokenizer, "float32")
    assert (
        not found.batched_is_single
        and not found.streams
        and "windows of equal length alone are read together" in caplog.text
    )
    one = replace(gpt2, model=model, batched_is_single=False, streams=False)
    words, how = story_words(40), {"mode": "exact", "context": 32}
    np.testing.assert_allclose(
        vectors(words, one, **how), vectors(words, one, **how, batch_tokens=1), atol=1e-4
    )
    padded = replace(one, batched_is_single=True)
    assert np.abs(vectors(words, padded, **how) - vectors(words, one, **how)).max() > 0.5


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_one_token_that_sees_a_later_one_makes_a_model_bidirectional(dtype: str) -> None:
    """In half precision as well, and wherever in the sequence."""
    reader = activations.load(MODELS / "llama-tiny", device="cpu", dtype=dtype)
    assert reader.causal
    for place in (0, 3, 12):

        def changed(states: Any, ids: torch.Tensor, mask: Any, place: int = place) -> Any:
            last = states[-1].clone()
            last[:, min(place, last.shape[1] - 2)] += states[-1][:, -1]
            return (*states[:-1], last)

        assert not read_check(Broken(reader.model, changed).eval(), reader.tokenizer, dtype).causal


def test_what_was_found_stands_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    activations.load(MODELS / "gpt2-tiny", device="cpu")
    assert (
        "read check: gpt2, causal, 7 layers (as given), at most 256 tokens, batched as alone, "
        "layer 0 knows no context, stops at any block, layers one by one"
    ) in caplog.text
