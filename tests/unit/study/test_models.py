"""Models of a study: what defines them, and under which names they are downloaded."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from engram.errors import EngramError
from engram.study import raw_plan
from engram.study.association_plan import controlled_models, models_reading_associations
from engram.study.config.models import Model
from engram.study.config.read import read_study
from engram.study.models import download_name, download_source, is_local, model_key, scored_models
from engram.study.plan import make_plan
from engram.study.stages import associations


def model_folder(folder: Path, large: bytes = b"") -> Path:
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(large or b"weights")
    return folder


def test_seed_concerns_reinitialised_models_only() -> None:
    def keys(seed: int) -> tuple[dict[str, Any], dict[str, Any]]:
        study = read_study(
            {
                "study": "s",
                "dataset": {"kind": "alice"},
                "models": {"a": {"source": "gpt2"}},
                "baselines": ["reinitialised"],
                "seed": seed,
            }
        )
        return model_key(study, "a"), model_key(study, "a-reinitialised")

    assert keys(0)[0] == keys(1)[0]
    assert keys(0)[1] != keys(1)[1]


def test_a_local_model_and_the_base_of_an_adapter_are_read_from_their_folders(
    tmp_path: Path,
) -> None:
    folders = {name: model_folder(tmp_path / name) for name in ("m", "adapter")}
    for folder in folders.values():
        (folder / "tokenizer.json").touch()
    for name in ("adapter_config.json", "adapter_model.safetensors"):
        (folders["adapter"] / name).write_text("{}")
    models = {
        "a": {"source": str(folders["m"])},
        "b": {"source": str(folders["adapter"]), "base": "a"},
        "c": {"source": "gpt2"},
    }
    study = read_study({"study": "s", "dataset": {"kind": "alice"}, "models": models})
    read = {name: raw_plan.model(study, name)["folders"] for name in models}
    assert read == {
        "a": [str(folders["m"])],
        "b": sorted(map(str, folders.values())),
        "c": [],
    } and is_local(study, "a")
    before = model_key(study, "a")
    (folders["m"] / "config.json").write_text("{ }")
    # Content is compared by itself: the second plan has the parameters of the first.
    assert model_key(study, "a") == before


def test_trained_model_and_reinitialised_twin_share_a_download() -> None:
    models: dict[str, Any] = {
        "a": {"source": "org/a_b", "revision": "0123456789abcdef"},
        "u": {"source": "gpt2", "reinitialised": True},
    }
    study = read_study(
        {
            "study": "s",
            "dataset": {"kind": "alice"},
            "models": models,
            "baselines": ["reinitialised", "word-rate"],
        }
    )
    names = {name: download_name(model) for name, model in study.language_models().items()}
    assert re.fullmatch(r"org--a--b@[0-9a-f]{8}", names["a"])
    assert names["a-reinitialised"] == names["a"]
    assert re.fullmatch(r"gpt2@[0-9a-f]{8}", names["u"])
    assert download_source(study, names["a"]) == {
        "revision": "0123456789abcdef",
        "source": "org/a_b",
        "weights": True,
    }
    assert download_source(study, names["u"]) == {
        "revision": None,
        "source": "gpt2",
        "weights": False,
    }
    assert scored_models(study) == ["a", "u", "a-reinitialised", "word-rate"]
    with pytest.raises(EngramError, match="'other'"):
        download_source(study, "other")


DOWNLOADS = [
    ("org/a", None),
    ("org/a", "main"),
    ("org/a", "refs/pr/1"),
    ("org--a", None),
    ("models a b", None),
    ("org/a_b", "v1"),
]


@pytest.mark.parametrize(("source", "revision"), DOWNLOADS)
def test_name_of_a_download_is_a_file_name_whatever_the_revision(
    source: str, revision: str | None
) -> None:
    """The workflow's wildcard allows no other characters."""
    assert re.fullmatch(
        r"[A-Za-z0-9.-]+@[0-9a-f]{8}", download_name(Model(source=source, revision=revision))
    )


def test_downloads_of_other_sources_or_revisions_have_other_names() -> None:
    names = {
        download_name(Model(source=source, revision=revision)) for source, revision in DOWNLOADS
    }
    assert len(names) == len(DOWNLOADS)
    assert {
        download_name(Model(source=source, revision=revision, reinitialised=True))
        for source, revision in DOWNLOADS
    } == names


def test_models_whose_texts_are_scored_beside_nuisance_features() -> None:
    raw: dict[str, Any] = {
        "study": "s",
        "dataset": {"kind": "alice"},
        "models": {"a": {"source": "gpt2"}, "b": {"source": "gpt2"}},
    }
    raw |= {"association_effect": {"models": ["b"], "alignment": "interpolate"}}
    for nuisance, expected in (
        (None, []),
        ({"method": "banded"}, ["b"]),
        ({"method": "banded", "random_texts": 0}, []),
    ):
        study = read_study(raw if nuisance is None else {**raw, "nuisance": nuisance})
        assert controlled_models(study) == expected  # never the word rate
        assert models_reading_associations(study) == ["b", "word-rate"]


def test_a_model_of_the_study_can_write_associations(tmp_path: Path) -> None:
    """It is named, as tunings name theirs; from the hub it is the one that is fetched."""
    folder = model_folder(tmp_path / "m")
    (folder / "tokenizer.json").touch()
    study = read_study(
        {
            "study": "s",
            "dataset": {"kind": "alice"},
            "models": {"hub": {"source": "org/m"}, "here": {"source": str(folder)}},
            "associations": {
                "by-hub": {"annotator": {"model": "hub", "prompt": "examples"}},
                "by-here": {"annotator": {"model": "here"}},
                "by-folder": {"annotator": {"model": str(folder)}},
            },
        }
    )
    made = make_plan(study)
    settings = {
        text: associations.writing_depends_on(study, made, text) for text in study.associations
    }
    manifests = {
        text: associations.writer_manifest(study, made, text) for text in study.associations
    }
    (manifest,) = manifests.pop("by-hub")
    assert manifest == f"<downloads>/models/{download_name(study.models['hub'])}.tsv"
    assert manifests == {"by-here": [], "by-folder": []}
    assert {text: one["folder"] for text, one in settings.items()} == {
        "by-hub": None,
        "by-here": str(folder),
        "by-folder": str(folder),
    }
    # The prompt of before there was a choice is no part of what texts depend on.
    assert settings["by-hub"]["prompt"] == "examples" and "prompt" not in settings["by-here"]
    read = {text: raw_plan.annotator(study, text)["folders"] for text in study.associations}
    assert read == {"by-hub": [], "by-here": [str(folder)], "by-folder": [str(folder)]}


def test_a_reinitialised_model_of_the_study_writes_nothing() -> None:
    with pytest.raises(
        EngramError, match=r"associations\.a\.annotator\.model: 'm' is re-initialised.*\[\]"
    ):
        read_study(
            {
                "study": "s",
                "dataset": {"kind": "alice"},
                "models": {"m": {"source": "org/m", "reinitialised": True}},
                "associations": {"a": {"annotator": {"model": "m"}}},
            }
        )
