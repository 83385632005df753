"""Loading of weights: what is loaded is what was saved, or nothing is."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from changed_models import Tensors, changed, vectors
from conftest import MODELS
from safetensors.torch import load_file, save_file
from transformers import (
    AutoModel,
    AutoModelForCausalLM,
    AutoTokenizer,
    BertConfig,
    BertForMaskedLM,
    BertForSequenceClassification,
    DebertaV2Config,
    DebertaV2Model,
)

from engram.errors import EngramError
from engram.features.language_models import activations
from engram.features.language_models.model_loading import load_model
from engram.vocabulary import CARD


def renamed(rename: Callable[[str], str]) -> Callable[[Tensors], Tensors]:
    return lambda tensors: {rename(name): tensor for name, tensor in tensors.items()}


@pytest.mark.slow
@pytest.mark.parametrize(
    "rename",
    [
        lambda name: f"module.{name}",
        lambda name: f"_orig_mod.{name}",
        lambda name: f"module._orig_mod.{name}",
        lambda name: f"_orig_mod.module.{name}",
        lambda name: name.replace(
            ".attn.", "._fsdp_wrapped_module._checkpoint_wrapped_module.attn."
        ),
    ],
    ids=[
        "DataParallel",
        "compiled",
        "compiled, then parallel",
        "parallel, then compiled",
        "FSDP of parts",
    ],
)
def test_names_that_a_wrapper_changed_are_read_as_the_models_own(
    rename: Callable[[str], str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = changed(tmp_path / "wrapped", renamed(rename))
    np.testing.assert_array_equal(vectors(folder), vectors(MODELS / "gpt2-tiny"))
    assert "were saved while the model was wrapped" in caplog.text
    load_model(AutoModelForCausalLM, folder, dtype="auto").save_pretrained(tmp_path / "again")
    assert all(
        name.startswith("transformer.")
        for name in load_file(tmp_path / "again" / "model.safetensors")
    )


def without(part: str) -> Callable[[Tensors], Tensors]:
    return lambda tensors: {name: tensor for name, tensor in tensors.items() if part not in name}


def with_a_bad_number(tensors: Tensors) -> Tensors:
    tensors["transformer.h.1.mlp.c_fc.weight"][3, 5] = torch.nan
    return tensors


def quantised(tensors: Tensors) -> Tensors:
    return {
        name: (tensor * 100).to(torch.int8) if name.endswith("attn.c_attn.weight") else tensor
        for name, tensor in tensors.items()
    }


@pytest.mark.parametrize(
    ("change", "config", "message"),
    [
        (renamed(lambda name: f"net.{name}"), {}, "missing from the file"),
        (renamed(lambda name: f"module.{name}" if ".h.0." in name else name), {},
            "missing from the file"),
        (without("h.2.mlp"), {}, r"missing from the file .*h\.2\.mlp\.c_fc\.bias"),
        (without("wte"), {}, r"missing from the file .*wte\.weight"),
        (without("nothing"), {"n_layer": 7}, r"missing from the file .*h\.6\."),
        (without("nothing"), {"n_layer": 5}, r"weights in the file have no place in it .*h\.5\."),
        (without("nothing"), {"n_positions": 300},
            r"another shape .*wpe\.weight: \[256, \d+\] in the file, \[300, "),
        (lambda tensors: {**tensors, "transformer.h.0.attn.c_attn.lora_A.weight": torch.ones(4, 4)},
            {}, "have no place in it .*lora_A"),
        (with_a_bad_number, {}, "not finite numbers .*c_fc.weight"),
        (quantised, {}, "stored as quantised numbers"),
        (lambda tensors: {**tensors, "transformer.h.1.attn.bias": torch.ones(1, 1, 256, 256)}, {},
            "holds 'transformer.h.1.attn.bias'.*see later ones"),
    ],
    ids=[
        "another prefix", "a prefix in a part", "no MLP", "no embeddings", "a block too few",
        "a block too many", "other positions", "adapter", "NaN", "int8",
        "a mask that is not causal",
    ],
)  # fmt: skip
def test_what_is_not_what_was_saved_is_refused(
    change: Callable[[Tensors], Tensors], config: dict[str, Any], message: str, tmp_path: Path
) -> None:
    folder = changed(tmp_path / "model", change, **config)
    for kind in (AutoModel, AutoModelForCausalLM):
        with pytest.raises(EngramError, match=f"(?s){message}"):
            load_model(kind, folder, dtype="float32")


@pytest.mark.slow
def test_stored_frequencies_of_positions_are_those_that_are_computed(tmp_path: Path) -> None:
    name = "model.layers.1.self_attn.rotary_emb.inv_freq"
    computed = activations.load(MODELS / "llama-tiny", device="cpu").model.rotary_emb.inv_freq
    rounded = changed(
        tmp_path / "rounded", lambda tensors: {**tensors, name: computed.bfloat16()}, "llama-tiny"
    )
    np.testing.assert_array_equal(vectors(rounded), vectors(MODELS / "llama-tiny"))
    slower = changed(
        tmp_path / "slower", lambda tensors: {**tensors, name: computed / 2}, "llama-tiny"
    )
    for kind in (AutoModel, AutoModelForCausalLM):
        with pytest.raises(
            EngramError, match=f"holds '{name}'.*other frequencies than config.json says"
        ):
            load_model(kind, slower, dtype="float32")


def test_weights_in_double_precision_are_no_quantised_ones(tmp_path: Path) -> None:
    folder = changed(
        tmp_path / "double",
        lambda tensors: {name: tensor.double() for name, tensor in tensors.items()},
    )
    np.testing.assert_array_equal(vectors(folder), vectors(MODELS / "gpt2-tiny"))


@pytest.mark.slow
def test_heads_poolers_and_masks_are_not_missed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    mask = torch.tril(torch.ones(256, 256))[None, None]
    old = changed(
        tmp_path / "old",
        lambda tensors: {
            **tensors,
            "transformer.h.0.attn.bias": mask,
            "transformer.h.0.attn.masked_bias": torch.tensor(-1e4),
        },
    )
    np.testing.assert_array_equal(vectors(old), vectors(MODELS / "gpt2-tiny"))
    config = BertConfig(
        vocab_size=50,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=32,
    )
    for kind, head in (
        (BertForMaskedLM, "cls.predictions"),
        (BertForSequenceClassification, "classifier.weight"),
    ):
        caplog.clear()
        saved = kind(config)
        saved.save_pretrained(tmp_path / kind.__name__)
        loaded = load_model(AutoModel, tmp_path / kind.__name__, dtype="float32", head=False)
        assert torch.equal(
            loaded.encoder.layer[0].output.dense.weight,
            saved.bert.encoder.layer[0].output.dense.weight,
        )
        assert "hidden states do not depend on" in caplog.text and head in caplog.text
    assert not [
        record
        for record in caplog.records
        if record.name.startswith("engram") and record.levelno > logging.INFO
    ]


@pytest.mark.slow
def test_a_head_that_is_used_must_be_there(tmp_path: Path) -> None:
    """Tied to the embeddings it is; untied it would be drawn at random."""
    bare = changed(tmp_path / "bare", without("lm_head"), "llama-tiny")
    tied = load_model(AutoModelForCausalLM, bare, dtype="float32")
    assert tied.config.tie_word_embeddings and tied.lm_head.weight is tied.model.embed_tokens.weight
    untied = changed(
        tmp_path / "untied", without("lm_head"), "llama-tiny", tie_word_embeddings=False
    )
    with pytest.raises(EngramError, match=r"missing from the file .*lm_head\.weight"):
        load_model(AutoModelForCausalLM, untied, dtype="float32")
    np.testing.assert_array_equal(vectors(untied), vectors(MODELS / "llama-tiny"))


def sharded(folder: Path) -> dict[str, str]:
    AutoModelForCausalLM.from_pretrained(MODELS / "gpt2-tiny").save_pretrained(
        folder, max_shard_size="400KB"
    )
    AutoTokenizer.from_pretrained(MODELS / "gpt2-tiny").save_pretrained(folder)
    named: dict[str, str] = json.loads((folder / "model.safetensors.index.json").read_text())[
        "weight_map"
    ]
    assert len(set(named.values())) > 2
    return named


@pytest.mark.slow
@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("part/{}", "outside the model's own folder"),
        ("../{}", "outside the model's own folder"),
        ("pytorch_model.bin", "not in safetensors"),
        ("no.safetensors", "is not there"),
    ],
)
def test_an_index_names_safetensors_of_its_own_folder(
    place: str, message: str, tmp_path: Path
) -> None:
    named = sharded(tmp_path / "model")
    assert vectors(tmp_path / "model").shape == vectors(MODELS / "gpt2-tiny").shape
    last = max(named.values())
    elsewhere = tmp_path / "model" / place.format(last)
    elsewhere.parent.mkdir(exist_ok=True)
    if message != "is not there":
        (tmp_path / "model" / last).rename(elsewhere)
    index = {name: place.format(last) if file == last else file for name, file in named.items()}
    (tmp_path / "model" / "model.safetensors.index.json").write_text(
        json.dumps({"metadata": {}, "weight_map": index})
    )
    with pytest.raises(EngramError, match=message):
        activations.load(tmp_path / "model", device="cpu")


def doubled(prefix: str, other: bool = True) -> Callable[[Tensors], Tensors]:
    """Add weights of a block under other names, with other numbers or the same."""
    return lambda tensors: {
        **{
            prefix + name.removeprefix("transformer."): tensor + other
            for name, tensor in tensors.items()
            if "h.0." in name and tensor.is_floating_point()
        },
        **tensors,
    }


@pytest.mark.slow
@pytest.mark.parametrize("prefix", ["", "transformer._orig_mod."])
def test_two_weights_that_are_read_as_one_are_refused_unless_alike(
    prefix: str, tmp_path: Path
) -> None:
    with pytest.raises(
        EngramError,
        match=(
            r"holds two sets of weights: .*h\.0\..* are both read as "
            r"'transformer\.h\.0\..*their numbers differ"
        ),
    ):
        activations.load(changed(tmp_path / "other", doubled(prefix)), device="cpu")
    np.testing.assert_array_equal(
        vectors(changed(tmp_path / "alike", doubled(prefix, False))), vectors(MODELS / "gpt2-tiny")
    )


@pytest.mark.slow
def test_one_file_and_shards_with_other_weights_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    sharded(folder)
    whole = load_file(MODELS / "gpt2-tiny" / "model.safetensors")
    save_file(whole, folder / "model.safetensors", {"format": "pt"})
    np.testing.assert_array_equal(vectors(folder), vectors(MODELS / "gpt2-tiny"))
    save_file(
        {name: tensor + (".ln_1.weight" in name) for name, tensor in whole.items()},
        folder / "model.safetensors",
        {"format": "pt"},
    )
    with pytest.raises(
        EngramError,
        match=r"holds two sets of weights: .*'model.safetensors' and .*-of-.*numbers differ",
    ):
        activations.load(folder, device="cpu")


def test_a_weight_in_two_shards_is_refused(tmp_path: Path) -> None:
    named = sharded(tmp_path / "model")
    name, file = min(named.items(), key=lambda item: item[1])
    last = tmp_path / "model" / max(named.values())
    assert last.name != file
    tensor = load_file(tmp_path / "model" / file)[name]
    save_file({**load_file(last), name: tensor + 1}, last, {"format": "pt"})
    with pytest.raises(EngramError, match="holds two sets of weights"):
        activations.load(tmp_path / "model", device="cpu")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n",
            r"'model.safetensors' cannot be read: it is a pointer of Git LFS.*lfs pull",
        ),
        (None, r"'model.safetensors' cannot be read: it is not in safetensors, or not whole \("),
    ],
    ids=["pointer", "truncated"],
)
def test_files_that_are_no_whole_weights_are_named(
    content: bytes | None, message: str, tmp_path: Path
) -> None:
    folder = tmp_path / "base"
    shutil.copytree(MODELS / "llama-tiny", folder)
    path = folder / "model.safetensors"
    path.write_bytes(content or path.read_bytes()[:-100])
    with pytest.raises(EngramError, match=message):
        activations.load(folder, device="cpu")
    tuned = tmp_path / "adapter"
    tuned.mkdir()
    (tuned / "adapter_config.json").write_text("{}")
    (tuned / CARD).write_text(json.dumps({"base": {"source": "base", "fingerprint": "0" * 64}}))
    with pytest.raises(EngramError, match=message):
        activations.load(tuned, base=folder, device="cpu")


def test_weights_that_a_family_passes_over_are_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = DebertaV2Config(
        vocab_size=1280,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=64,
        position_biased_input=True,
    )
    DebertaV2Model(config).save_pretrained(tmp_path)
    load_model(AutoModel, tmp_path, dtype="float32")
    assert "passes over" not in caplog.text
    path = tmp_path / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "position_biased_input": False}))
    load_model(AutoModel, tmp_path, dtype="float32")
    assert "passes over (embeddings.position_embeddings.weight)" in caplog.text


def test_weights_that_are_no_safetensors_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "pickled"
    shutil.copytree(MODELS / "gpt2-tiny", folder)
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(EngramError, match=r"no weights in safetensors .*save_pretrained"):
        activations.load(folder, device="cpu")


#: A LLaMA that adds a table that no file holds to its embeddings.
CODE = """
import torch
from transformers import LlamaConfig, LlamaModel


class OwnConfig(LlamaConfig):
    model_type = "own"


class Table(torch.nn.Module):
    def __init__(self, config):
        super().__init__()
        self.register_buffer("table", {made}, persistent=False)


class OwnModel(LlamaModel):
    config_class = OwnConfig

    def __init__(self, config):
        super().__init__(config)
        self.places = Table(config)
        self.post_init()

    def forward(self, input_ids=None, **options):
        return super().forward(inputs_embeds=self.embed_tokens(input_ids) + self.places.table[: input_ids.shape[1]], **options)
"""  # noqa: E501


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    monkeypatch.setattr(
        "transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "copies")
    )

    def make(made: str) -> Path:
        folder = changed(
            tmp_path / "own",
            lambda tensors: tensors,
            "llama-tiny",
            model_type="own",
            auto_map={
                "AutoConfig": "modeling_table.OwnConfig",
                "AutoModel": "modeling_table.OwnModel",
            },
        )
        (folder / "modeling_table.py").write_text(CODE.format(made=made))
        return folder

    return make


def test_buffers_that_no_file_holds_are_what_the_models_code_computes(
    own: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    folder = own(
        "torch.linspace(0, 1, config.max_position_embeddings)[:, "
        "None].expand(-1, config.hidden_size).clone()"
    )
    empty = torch.empty_like
    # transformers gets a buffer's memory by this function: what was in it before is made visible.
    monkeypatch.setattr(
        torch, "empty_like", lambda *given, **options: dirtied(empty(*given, **options))
    )
    model = load_model(AutoModel, folder, dtype="float32", code=True)
    assert torch.equal(model.places.table[:, 0], torch.linspace(0, 1, 256))
    assert (
        "the buffer 'places.table', which no file holds, was not defined by loading" in caplog.text
    )
    plain = load_model(AutoModel, MODELS / "llama-tiny", dtype="float32")
    assert (
        torch.equal(model.rotary_emb.inv_freq, plain.rotary_emb.inv_freq)
        and model.rotary_emb.inv_freq[0] == 1
    )


def dirtied(tensor: torch.Tensor) -> torch.Tensor:
    return tensor if tensor.is_meta or not tensor.is_floating_point() else tensor.fill_(12345.0)


def test_buffers_that_are_drawn_at_random_and_not_saved_are_refused(
    own: Callable[[str], Path],
) -> None:
    folder = own("torch.randn(config.max_position_embeddings, config.hidden_size)")
    with pytest.raises(
        EngramError, match=r"buffer 'places.table', which its file does not hold .*persistent=True"
    ):
        load_model(AutoModel, folder, dtype="float32", code=True)
