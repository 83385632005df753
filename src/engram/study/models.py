"""Models of a study: their names, what defines each, and what is downloaded."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from engram.errors import EngramError
from engram.fetch import remote_code
from engram.study.config.models import Model
from engram.study.config.sources import is_folder_source
from engram.study.config.study import Study


def scored_models(study: Study) -> list[str]:
    """Return the names of everything that is scored, feature spaces and baselines included.

    They share one set of names: later stages ask of none what it is.
    """
    return study.scored()


def is_language_model(study: Study, name: str) -> bool:
    """Tell whether what is scored under a name is a language model that reads stories."""
    return name in study.language_models()


def model_key(study: Study, name: str) -> dict[str, Any]:
    """Return what defines a model.

    Source, revision, the same of its base, whether it is re-initialised, with which seed,
    whether its own code runs.

    The content of a model in a folder counts too, and is recorded by the jobs that read
    it (`engram.files.raw_files`).
    """
    model = study.language_models()[name]
    seed = study.seed if model.reinitialised else None
    base = None if model.base is None else model_key(study, model.base)
    # Not there where it is off: a new key would read every story again.
    code = {remote_code.KEY: True} if model.trust_remote_code else {}
    together = {"layers_together": model.layers_together} if model.layers_together else {}
    return {
        "base": base,
        "revision": model.revision,
        "seed": seed,
        "source": model.source,
        "reinitialised": model.reinitialised,
        **code,
        **together,
    }


def weights_of(study: Study, name: str) -> str:
    """Return the name of the model whose weights a model has.

    It is its own, or its base's if it is an adapter.
    """
    return study.language_models()[name].base or name


def is_local(study: Study, name: str) -> bool:
    """Tell whether a model is read from the folder that the configuration names.

    It needs no download then.
    """
    source = study.language_models()[name].source
    return is_folder_source(source)


def download_name(model: Model) -> str:
    """Return the name under which a model from the hub or a mirror is kept.

    Re-initialised twins need no weights of their own.
    """
    name = re.sub(r"[^A-Za-z0-9.-]+", "--", model.source)
    return f"{name}@{hashlib.sha256(f'{model.source} {model.revision}'.encode()).hexdigest()[:8]}"


def download_source(study: Study, download: str) -> dict[str, Any]:
    """Return what to fetch under a download's name.

    That is source and revision, and whether weights, and code of the model's own, are needed.
    """
    wanted = [
        model
        for name, model in study.language_models().items()
        if not is_local(study, name) and download_name(model) == download
    ]
    if not wanted:
        raise EngramError(f"no model of the study is downloaded as '{download}'.")
    code = {"code": True} if any(model.trust_remote_code for model in wanted) else {}
    return {
        "revision": wanted[0].revision,
        "source": wanted[0].source,
        "weights": not all(model.reinitialised for model in wanted),
        **code,
    }
