"""A study: its sections, checked together."""

from __future__ import annotations

from typing import Any

from pydantic import model_validator

from engram.study.config.associations import AssociationEffect
from engram.study.config.bold import Bold
from engram.study.config.consistency import CHECKS
from engram.study.config.fields import Section
from engram.study.config.metrics import Decoding, Similarity
from engram.study.config.partitions import Partition
from engram.study.config.protocols import with_protocol
from engram.study.config.sections import Sections
from engram.study.config.series import with_series
from engram.study.config.statistics import Chance, Nuisance
from engram.study.config.tunings import Tuning


class Study(Sections):
    """A study: which data, which models, how.

    Everything but `study`, `dataset` and `models` has a default.
    """

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
        for check in CHECKS:
            check(self)
        return self


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
