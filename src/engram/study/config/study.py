"""A study: all sections, and the checks that concern more than one of them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from engram.study.config.activations import Activations
from engram.study.config.associations import AssociationEffect, Associations, Primary
from engram.study.config.bold import Bold
from engram.study.config.compute import Compute
from engram.study.config.datasets import Dataset
from engram.study.config.encoding import Encoding
from engram.study.config.features import Features
from engram.study.config.fields import Address, Made, Name, Section, Targets
from engram.study.config.figures import Figures
from engram.study.config.metrics import Decoding, Similarity
from engram.study.config.minimal_pairs import MinimalPairs
from engram.study.config.models import Model
from engram.study.config.partitions import Partition
from engram.study.config.protocols import ProtocolName, with_protocol
from engram.study.config.series import with_series
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
    """Where the stories and the BOLD come from; its `kind` says which further keys there are."""
    models: dict[Name, Model] = {}
    """The language models, by the name they get in tables and figures."""
    features: dict[Name, Features] = {}
    """What else is laid over the stories and scored as models are: word norms, say, by the name
    they get in tables and figures; each has a `kind`, which says what further keys there are."""
    baselines: list[Literal["word-rate", "reinitialised"]] = ["word-rate"]
    """Models to beat: the number of words in each TR, and each language
    model's re-initialised twin."""
    targets: Targets = "all"
    """Which targets are scored. `all`: every target (vertex, voxel or parcel) by itself; `roi`: the
    mean time course of each region and hemisphere. It holds for each stage whose section does not
    say otherwise; `chance`, `nuisance` and `decoding` take regions, unless they are told not to."""
    reported_layer: int | None = Field(None, ge=0, le=10_000)
    """The layer of tables, tests and figures that are about one layer, which is fixed beforehand;
    the last one of models that are not as deep; null: two thirds of each model's depth. Never
    chosen by its own score."""
    stories: Stories = Stories()
    """How the words of a story are grouped into sentences."""
    activations: Activations = Activations()
    """How a language model reads a story, and what is kept of it."""
    bold: Bold = Bold()
    """Which rows and targets of BOLD are kept, and how they are cleaned."""
    protocol: ProtocolName = "engram"
    """Whose way of predicting BOLD is followed: it sets the keys of `encoding` that are not written
    here (docs/reference/protocols.md says which, with sources, and what is left out because it
    leaks)."""
    encoding: Encoding = Encoding()
    """How BOLD is predicted from word vectors."""
    compute: Compute = Compute()
    """On which device and in which precision jobs compute."""
    ceiling: Ceiling = Ceiling()
    """Noise ceilings: how much of the BOLD the best possible model could predict."""
    chance: Chance = Chance()
    """The test of R against chance."""
    nuisance: Nuisance = Nuisance()
    """The control for what the number, length and places of words predict."""
    partitions: dict[Name, Partition] = {}
    """Groups of feature spaces whose explained variance is parted into what each explains alone and
    what they share, by the name they get in tables and figures."""
    decoding: Decoding = Decoding()
    """Identification of segments of a story from BOLD."""
    similarity: Similarity = Similarity()
    """Similarity of models with brains, without fitted weights."""
    minimal_pairs: MinimalPairs = MinimalPairs()
    """Pairs of sentences of which causal models are to find the right one more probable."""
    associations: dict[Name, Associations] = {}
    """Texts with associations, by the names they get in tables and figures; `manual` in a name
    is for what people wrote."""
    association_effect: AssociationEffect = AssociationEffect()
    """How texts with associations are read and scored."""
    primary: Primary | None = None
    """The text and the model that the question is about; all other texts and models are corrected
    for together. null: all are corrected for together."""
    tunings: dict[Name, Tuning] = {}
    """Instruction tunings, by the names they get in tables and figures."""
    figures: Figures = Figures()
    """How figures are drawn."""
    seed: int = Field(0, ge=0, le=_LARGEST_SEED)
    """Seed of everything that is random."""
    mirror: Address | None = None
    """A folder with copies of the public files, which are taken from there instead of the network
    (docs/data/offline.md); null: the one that the environment variable ENGRAM_MIRROR names, if
    any."""
    pathvars: dict[Literal["results", "downloads", "logs", "benchmarks"], Made] = {}
    """Where results, downloads, logs and benchmarks go, if not where Snakemake puts them."""

    @model_validator(mode="before")
    @classmethod
    def _protocol_fills_in(cls, values: Any) -> Any:
        return with_protocol(values) if isinstance(values, dict) else values

    @model_validator(mode="before")
    @classmethod
    def _series_are_written_out(cls, values: Any) -> Any:
        return with_series(values) if isinstance(values, dict) else values

    @model_validator(mode="after")
    def _sections_fit_together(self) -> Study:
        for check in (
            _check_names_of_models,
            _check_series,
            _check_models_of_pairs,
            _check_features,
            _check_partitions,
            _check_names_of_texts,
            _check_models_of_associations,
            _check_models_that_write,
            _check_primary,
            _check_models_of_tunings,
            _check_adapters,
            _check_nuisance,
            _check_something_to_score,
        ):
            check(self)
        return self

    def trained_models(self) -> list[str]:
        """Return the sorted names of the models that are neither re-initialised nor adapters."""
        return sorted(name for name in self.models if self.is_trained(name))

    def mirror_folder(self) -> Path | None:
        """Return the mirror that this run uses, if any."""
        value = self.mirror or os.environ.get(MIRROR_VARIABLE)
        return Path(value).expanduser() if value else None

    def language_models(self) -> dict[str, Model]:
        """Return all language models by name: those of `models`, and their re-initialised twins."""
        if "reinitialised" not in self.baselines:
            return dict(self.models)
        twins = {
            name + REINITIALISED_SUFFIX: self.models[name].model_copy(
                update={"reinitialised": True, "series": None, "step": None}
            )
            for name in self.models
            if self.has_twin(name)
        }
        return {**self.models, **twins}

    def scored(self) -> list[str]:
        """Return the names of everything that is scored: models, feature spaces, the word rate."""
        rate = [WORD_RATE] if WORD_RATE in self.baselines else []
        return [*self.language_models(), *self.features, *rate]

    def series(self) -> dict[str, list[str]]:
        """Return the models of each series of checkpoints, in the order of their steps."""
        found: dict[str, list[tuple[int, str]]] = {}
        for name, model in self.models.items():
            if model.series is not None and model.step is not None:
                found.setdefault(model.series, []).append((model.step, name))
        return {name: [model for _, model in sorted(steps)] for name, steps in found.items()}

    def models_of_pairs(self) -> list[str]:
        """Return the models that read minimal pairs; none without a table of pairs."""
        if self.minimal_pairs.table is None:
            return []
        whole = [name for name in self.language_models() if self._is_of_pairs(name)]
        wanted = self.minimal_pairs.models
        return whole if wanted is None else [name for name in whole if name in wanted]

    def _is_of_pairs(self, name: str) -> bool:
        """Tell whether a model can read pairs: whole, with all its layers, trained or a twin."""
        model = self.language_models()[name]
        return model.base is None and not model.layers_together

    def has_twin(self, name: str) -> bool:
        """Tell whether a model has a re-initialised twin: of a series, the first step has one."""
        first = self.models[name].series is None or any(
            members[0] == name for members in self.series().values()
        )
        return first and self.is_trained(name)

    def is_trained(self, name: str) -> bool:
        """Tell whether a model of `models` is whole and trained (`Model.is_whole`)."""
        return self.models[name].is_whole


def with_targets(study: Study) -> Study:
    """Return the study with the targets of each section filled in: its own, or the study's."""
    filled = {
        name: _filled(getattr(study, name), study.targets)
        for name in ("bold", "chance", "nuisance", "decoding", "similarity", "association_effect")
    }
    several = {
        section: {
            name: _filled(one, study.targets) for name, one in getattr(study, section).items()
        }
        for section in ("partitions", "tunings")
    }
    return study.model_copy(update={**filled, **several})


def _filled(
    section: Bold
    | Chance
    | Nuisance
    | Decoding
    | Similarity
    | AssociationEffect
    | Partition
    | Tuning,
    targets: str,
) -> Section:
    return section.model_copy(update={"targets": section.targets or targets})


def _check_names_of_models(study: Study) -> None:
    if WORD_RATE in study.models:
        raise ValueError(
            f"models: '{WORD_RATE}' is the name of a baseline; give the model another name"
        )
    if "reinitialised" not in study.baselines:
        return
    for name in study.models:
        twin = name + REINITIALISED_SUFFIX
        if study.has_twin(name) and twin in study.models:
            raise ValueError(
                f"models: '{twin}' is the name of the re-initialised twin of '{name}'; rename one"
            )


def _check_series(study: Study) -> None:
    for series, members in study.series().items():
        steps = [study.models[name].step for name in members]
        if len(set(steps)) < len(steps):
            raise ValueError(f"models: two of one step in the series '{series}': {members}")


def _check_models_of_pairs(study: Study) -> None:
    wanted = study.minimal_pairs.models or []
    if study.minimal_pairs.table is None:
        if wanted:
            raise ValueError(
                "minimal_pairs.models: no table of pairs is given; write table: engram, or a file"
            )
        return
    known = sorted(study.language_models())
    if strange := sorted(set(wanted) - set(study.models_of_pairs())):
        raise ValueError(
            f"minimal_pairs.models: {strange} are no whole language models of the study, which has "
            f"{known}"
        )
    if not study.models_of_pairs():
        raise ValueError("minimal_pairs: the study has no whole language model; take table out")


def _check_features(study: Study) -> None:
    """Refuse a space with the name of a model, and one that is made from a model that is none."""
    models = study.language_models()
    for name, space in study.features.items():
        if name == WORD_RATE or name in models:
            raise ValueError(
                f"features: '{name}' is the name of a model or a baseline; give the space another"
            )
        _check_side_by_side(study, name)
        if space.model is None:
            continue
        key = f"features.{name}.{space.reads_model or space.takes_model}"
        if space.model not in models:
            raise ValueError(
                f"{key}: '{space.model}' is no model of the study; it has {sorted(models)}"
            )
        if models[space.model].layers_together:
            raise ValueError(
                f"{key}: '{space.model}' is layers together; name the model with all its layers"
            )
        if space.has_heads and study.encoding.components is not None:
            raise ValueError(
                f"features.{name}: encoding.components mixes the heads of a layer; take it out, or "
                "the space of kind heads"
            )
        if space.reads_model and not models[space.model].is_whole:
            raise ValueError(
                f"{key}: '{space.model}' is re-initialised or an adapter; name a whole, trained "
                "model"
            )


def _check_side_by_side(study: Study, name: str) -> None:
    """Refuse a space that is made from spaces not scored, made so themselves, or not of words."""
    made = [one for one, space in study.features.items() if space.spaces or space.has_times]
    known = [one for one in study.scored() if one not in made]
    if unknown := [one for one in study.features[name].spaces if one not in known]:
        raise ValueError(
            f"features.{name}.of: {unknown} cannot stand side by side with others; these can: "
            f"{sorted(known)}. Rows of a recording or of times stand in a group of partitions"
        )


def _check_partitions(study: Study) -> None:
    """Refuse a partition of what is not scored."""
    known = study.scored()
    for name, partition in study.partitions.items():
        if unknown := [space for space in partition.spaces if space not in known]:
            raise ValueError(
                f"partitions.{name}.groups: {unknown} are not scored in this study; it has "
                f"{sorted(known)}"
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
    unknown = sorted(set(study.association_effect.models or ()) - set(study.models))
    together = [name for name, one in study.models.items() if one.layers_together]
    if strange := sorted(set(study.association_effect.models or ()) & set(together)):
        raise ValueError(
            f"association_effect.models: {strange} are layers together, which read no texts with "
            "associations; name the model with all its layers"
        )
    if unknown:
        raise ValueError(
            f"association_effect.models: {unknown} are no models of the study; "
            f"it has {sorted(study.models)}"
        )


def _check_primary(study: Study) -> None:
    if study.primary is None:
        return
    if study.primary.text not in study.associations:
        raise ValueError(
            f"primary.text: '{study.primary.text}' is no text of associations; the study has "
            f"{sorted(study.associations)}"
        )
    reading = study.association_effect.models or [
        name for name, model in study.language_models().items() if not model.reinitialised
    ]
    if study.primary.model not in reading:
        raise ValueError(
            f"primary.model: '{study.primary.model}' reads no texts with associations; these do: "
            f"{sorted(reading)}"
        )


def _check_models_that_write(study: Study) -> None:
    trained = study.trained_models()
    for name, one in study.associations.items():
        writer = one.annotator.folder if one.annotator is not None else None
        if writer in study.models and writer not in trained:
            raise ValueError(
                f"associations.{name}.annotator.model: '{writer}' is re-initialised or an adapter, "
                f"and cannot be asked to write; trained models of the study are {trained}"
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
    wanted, there = study.nuisance.random_texts, study.association_effect.controls.random
    if wanted is not None and wanted > there:
        raise ValueError(
            f"nuisance.random_texts: {wanted} is more than the {there} random texts there "
            f"are; give {there} or fewer, or more controls"
        )


def _check_something_to_score(study: Study) -> None:
    if not (study.models or study.features) and WORD_RATE not in study.baselines:
        raise ValueError(f"nothing to score: give models, features, or baselines: [{WORD_RATE}]")
