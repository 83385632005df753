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


@pytest.mark.parametrize("last", [1, 3])
def test_layers_up_to_the_last_that_is_wanted_are_those_of_all(reader: Reader, last: int) -> None:
    """Bit for bit, and the blocks above it do not run."""
    words = story_words(150)
    ran: list[int] = []
    handles = [
        block.register_forward_hook(lambda *_, number=number: ran.append(number))
        for number, block in enumerate(blocks_of(reader.model), start=1)
    ]
    some = activations.story_activations(words, reader, last=last, **READING)
    assert max(ran) == last
    for handle in handles:
        handle.remove()
    all_layers = activations.story_activations(words, reader, **READING)
    assert some["layer"].values.tolist() == list(range(last + 1))
    np.testing.assert_array_equal(
        some["activation"].values, all_layers["activation"].values[: last + 1]
    )


@pytest.mark.parametrize("change", [{"stops": False}, {"streams": False}])
def test_a_model_that_cannot_be_stopped_is_read_to_its_end(
    reader: Reader, change: dict[str, Any]
) -> None:
    one = replace(reader, **change)
    read = activations.story_activations(story_words(20), one, last=2, **READING)
    assert read.sizes["layer"] == reader.depth + 1


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
