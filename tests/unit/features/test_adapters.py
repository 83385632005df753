"""Adapters: all of an adapter is merged, into the base that it was trained on, or none of it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from changed_models import Tensors, changed
from conftest import MODELS
from safetensors.torch import load_file, save_file
from transformers import AutoModel, AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

from engram.errors import EngramError
from engram.features.language_models import activations, base_model
from engram.vocabulary import CARD


def adapter(folder: Path, kind: Any = AutoModelForCausalLM, **options: Any) -> tuple[Path, Any]:
    """Save an adapter with random weights; return it with the model that it is part of."""
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(0)
    config = LoraConfig(
        **{"r": 4, "target_modules": ["q_proj", "v_proj"], "init_lora_weights": False, **options}
    )
    model = get_peft_model(kind.from_pretrained(MODELS / "llama-tiny"), config).eval()
    model.save_pretrained(str(folder))
    return folder, model


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (AutoModel, {"task_type": "FEATURE_EXTRACTION"}),
        (AutoModelForCausalLM, {"task_type": "CAUSAL_LM"}),
        (AutoModelForCausalLM, {"use_dora": True}),
        (AutoModelForCausalLM, {"modules_to_save": ["norm"]}),
    ],
    ids=["AutoModel", "causal", "DoRA", "with a saved module"],
)
def test_an_adapter_is_applied_whatever_it_was_trained_on(
    kind: Any, options: dict[str, Any], tmp_path: Path
) -> None:
    folder, model = adapter(tmp_path / "adapter", kind, **options)
    ids = torch.arange(5, 25)[None]
    merged = activations.load(folder, base=MODELS / "llama-tiny", device="cpu").model
    with torch.inference_mode():
        wanted, found, base = (
            torch.stack(one(input_ids=ids, output_hidden_states=True).hidden_states)
            for one in (model, merged, AutoModel.from_pretrained(MODELS / "llama-tiny"))
        )
    torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-4)
    assert (wanted - base).abs().max() > 0.1


@pytest.mark.parametrize(
    ("rename", "message"),
    [
        (
            lambda name: name.replace("base_model.model.model.", "base_model.model.backbone."),
            "names its weights otherwise",
        ),
        (lambda name: name.removeprefix("base_model.model."), "names its weights otherwise"),
        (
            lambda name: name.replace("layers.3.", "layers.9."),
            r"does not fit the model in .*layers\.9",
        ),
        (lambda name: name.replace("lora_B", "lora_C"), "does not fit the model in"),
        (lambda name: "" if "layers.0." in name else name, "that it needs are not there"),
    ],
    ids=["another stack", "no prefix", "no such block", "no such part", "a block missing"],
)
def test_an_adapter_that_is_not_wholly_applied_is_refused(
    rename: Callable[[str], str], message: str, tmp_path: Path
) -> None:
    path = adapter(tmp_path / "adapter")[0] / "adapter_model.safetensors"
    save_file(
        {rename(name): tensor for name, tensor in load_file(path).items() if rename(name)}, path
    )
    with pytest.raises(EngramError, match=f"(?s){message}"):
        activations.load(path.parent, base=MODELS / "llama-tiny", device="cpu")


@pytest.mark.parametrize("start", ["pissa_niter_4", "corda"])
def test_an_adapter_whose_base_was_changed_in_a_way_that_is_not_known_is_refused(
    start: str, tmp_path: Path
) -> None:
    path = adapter(tmp_path / "adapter")[0] / "adapter_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "init_lora_weights": start}))
    with pytest.raises(EngramError, match=f"changed its base when training began .*{start}"):
        activations.load(path.parent, base=MODELS / "llama-tiny", device="cpu")


def test_adapters_that_are_pickled_or_cannot_be_merged_are_refused(tmp_path: Path) -> None:
    from peft import PromptTuningConfig, get_peft_model

    path = adapter(tmp_path / "pickled")[0] / "adapter_model.safetensors"
    torch.save(load_file(path), path.with_name("adapter_model.bin"))
    path.unlink()
    with pytest.raises(EngramError, match=r"no 'adapter_model.safetensors'"):
        activations.load(path.parent, base=MODELS / "llama-tiny", device="cpu")
    model = AutoModelForCausalLM.from_pretrained(MODELS / "llama-tiny")
    get_peft_model(
        model, PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=3)
    ).save_pretrained(str(tmp_path / "prompt"))
    with pytest.raises(EngramError, match="adds tokens and changes no weights"):
        activations.load(tmp_path / "prompt", base=MODELS / "llama-tiny", device="cpu")


def test_an_adapters_base_is_held_against_its_card_in_every_byte(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = adapter(tmp_path / "adapter")[0]

    def card(fingerprint: str) -> None:
        (folder / CARD).write_text(
            json.dumps({"base": {"source": "tiny", "fingerprint": fingerprint}})
        )

    def last_changed(tensors: Tensors) -> Tensors:
        tensors["model.norm.weight" if "model.norm.weight" in tensors else max(tensors)][-1] += 1e-3
        tensors["model.embed_tokens.weight"][-1, -1] += 1e-3
        return tensors

    other = changed(tmp_path / "other", last_changed, "llama-tiny")
    card(base_model.fingerprint(MODELS / "llama-tiny"))
    assert base_model.base_of(folder, MODELS / "llama-tiny") == MODELS / "llama-tiny"
    with pytest.raises(EngramError, match="holds other weights"):
        base_model.base_of(folder, other)
    card(base_model.fingerprint(MODELS / "llama-tiny", sampled=True))
    assert (
        base_model.base_of(folder, MODELS / "llama-tiny") == MODELS / "llama-tiny"
        and "of an earlier version" in caplog.text
    )
    with pytest.raises(EngramError, match="is an adapter itself"):
        base_model.base_of(folder, folder)


def test_tokens_of_tied_embeddings_are_trained_once(tmp_path: Path) -> None:
    from peft import LoraConfig, get_peft_model

    base = tmp_path / "tied"
    torch.manual_seed(0)
    config = {
        **json.loads((MODELS / "llama-tiny" / "config.json").read_text()),
        "tie_word_embeddings": True,
    }
    model = LlamaForCausalLM(LlamaConfig.from_dict(config))
    model.save_pretrained(base)
    for file in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(MODELS / "llama-tiny" / file, base)
    tuned = get_peft_model(
        model,
        LoraConfig(
            task_type="CAUSAL_LM",
            target_modules=["q_proj"],
            init_lora_weights=False,
            trainable_token_indices=[5, 6],
        ),
    )
    tuned.save_pretrained(str(tmp_path / "adapter"))
    assert activations.load(tmp_path / "adapter", base=base, device="cpu").causal


def test_an_adapter_without_a_card_says_which_base_it_names(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = adapter(tmp_path / "adapter")[0]
    base_model.base_of(folder, MODELS / "llama-tiny")
    # As a fetched model's folder is named.
    base_model.base_of(folder, tmp_path / "someone--llama-tiny@0123abcd")
    assert not caplog.text
    base_model.base_of(folder, MODELS / "gpt2-tiny")
    assert "llama-tiny', and is applied to" in caplog.text


@pytest.mark.slow
def test_adapters_that_change_nothing_or_cannot_be_read(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = adapter(tmp_path / "adapter")[0]
    config, weights = folder / "adapter_config.json", folder / "adapter_model.safetensors"
    written, tensors = json.loads(config.read_text()), load_file(weights)
    save_file(
        {
            name: torch.zeros_like(tensor) if ".lora_B." in name else tensor
            for name, tensor in tensors.items()
        },
        weights,
    )
    activations.load(folder, base=MODELS / "llama-tiny", device="cpu")
    assert "was not trained: its lora_B weights are all 0" in caplog.text
    config.write_text(json.dumps({**written, "lora_alpha": 0}))
    with pytest.raises(EngramError, match="lora_alpha 0, so that it changes nothing"):
        activations.load(folder, base=MODELS / "llama-tiny", device="cpu")
    config.write_text(json.dumps({**written, "alpha_pattern": {"v_proj": 0}}))
    with pytest.raises(EngramError, match="alpha_pattern 0 for v_proj"):
        activations.load(folder, base=MODELS / "llama-tiny", device="cpu")
    config.write_text(json.dumps({**written, "peft_type": "NO_SUCH_TYPE"}))
    with pytest.raises(EngramError, match="is not what peft expects"):
        activations.load(folder, base=MODELS / "llama-tiny", device="cpu")
