"""Tuning: what changes a tuned model, what does not, and what is refused."""

from __future__ import annotations

import shutil
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import MODELS
from small_tunings import BASE, SETTINGS, Tune, few_samples, final, same, tuner, weights
from transformers import AutoModelForCausalLM, AutoTokenizer

from engram.errors import EngramError
from engram.features.language_models import base_model
from engram.tunings import losses, training
from engram.tunings.model import BaseModel, prepared, trained_weights
from engram.tunings.sample_tokens import encode_samples
from engram.tunings.samples import Sample, SampleSet
from engram.tunings.settings import Settings


@pytest.fixture(scope="module")
def parts() -> tuple[list[Sample], list[Sample]]:
    return few_samples()


@pytest.fixture
def tune(tmp_path: Path) -> Tune:
    return tuner(tmp_path)


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


#: Settings that are not in `CHANGES`, and the test that flips each.
FLIPPED_ELSEWHERE = {
    "method": "test_full_tuning_changes_everything",
    "train_layers": "test_frozen_weights_are_the_bases_and_only_named_layers_change",
    "steps": "test_the_learning_rate_rises_and_falls",
    "micro_tokens": "test_groups_of_samples_give_the_whole_steps_gradient",
    "max_length": "test_over_long_samples_are_refused_with_line_numbers",
    "evaluate_every": "test_validation_loss_falls_and_the_card_says_how",
    "patience": "test_patience_stops_and_keeps_the_best_weights",
    "checkpoint_every": "test_a_killed_run_goes_on_and_ends_where_an_unbroken_one_does",
    "gradient_checkpointing": "test_checkpointing_changes_nothing_but_memory",
    "template": "test_the_template_changes_what_is_learned",
}


def test_every_setting_has_a_test_that_flips_it() -> None:
    tests = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    assert {*CHANGES, *FLIPPED_ELSEWHERE} == {field.name for field in fields(Settings)}
    assert [name for name in FLIPPED_ELSEWHERE.values() if f"def {name}(" not in tests] == []


@pytest.mark.slow
def test_the_template_changes_what_is_learned(tune: Tune, tmp_path: Path) -> None:
    shutil.copytree(MODELS / "gpt2-tiny", tmp_path / "chat")
    tokenizer = AutoTokenizer.from_pretrained(MODELS / "gpt2-tiny")
    tokenizer.chat_template = (
        "{% for message in messages %}Say: {{ message['content'] }}{% endfor %}"
    )
    tokenizer.save_pretrained(tmp_path / "chat")
    losses = [
        tune(
            template, str(tmp_path / "chat"), replace(SETTINGS, steps=1, template=template)
        ).first_loss
        for template in ("auto", "plain")
    ]
    assert losses[0] != losses[1] == tune("own", settings=replace(SETTINGS, steps=1)).first_loss


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
        final(tune("saving", "llama-tiny", replace(plain, gradient_checkpointing=True))), abs=1e-5
    )
    assert used


def test_checkpointing_asks_for_no_gradients_below_the_trained_layers() -> None:
    model = prepared(
        AutoModelForCausalLM.from_pretrained(MODELS / "gpt2-tiny"),
        replace(SETTINGS, method="frozen", gradient_checkpointing=True),
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


@pytest.mark.slow
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
