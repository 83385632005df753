"""Code that a model brings: refused, unless a line of the configuration names the model."""

from __future__ import annotations

import json
import logging
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from conftest import MODELS, random_words, regions, snakemake, story_words, write_table_study

from engram.errors import EngramError
from engram.features.language_models import activations, causality
from engram.features.language_models.base_model import is_adapter
from engram.features.language_models.reader import Reader
from engram.fetch import hugging_face, remote_code
from engram.files import raw_files
from engram.study import model_shapes
from engram.study.config.read import read_study
from engram.study.models import download_name, download_source, model_key
from engram.tunings import training
from engram.tunings.model import BaseModel
from engram.tunings.samples import Sample, SampleSet
from engram.tunings.settings import Settings

#: A LLaMA under another name; leaves a trace when it is imported.
CODE = """
from transformers import LlamaConfig, LlamaForCausalLM, LlamaModel

open({trace!r}, "w").close()


class OwnConfig(LlamaConfig):
    model_type = "own"


class OwnModel(LlamaModel):
    config_class = OwnConfig


class OwnForCausalLM(LlamaForCausalLM):
    config_class = OwnConfig
"""
CLASSES = {
    "AutoConfig": "modeling_own.OwnConfig",
    "AutoModel": "modeling_own.OwnModel",
    "AutoModelForCausalLM": "modeling_own.OwnForCausalLM",
}
READING: dict[str, Any] = {
    "mode": "strided",
    "context": 64,
    "stride": 32,
    "pooling": "last",
    "batch_tokens": 1024,
}


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model whose code is its own."""
    monkeypatch.setattr(
        "transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "copies")
    )
    folder = tmp_path / "own"
    shutil.copytree(MODELS / "llama-tiny", folder)
    write_config(folder, CLASSES)
    (folder / "modeling_own.py").write_text(CODE.format(trace=str(tmp_path / "trace")))
    return folder


def write_config(folder: Path, classes: dict[str, str]) -> None:
    content = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(
        json.dumps(
            {
                **content,
                "model_type": "own",
                "architectures": ["OwnForCausalLM"],
                "auto_map": classes,
            }
        )
    )


def ran(folder: Path) -> bool:
    return (folder.parent / "trace").exists()


def study(**model: Any) -> dict[str, Any]:
    return {
        "study": "mine",
        "dataset": {"kind": "table", "path": "data", "tr": 1.5},
        "models": {"own": model},
    }


def vectors(reader: Reader) -> np.ndarray:
    return activations.story_activations(story_words(60), reader, **READING)["activation"].values


def test_refused_without_the_key_and_the_error_says_what_to_write_and_what_it_means(
    own: Path,
) -> None:
    with pytest.raises(
        EngramError,
        match=(
            r"(?s)modeling_own.OwnConfig.*is not run unless.* with your rights.*\n        "
            r"trust_remote_code: true"
        ),
    ):
        activations.load(own)
    assert not ran(own)


@pytest.mark.slow
@pytest.mark.parametrize("headed", [False, True], ids=["AutoModel", "AutoModelForCausalLM alone"])
def test_read_with_the_key_as_the_model_that_it_is(own: Path, headed: bool) -> None:
    if headed:
        write_config(own, {name: CLASSES[name] for name in ("AutoConfig", "AutoModelForCausalLM")})
    reader = activations.load(own, code=True)
    assert ran(own) and type(reader.model).__name__ == ("LlamaModel" if headed else "OwnModel")
    np.testing.assert_array_equal(vectors(reader), vectors(activations.load(MODELS / "llama-tiny")))
    one, other = (
        vectors(activations.load(own, reinitialised=True, seed=1, code=True)) for _ in range(2)
    )
    np.testing.assert_array_equal(one, other)


def test_jobs_look_at_the_models_entry_and_say_what_runs(
    own: Path, caplog: pytest.LogCaptureFixture
) -> None:
    entry = {"base": None, "source": str(own)}
    assert not remote_code.is_allowed(entry, own) and not caplog.records
    # Has none.
    assert not remote_code.is_allowed({**entry, "trust_remote_code": True}, MODELS / "llama-tiny")
    # An adapter's base decides.
    assert not remote_code.is_allowed({"base": entry, "trust_remote_code": True}, own)
    assert not caplog.records
    assert remote_code.is_allowed({"base": {**entry, "trust_remote_code": True}}, own)
    (record,) = caplog.records
    assert (
        record.levelno == logging.WARNING
        and "code of the model's own is run" in record.getMessage()
        and "modeling_own.py (SHA-256 " in record.getMessage()
    )


def test_the_key_is_part_of_a_model_only_where_it_is_set(own: Path) -> None:
    for value in (True, False):
        one = read_study(study(source=str(own), trust_remote_code=value))
        keys = [
            model_key(one, "own"),
            model_key(
                read_study(
                    {
                        **study(source=str(own), trust_remote_code=value),
                        "baselines": ["reinitialised"],
                    }
                ),
                "own-reinitialised",
            ),
        ]
        assert [key.get("trust_remote_code") for key in keys] == [value or None] * 2
    wanted = read_study(study(source="org/own", revision="0123", trust_remote_code=True))
    assert download_source(wanted, download_name(wanted.models["own"]))["code"] is True
    # An edit of it is seen.
    assert str(own / "modeling_own.py") in raw_files.listed({"folders": [str(own)]})


def test_wrong_entries_are_refused(own: Path) -> None:
    with pytest.raises(
        EngramError,
        match=(
            r"no revision is given: its code could be another one tomorrow.*\n    models:\n      "
            r"own:\n        revision:"
        ),
    ):
        read_study(study(source="org/own", trust_remote_code=True))
    (own / "modeling_own.py").rename(own / "modeling.txt")
    assert read_study(study(source=str(own))).models["own"].trust_remote_code is False
    with pytest.raises(
        EngramError,
        match=(
            r"models.own.source: .* cannot run code of its own \(trust_remote_code\): "
            r"its code is not there: \['modeling_own.py'\]"
        ),
    ):
        read_study(study(source=str(own), trust_remote_code=True))
    write_config(own, {"AutoModel": "other/repository--modeling_own.OwnModel"})
    with pytest.raises(EngramError, match="its code is in another repository .*copy these files"):
        read_study(study(source=str(own), trust_remote_code=True))
    adapter = study(source=str(own), trust_remote_code=True, base="whole")
    with pytest.raises(
        EngramError, match="an adapter has no code; write 'trust_remote_code: true' at models.whole"
    ):
        read_study(
            {
                **adapter,
                "models": {**adapter["models"], "whole": {"source": str(MODELS / "llama-tiny")}},
            }
        )


def test_code_is_fetched_only_where_it_is_allowed(own: Path, tmp_path: Path) -> None:
    shutil.copytree(own, tmp_path / "mirror" / "models" / "org" / "own")
    for code in (False, True):
        hugging_face.fetch_model(
            "org/own",
            tmp_path / f"fetched-{code}",
            revision=None,
            mirror=str(tmp_path / "mirror"),
            code=code,
        )
        assert (tmp_path / f"fetched-{code}" / "modeling_own.py").exists() == code
    (tmp_path / "mirror" / "models" / "org" / "own" / "modeling_own.py").unlink()
    with pytest.raises(EngramError, match="'org/own' cannot run code of its own"):
        hugging_face.fetch_model(
            "org/own",
            tmp_path / "incomplete",
            revision=None,
            mirror=str(tmp_path / "mirror"),
            code=True,
        )


@pytest.mark.slow
@pytest.mark.parametrize("method", ["lora", "frozen"])
def test_tuned_and_read_again(own: Path, tmp_path: Path, method: str) -> None:
    settings = Settings(
        method=method,
        steps=1,
        tokens_per_step=16,
        max_length=64,
        micro_tokens=64,
        target_modules=("q_proj",) if method == "lora" else None,
    )
    samples = [Sample("Continue.", "the light", "the sea and the wind", None, 1)] * 2
    given: Any = (SampleSet(samples), settings, tmp_path / "tuned", tmp_path / "checkpoints")
    base = BaseModel(own, {"source": "own", "content": "0"})
    with pytest.raises(EngramError, match="cannot be loaded for tuning: it needs code of its own"):
        training.tune(base, *given)
    assert not ran(own)
    training.tune(replace(base, code=True), *given)
    assert is_adapter(tmp_path / "tuned") == (method == "lora")
    with pytest.raises(EngramError, match="it needs code of its own"):
        activations.load(tmp_path / "tuned", base=own)
    assert activations.load(tmp_path / "tuned", base=own, code=True).causal


@pytest.mark.slow
def test_a_study_with_such_a_model(own: Path, tmp_path: Path) -> None:
    """Its job runs, with a place of its own for the copies of the code, and its sidecar says so."""
    rng = np.random.default_rng(0)
    write_table_study(
        tmp_path / "data", {"01": rng.standard_normal((40, 4))}, random_words(100), regions(4)
    )
    (tmp_path / "study.yaml").write_text(
        yaml.safe_dump(study(source=str(own), trust_remote_code=True))
    )
    target = "results/mine/activations/story-tale_model-own_text-original_activations.nc"
    environment = {"HF_HOME": str(tmp_path / "home")}
    done = snakemake(
        "--configfile",
        "study.yaml",
        "--keep-going",
        target,
        folder=tmp_path,
        environment=environment,
        own_processes=True,
    )
    assert done.returncode == 0 and ran(own), done.stderr[-2000:]
    assert not [*(tmp_path / "home").rglob("modeling_own.py")]
    written = json.loads((tmp_path / target).with_suffix(".json").read_text())["Provenance"]
    assert written["Config"]["model"]["trust_remote_code"] is True
    assert any("code of the model's own is run" in warning for warning in written["Warnings"])


@pytest.mark.parametrize("text", ["[" * 100_000, '{"num_hidden_layers": ' + "9" * 5000 + "}"])
def test_configurations_that_json_readers_cannot_take(text: str, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(MODELS / "llama-tiny", folder)
    (folder / "config.json").write_text(text)
    assert remote_code.classes(folder) == [] and causality.told_bidirectional(folder) == ""
    with pytest.raises(
        EngramError, match=r"models.m.source: '.*config.json' is (nested too deeply|no JSON object)"
    ):
        read_study(
            {"study": "s", "dataset": {"kind": "alice"}, "models": {"m": {"source": str(folder)}}}
        )
    assert model_shapes.read_shape(folder / "config.json") is None
