"""A study: all sections, and the checks that concern more than one of them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from engram.study.config.activations import Activations
from engram.study.config.associations import Associating, Associations
from engram.study.config.bold import Bold
from engram.study.config.datasets import Dataset
from engram.study.config.encoding import Encoding
from engram.study.config.fields import Address, Made, Name, Section
from engram.study.config.figures import Figures
from engram.study.config.models import Model
from engram.study.config.statistics import Ceiling, Chance, Nuisance
from engram.study.config.stories import Stories
from engram.study.config.tunings import Tuning
from engram.vocabulary import (
    MIRROR_VARIABLE,
    ORIGINAL,
    PEOPLE,
    REINITIALISED_SUFFIX,
    WORD_RATE,
)

#: The largest seed that NumPy's and torch's generators both take, with room for the numbers
#: that are added to it (1,000 times the seed and more).
_LARGEST_SEED = 2**31 // 1000 - 1


class Study(Section):
    """A study: which data, which models, how.

    Everything but `study`, `dataset` and `models` has a default.
    """

    study: Name
    """The study's name: results go to results/<study>."""
    dataset: Dataset
    """Where the stories and the BOLD come from."""
    models: dict[Name, Model] = {}
    """The language models, by the name they get in tables and figures."""
    baselines: list[Literal["word-rate", "reinitialised"]] = ["word-rate"]
    """Models to beat: the number of words in each TR, and each language
    model's re-initialised twin."""
    stories: Stories = Stories()
    """Words and sentences."""
    activations: Activations = Activations()
    """How models read."""
    bold: Bold = Bold()
    """Cleaning and targets."""
    encoding: Encoding = Encoding()
    """From words to predicted BOLD."""
    ceiling: Ceiling = Ceiling()
    """Noise ceilings."""
    chance: Chance = Chance()
    """R against chance."""
    nuisance: Nuisance = Nuisance()
    """Nuisance control."""
    associations: dict[Name, Associations] = {}
    """Texts with associations, by the names they get in tables and figures; `manual` in a name
    is for what people wrote."""
    associating: Associating = Associating()
    """Reading and scoring texts with associations."""
    tunings: dict[Name, Tuning] = {}
    """Instruction tunings, by the names they get in tables and figures."""
    figures: Figures = Figures()
    """Drawing."""
    seed: int = Field(0, ge=0, le=_LARGEST_SEED)
    """Seed of everything random."""
    mirror: Address | None = None
    """A folder with copies of the public files, instead of the network (also: the environment
    variable ENGRAM_MIRROR)."""
    pathvars: dict[Literal["results", "downloads", "logs", "benchmarks"], Made] = {}
    """Snakemake's own: where results (`results`) and downloads (`downloads`) go."""

    @model_validator(mode="after")
    def _sections_fit_together(self) -> Study:
        for check in (
            _check_names_of_models,
            _check_names_of_texts,
            _check_models_of_associations,
            _check_models_of_tunings,
            _check_adapters,
            _check_nuisance,
            _check_something_to_score,
        ):
            check(self)
        return self

    def trained_models(self) -> list[str]:
        """Return the sorted names of the models that are neither re-initialised nor adapters."""
        return sorted(
            name for name, model in self.models.items() if not (model.reinitialised or model.base)
        )

    def mirror_folder(self) -> Path | None:
        """Return the mirror that this run uses, if any."""
        value = self.mirror or os.environ.get(MIRROR_VARIABLE)
        return Path(value).expanduser() if value else None

    def language_models(self) -> dict[str, Model]:
        """Return the models of this run by name.

        Those configured, less those this run leaves out, and re-initialised twins.
        """
        kept = {
            name: model for name, model in self.models.items() if name not in self.left_out_models()
        }
        if "reinitialised" in self.baselines:
            twins = {
                name + REINITIALISED_SUFFIX: m.model_copy(update={"reinitialised": True})
                for name, m in kept.items()
                if not (m.reinitialised or m.base)
            }
            kept = {**kept, **twins}
        return kept

    def left_out_models(self) -> list[str]:
        """Return the names of the models that this run leaves out because of their `only`."""
        here = "mirror" if self.mirror_folder() else "hub"
        return [name for name, model in self.models.items() if model.only not in (None, here)]


def _check_names_of_models(study: Study) -> None:
    if WORD_RATE in study.models:
        raise ValueError(
            f"models: '{WORD_RATE}' is the name of a baseline; give the model another name"
        )
    if "reinitialised" not in study.baselines:
        return
    for name, model in study.models.items():
        twin = name + REINITIALISED_SUFFIX
        if not (model.reinitialised or model.base) and twin in study.models:
            raise ValueError(
                f"models: '{twin}' is the name of the re-initialised twin of '{name}'; rename one"
            )


def _check_names_of_texts(study: Study) -> None:
    if ORIGINAL in study.associations:
        raise ValueError(
            f"associations: '{ORIGINAL}' is the name of the story as it was heard; "
            "give the text another name"
        )
    people = sorted(
        name
        for name, one in study.associations.items()
        if PEOPLE in name and one.annotator is not None
    )
    if people:
        raise ValueError(
            f"associations: {people}: '{PEOPLE}' in a name says that people wrote the text, "
            "and a model is to; give it another name"
        )


def _check_models_of_associations(study: Study) -> None:
    unknown = sorted(set(study.associating.models or ()) - set(study.models))
    if unknown:
        raise ValueError(
            f"associating.models: {unknown} are no models of the study; "
            f"it has {sorted(study.models)}"
        )


def _check_models_of_tunings(study: Study) -> None:
    trained = study.trained_models()
    for name, tuning in study.tunings.items():
        strange = sorted(set(tuning.models or ()) - set(trained))
        if strange:
            raise ValueError(
                f"tunings.{name}.models: {strange} are no trained models of "
                f"the study; it has {trained}"
            )


def _check_adapters(study: Study) -> None:
    trained = study.trained_models()
    for name, model in study.models.items():
        if model.base is None:
            continue
        if model.base not in trained:
            raise ValueError(
                f"models.{name}.base: '{model.base}' is no trained model of "
                f"the study; it has {trained}"
            )
        if model.reinitialised:
            raise ValueError(
                f"models.{name}: an adapter (base: {model.base}) cannot be re-initialised; "
                "leave one of the two out"
            )
        if model.trust_remote_code:
            raise ValueError(
                f"models.{name}: an adapter has no code; write 'trust_remote_code: "
                f"true' at models.{model.base}, whose code would run"
            )


def _check_nuisance(study: Study) -> None:
    if "log-frequency" in study.nuisance.features and not study.dataset.has_frequencies:
        raise ValueError(
            "nuisance.features: log-frequency is a column of a folder of tables "
            f"(dataset.kind: table), and a dataset of kind {study.dataset.kind} has none; "
            "take log-frequency out"
        )
    wanted, there = study.nuisance.random_texts, study.associating.controls.random
    if wanted is not None and wanted > there:
        raise ValueError(
            f"nuisance.random_texts: {wanted} is more than the {there} random texts there "
            f"are; give {there} or fewer, or more controls"
        )


def _check_something_to_score(study: Study) -> None:
    if not study.models and WORD_RATE not in study.baselines:
        raise ValueError(f"nothing to score: give models, or baselines: [{WORD_RATE}]")
