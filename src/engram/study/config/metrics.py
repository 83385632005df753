"""The sections `decoding` and `similarity`: how else features and brains are compared."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from engram.datasets.roi_sets import roi_sets
from engram.study.config.fields import Once, Section, Targets

#: Names of sets that stand for several.
_SEVERAL = ("all", "hemispheres", "roi-sets", "regions")


def _check_sets(names: list[str]) -> list[str]:
    known = [*_SEVERAL, *roi_sets()]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(
            f"{unknown} are no sets of targets. Write all (all targets), hemispheres (each by "
            "itself), roi-sets (every ROI set that the atlas has), regions, or names of ROI sets: "
            f"{', '.join(roi_sets())}"
        )
    if len(set(names)) < len(names):
        raise ValueError(f"a set stands there twice: {names}")
    return names


Sets = Annotated[list[str], Field(min_length=1), AfterValidator(_check_sets)]
#: Length of a segment.
SegmentSeconds = Annotated[float, Field(ge=2, le=300)]


class Decoding(Section):
    """Identification of segments of the story from the brain.

    It is off until `directions` are given (docs/methods/decoding.md).
    """

    directions: Annotated[list[Literal["encoding", "decoding"]], Once] = []
    """`encoding`: BOLD is predicted as for R, and segments are told by how alike predicted and
    recorded patterns are; `decoding`: the embedding of a segment is predicted from BOLD. Both make
    `tables/decoding.tsv` and `tables/decoding_tests.tsv`; none: there is no identification."""
    seconds: SegmentSeconds = 20.0
    """Length of a segment, 10 to 30 s in the literature. A test block must hold two segments and
    the longest delay, at least."""
    sets: Sets = ["all", "hemispheres", "roi-sets"]
    """Sets of targets whose pattern is compared: `all` targets; `hemispheres`, each by itself;
    `roi-sets`, every one of resources/roi_sets.tsv that the atlas has; `regions`, each in its
    hemisphere; or names of ROI sets."""
    layers: Literal["all", "reported"] = "all"
    """Layers of a model that are tried. Tests are at the reported layer alone."""
    shifts: int = Field(199, ge=19, le=100_000)
    """Circular shifts of BOLD that rank accuracy is tested by, everything fitted anew; with 199 the
    smallest p is 0.005."""
    effects: bool = False
    """Whether association effects F and tuning effects M are taken of rank accuracy too, with the
    same controls and tests as of R (`tables/association_decoding.tsv`,
    `tables/tuning_decoding.tsv`); it needs the direction `encoding`."""
    targets: Targets | None = "roi"
    """`roi`: the mean time course of each region and hemisphere; `all`: every target by itself,
    which a whole cortex makes slow; null: the study's `targets`."""

    @model_validator(mode="after")
    def _effects_are_of_encoding(self) -> Decoding:
        if self.effects and self.directions and "encoding" not in self.directions:
            raise ValueError(
                "effects: true needs the direction encoding, and directions are "
                f"{self.directions}; write directions: [encoding, decoding], or effects: false"
            )
        return self


class Similarity(Section):
    """Similarity of models with brains without fitted weights (docs/methods/similarity.md).

    It is off until `metrics` are given.
    """

    metrics: Annotated[list[Literal["rsa", "encoding"]], Once] = []
    """`rsa`: dissimilarities of pairs of segments are correlated; `encoding`: BOLD is predicted as
    the mean of training rows, weighted by how alike the text is. Both make `tables/similarity.tsv`
    and `tables/similarity_tests.tsv`; none: there is no similarity."""
    seconds: SegmentSeconds = 10.0
    """Length of a segment, for `rsa`."""
    sets: Sets = ["all", "hemispheres", "roi-sets"]
    """Sets of targets, as in `decoding`. RSA leaves out sets of fewer than three targets."""
    layers: Literal["all", "reported"] = "all"
    """Layers of a model that are compared. Tests are at the reported layer alone."""
    shifts: int = Field(199, ge=19, le=100_000)
    """Circular shifts of text against BOLD; with 199 the smallest p is 0.005."""
    targets: Targets | None = None
    """`all`: every target by itself; `roi`: the mean time course of each region and hemisphere;
    null: the study's `targets`."""
