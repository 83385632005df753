"""A reading that stops at a layer gives what whole readings give there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from conftest import MODELS, story_words

from engram.features.language_models import activations, early_stop
from engram.features.language_models.hidden_states import blocks_of
from engram.features.language_models.reader import Reader
from engram.features.language_models.tokens import tokenize
from engram.features.language_models.windows import plan_windows
from engram.features.language_models.word_vectors import ToRead, text_vectors, word_vectors

READING: dict[str, Any] = {
    "mode": "strided",
    "context": 64,
    "stride": None,
    "pooling": "mean",
    "batch_tokens": 300,
}
WORDS = story_words(150)


@pytest.fixture(scope="module", params=["gpt2-tiny", "llama-tiny"])
def reader(request: pytest.FixtureRequest) -> Reader:
    return activations.load(MODELS / request.param, device="cpu")


def calls(reader: Reader) -> list[int]:
    """Return a list that grows by the number of each block that runs."""
    ran: list[int] = []
    for number, block in enumerate(blocks_of(reader.model), start=1):
        block.register_forward_hook(lambda *_, number=number: ran.append(number))
    return ran


def test_each_layer_by_itself_is_that_of_the_whole_reading(reader: Reader) -> None:
    whole = activations.story_activations(WORDS, reader, **READING)["activation"]
    assert reader.stops and reader.depth == len(whole) - 1
    for layer in range(len(whole)):
        one = activations.story_activations(WORDS, reader, **READING, layer=layer)["activation"]
        assert one["layer"].values.tolist() == [layer]
        np.testing.assert_array_equal(one.values[0], whole.values[layer])


def test_no_block_runs_behind_the_layer_that_is_wanted() -> None:
    reader = activations.load(MODELS / "llama-tiny", device="cpu")
    ran = calls(reader)
    activations.story_activations(WORDS, reader, **READING, layer=3)
    assert set(ran) == {1, 2, 3}
    ran.clear()
    activations.story_activations(WORDS, replace(reader, stops=False), **READING, layer=3)
    assert set(ran) == set(range(1, reader.depth + 1))


def test_a_model_whose_blocks_are_not_its_layers_is_read_to_its_end() -> None:
    """Here the second block adds to what the first one gave, in place."""
    import torch

    reader = activations.load(MODELS / "gpt2-tiny", device="cpu")
    trial = [(np.arange(1, 13)[None], None)]
    assert early_stop.can_stop(reader.model, trial, "hidden_states")

    def in_place(_module: Any, given: tuple[Any, ...], _output: Any) -> None:
        given[0].add_(1)

    handle = blocks_of(reader.model)[1].register_forward_hook(in_place)
    assert not early_stop.can_stop(reader.model, trial, "hidden_states")
    handle.remove()
    # One that draws at random, and one that knows no block.
    blocks_of(reader.model)[0].register_forward_hook(
        lambda _module, _given, output: (
            (output[0] + torch.rand(()),) if isinstance(output, tuple) else output + torch.rand(())
        )
    )
    assert not early_stop.can_stop(reader.model, trial, "hidden_states")
    assert not early_stop.can_stop(torch.nn.Linear(2, 2), trial, "hidden_states")


def test_texts_read_together_are_texts_read_alone(reader: Reader) -> None:
    """Up to rounding; windows that texts share are read once, and give the same."""
    texts = []
    for changed in (None, 3, 140):
        words = list(WORDS)
        if changed is not None:
            words[changed] = "bells"
        story = tokenize(words, reader.tokenizer)
        plan = {key: READING[key] for key in ("mode", "context", "stride")}
        texts.append((story, plan_windows(story, reader, **plan)))
    kept = np.array([0, 7, 149])
    wanted = [
        ToRead(*texts[0]),
        ToRead(*texts[1], layer=2),
        ToRead(*texts[2], layer=2, kept=kept),
        ToRead(*texts[0], layer=4),
    ]
    together = text_vectors(wanted, reader, pooling="mean", batch_tokens=300)
    alone = [word_vectors(*text, reader, pooling="mean", batch_tokens=300) for text in texts]
    np.testing.assert_allclose(together[0], alone[0], atol=1e-4)
    np.testing.assert_allclose(together[1], alone[1][2:3], atol=1e-4)
    np.testing.assert_allclose(together[2], alone[2][2:3, kept], atol=1e-4)
    np.testing.assert_array_equal(together[3], together[0][4:5])
    # Between the first and the last window the third text is the first.
    np.testing.assert_array_equal(together[2][0, :2], together[0][2, kept[:2]])


def test_windows_that_texts_share_are_read_once() -> None:
    reader = activations.load(MODELS / "llama-tiny", device="cpu")
    story = tokenize(WORDS, reader.tokenizer)
    windows = plan_windows(story, reader, mode="strided", context=64, stride=None)
    ran = calls(reader)
    text_vectors([ToRead(story, windows)] * 3, reader, batch_tokens=64)
    assert ran.count(1) == len(windows)
