"""Tuning: only what is named trains, and every condition trains as much.

A killed run goes on, and an adapter is a model like others.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import MODELS, ROOT, story_words
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from engram.errors import EngramError
from engram.features.language_models import activations, adapters, base_model
from engram.features.language_models.model_source import ModelSource
from engram.tunings import controls, losses, splitting, training
from engram.tunings.batches import batches, piece
from engram.tunings.card import Card
from engram.tunings.model import BaseModel, lora_targets, prepared, trained_weights
from engram.tunings.sample_tokens import Encoded, encode_samples, fitting, prompt_of
from engram.tunings.samples import Sample, SampleSet, read_samples
from engram.tunings.settings import Settings, frozen_layers
from engram.vocabulary import CARD

DECODERS = ("gpt2-tiny", "llama-tiny")
SETTINGS = Settings(
    steps=4,
    tokens_per_step=96,
    micro_tokens=1024,
    max_length=256,
    evaluate_every=2,
    checkpoint_every=100,
    learning_rate=5e-3,
    warmup=0.25,
    dropout=0.1,
)
BASE = {"source": "engram/tiny", "content": "0123"}
Tune = Callable[..., Card]


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def few_samples() -> tuple[list[Sample], list[Sample]]:
    """Samples that fit both small models, in every condition.

    There are some to train on, and some to validate with.
    """
    samples = read_samples(ROOT / "resources" / "tuning_samples" / "associations.jsonl")
    short = [sample for sample in samples if len(sample.input) < 260 and len(sample.output) < 200]
    train, validation = splitting.split(short)
    return train[:40], validation[:6]


@pytest.fixture(scope="module")
def parts() -> tuple[list[Sample], list[Sample]]:
    return few_samples()


@pytest.fixture
def tune(tmp_path: Path, parts: tuple[list[Sample], list[Sample]]) -> Tune:
    """Tune a model on a few samples, into a folder of this name."""

    def run(
        name: str = "tuned", model: str = "gpt2-tiny", settings: Settings = SETTINGS, **options: Any
    ) -> Card:
        train, validation = options.pop("parts", parts)
        return training.tune(
            BaseModel(MODELS / model, BASE),
            SampleSet(train, validation, options.pop("condition", "association")),
            settings,
            tmp_path / name,
            tmp_path / "checkpoints" / name,
            **options,
        )

    return run


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return {
        name: tensor
        for path in sorted(folder.glob("*.safetensors"))
        for name, tensor in load_file(path).items()
    }


def same(one: Mapping[str, torch.Tensor], other: Mapping[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def final(card: Card) -> float:
    loss: float = card.curve[-1]["validation"]
    return loss


# ---------------------------------------------------------------- samples as tokens
def test_the_plain_template_leaves_out_what_is_empty() -> None:
    tokenizer = AutoTokenizer.from_pretrained(MODELS / "llama-tiny")
    full = prompt_of(Sample("Do it.", "Once.", "x", None, 1), tokenizer)
    assert full == "<s>Passage:\nOnce.\n\nTask:\nDo it.\n\nAnswer:\n"
    assert "Passage" not in prompt_of(Sample("Do it.", "", "x", None, 1), tokenizer)
    assert prompt_of(Sample("", "Once.", "x", None, 1), tokenizer) == "<s>Once.\n"


def test_a_chat_template_is_used_unless_the_plain_one_is_asked_for() -> None:
    tokenizer = AutoTokenizer.from_pretrained(MODELS / "gpt2-tiny")
    tokenizer.chat_template = (
        "{% for message in messages %}[{{ message['role'] }}] {{ message['content'] }}{% endfor "
        "%}{% if add_generation_prompt %} [you]{% endif %}"
    )
    one = Sample("Do it.", "Once.", "x", None, 1)
    assert prompt_of(one, tokenizer, "auto") == "[user] Do it.\n\nOnce. [you]"
    assert prompt_of(one, tokenizer, "plain").startswith("<|endoftext|>Passage:")
    automatic, plain = (
        encode_samples([one], tokenizer, 256, template)[0] for template in ("auto", "plain")
    )
    assert (
        automatic.n_prompt != plain.n_prompt
        and automatic.ids[automatic.n_prompt :] == plain.ids[plain.n_prompt :]
    )


def test_samples_are_prompt_output_and_end() -> None:
    tokenizer = AutoTokenizer.from_pretrained(MODELS / "gpt2-tiny")
    one = Sample("Do it.", "Once.", "A long time ago.", None, 1)
    encoded = encode_samples([one], tokenizer, 256)[0]
    assert tokenizer.decode(encoded.ids[: encoded.n_prompt]) == prompt_of(one, tokenizer)
    assert tokenizer.decode(encoded.ids[encoded.n_prompt :]) == "A long time ago.<|endoftext|>"


def test_over_long_samples_are_refused_with_line_numbers(tune: Tune) -> None:
    tokenizer = AutoTokenizer.from_pretrained(MODELS / "gpt2-tiny")
    samples = [
        Sample("Do it.", "Once. " * (100 if line in (3, 5) else 1), "x", None, line)
        for line in range(1, 7)
    ]
    with pytest.raises(
        EngramError,
        match=r"max_length allows \(60 tokens\): line 3: \d+ tokens; line 5: \d+ tokens\. ",
    ):
        encode_samples(samples, tokenizer, 60)
    assert [sample.line for sample in fitting(samples, tokenizer, 60)] == [1, 2, 4, 6]
    with pytest.raises(EngramError, match="and 2 more"):
        encode_samples(samples * 6, tokenizer, 60)
    with pytest.raises(
        EngramError, match=r"max_length is 300 tokens, more than the model can read \(256\)"
    ):
        tune(settings=replace(SETTINGS, max_length=300))


def known_words(*words: str) -> Any:
    """Return a tokenizer of these words, for which all else is unknown."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer(
        models.WordLevel(
            {word: number for number, word in enumerate(["<unk>", "</s>", *words])}, "<unk>"
        )
    )
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return PreTrainedTokenizerFast(tokenizer_object=made, unk_token="<unk>", eos_token="</s>")


def test_special_tokens_in_a_sample_are_text_or_refused() -> None:
    tokenizer = AutoTokenizer.from_pretrained(MODELS / "gpt2-tiny")
    end = "<|endoftext|>"
    encoded = encode_samples(
        [Sample("Do it.", "Once.", f"The {end} end.", None, 1)], tokenizer, 256
    )[0]
    output = encoded.ids[encoded.n_prompt :]
    assert (
        output.count(tokenizer.eos_token_id) == 1
        and tokenizer.decode(output[:-1]) == f"The {end} end."
    )
    for one in (
        Sample(f"Do {end}.", "Once.", "x", None, 7),
        Sample("Do it.", f"Once {end}.", "x", None, 7),
    ):
        with pytest.raises(
            EngramError,
            match=(
                r"line 7: the (instruction|input) holds '<\|endoftext\|>', which the tokenizer "
                r"takes for more than text"
            ),
        ):
            encode_samples([one], tokenizer, 256)


def test_samples_that_a_tokenizer_does_not_know_are_refused_and_parts_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    tokenizer = known_words("do", "it", "once", "a", "time", ",", "10")
    with pytest.raises(
        EngramError,
        match=(
            r"line 1: the tokenizer knows no letter and no digit of the output \('привет, мир'\); "
            r"line 2: .* of the input"
        ),
    ):
        encode_samples(
            [
                Sample("do it", "once", "привет, мир", None, 1),
                Sample("do it", "слово", "a time", None, 2),
            ],
            tokenizer,
            64,
            "plain",
        )
    with caplog.at_level("WARNING", logger="engram"):
        encode_samples(
            [
                Sample("do it", "once", "a time, never", None, 1),
                Sample("do it", "", "...", None, 2),
            ],
            tokenizer,
            64,
            "plain",
        )
    assert "4 of 9 output tokens are '<unk>'" in caplog.text


@pytest.mark.parametrize("model", DECODERS)
def test_samples_of_any_script_are_known_to_a_model_of_bytes(model: str) -> None:
    texts = (
        "O LEÃO",
        "«À Noël»",
        "Да, «чаю».",
        "你好，世界。",
        "Tiếng Việt",
        "שלום ע",
        "नमस्ते",
        "😀",
        "Füße – Größe…",
        "<b> [x] </p>",
    )
    samples = [Sample("Do it.", text, text, None, line) for line, text in enumerate(texts, start=1)]
    assert len(encode_samples(samples, AutoTokenizer.from_pretrained(MODELS / model), 256)) == len(
        texts
    )


def test_a_chat_template_that_fails_is_named_with_the_plain_one() -> None:
    tokenizer = AutoTokenizer.from_pretrained(MODELS / "gpt2-tiny")
    tokenizer.chat_template = "{{ raise_exception('a system message is needed') }}"
    with pytest.raises(
        EngramError, match=r"TemplateError: a system message is needed\)\. Write 'template: plain'"
    ):
        prompt_of(Sample("Do it.", "Once.", "x", None, 1), tokenizer)


def test_a_tokenizer_that_is_larger_than_the_model_is_refused(
    tune: Tune, tmp_path: Path, parts: tuple[list[Sample], list[Sample]]
) -> None:
    shutil.copytree(MODELS / "gpt2-tiny", tmp_path / "larger")
    tokenizer = AutoTokenizer.from_pretrained(MODELS / "gpt2-tiny")
    tokenizer.add_tokens(["rememberance"])
    tokenizer.save_pretrained(tmp_path / "larger")
    train, validation = parts
    with pytest.raises(
        EngramError,
        match=(
            "the tokenizer gives token .*rememberance.* is another model's, "
            "or tokens were added to it"
        ),
    ):
        tune(
            model=str(tmp_path / "larger"),
            parts=([*train[:2], replace(train[0], output="rememberance")], validation[:1]),
        )


# ---------------------------------------------------------------- batches
def test_every_step_of_every_condition_trains_on_the_same_number_of_tokens(
    parts: tuple[list[Sample], list[Sample]],
) -> None:
    tokenizer = AutoTokenizer.from_pretrained(MODELS / "gpt2-tiny")
    for samples in (
        parts[0],
        controls.shuffled(parts[0], 0),
        controls.generic(parts[0], 0),
    ):
        lengths = [one.n_output for one in encode_samples(samples, tokenizer, 256)]
        plan = batches(lengths, replace(SETTINGS, steps=60))
        assert len(plan) == 60 and {sum(tokens for _, tokens in step) for step in plan} == {96}
        assert all(tokens == lengths[index] for step in plan for index, tokens in step[:-1])
        # A pass over the data has every sample once.
        assert {
            index for index, _ in [pair for step in plan for pair in step][: len(samples)]
        } == set(range(len(samples)))


def test_batches_depend_on_seed_and_step_alone() -> None:
    lengths = [7, 11, 5, 13, 9]
    plan = batches(lengths, SETTINGS)
    assert (
        plan
        == batches(lengths, replace(SETTINGS, steps=50))[:4]
        != batches(lengths, replace(SETTINGS, seed=1))
    )


def test_a_cut_sample_keeps_its_first_output_tokens() -> None:
    assert piece(Encoded((1, 2, 3, 4, 5), 2), 2) == Encoded((1, 2, 3, 4), 2)


# ---------------------------------------------------------------- loss
@pytest.mark.parametrize("name", DECODERS)
def test_the_loss_is_that_of_the_output_tokens_alone(name: str) -> None:
    model = AutoModelForCausalLM.from_pretrained(MODELS / name).eval()
    rng = np.random.default_rng(0)
    pieces = [
        Encoded(tuple(rng.integers(3, 1000, length).tolist()), prompt)
        for length, prompt in ((12, 5), (7, 6), (20, 1))
    ]
    expected = 0.0
    with torch.inference_mode():
        for piece in pieces:
            logits = model(torch.tensor([piece.ids])).logits[0].double().numpy()
            chances = np.exp(logits - logits.max(1, keepdims=True))
            chances /= chances.sum(1, keepdims=True)
            expected -= sum(
                np.log(chances[place - 1, piece.ids[place]])
                for place in range(piece.n_prompt, len(piece.ids))
            )
        assert float(losses.output_loss(model, pieces)) == pytest.approx(expected, rel=1e-5)


def test_prompt_tokens_carry_no_loss() -> None:
    """Only what is predicted at the places before output tokens is learned from."""
    model = AutoModelForCausalLM.from_pretrained(MODELS / "llama-tiny").eval()
    found: list[torch.Tensor] = []

    def keep(module: object, inputs: object, logits: torch.Tensor) -> None:
        logits.retain_grad()
        found.append(logits)

    model.get_output_embeddings().register_forward_hook(keep)
    losses.output_loss(model, [Encoded((1, 50, 60, 70, 80), 3)]).backward()
    gradient = found[0].grad
    assert gradient is not None and torch.nonzero(
        gradient[0].abs().amax(dim=1)
    ).flatten().tolist() == [2, 3]


# ---------------------------------------------------------------- what trains
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


# ---------------------------------------------------------------- adapters
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


# ---------------------------------------------------------------- training
@pytest.mark.slow
@pytest.mark.parametrize("method", ["lora", "frozen"])
def test_validation_loss_falls_and_the_card_says_how(
    tune: Tune, parts: tuple[list[Sample], list[Sample]], method: str
) -> None:
    card = tune(
        settings=replace(SETTINGS, method=method, steps=10, evaluate_every=4), condition="generic"
    )
    losses = [point["validation"] for point in card.curve]
    assert [point["step"] for point in card.curve] == [0, 4, 8, 10] and losses[-1] < losses[0] - 0.1
    assert card.curve[0]["training"] is None and all(
        point["training"] > 0 for point in card.curve[1:]
    )
    assert (card.steps, card.trained_tokens, card.kept_step, card.condition, card.method) == (
        10,
        960,
        10,
        "generic",
        method,
    )
    assert card.data == {
        "sha256": SampleSet(*parts).sha256,
        "train": len(parts[0]),
        "validation": len(parts[1]),
    }
    assert (
        card.base == {**BASE, "fingerprint": base_model.fingerprint(MODELS / "gpt2-tiny")}
        and card.settings["steps"] == 10
    )
    assert {
        "torch",
        "transformers",
        "peft",
        "engram",
        "python",
    } == card.versions.keys() and card.seconds > 0


@pytest.mark.slow
def test_the_first_validation_loss_is_the_bases(
    tune: Tune, parts: tuple[list[Sample], list[Sample]]
) -> None:
    card = tune(settings=replace(SETTINGS, steps=1))
    model, tokenizer = (
        AutoModelForCausalLM.from_pretrained(MODELS / "gpt2-tiny").eval(),
        AutoTokenizer.from_pretrained(MODELS / "gpt2-tiny"),
    )
    held = encode_samples(parts[1], tokenizer, 256)
    with torch.inference_mode():
        expected = sum(float(losses.output_loss(model, [one])) for one in held) / sum(
            one.n_output for one in held
        )
    assert card.curve[0]["validation"] == pytest.approx(expected, rel=1e-5)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_model(tune: Tune, tmp_path: Path) -> None:
    for name in ("one", "two"):
        tune(name)
    assert same(weights(tmp_path / "one"), weights(tmp_path / "two"))


CHANGES: dict[str, Any] = {
    "rank": 4,
    "alpha": 32.0,
    "dropout": 0.5,
    "target_modules": ("c_fc",),
    "learning_rate": 1e-3,
    "warmup": 0.75,
    "weight_decay": 0.5,
    "tokens_per_step": 64,
    "seed": 1,
    "dtype": "bfloat16",
}


@pytest.fixture(scope="module")
def plain_loss(
    tmp_path_factory: pytest.TempPathFactory, parts: tuple[list[Sample], list[Sample]]
) -> float:
    folder = tmp_path_factory.mktemp("plain")
    return final(
        training.tune(
            BaseModel(MODELS / "gpt2-tiny", BASE),
            SampleSet(*parts),
            replace(SETTINGS, steps=2),
            folder / "out",
            folder / "checkpoints",
        )
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", CHANGES)
def test_every_setting_changes_the_result(tune: Tune, plain_loss: float, name: str) -> None:
    assert (
        abs(final(tune(settings=replace(SETTINGS, steps=2, **{name: CHANGES[name]}))) - plain_loss)
        > 1e-7
    )


@pytest.mark.slow
@pytest.mark.parametrize("method", ["lora", "frozen"])
def test_checkpointing_changes_nothing_but_memory(
    tune: Tune, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    used: list[bool] = []
    checkpoint = torch.utils.checkpoint.checkpoint

    def notes(*given: Any, **options: Any) -> Any:
        used.append(True)
        return checkpoint(*given, **options)

    monkeypatch.setattr("transformers.modeling_utils.checkpoint", notes)
    plain = replace(SETTINGS, steps=2, method=method)
    assert final(tune("plain", "llama-tiny", plain)) == pytest.approx(
        final(tune("saving", "llama-tiny", replace(plain, checkpointing=True))), abs=1e-5
    )
    assert used


def test_checkpointing_asks_for_no_gradients_below_the_trained_layers() -> None:
    model = prepared(
        AutoModelForCausalLM.from_pretrained(MODELS / "gpt2-tiny"),
        replace(SETTINGS, method="frozen", checkpointing=True),
    ).train()
    needed: list[bool] = []
    for block in model.transformer.h:
        block.register_forward_hook(
            lambda module, inputs, output: needed.append(output.requires_grad)
        )
    model(torch.arange(9)[None])
    assert needed == [False] * 3 + [True] * 3


@pytest.mark.slow
@pytest.mark.parametrize("method", ["lora", "frozen"])
def test_groups_of_samples_give_the_whole_steps_gradient(
    parts: tuple[list[Sample], list[Sample]], method: str
) -> None:
    settings = replace(SETTINGS, method=method, learning_rate=1.0)
    found = []
    for micro_tokens in (10_000, 300, 1):
        model = prepared(
            AutoModelForCausalLM.from_pretrained(
                MODELS / "gpt2-tiny", resid_pdrop=0, attn_pdrop=0, embd_pdrop=0
            ),
            replace(settings, dropout=0),
        )
        pieces = encode_samples(
            parts[0][:5], AutoTokenizer.from_pretrained(MODELS / "gpt2-tiny"), 256
        )
        optimizer = torch.optim.SGD(trained_weights(model).values(), lr=1.0)
        loss = training.train_step(
            model,
            optimizer,
            pieces,
            0,
            replace(settings, dropout=0.0, micro_tokens=micro_tokens, warmup=0.0),
        )
        found.append(
            (
                loss,
                torch.cat(
                    [weight.detach().flatten() for weight in trained_weights(model).values()]
                ),
            )
        )
    assert [loss for loss, _ in found[1:]] == pytest.approx([found[0][0]] * 2, rel=1e-5)
    assert all((vector - found[0][1]).abs().max() < 1e-5 for _, vector in found[1:])


def test_the_learning_rate_rises_and_falls() -> None:
    settings = replace(SETTINGS, steps=10, warmup=0.2, learning_rate=1.0)
    rates = [training.learning_rate(step, settings) for step in range(10)]
    assert (
        rates[:3] == [0.5, 1.0, 1.0]
        and rates[2:] == sorted(rates[2:], reverse=True)
        and 0 < rates[-1] < 0.05
    )
    assert training.learning_rate(0, replace(settings, warmup=0.0)) == 1.0


@pytest.mark.slow
def test_patience_stops_and_keeps_the_best_weights(
    tune: Tune, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = replace(SETTINGS, steps=20, evaluate_every=1, checkpoint_every=3)
    script = iter([5.0, 4.0, 3.0, 3.5, 3.2, 9.0, 9.0])
    seen: dict[int, torch.Tensor] = {}

    def loss(model: Any, held: object, settings: object, limit: object) -> float:
        seen[len(seen)] = next(
            part.detach().clone()
            for name, part in trained_weights(model).items()
            if "lora_B" in name
        )
        return next(script)

    monkeypatch.setattr(training, "mean_loss", loss)
    card = tune(settings=replace(settings, patience=2))
    assert (card.steps, card.best_step, card.kept_step, card.trained_tokens) == (4, 2, 2, 384)
    kept = next(part for name, part in weights(tmp_path / "tuned").items() if "lora_B" in name)
    assert torch.equal(kept, seen[2]) and not torch.equal(kept, seen[4])
    script = iter([5.0, float("nan")])
    with pytest.raises(EngramError, match="the validation loss of step 1 is nan"):
        tune("nan", settings=settings)
    script = iter([5.0, 4.0, 9.0, 9.0, 9.0])
    assert (card := tune("all", settings=replace(settings, steps=4))).steps == 4 and (
        card.best_step,
        card.kept_step,
    ) == (1, 4)


def test_without_validation_there_is_none_and_no_early_stop(
    tune: Tune, parts: tuple[list[Sample], list[Sample]]
) -> None:
    card = tune(parts=(parts[0], []), settings=replace(SETTINGS, steps=2))
    assert [point["validation"] for point in card.curve] == [None, None]
    with pytest.raises(EngramError, match="0 to validate with"):
        tune(parts=(parts[0], []), settings=replace(SETTINGS, patience=2))
    with pytest.raises(EngramError, match="0 samples to train on"):
        tune(parts=([], parts[1]))


@pytest.mark.parametrize(
    "changes",
    [
        {"method": "prefix"},
        {"dtype": "float16"},
        {"template": "alpaca"},
        {"steps": 0},
        {"patience": 0},
        {"dropout": 1.0},
        {"learning_rate": 0},
    ],
)
def test_wrong_settings_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(EngramError, match=f"tuning: {next(iter(changes))} is "):
        Settings(**changes)


def test_other_refusals(tune: Tune, tmp_path: Path) -> None:
    with pytest.raises(
        EngramError, match="the condition is 'other'. Allowed: association, shuffled, generic"
    ):
        tune(condition="other")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("keep")
    with pytest.raises(EngramError, match="holds something else than a tuned model"):
        tune("mine")
    with pytest.raises(EngramError, match="cannot be loaded for tuning"):
        tune(model="none")
    with pytest.raises(EngramError, match="the loss of step 1 is (nan|inf).*smaller learning_rate"):
        tune(settings=replace(SETTINGS, method="full", learning_rate=1e30, warmup=0.0))
    if not torch.cuda.is_available():
        with pytest.raises(EngramError, match="there is no GPU here"):
            tune(device="cuda")


# ---------------------------------------------------------------- resuming
#: Tunes in a process of its own, which is killed when it comes to a step.
KILLED = """
import os, signal, sys
from pathlib import Path
sys.path[:0] = {tests!r}
from test_training import BASE, LONG, MODELS, BaseModel, SampleSet, few_samples, torch, training

def dies(model, optimizer, pieces, step, settings, limit, train_step=training.train_step):
    if step == {step}:
        os.kill(os.getpid(), signal.SIGKILL)
    return train_step(model, optimizer, pieces, step, settings, limit)

torch.set_num_threads(1)
training.train_step = dies
folder = Path({folder!r})
training.tune(
    BaseModel(MODELS / "gpt2-tiny", BASE),
    SampleSet(*few_samples()),
    LONG,
    folder / "killed",
    folder / "checkpoints" / "killed",
)
"""
LONG = replace(SETTINGS, steps=9, checkpoint_every=3, evaluate_every=2, patience=50)


@pytest.mark.slow
def test_a_killed_run_goes_on_and_ends_where_an_unbroken_one_does(
    tune: Tune, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    step = int(np.random.default_rng().choice([4, 5, 7, 8]))  # between two checkpoints
    command = KILLED.format(
        tests=[str(Path(__file__).parent), str(ROOT / "tests")], step=step, folder=str(tmp_path)
    )
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")]),
    }
    done = subprocess.run(
        [sys.executable, "-c", command],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr[-3000:]
    newest = f"step-{step // 3 * 3:09d}"
    assert [path.name for path in (tmp_path / "checkpoints" / "killed").iterdir()] == [
        newest
    ] and not (tmp_path / "killed").exists()
    # What a run that is killed while it writes leaves behind is no checkpoint.
    (tmp_path / "checkpoints" / "killed" / ".0123.step-000000008").mkdir()
    with caplog.at_level("INFO", logger="engram"):
        resumed = tune("killed", settings=LONG)
    assert f"going on from step {step // 3 * 3}" in caplog.text
    unbroken = tune("unbroken", settings=LONG)
    assert (
        final(resumed) == pytest.approx(final(unbroken), abs=1e-4)
        and resumed.steps == unbroken.steps == 9
    )
    assert [point["training"] for point in resumed.curve[1:]] == pytest.approx(
        [point["training"] for point in unbroken.curve[1:]], abs=1e-4
    )
    assert same(weights(tmp_path / "killed"), weights(tmp_path / "unbroken"))
    assert not (tmp_path / "checkpoints" / "killed").exists()


@pytest.mark.slow
@pytest.mark.parametrize("changed", ["settings", "samples"])
def test_a_checkpoint_of_another_run_is_not_used(
    tune: Tune,
    tmp_path: Path,
    parts: tuple[list[Sample], list[Sample]],
    changed: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = replace(SETTINGS, steps=3, checkpoint_every=2)
    step_of = training.train_step

    def fails(
        model: Any, optimizer: Any, pieces: Any, step: int, settings: Settings, limit: Any
    ) -> float:
        if step == 2:
            raise KeyboardInterrupt
        return step_of(model, optimizer, pieces, step, settings, limit)

    monkeypatch.setattr(training, "train_step", fails)
    with pytest.raises(KeyboardInterrupt):
        tune(settings=settings)
    assert (tmp_path / "checkpoints" / "tuned" / "step-000000002").is_dir()
    steps: list[int] = []

    def notes(
        model: Any, optimizer: Any, pieces: Any, step: int, settings: Settings, limit: Any
    ) -> float:
        steps.append(step)
        return step_of(model, optimizer, pieces, step, settings, limit)

    monkeypatch.setattr(training, "train_step", notes)
    new: dict[str, Any] = (
        {"settings": replace(settings, learning_rate=1e-3)}
        if changed == "settings"
        else {"settings": settings, "parts": (parts[0][1:], parts[1])}
    )
    tune(**new)
    assert steps == [0, 1, 2]


@pytest.mark.slow
def test_a_tuned_model_is_replaced_whole(tune: Tune, tmp_path: Path) -> None:
    tune(settings=replace(SETTINGS, steps=1))
    tune(settings=replace(SETTINGS, steps=1, method="frozen"))
    assert (
        not (tmp_path / "tuned" / "adapter_config.json").exists()
        and (tmp_path / "tuned" / "config.json").exists()
    )
    assert len({path.stat().st_mode for path in (tmp_path / "tuned").iterdir()}) == 1
    assert sorted(path.name for path in tmp_path.iterdir() if any(path.iterdir())) == ["tuned"]
