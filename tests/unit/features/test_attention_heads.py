"""Attention heads: they are what attention adds up, in whatever way a family does it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import ROOT, story_words
from read_models import READING
from transformers import (
    GPT2Config,
    GPT2Model,
    GPTNeoXConfig,
    GPTNeoXModel,
    LlamaConfig,
    LlamaModel,
)

from engram.errors import EngramError
from engram.features import spaces
from engram.features.heads.space import scale
from engram.features.language_models import activations, attention_heads
from engram.features.language_models.hidden_states import blocks_of
from engram.features.space import Given

SIZES = {"vocab_size": 50, "attn_implementation": "eager"}
HEADS, BLOCKS = 4, 3


def gpt2() -> Any:
    return GPT2Model(GPT2Config(n_embd=32, n_layer=BLOCKS, n_head=HEADS, **SIZES))


def llama() -> Any:
    """Two keys for four heads, and heads that are together wider than the model."""
    sizes = {"hidden_size": 24, "intermediate_size": 40, "head_dim": 8}
    config = LlamaConfig(
        num_hidden_layers=BLOCKS,
        num_attention_heads=HEADS,
        num_key_value_heads=2,
        attention_bias=True,
        **sizes,
        **SIZES,
    )
    return LlamaModel(config)


def neox() -> Any:
    sizes = {"hidden_size": 32, "intermediate_size": 64}
    config = GPTNeoXConfig(num_hidden_layers=BLOCKS, num_attention_heads=HEADS, **sizes, **SIZES)
    return GPTNeoXModel(config)


#: How each family is made, and the module whose output is what its attention gives.
FAMILIES = {"gpt2": (gpt2, "attn"), "llama": (llama, "self_attn"), "neox": (neox, "attention")}


def read(model: Any, ids: torch.Tensor, layer: int | None = None) -> dict[int, torch.Tensor]:
    found = {}
    with torch.inference_mode():
        attention_heads.hand_over_heads(
            SimpleNamespace(model=model),  # type: ignore[arg-type]
            ids,
            torch.ones_like(ids),
            layer,
            lambda place, _, state: found.update({place: state.clone()}),
        )
    return found


@pytest.mark.parametrize("family", FAMILIES)
@torch.inference_mode()
def test_heads_rebuild_the_output_of_attention(family: str) -> None:
    torch.manual_seed(0)
    make, attention = FAMILIES[family]
    model = make().eval()
    for one in model.parameters():  # biases are 0 in new models
        torch.nn.init.normal_(one, std=0.3)
    ids = torch.randint(0, 50, (2, 9))
    given: list[torch.Tensor] = []
    modules = [dict(block.named_children())[attention] for block in blocks_of(model)]
    for module in modules:
        module.register_forward_hook(lambda _, __, output: given.append(output[0]))
    heads = read(model, ids)
    assert list(heads) == list(range(1 + BLOCKS)) and not heads.pop(0).any()
    for place, projection in enumerate(attention_heads.projections(model)):
        made = attention_heads.rebuilt(projection, heads[place + 1], HEADS)
        assert (made - given[place]).abs().max() <= 1e-5 * given[place].abs().max()
        without = attention_heads.rebuilt(projection, heads[place + 1].roll(8, -1), HEADS)
        assert (without - given[place]).abs().max() > 0.01  # heads are in their own order
        alone = read(model, ids, layer=place + 1)
        torch.testing.assert_close(alone[0], heads[place + 1], rtol=0, atol=0)


def test_heads_of_grouped_queries_are_weighted_sums_of_shared_values() -> None:
    torch.manual_seed(1)
    model = llama().eval()
    ids = torch.randint(0, 50, (1, 7))
    values: list[torch.Tensor] = []
    for block in model.layers:
        block.self_attn.v_proj.register_forward_hook(lambda _, __, output: values.append(output))
    heads = read(model, ids)
    values.clear()
    with torch.inference_mode():
        weights = model(input_ids=ids, output_attentions=True).attentions
    for place in range(BLOCKS):
        for head in range(HEADS):
            shared = values[place][0].reshape(7, 2, 8)[:, head // 2]
            expected = weights[place][0, head] @ shared
            mine = heads[place + 1][0, :, 8 * head : 8 * head + 8]
            torch.testing.assert_close(mine, expected)


def lay(name: str, layers: str, n_words: int = 60, layer: int | None = None) -> Any:
    words = pd.DataFrame({"word": story_words(n_words), "sentence_end": False})
    folder = ROOT / "resources" / "models" / name
    config = {
        "model": {"base": None, "source": str(folder), "reinitialised": False, "seed": None},
        "reading": {**READING, "device": "cpu", "dtype": "float32"},
        "space": {"of": "tiny", "layers": layers},
        "layer": layer,
    }
    return spaces.lay("heads", Given("one", words, config, model=folder))


@pytest.mark.parametrize("name", ["gpt2-tiny", "llama-tiny"])
def test_the_space_of_a_story(name: str) -> None:
    whole, alone = lay(name, "all"), lay(name, "reported")
    reader = activations.load(ROOT / "resources" / "models" / name, device="cpu")
    number = attention_heads.head_count(reader.model)
    assert whole.sizes["layer"] == reader.depth + 1 and not whole["activation"][0].any()
    reported = round(2 * reader.depth / 3)
    assert alone["layer"].values.tolist() == [reported]
    np.testing.assert_allclose(
        alone["activation"].values[0], whole["activation"].values[reported], atol=1e-5
    )
    assert (
        alone["head"].values.tolist()
        == np.repeat(np.arange(number), alone.sizes["unit"] // number).tolist()
    )
    by_head = whole["activation"].values[1:].reshape(reader.depth, 60, number, -1)
    np.testing.assert_allclose((by_head**2).mean((1, 3)), 1, atol=1e-4)
    np.testing.assert_allclose(by_head.mean(1), 0, atol=1e-5)
    # What is scaled is what the hooks give at each word.
    raw = attention_heads.story_heads(story_words(60), reader, **READING)
    scale(raw, number)
    np.testing.assert_allclose(raw, whole["activation"].values, atol=1e-4)


def test_heads_of_an_encoder_are_read_with_its_stride(encoder_folder: Path) -> None:
    reader = activations.load(encoder_folder, device="cpu")
    words = [word.strip('.,"') for word in story_words(40)]
    alone, strided = (
        attention_heads.story_heads(words, reader, **{**READING, "encoder_stride": stride})
        for stride in (1, 4)
    )
    moved = np.abs(alone - strided).max(axis=(0, 2)) > 1e-4
    assert np.flatnonzero(~moved).tolist() == list(range(3, 40, 4))


def test_a_head_counts_the_same_however_long_its_vectors_are() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((2, 30, 12)) + 5
    longer = vectors.copy()
    longer[..., 4:8] *= 100
    dead = np.zeros((1, 30, 12))
    for one in (vectors, longer, dead):
        scale(one, 3)
    np.testing.assert_allclose(vectors, longer, rtol=1e-5, atol=1e-12)
    assert not dead.any() and vectors.any()


def test_a_layer_without_heads_is_refused() -> None:
    with pytest.raises(EngramError, match="layer 0 has no heads"):
        lay("gpt2-tiny", "reported", layer=0)


def test_a_model_whose_projection_is_not_known_is_refused(tmp_path: Path) -> None:
    model = gpt2().eval()
    for block in model.h:
        block.attn.mixing = block.attn.c_proj
        del block.attn.c_proj
    with pytest.raises(EngramError, match="no output projection of attention that is known"):
        attention_heads.projections(model)


def test_heads_that_do_not_add_up_are_refused() -> None:
    """A projection that does more than project is not split into heads without a word."""
    reader = activations.load(ROOT / "resources" / "models" / "gpt2-tiny", device="cpu")
    attention_heads.check_heads(reader)
    projection = attention_heads.projections(reader.model)[1]
    projection.register_forward_hook(lambda _, __, output: output * output)
    with pytest.raises(EngramError, match="not the sum of its heads"):
        attention_heads.check_heads(reader)
