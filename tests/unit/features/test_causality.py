"""Only causal models are tuned or asked to write.

Others are refused where the folder tells it, and by a trial in any case; a first loss is
compared with a guess.
"""

from __future__ import annotations

import json
import logging
import math
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import tiny_models
import torch
from conftest import MODELS, STORY
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM

from engram.associations.annotators.local_model import LocalAnnotator
from engram.errors import EngramError
from engram.features.language_models import causality
from engram.features.language_models.causality import check_causal, told_bidirectional
from engram.study import plan
from engram.study.config.read import read_study
from engram.tunings import loss_checks, memory_check, training
from engram.tunings.card import Card
from engram.tunings.memory_check import traced_shape
from engram.tunings.model import BaseModel, prepared, trained_weights
from engram.tunings.samples import Sample, SampleSet
from engram.tunings.settings import Settings
from engram.tunings.tuning_memory import planned_memory

SAMPLES = [
    Sample("Say it.", "Once.", "A long time ago there was a light.", None, line)
    for line in range(1, 5)
]
SETTINGS = Settings(
    method="full", steps=1, tokens_per_step=16, micro_tokens=512, max_length=90, evaluate_every=1
)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def saved(family: str, folder: Path, **changes: Any) -> Path:
    """Write a tiny model of a family, with a next-token head."""
    tiny_models.save(
        tiny_models.build(tiny_models.shrunk(family, **changes), headed=True),
        tiny_models.tokenizer_of(STORY),
        folder,
    )
    return folder


# ---------------------------------------------------------------- causal or not
@pytest.mark.slow
@pytest.mark.parametrize(
    ("family", "changes", "causal"),
    [
        ("gpt2", {}, True),
        ("mamba", {}, True),
        ("opt", {}, True),
        ("mixtral", {}, True),  # experts sum their tokens in an order that depends on the others
        ("bert", {"is_decoder": True}, True),
        ("bert", {}, False),
        ("roberta", {}, False),
        ("xlnet", {}, False),
        ("rembert", {}, False),
        ("llama", {"is_causal": False}, False),
        ("gemma3_text", {"use_bidirectional_attention": True}, False),
    ],
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_trial_tells_causal_models_from_others(
    family: str, changes: dict[str, Any], causal: bool, dtype: torch.dtype
) -> None:
    model = tiny_models.build(tiny_models.shrunk(family, **changes), headed=True).to(dtype)
    if causal:
        check_causal(model, "mine", "tuned")
    else:
        with pytest.raises(
            EngramError,
            match=(
                r"the model in 'mine' \(\w+\) cannot be tuned: its predictions "
                r"depend on later tokens"
            ),
        ):
            check_causal(model, "mine", "tuned")


def test_a_mask_that_is_missing_in_long_sequences_alone_is_seen() -> None:
    model = tiny_models.build(tiny_models.shrunk("gpt2"), headed=True)
    check_causal(model, "mine", "tuned")

    def seen(_module: Any, _given: Any, output: Any) -> Any:
        output.logits = torch.cat(
            [output.logits[:, :32], output.logits[:, 32:] + output.logits.mean(1, keepdim=True)],
            dim=1,
        )
        return output

    model.register_forward_hook(seen)
    with pytest.raises(EngramError, match="its predictions depend on later tokens"):
        check_causal(model, "mine", "tuned")


def test_numbers_that_are_not_finite_are_no_question_of_causality() -> None:
    model = tiny_models.build(tiny_models.shrunk("gpt2"), headed=True)
    model.transformer.h[1].ln_1.weight.data[3] = math.nan
    with pytest.raises(EngramError, match="predicts numbers that are not finite, in torch.float32"):
        check_causal(model, "mine", "tuned")


def test_a_model_that_heeds_no_other_token_is_refused() -> None:
    model = tiny_models.build(tiny_models.shrunk("gpt2"), headed=True)
    for block in model.transformer.h:
        for weight in block.attn.parameters():
            weight.data.zero_()
    with pytest.raises(EngramError, match="cannot be tuned: it predicts from each token alone"):
        check_causal(model, "mine", "tuned")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ({"model_type": "bert"}, "'bert' is an encoder"),
        ({"model_type": "roberta", "is_decoder": False}, "'roberta' is an encoder"),
        (
            {"model_type": "mine", "architectures": ["MineForMaskedLM"]},
            "it was saved as MineForMaskedLM",
        ),
        ({"model_type": "t5", "is_encoder_decoder": True}, "an encoder with a decoder"),
        ({"model_type": "bert", "is_decoder": True, "architectures": ["BertLMHeadModel"]}, ""),
        ({"model_type": "xlm", "causal": True, "architectures": ["XLMForMaskedLM"]}, ""),
        ({"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"]}, ""),
        ({"model_type": "gpt2", "architectures": None}, ""),
        ([], ""),
    ],
)
def test_what_a_configuration_tells(content: Any, why: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(content))
    found = told_bidirectional(tmp_path)
    assert why in found and bool(why) == bool(found)


def test_encoders_are_known_by_the_names_that_transformers_has() -> None:
    from transformers import CONFIG_MAPPING
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
        MODEL_FOR_MASKED_LM_MAPPING_NAMES,
    )

    assert set(CONFIG_MAPPING) >= causality.ENCODERS
    # All that fill in masks, but for those with a decoder or of more than text, and two that a key
    # of the configuration makes causal.
    others = {
        "bart",
        "mbart",
        "mvp",
        "perceiver",
        "neomme",
        "modernvbert",
        "ultravbert",
        "reformer",
        "xlm",
    }
    assert set(MODEL_FOR_MASKED_LM_MAPPING_NAMES) - others <= causality.ENCODERS
    assert {"bert", "roberta", "electra", "xlnet"} <= set(
        MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
    ) & causality.ENCODERS


def test_an_encoder_is_refused_before_the_first_job(tmp_path: Path) -> None:
    folder = saved("bert", tmp_path / "models" / "mine" / "bert")
    for source, mirror in (
        (str(folder), None),
        ("mine/bert", str(tmp_path)),
    ):
        study = read_study(
            {
                "study": "s",
                "dataset": {"kind": "alice"},
                "models": {"b": {"source": source}},
                "tunings": {"t": {}},
                "mirror": mirror,
            }
        )
        with pytest.raises(
            EngramError,
            match=(
                r"tunings\.t\.models: b: the model in '.*bert' cannot be tuned: 'bert' is an "
                r"encoder.*Give a causal model"
            ),
        ):
            plan.make_plan(study)
    writer = {"folder": str(tmp_path), "annotator": {"model": str(folder)}}
    with pytest.raises(
        EngramError,
        match=(
            r"associations\.a\.annotator\.model: the model in '.*bert' cannot be asked "
            r"to write: 'bert' is an encoder"
        ),
    ):
        read_study({"study": "s", "dataset": {"kind": "alice"}, "associations": {"a": writer}})


def test_an_encoder_is_refused_in_the_job(tmp_path: Path) -> None:
    folder = saved("roberta", tmp_path / "roberta")
    with pytest.raises(
        EngramError, match="cannot be tuned: its predictions depend on later tokens"
    ):
        training.tune(
            BaseModel(folder, {"source": "me/roberta"}),
            SampleSet(SAMPLES),
            SETTINGS,
            tmp_path / "tuned",
            tmp_path / "checkpoints",
        )
    assert not (tmp_path / "tuned").exists()
    annotator = LocalAnnotator(folder, "roberta", "word", tmp_path / "cache")
    with pytest.raises(
        EngramError, match="cannot be asked to write: its predictions depend on later tokens"
    ):
        annotator.answer(annotator.request(lambda _: "Once upon a time", 3))


@pytest.mark.parametrize("lost", ["lm_head.weight", "model.layers.2.mlp.up_proj.weight"])
def test_weights_that_are_missing_are_refused_for_tuning_and_annotating(
    lost: str, tmp_path: Path
) -> None:
    folder = saved("llama", tmp_path / "mine", tie_word_embeddings=False)
    weights = load_file(folder / "model.safetensors")
    del weights[lost]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(EngramError, match=re.escape(lost)):
        tuned(folder, tmp_path / "tuned", [])
    annotator = LocalAnnotator(folder, "mine", "word", tmp_path / "cache")
    with pytest.raises(EngramError, match=re.escape(lost)):
        annotator.answer(annotator.request(lambda _: "Once upon a time", 3))


# ---------------------------------------------------------------- the first loss
def tuned(folder: Path, out: Path, held: list[Sample]) -> Card:
    return training.tune(
        BaseModel(folder, {"source": "me/mine"}),
        SampleSet(SAMPLES, held),
        SETTINGS,
        out,
        out.with_name("checkpoints"),
    )


@pytest.mark.parametrize("held", [SAMPLES[:2], []], ids=["validation", "no validation"])
def test_the_first_loss_stands_beside_that_of_a_guess(
    held: list[Sample], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "engram"):
        card = tuned(MODELS / "gpt2-tiny", tmp_path / "tuned", held)
    assert card.uniform_loss == pytest.approx(math.log(1024), abs=1e-5)
    assert (
        card.first_loss is not None
        and card.uniform_loss is not None
        and 0 < card.first_loss < 0.98 * card.uniform_loss
    )
    assert (card.first_loss == card.curve[0]["validation"]) == bool(held)
    assert (
        f"before tuning the loss is {card.first_loss:.3f} nats per output token; "
        "a guess that holds all 1024 tokens equally likely has 6.931"
    ) in caplog.text
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert (
        "A guess that holds every token equally likely has 6.931."
        in (tmp_path / "tuned" / "README.md").read_text()
    ) == bool(held)


@pytest.mark.parametrize("kind", ["random", "damaged"])
def test_a_model_that_is_no_better_than_a_guess_is_warned_of(
    kind: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "mine"
    shutil.copytree(MODELS / "gpt2-tiny", folder)
    if kind == "random":
        torch.manual_seed(0)
        AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(folder)).save_pretrained(folder)
    else:  # rows of the embeddings in another order: as if the tokenizer were another model's
        weights = load_file(folder / "model.safetensors")
        name = next(name for name in weights if name.endswith("wte.weight"))
        weights[name] = weights[name].roll(300, 0).contiguous()
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    card = tuned(folder, tmp_path / "tuned", SAMPLES[:2])
    assert (
        card.first_loss is not None
        and card.uniform_loss is not None
        and card.first_loss > 0.98 * card.uniform_loss
    )
    (warning,) = (
        record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING
    )
    assert (
        "the model predicts these samples no better" in warning
        and f"{card.first_loss:.3f}" in warning
    )


def test_a_first_loss_that_is_not_finite_is_no_question_of_the_learning_rate() -> None:
    with pytest.raises(
        EngramError,
        match=(
            "the validation loss of step 0 is nan. Nothing was trained yet, so the "
            "model's weights are broken"
        ),
    ):
        loss_checks.check_finite(math.nan, 0, "validation loss", 1e-3)
    with pytest.raises(
        EngramError,
        match="the loss of step 7 is inf. Write a smaller learning_rate \\(it is 0.001\\)",
    ):
        loss_checks.check_finite(math.inf, 7, "loss", 1e-3)


# ------------------------------------------------------- memory of models with masks of other forms
@pytest.mark.slow
@pytest.mark.parametrize(
    ("family", "changes"),
    [
        *[
            ("opt", {}),
            ("opt", {"word_embed_proj_dim": 32}),
            ("bloom", {}),
            ("falcon", {"alibi": True}),
            ("openai-gpt", {}),
            ("mamba", {}),
            ("mpt", {}),
        ],
        *[("mixtral", {}), ("gemma2", {}), ("rwkv", {}), ("gpt_oss", {})],
    ],
)
def test_memory_is_planned_whatever_masks_a_family_takes(
    family: str, changes: dict[str, Any]
) -> None:
    config = tiny_models.shrunk(family, **changes)
    settings = Settings(method="full", max_length=32, micro_tokens=64, dtype="float32")
    planned = planned_memory(traced_shape(config, settings), settings)["activations"]
    model = prepared(tiny_models.build(config, headed=True), settings).train()
    ids = torch.randint(4, 300, (2, 32))
    kept = memory_check.kept_bytes(
        model,
        lambda: model.base_model(
            input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False
        ),
    )
    assert 0.9 < planned / kept < 1.6


def test_memory_that_cannot_be_planned_is_said_and_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    folder = saved("gpt2", tmp_path / "mine")
    # As a family that takes none of the forms.
    monkeypatch.setattr(memory_check, "_masks", lambda *_: iter([torch.zeros(1, 2, 3)]))
    with caplog.at_level(logging.INFO, "engram"):
        memory_check.check_memory(BaseModel(folder, {}), SETTINGS, 24 * 10**9)
    assert (
        "what a backward pass through gpt2 keeps cannot be planned (" in caplog.text
        and "planned: 1." in caplog.text
    )
    with pytest.raises(EngramError, match="and there are 0.5"):
        memory_check.check_memory(BaseModel(folder, {}), SETTINGS, 5 * 10**8)


@pytest.mark.parametrize("family", ["mamba", "falcon_mamba"])
def test_models_without_attention_get_adapters_that_are_used(family: str) -> None:
    model = prepared(
        tiny_models.build(tiny_models.shrunk(family), headed=True), Settings(max_length=32)
    ).eval()
    ids = torch.arange(4, 20)[None]
    with torch.no_grad():
        before = model(input_ids=ids).logits
        for name, weight in trained_weights(model).items():
            if "lora_B" in name:
                weight.normal_()
                assert not torch.equal(model(input_ids=ids).logits, before), (
                    f"{name} changes nothing"
                )
                weight.zero_()
