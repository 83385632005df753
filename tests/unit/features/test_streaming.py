"""Layers that are taken while a model reads are those that it returns; few are held at once."""

from __future__ import annotations

import weakref
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from conftest import MODELS, story_words

from engram.features.language_models import activations, streaming
from engram.features.language_models.hidden_states import blocks_of
from engram.features.language_models.reader import Reader

READING: dict[str, Any] = {
    "mode": "strided",
    "context": 64,
    "stride": None,
    "pooling": "mean",
    "batch_tokens": 300,
}
TRIAL = [(np.arange(1, 13)[None], None)]


@pytest.fixture(params=["gpt2-tiny", "llama-tiny"])
def reader(request: pytest.FixtureRequest) -> Reader:
    return activations.load(MODELS / request.param, device="cpu")


def test_layers_one_by_one_are_those_that_the_model_returns(reader: Reader) -> None:
    assert reader.streams
    words = story_words(150)  # several batches, with padding
    streamed, returned = (
        activations.story_activations(words, one, **READING)["activation"].values
        for one in (reader, replace(reader, streams=False))
    )
    np.testing.assert_array_equal(streamed, returned)


def test_few_layers_are_held_at_once(reader: Reader) -> None:
    """The model holds what it gave its first block, and a block what it is given."""
    taken: list[Any] = []

    def hooks() -> list[int]:
        """Return how many hooks there are: transformers has its own."""
        stack = blocks_of(reader.model)
        return [len(one._forward_hooks) + len(one._forward_pre_hooks) for one in stack]

    before = hooks()

    def take(place: int, n_layers: int, state: Any) -> None:
        assert place == len(taken) and n_layers == reader.depth + 1
        assert sum(state() is not None for state in taken) <= 2
        taken.append(weakref.ref(state))

    with torch.inference_mode():
        streaming.stream(reader.model, torch.as_tensor(TRIAL[0][0]), None, take)
    assert len(taken) == reader.depth + 1
    assert hooks() == before


def test_a_model_whose_blocks_are_not_its_layers_returns_them_together(reader: Reader) -> None:
    stack = blocks_of(reader.model)
    assert streaming.can_stream(reader.model, TRIAL, "hidden_states")
    assert not streaming.can_stream(reader.model, TRIAL, "blocks")
    # The second block adds to what the first one gave, in place.
    handle = stack[1].register_forward_hook(
        lambda _module, given, _output: given[0].add_(1) and None
    )
    assert not streaming.can_stream(reader.model, TRIAL, "hidden_states")
    handle.remove()
    assert streaming.can_stream(reader.model, TRIAL, "hidden_states")

    # The last hidden state is another one than the last of all.
    def other(_module: Any, _given: Any, output: Any) -> Any:
        output.last_hidden_state = output.last_hidden_state + 1
        return output

    reader.model.register_forward_hook(other)
    assert not streaming.can_stream(reader.model, TRIAL, "hidden_states")
    assert not streaming.can_stream(torch.nn.Linear(2, 2), TRIAL, "hidden_states")
