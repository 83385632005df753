"""A tuned model's folder: an adapter is a model like others, and needs its own base."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from conftest import MODELS, ROOT, story_words
from safetensors.torch import load_file, save_file
from small_tunings import DECODERS, SETTINGS, Tune, tuner
from transformers import AutoModelForCausalLM, AutoTokenizer

from engram.errors import EngramError
from engram.features.language_models import activations, adapters, base_model
from engram.features.language_models.model_source import ModelSource
from engram.tunings import tuned_folder
from engram.tunings.card import Card
from engram.tunings.model import prepared
from engram.tunings.settings import Settings
from engram.vocabulary import CARD


@pytest.fixture
def tune(tmp_path: Path) -> Tune:
    return tuner(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", DECODERS)
def test_an_adapter_is_the_same_merged_unmerged_and_as_a_model_folder(
    tune: Tune, tmp_path: Path, name: str
) -> None:
    from peft import PeftModel

    tune(model=name)
    ids = torch.as_tensor(
        AutoTokenizer.from_pretrained(MODELS / name)(" ".join(story_words(60)))["input_ids"]
    )[None]
    unmerged = PeftModel.from_pretrained(
        AutoModelForCausalLM.from_pretrained(MODELS / name), str(tmp_path / "tuned")
    ).eval()
    reader = activations.load(tmp_path / "tuned", base=MODELS / name)
    with torch.inference_mode():
        models = (
            unmerged,
            adapters.merged(ModelSource(tmp_path / "tuned", MODELS / name)),
            reader.model,
            AutoModelForCausalLM.from_pretrained(MODELS / name),
        )
        states = [
            torch.stack(model(input_ids=ids, output_hidden_states=True).hidden_states).numpy()
            for model in models
        ]
    assert np.abs(states[0] - states[1]).max() < 1e-4 and np.array_equal(states[1], states[2])
    # The tuning did something; embeddings are the base's.
    assert np.abs(states[1] - states[3]).max() > 1e-2 and np.array_equal(states[1][0], states[3][0])
    half = activations.load(tmp_path / "tuned", base=MODELS / name, dtype="bfloat16")
    assert half.model.dtype == torch.bfloat16
    drawn = activations.load(tmp_path / "tuned", base=MODELS / name, reinitialised=True, seed=1)
    assert not torch.equal(
        drawn.model.get_input_embeddings().weight, reader.model.get_input_embeddings().weight
    )


@pytest.mark.slow
def test_an_adapter_needs_its_own_base(tune: Tune, tmp_path: Path) -> None:
    tune(settings=replace(SETTINGS, steps=1))
    with pytest.raises(EngramError, match="needs the model that was tuned .'engram/tiny'."):
        activations.load(tmp_path / "tuned")
    shutil.copytree(MODELS / "gpt2-tiny", tmp_path / "other")
    content = load_file(tmp_path / "other" / "model.safetensors")
    content["transformer.h.3.attn.c_attn.weight"][0] += 1e-3
    save_file(content, tmp_path / "other" / "model.safetensors")
    with pytest.raises(EngramError, match="was tuned on 'engram/tiny' .* holds other weights"):
        activations.load(tmp_path / "tuned", base=tmp_path / "other")
    # An adapter from elsewhere has no card, and says nothing about its base's weights.
    (tmp_path / "tuned" / "tuning.json").unlink()
    assert activations.load(tmp_path / "tuned", base=tmp_path / "other").causal


def test_a_fingerprint_does_not_depend_on_how_weights_are_spread_over_files(tmp_path: Path) -> None:
    AutoModelForCausalLM.from_pretrained(MODELS / "llama-tiny").save_pretrained(
        tmp_path, max_shard_size="500KB"
    )
    assert len(list(tmp_path.glob("*.safetensors"))) > 2
    assert (
        base_model.fingerprint(tmp_path)
        == base_model.fingerprint(MODELS / "llama-tiny")
        != base_model.fingerprint(MODELS / "gpt2-tiny")
    )


@pytest.mark.slow
def test_a_published_adapter_names_its_base_and_no_path(tune: Tune, tmp_path: Path) -> None:
    card = tune(
        licence="For research only.", settings=replace(SETTINGS, steps=2, rank=3, alpha=5.0)
    )
    config = json.loads((tmp_path / "tuned" / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == "engram/tiny" and config["inference_mode"] is True
    assert (
        config["r"],
        config["lora_alpha"],
        config["lora_dropout"],
        config["target_modules"],
    ) == (3, 5.0, 0.1, ["c_attn"])
    for path in (tmp_path / "tuned").glob("*.*"):
        assert str(ROOT).encode() not in path.read_bytes(), path
    readme = (tmp_path / "tuned" / "README.md").read_text()
    assert (
        readme.startswith('---\nbase_model: "engram/tiny"\nlibrary_name: peft\n')
        and "For research only." in readme
    )
    assert Card(**json.loads((tmp_path / "tuned" / CARD).read_text())) == card


def test_an_adapter_names_its_layers_in_their_order(tmp_path: Path) -> None:
    """Peft holds them as a set, whose order differs from process to process."""
    names = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
    settings = Settings(target_modules=names, max_length=64)
    base = AutoModelForCausalLM.from_pretrained(MODELS / "llama-tiny")
    card: Any = SimpleNamespace(base={"source": "engram/tiny"})
    tuned_folder._write_adapter(tmp_path, prepared(base, settings), card)
    config = json.loads((tmp_path / "adapter_config.json").read_text())
    assert config["target_modules"] == sorted(names)
