"""Where language models come from: a folder, the mirror, or the hub."""

from __future__ import annotations

from pathlib import Path

from engram.errors import EngramError
from engram.features.language_models.causality import check_told_causal
from engram.paths import found
from engram.study.config.folders import check_adapter_folder, check_model_folder
from engram.study.config.messages import yaml_lines
from engram.study.config.study import Study
from engram.vocabulary import MIRROR_PREFIX, MIRROR_VARIABLE


def is_folder_source(source: str) -> bool:
    """Tell whether a model's source is a folder.

    It exists, or is written as a path (a hub id has at most one slash).
    """
    return source.startswith((".", "/", "~")) or source.count("/") > 1 or Path(source).is_dir()


def source_folder(source: str) -> Path:
    """Return the folder that a model's source names."""
    return found(source)


def folder_here(study: Study, source: str) -> Path | None:
    """Return the folder that a model's source names, if it is here already.

    It is on disk, or in the mirror.
    """
    mirror = study.mirror_folder()
    if is_folder_source(source) and not source.startswith(MIRROR_PREFIX):
        folder = source_folder(source)
    elif mirror is not None:
        folder = mirror / (
            source.removeprefix(MIRROR_PREFIX)
            if source.startswith(MIRROR_PREFIX)
            else f"models/{source}"
        )
    else:
        return None
    return folder if folder.is_dir() else None


def check_sources(study: Study) -> None:
    """Look into model folders before the first job: what is missing there costs hours later."""
    for name, model in study.language_models().items():
        if model.source.startswith(MIRROR_PREFIX):
            mirror = study.mirror_folder()
            if mirror is None:
                raise EngramError(
                    f"models.{name}.source is '{model.source}', but no mirror is given. Name one "
                    "(mirror: /path, or the "
                    f"environment variable {MIRROR_VARIABLE}), or add 'only: mirror' to leave "
                    "the model out of runs without one."
                )
            folder = mirror / model.source.removeprefix(MIRROR_PREFIX)
            check_model_folder(
                folder,
                f"models.{name}.source",
                weights=not model.reinitialised,
                code=model.trust_remote_code,
            )
        elif model.base is not None:
            check_adapter_folder(source_folder(model.source), f"models.{name}.source")
        elif is_folder_source(model.source):
            check_model_folder(
                source_folder(model.source),
                f"models.{name}.source",
                weights=not model.reinitialised,
                code=model.trust_remote_code,
            )
        elif model.trust_remote_code and model.revision is None:
            raise EngramError(
                f"models.{name}: trust_remote_code is true, and no revision is given: "
                "its code could be another one tomorrow. "
                "Read the code, then write the commit that you read:\n"
                f"{yaml_lines(['models', name, 'revision'], '0123abc...')}"
            )
        if model.base is not None and model.base not in study.language_models():
            raise EngramError(
                f"models.{name}.base: '{model.base}' is left out of this run ('only'). "
                f"Leave '{name}' out too."
            )
    for name, one in study.associations.items():
        if one.annotator is not None and one.annotator.address is None:
            folder, key = source_folder(one.annotator.model), f"associations.{name}.annotator.model"
            check_model_folder(folder, key)
            check_told_causal(folder, key, "asked to write")
