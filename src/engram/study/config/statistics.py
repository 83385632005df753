"""The sections `ceiling`, `chance` and `nuisance`: what brain scores are compared with."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from engram.study.config.fields import Once, Section, Targets

NuisanceFeature = Literal[
    "word-rate",
    "word-length",
    "sentence-length",
    "place-in-sentence",
    "place-in-story",
    "pause",
    "log-frequency",
    "since-insertion",
]


class Ceiling(Section):
    """Noise ceilings: how much of the BOLD the best possible model could predict.

    They follow from how well listeners predict each other.
    """

    halves: int = Field(100, ge=1, le=100_000)
    """Random splits of the listeners into halves, whose means are correlated."""
    floor: float = Field(0.05, ge=0, le=1)
    """Smallest ceiling by which scores are normalised; where it is lower, the normalised score is
    n/a."""


class Chance(Section):
    """R against chance (docs/methods/chance.md).

    The reported layer is scored anew on BOLD that was shifted circularly in time.
    """

    shifts: int = Field(199, ge=19, le=100_000)
    """Circular shifts; with 199 the smallest p is 0.005. They take about as long as scoring so
    many times the listeners at one layer."""
    targets: Targets | None = "roi"
    """`roi`: score the mean time course of each region and hemisphere; `all`: every target
    by itself, which a whole cortex makes slow; null: the study's `targets`."""
    window: float | None = Field(60.0, ge=20, le=600)
    """Seconds of the windows in which R is taken too, to see which minutes of a story are predicted
    (`tables/time_resolved.tsv`, a figure): each test block is cut into equal windows of about this
    length; null: none."""


class Nuisance(Section):
    """Nuisance control: what models predict beyond the number, length and places of words.

    Also what associations predict beyond both (docs/methods/nuisance.md, nuisance-associations.md).
    """

    method: Literal["none", "banded"] = "none"
    """`banded`: ridge regression with a penalty for each band of features makes
    `tables/nuisance.tsv`, and with associations also `tables/association_unique.tsv`; it takes
    about as long as scoring a model's layers. `none`: there is no nuisance control."""
    features: Annotated[list[NuisanceFeature], Field(min_length=1), Once] = [
        "word-rate",
        "word-length",
        "sentence-length",
        "place-in-sentence",
        "place-in-story",
        "pause",
        "since-insertion",
    ]
    """The nuisance features. `log-frequency`: a column `log_frequency` of a folder of tables
    (docs/data/tables.md); `since-insertion`: words since the last insertion, beside associations
    alone. Head motion is regressed out of the BOLD (`bold.confounds`)."""
    targets: Targets | None = "roi"
    """`roi`: score the mean time course of each region and hemisphere; `all`: every target
    by itself, which a whole cortex makes slow; null: the study's `targets`."""
    random_texts: int | None = Field(None, ge=0, le=10_000)
    """Random texts with which the unique contribution of associations is compared, and at most
    so many shuffled ones; each takes as long as the associations themselves. Null: all there are
    (`association_effect.controls`); 0: associations are left out of the nuisance control."""

    @model_validator(mode="after")
    def _stories_have_features(self) -> Nuisance:
        if self.features == ["since-insertion"]:
            raise ValueError(
                "features: a story alone has no insertions, so since-insertion needs another "
                "feature beside it, such as word-rate"
            )
        return self
