"""Only what is named trains; all else stays the base's, bit for bit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from conftest import MODELS
from small_tunings import DECODERS, SETTINGS, Tune, tuner, weights
from transformers import AutoModelForCausalLM

from engram.errors import EngramError
from engram.features.language_models import activations
from engram.tunings.model import lora_targets, prepared, trained_weights
from engram.tunings.settings import frozen_layers


@pytest.fixture
def tune(tmp_path: Path) -> Tune:
    return tuner(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", DECODERS)
@pytest.mark.parametrize(("layers", "expected"), [(None, (3, 4, 5)), ((1, 3), (1, 3))])
def test_frozen_weights_are_the_bases_and_only_named_layers_change(
    tune: Tune, tmp_path: Path, name: str, layers: tuple[int, ...] | None, expected: tuple[int, ...]
) -> None:
    card = tune(
        model=name, settings=replace(SETTINGS, method="frozen", train_layers=layers, steps=2)
    )
    before, after = weights(MODELS / name), weights(tmp_path / "tuned")
    assert before.keys() == after.keys()
    stack = "transformer.h." if name.startswith("gpt2") else "model.layers."
    named = {
        part for part in before if part.startswith(tuple(f"{stack}{layer}." for layer in expected))
    }
    changed = {part for part in before if not torch.equal(before[part], after[part])}
    assert changed == named and all(before[part].dtype == after[part].dtype for part in before)
    assert card.trained_parameters == sum(before[part].numel() for part in named)
    # The folder is a model like any other.
    assert activations.load(tmp_path / "tuned").causal


@pytest.mark.slow
def test_frozen_weights_are_the_bases_even_if_they_were_used_in_half_precision(
    tune: Tune, tmp_path: Path
) -> None:
    tune(settings=replace(SETTINGS, method="frozen", train_layers=(5,), steps=1, dtype="bfloat16"))
    before, after = weights(MODELS / "gpt2-tiny"), weights(tmp_path / "tuned")
    assert all(
        torch.equal(before[part], after[part]) != part.startswith("transformer.h.5.")
        for part in before
    )
    assert {part.dtype for part in after.values()} == {torch.float32}


@pytest.mark.slow
@pytest.mark.parametrize("name", DECODERS)
def test_full_tuning_changes_everything(tune: Tune, tmp_path: Path, name: str) -> None:
    card = tune(model=name, settings=replace(SETTINGS, method="full", steps=2))
    before, after = weights(MODELS / name), weights(tmp_path / "tuned")
    assert not [part for part in before if torch.equal(before[part], after[part])]
    assert card.trained_parameters == card.all_parameters


@pytest.mark.parametrize(
    ("name", "own"), [("gpt2-tiny", "c_attn"), ("llama-tiny", "q_proj|v_proj")]
)
def test_lora_trains_adapters_of_attention_alone(name: str, own: str) -> None:
    model = prepared(AutoModelForCausalLM.from_pretrained(MODELS / name), SETTINGS)
    names = trained_weights(model)
    assert names and all(
        "lora_" in part and part.split(".lora_")[0].rsplit(".", 1)[1] in own.split("|")
        for part in names
    )


def test_target_modules_are_what_is_asked_for_or_all_of_attention(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from peft.utils import constants

    model = AutoModelForCausalLM.from_pretrained(MODELS / "llama-tiny")
    assert lora_targets(model, replace(SETTINGS, target_modules=("up_proj",))) == ["up_proj"]
    monkeypatch.setattr(constants, "TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING", {})
    assert lora_targets(model, SETTINGS) == ["k_proj", "o_proj", "q_proj", "v_proj"]
    with pytest.raises(EngramError, match=r"target_modules names \['c_attn'\]; .*'down_proj'"):
        lora_targets(model, replace(SETTINGS, target_modules=("c_attn",)))
    with pytest.raises(EngramError, match="target_modules names nothing"):
        lora_targets(model, replace(SETTINGS, target_modules=()))


def test_layers_that_the_model_lacks_are_refused() -> None:
    assert frozen_layers(12, SETTINGS) == [7, 8, 9, 10, 11] and frozen_layers(32, SETTINGS) == list(
        range(20, 32)
    )
    for layers in ((), (-1,), (5, 6)):
        with pytest.raises(EngramError, match="the model has the blocks 0 to 5"):
            frozen_layers(6, replace(SETTINGS, train_layers=layers))
