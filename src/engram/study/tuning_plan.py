"""Tunings: which models each tunes, under which names, and what a tuned model depends on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engram.errors import EngramError
from engram.features.language_models.causality import check_told_causal
from engram.files.fingerprints import file_fingerprint
from engram.paths import found
from engram.study.config.sources import folder_here
from engram.study.config.study import Study
from engram.tunings.samples import read_samples
from engram.vocabulary import ASSOCIATION, TUNING_CONTROLS


def tuned_models(study: Study, tuning: str) -> list[str]:
    """Return the names of the models that a tuning tunes: no adapters, no re-initialised ones."""
    chosen = study.tunings[tuning].models
    whole = [name for name, model in study.language_models().items() if model.is_whole]
    return [name for name in whole if chosen is None or name in chosen]


def tuning_variants(study: Study, tuning: str) -> list[str]:
    """Return the names of a tuning's models: the condition, and the number of the seed."""
    one = study.tunings[tuning]
    counts = {
        ASSOCIATION: one.seeds,
        **{kind: getattr(one.controls, kind) for kind in TUNING_CONTROLS},
    }
    return [f"{kind}-{number}" for kind, count in counts.items() for number in range(1, count + 1)]


def tuning_config(study: Study, tuning: str) -> dict[str, Any]:
    """Return what a tuned model depends on besides its base, condition and seed.

    These are settings, and the samples by their content.
    """
    one = study.tunings[tuning].model_dump(
        mode="json", exclude={"models", "seeds", "controls", "targets"}
    )
    return {**one, "content": file_fingerprint(found(one["data"]))}


def check_tunings(study: Study) -> None:
    """Refuse a study whose tunings could not begin.

    Either its tuning samples are not there or broken, or its models cannot be tuned.
    """
    for name, one in study.tunings.items():
        path = found(one.data)
        if not path.is_file():
            raise EngramError(
                f"tunings.{name}.data: there is no file '{one.data}'. It is looked for from the "
                f"working directory, {Path.cwd()}."
            )
        read_samples(path)
        for model in tuned_models(study, name):
            folder = folder_here(study, study.language_models()[model].source)
            if folder is not None:
                check_told_causal(folder, f"tunings.{name}.models: {model}", "tuned")
