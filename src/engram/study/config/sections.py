"""The sections of a study, and what follows from several of them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from pydantic import Field

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
from engram.study.config.protocols import ProtocolName
from engram.study.config.statistics import Ceiling, Chance, Nuisance
from engram.study.config.stories import Stories
from engram.study.config.tunings import Tuning
from engram.vocabulary import MIRROR_VARIABLE, REINITIALISED_SUFFIX, WORD_RATE

#: The largest seed that NumPy's and torch's generators both take, with room for the numbers
#: that are added to it (1,000 times the seed and more).
_LARGEST_SEED = 2**31 // 1000 - 1


class Sections(Section):
    """The sections of a study, and what follows from several of them.

    Each is checked by itself; a `Study` is checked as a whole.
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
