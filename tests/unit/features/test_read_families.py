"""Conventions of families that the read check knows of: layers, positions, limits, tokens.

Each is held against what the model's blocks give.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import MODELS, story_words
from read_models import Broken, vectors
from transformers import AutoConfig, AutoModel, AutoTokenizer

from engram.errors import EngramError
from engram.features.language_models import activations
from engram.features.language_models.read_check import read_check
from engram.features.language_models.reader import Reader
from engram.features.language_models.tokens import tokenize

SMALL: dict[str, Any] = {
    "vocab_size": 1280,
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "pad_token_id": 1,
    "bos_token_id": 0,
    "eos_token_id": 2,
}
HEADS: dict[str, Any] = {
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "max_position_embeddings": 64,
}


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Path]:
    """Save a tiny model of a family.

    It has the tokenizer of the demo's LLaMA and no limit of its own.
    """

    def made(family: str, **more: Any) -> Path:
        torch.manual_seed(1)
        AutoModel.from_config(AutoConfig.for_model(family, **{**SMALL, **more})).save_pretrained(
            tmp_path / family
        )
        tokenizer = AutoTokenizer.from_pretrained(MODELS / "llama-tiny")
        tokenizer.model_max_length = int(1e30)
        tokenizer.save_pretrained(tmp_path / family)
        return tmp_path / family

    return made


def block_outputs(reader: Reader, words: list[str]) -> list[np.ndarray]:
    """Each block's output for every word, caught as it leaves the block."""
    story = tokenize(words, reader.tokenizer)
    stack = next(
        module
        for module in reader.model.modules()
        if isinstance(module, torch.nn.ModuleList) and len(module) == 3
    )
    kept: list[torch.Tensor] = []
    handles = [
        block.register_forward_hook(
            lambda _m, _i, output: kept.append(output[0] if isinstance(output, tuple) else output)
        )
        for block in stack
    ]
    with torch.inference_mode():
        reader.model(input_ids=torch.as_tensor([[*reader.prefix, *story.ids]]))
    for handle in handles:
        handle.remove()
    last = [len(reader.prefix) + tokens[-1] for tokens in story.pooled]
    return [output[0, last].numpy() for output in kept]


@pytest.mark.parametrize(
    ("family", "more"),
    [
        ("mamba", {"state_size": 8}),
        (
            "mamba2",
            {"state_size": 8, "num_heads": 8, "head_dim": 8, "n_groups": 1, "chunk_size": 32},
        ),
        ("falcon_mamba", {"state_size": 8}),
        ("rwkv", {"attention_hidden_size": 32, "context_length": 256}),
        ("gpt_neox", HEADS),
    ],
)
def test_layer_0_is_the_embeddings_and_layer_k_block_k(
    family: str, more: dict[str, Any], make: Callable[..., Path]
) -> None:
    reader = activations.load(make(family, **more), device="cpu")
    words = story_words(15)
    found, other = vectors(words, reader), vectors(["sea", *words[1:]], reader)
    assert len(found) == 4 and reader.causal
    same = (
        tokenize(words, reader.tokenizer).lengths.sum()
        == tokenize(["sea", *words[1:]], reader.tokenizer).lengths.sum()
    )
    assert not same or np.abs(found[0, 3:] - other[0, 3:]).max() == 0
    story = tokenize(words, reader.tokenizer)
    table = reader.model.get_input_embeddings().weight.detach().numpy()
    np.testing.assert_allclose(
        found[0], table[story.ids[[tokens[-1] for tokens in story.pooled]]], atol=1e-6
    )
    for layer, block in enumerate(block_outputs(reader, words)[:-1], start=1):
        np.testing.assert_allclose(found[layer], block, atol=1e-5)
    assert np.abs(found[3] - found[2]).max() > 1e-3


def test_the_last_layer_is_the_last_block_where_a_projection_follows(
    make: Callable[..., Path],
) -> None:
    folder = make(
        "opt",
        word_embed_proj_dim=16,
        num_attention_heads=4,
        ffn_dim=64,
        max_position_embeddings=64,
        do_layer_norm_before=False,
    )
    reader = activations.load(folder, device="cpu")
    words = story_words(15)
    found = vectors(words, reader)
    assert found.shape == (4, 15, 32) and reader.layers_from == "last block"
    for layer, block in enumerate(block_outputs(reader, words), start=1):
        np.testing.assert_allclose(found[layer], block, atol=1e-5)


@pytest.mark.parametrize(("padding", "limit"), [(1, 62), (3, 60), (0, 63)])
def test_positions_begin_behind_the_padding(
    padding: int, limit: int, make: Callable[..., Path]
) -> None:
    reader = activations.load(make("roberta", **{**HEADS, "pad_token_id": padding}), device="cpu")
    assert reader.limit == limit and not reader.causal
    assert vectors(story_words(80), reader).shape[:2] == (4, 80)


def test_windows_end_where_positions_begin_to_depend_on_their_length(
    make: Callable[..., Path],
) -> None:
    """LongRoPE: a word's vector differs in an input of more than 48 tokens.

    It is another one than in a shorter input, of the same words before it.
    """
    rope = {
        "rope_type": "longrope",
        "rope_theta": 1e4,
        "short_factor": [1.0] * 4,
        "long_factor": [3.0] * 4,
        "original_max_position_embeddings": 48,
    }
    reader = activations.load(make("llama", **{**HEADS, "rope_parameters": rope}), device="cpu")
    assert reader.limit == 48
    ids = torch.arange(5, 69)[None]
    with torch.inference_mode():
        long, short = (
            reader.model(input_ids=ids[:, :length]).last_hidden_state[0, 20] for length in (64, 48)
        )
    assert (long - short).abs().max() > 1e-3
    words = story_words(40)  # of 55 tokens or so
    np.testing.assert_allclose(
        vectors(words, reader)[:, :15], vectors(words[:15], reader), atol=1e-5
    )


def test_a_limit_that_is_declared_too_high_is_found_by_reading(
    make: Callable[..., Path], caplog: pytest.LogCaptureFixture
) -> None:
    reader = activations.load(make("gpt_neox", **HEADS), device="cpu")

    class Short(torch.nn.Module):
        """Reads at most 40 tokens, as a model whose table has no telling name."""

        config, device, dtype = reader.model.config, reader.model.device, reader.model.dtype
        get_input_embeddings = staticmethod(reader.model.get_input_embeddings)

        def __init__(self) -> None:
            super().__init__()
            self.inner = reader.model

        def forward(self, input_ids: torch.Tensor, **options: Any) -> Any:
            if input_ids.shape[1] > 40:
                raise IndexError("index out of range in self")
            return self.inner(input_ids=input_ids, **options)

    assert read_check(Short().eval(), reader.tokenizer, "float32").limit == 40
    assert "tried out, 40 can" in caplog.text


def test_what_a_family_lets_follow_a_block_is_no_other_order(make: Callable[..., Path]) -> None:
    """DeBERTa-v2 with a convolution behind its first block, and FlauBERT.

    The latter has lists of parts and none of blocks.
    """
    assert not activations.load(
        make("deberta-v2", **HEADS, conv_kernel_size=3), device="cpu"
    ).causal
    assert not activations.load(
        make("flaubert", emb_dim=32, n_layers=3, n_heads=4, max_position_embeddings=64),
        device="cpu",
    ).causal


@pytest.mark.slow
def test_sparse_attention_that_a_short_window_switches_off_is_off_from_the_start(
    make: Callable[..., Path], caplog: pytest.LogCaptureFixture
) -> None:
    folder = make(
        "big_bird",
        **{**HEADS, "max_position_embeddings": 512},
        attention_type="block_sparse",
        block_size=8,
        num_random_blocks=1,
    )
    reader = activations.load(folder, device="cpu")
    assert (
        reader.model.attention_type == "original_full"
        and "full attention in all windows" in caplog.text
    )
    words = story_words(150)
    long = vectors(words, reader)[:, -1]
    vectors(words[:3], reader)
    np.testing.assert_array_equal(vectors(words, reader)[:, -1], long)


@pytest.mark.parametrize("error", [IndexError, AssertionError, KeyError])
def test_a_limit_that_nothing_declares_is_found_by_reading(
    error: type[Exception], make: Callable[..., Path]
) -> None:
    reader = activations.load(make("bloom", n_head=4), device="cpu")
    assert reader.limit == 1 << 20

    def changed(states: Any, ids: torch.Tensor, mask: Any) -> Any:
        if ids.shape[1] > 64:
            raise error("too long")
        return states

    assert read_check(Broken(reader.model, changed).eval(), reader.tokenizer, "float32").limit == 64


def test_an_input_too_short_for_a_word_in_its_context_is_refused(make: Callable[..., Path]) -> None:
    folder = make("gpt_neox", **HEADS)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.model_max_length = 2
    tokenizer.save_pretrained(folder)
    with pytest.raises(EngramError, match="reads 2 tokens at once, .*model_max_length"):
        activations.load(folder, device="cpu")


def test_tokens_beyond_the_model_are_named(make: Callable[..., Path]) -> None:
    folder = make("gpt_neox", **{**HEADS, "vocab_size": 300})
    with pytest.raises(
        EngramError,
        match=r"gives token \d+ \('.+'\), and the model knows 0 to 299: .*resize_token_embeddings",
    ):
        vectors(story_words(40), activations.load(folder, device="cpu"))
    tokenizer = AutoTokenizer.from_pretrained(MODELS / "llama-tiny")
    tokenizer.add_special_tokens({"bos_token": "<|startoftext|>"})
    other = make("gpt_neox", **HEADS)
    tokenizer.save_pretrained(other)
    with pytest.raises(
        EngramError, match=r"token 1280 \('<\|startoftext\|>'\), and the model knows 0 to 1279"
    ):
        activations.load(other, device="cpu")
