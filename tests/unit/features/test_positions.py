"""The longest input is what the model can read.

One token more fails where there is a table of positions.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import tiny_models
import torch
from conftest import MODELS, STORY
from transformers import Phi3Config, PretrainedConfig

from engram.associations.annotators.local_model import NEW_TOKENS, LocalAnnotator
from engram.errors import EngramError
from engram.features.language_models.positions import NO_LIMIT, declared_limit, longest_input
from engram.tunings import training
from engram.tunings.model import BaseModel
from engram.tunings.samples import Sample, SampleSet
from engram.tunings.settings import Settings


def reads(model: Any, tokens: int) -> bool:
    try:
        with torch.inference_mode():
            model(input_ids=torch.randint(4, 300, (1, tokens)))
    except (RuntimeError, IndexError, ValueError):
        return False
    return True


@pytest.mark.parametrize(
    ("family", "limit"),
    [
        *[
            ("gpt2", 96),
            ("bert", 96),
            ("opt", 96),
            ("openai-gpt", 96),
            ("mpt", 96),
            ("ctrl", 96),
            ("clip_text_model", 96),
        ],
        # Positions begin behind the padding's.
        *[
            ("roberta", 94),
            ("xlm-roberta", 94),
            ("mpnet", 94),
            ("longformer", 94),
            ("luke", 94),
            ("esm", 94),
        ],
    ],
)
def test_the_longest_input_can_be_read_and_no_longer_one(family: str, limit: int) -> None:
    model = tiny_models.build(tiny_models.shrunk(family))
    assert longest_input(model) == limit
    assert reads(model, limit) and not reads(model, limit + 1)


@pytest.mark.parametrize("family", ["bloom", "mamba", "xlnet"])
def test_without_positions_there_is_no_limit(family: str) -> None:
    model = tiny_models.build(tiny_models.shrunk(family))
    assert longest_input(model) == NO_LIMIT and reads(model, 300)
    assert longest_input(model, 512) == 512


@pytest.mark.parametrize(
    ("value", "limit"),
    [(-1, NO_LIMIT), (0, NO_LIMIT), (None, NO_LIMIT), (10**30, NO_LIMIT), (77, 77)],
)
def test_numbers_that_stand_for_no_limit_are_none(value: int | None, limit: int) -> None:
    config = PretrainedConfig()  # as code of a model's own has it, with keys of any kind
    config.max_position_embeddings = value
    assert declared_limit(config) == limit and declared_limit(config, 50) == 50
    config.n_positions = 60
    assert declared_limit(config, -1, None) == 60


def test_an_input_is_no_longer_than_positions_that_do_not_depend_on_its_length() -> None:
    # As earlier files write it.
    rope = {"type": "longrope", "short_factor": [1.0] * 8, "long_factor": [4.0] * 8}
    config = Phi3Config(
        hidden_size=32,
        num_attention_heads=2,
        pad_token_id=2,
        max_position_embeddings=256,
        original_max_position_embeddings=64,
        rope_scaling=rope,
    )
    assert declared_limit(config) == 64


def test_tuning_reads_no_longer_samples_than_the_model(tmp_path: Path) -> None:
    samples = [Sample("Say it.", "Once.", "A long time ago.", None, line) for line in (1, 2)]
    settings = Settings(method="full", steps=1, tokens_per_step=16, max_length=96)
    # A RoBERTa that is causal: its configuration allows 96 tokens, its table 94.
    folder = tmp_path / "mine"
    tiny_models.save(
        tiny_models.build(tiny_models.shrunk("roberta", is_decoder=True), headed=True),
        tiny_models.tokenizer_of(STORY),
        folder,
    )
    base, given = BaseModel(folder, {"source": "me/mine"}), SampleSet(samples)
    out = (tmp_path / "tuned", tmp_path / "checkpoints")
    with pytest.raises(
        EngramError,
        match=r"max_length is 96 tokens, more than the model can read \(94\). Write 94 or less",
    ):
        training.tune(base, given, settings, *out)
    assert training.tune(base, given, replace(settings, max_length=94), *out).steps == 1


def test_a_limit_of_minus_one_stops_neither_tuning_nor_annotating(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    shutil.copytree(MODELS / "llama-tiny", folder)
    config = (folder / "config.json").read_text()
    (folder / "config.json").write_text(
        config.replace('"max_position_embeddings": 256', '"max_position_embeddings": -1')
    )
    assert '"max_position_embeddings": -1' in (folder / "config.json").read_text()
    samples = [Sample("Say it.", "Once.", "A long time ago.", None, line) for line in (1, 2)]
    settings = Settings(method="full", steps=1, tokens_per_step=16, max_length=300)
    assert (
        training.tune(
            BaseModel(folder, {"source": "me/mine"}),
            SampleSet(samples),
            settings,
            tmp_path / "tuned",
            tmp_path / "checkpoints",
        ).steps
        == 1
    )
    assert LocalAnnotator(folder, "mine", "word", tmp_path / "cache")._room == NO_LIMIT - NEW_TOKENS
