"""The memory of a tuning: one formula, for preflight and for the job, against what is measured."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

import pytest
import torch
import yaml
from conftest import MODELS, ROOT
from transformers import AutoConfig, AutoModelForCausalLM, GPT2Config, LlamaConfig

from engram.errors import EngramError
from engram.study.config.read import read_study
from engram.study.model_shapes import ModelShape, shape_of
from engram.study.needs import need
from engram.study.plan import make_plan
from engram.study.tuning_shapes import tuning_shape
from engram.tunings import losses, memory_check, training
from engram.tunings.memory_check import traced_shape
from engram.tunings.model import BaseModel, prepared, trained_weights
from engram.tunings.sample_tokens import Encoded
from engram.tunings.settings import METHODS, Settings
from engram.tunings.tuning_memory import planned_memory

DECODERS = ("gpt2-tiny", "llama-tiny")
SETTINGS = Settings(tokens_per_step=96, micro_tokens=1024, max_length=256)
LLAMA_2_7B = LlamaConfig(
    vocab_size=32_000,
    hidden_size=4096,
    intermediate_size=11_008,
    num_hidden_layers=32,
    num_attention_heads=32,
    max_position_embeddings=4096,
    tie_word_embeddings=False,
)


def planned(config: Any, settings: Settings) -> dict[str, int]:
    return planned_memory(traced_shape(config, settings), settings)


def shape(config: Any) -> ModelShape:
    """Return the shape as preflight has it: from the text of `config.json` alone."""
    found = shape_of(config.to_dict())
    assert found is not None
    return found


# ---------------------------------------------------------------- what a job finds
@pytest.mark.parametrize("name", DECODERS)
@pytest.mark.parametrize("method", METHODS)
def test_planned_memory_is_what_is_measured(name: str, method: str) -> None:
    settings = Settings(method=method, max_length=64, micro_tokens=128, dtype="float32")
    plan = planned(AutoConfig.from_pretrained(MODELS / name), settings)
    model = prepared(AutoModelForCausalLM.from_pretrained(MODELS / name), settings).train()
    assert plan["weights"] == sum(weight.nbytes for weight in model.parameters())
    ids = torch.randint(3, 1000, (2, 64))
    inner = model.get_base_model() if method == "lora" else model
    kept = memory_check.kept_bytes(
        model,
        partial(
            inner.base_model, input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False
        ),
    )
    assert plan["activations"] == pytest.approx(kept, rel=0.1)
    optimizer = training.optimizer_of(model, settings)
    losses.output_loss(model, [Encoded(tuple(row), 9) for row in ids.tolist()]).backward()
    assert plan["gradients"] == sum(
        weight.grad.nbytes for weight in model.parameters() if weight.grad is not None
    )
    optimizer.step()
    moments = [
        part for state in optimizer.state.values() for key, part in state.items() if key != "step"
    ]
    assert plan["optimizer"] == sum(part.nbytes for part in moments)


@pytest.mark.slow
def test_planned_memory_follows_the_settings() -> None:
    config = AutoConfig.from_pretrained(MODELS / "llama-tiny")
    plain = planned(config, Settings(max_length=64, micro_tokens=256))
    saving = planned(config, Settings(max_length=64, micro_tokens=256, gradient_checkpointing=True))
    assert (
        saving["activations"] < plain["activations"] / 3 and saving["weights"] == plain["weights"]
    )
    assert (
        planned(config, Settings(max_length=64, micro_tokens=512))["logits"] == 2 * plain["logits"]
    )
    assert (
        planned(config, Settings(max_length=64, micro_tokens=256, rank=16))["optimizer"]
        == 2 * plain["optimizer"]
    )
    upper = planned(
        config, Settings(max_length=64, micro_tokens=256, method="frozen", train_layers=(5,))
    )
    lower = planned(
        config, Settings(max_length=64, micro_tokens=256, method="frozen", train_layers=(0,))
    )
    assert upper["activations"] < lower["activations"] / 3


def test_lora_of_llama_2_7b_fits_a_gpu_of_24_gb_by_computation() -> None:
    plan = planned(LLAMA_2_7B, Settings(rank=8, gradient_checkpointing=True))
    assert (
        plan["weights"] == pytest.approx(6_738_415_616 * 2, rel=0.01) and sum(plan.values()) < 24e9
    )
    assert (
        sum(planned(LLAMA_2_7B, Settings(method="full", gradient_checkpointing=True)).values())
        > 100e9
    )


def test_too_little_memory_is_said_before_training(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        memory_check.check_memory(BaseModel(MODELS / "gpt2-tiny", {}), SETTINGS, 24 * 10**9)
    assert "planned: 1." in caplog.text
    with pytest.raises(
        EngramError,
        match=(
            r"tuning needs about 1\.\d GB of GPU memory, and there are 0\.5\. "
            r".*'gradient_checkpointing: true'"
        ),
    ):
        memory_check.check_memory(BaseModel(MODELS / "gpt2-tiny", {}), SETTINGS, 5 * 10**8)


# ---------------------------------------------------------------- preflight and job
@pytest.mark.parametrize(
    "name", [*DECODERS, "gpt2", pytest.param("llama-2-7b", marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("checkpointing", [False, True])
@pytest.mark.parametrize("device", ["cuda", "cpu"])
def test_preflight_and_job_agree(name: str, method: str, checkpointing: bool, device: str) -> None:
    config: Any = {"gpt2": GPT2Config(), "llama-2-7b": LLAMA_2_7B}.get(name)
    config = config or AutoConfig.from_pretrained(MODELS / name)
    settings = Settings(
        method=method,
        gradient_checkpointing=checkpointing,
        max_length=min(256, shape(config).positions),
    )
    found = traced_shape(config, settings, device=device)
    estimated = tuning_shape(shape(config), settings, device)
    assert (estimated.parameters, estimated.trained, estimated.blocks) == (
        found.parameters,
        found.trained,
        found.blocks,
    )
    assert sum(planned_memory(estimated, settings).values()) == pytest.approx(
        sum(planned_memory(found, settings).values()), rel=0.05
    )


@pytest.mark.parametrize("name", DECODERS)
@pytest.mark.parametrize(
    "settings",
    [
        Settings(rank=3),
        Settings(method="full"),
        Settings(method="frozen"),
        Settings(method="frozen", train_layers=(1, 3)),
    ],
    ids=["lora", "full", "frozen", "named layers"],
)
def test_weights_are_counted_exactly(name: str, settings: Settings) -> None:
    config = AutoConfig.from_pretrained(MODELS / name)
    model = prepared(AutoModelForCausalLM.from_config(config), settings)
    estimated = tuning_shape(shape(config), settings, "cpu")
    assert estimated.parameters == sum(weight.numel() for weight in model.parameters())
    assert estimated.trained == sum(weight.numel() for weight in trained_weights(model).values())


@pytest.mark.parametrize(
    ("name", "targets"),
    [
        ("gpt2-tiny", ("c_attn", "c_proj", "c_fc")),
        ("llama-tiny", ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj")),
    ],
)
def test_adapters_of_named_layers_are_counted_exactly(name: str, targets: tuple[str, ...]) -> None:
    config = AutoConfig.from_pretrained(MODELS / name)
    settings = Settings(target_modules=targets)
    model = prepared(AutoModelForCausalLM.from_config(config), settings)
    assert tuning_shape(shape(config), settings, "cpu").trained == sum(
        weight.numel() for weight in trained_weights(model).values()
    )


def test_the_studies_comment_says_what_preflight_says() -> None:
    """`config/narratives.yaml` names the GPU memory of LoRA of LLaMA-2 7B; so do preflight, job."""
    text = (ROOT / "config" / "narratives.yaml").read_text()
    said = re.search(r"LoRA of LLaMA-2 7B\s+# takes (\d+) GB of GPU memory", text)
    assert said is not None
    commented = re.findall(r"^# (tunings:|  \w+: \{.*\})$", text, flags=re.MULTILINE)
    tunings = yaml.safe_load("\n".join(commented))
    study = read_study({**yaml.safe_load(text), **tunings})
    wildcards = {"tuning": "lora", "model": "llama2-7b"}
    preflight = need(study, make_plan(study), "tune", wildcards).gpu
    job = sum(planned(LLAMA_2_7B, Settings(gradient_checkpointing=True)).values())
    assert round(preflight / 1e9) == round(job / 1e9) == int(said[1])
