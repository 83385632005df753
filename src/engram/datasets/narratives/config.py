"""The section `dataset` of kind `narratives`, and of all datasets of its form."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Annotated, Literal

from pydantic import Field, model_validator

from engram.datasets.narratives.facts import TR
from engram.datasets.narratives.layout import VOLUME
from engram.datasets.section import DatasetSection
from engram.study.config.fields import Address, Name, Place, Reason, RepetitionTime
from engram.vocabulary import NILEARN_ATLASES, NILEARN_PREFIX

#: Told from beginning to end to listeners who heard nothing else in that scan: 16 tasks,
#: 15 different stories (pieman and piemanpni are two tellings of one). The versions of prettymouth
#: and milkyway, and the two stories of slumlordreach, have names of their own.
NARRATIVES_STORIES = [
    "pieman", "tunnel", "lucy", "prettymouthaffair", "prettymouthparanoia", "milkywayoriginal",
    "milkywaysynonyms", "milkywayvodka",
    "slumlord", "reach", "notthefallintact", "21styear", "piemanpni", "bronx", "black", "forgot",
    "merlin", "sherlock", "shapesphysical", "shapessocial",
]  # fmt: skip
#: The DataLad dataset with derivatives and transcripts.
NARRATIVES_SOURCE = "https://datasets.datalad.org/labs/hasson/narratives"
#: The public bucket (``s3://fcp-indi/data/Projects/narratives``) with the same files.
NARRATIVES_BUCKET = "https://s3.amazonaws.com/fcp-indi/data/Projects/narratives"


def where(space: str) -> str:
    """Return on which surface, or in which volume, BOLD is, for the report's methods."""
    return f"in {space}" if space == VOLUME else f"on the surface {space} [@fsaverage]"


class NarrativesForm(DatasetSection):
    """What every dataset with the tree of Narratives can be asked for."""

    stories: list[Name]
    """The stories to use."""
    runs: Literal["mean", "first", "last"] = "mean"
    """What counts of a listener who heard a story twice: the mean of the runs that are not
    excluded, or one of them."""
    regions: Annotated[list[str], Field(min_length=1)] | None = None
    """Regions to keep: names of the atlas, or of ROI sets (resources/roi_sets.tsv); null: all."""
    listeners: list[Name] | None = None
    """The listeners to use; null: all."""
    exclude: dict[Name, Reason] = {}
    """Listeners to leave out beyond the scans that the dataset excludes
    itself, each with the reason."""


class NarrativesSection(NarrativesForm):
    """Narratives (Nastase et al. 2021): 345 listeners.

    Fetched by DataLad, or from a folder with the dataset's tree (docs/data/narratives.md).
    """

    kind: Literal["narratives"]
    source: Address = NARRATIVES_SOURCE
    """The DataLad dataset to fetch from: an address, or the path of a clone. `s3`: its public
    bucket by plain HTTPS, which needs git, and neither DataLad nor git-annex."""
    path: Place | None = None
    """A folder with the dataset's tree instead, whose files are used where they lie;
    null: fetch from `source`."""
    facts: Place | None = None
    """A facts table of your own (resources/narratives/make_facts.py makes one), for another dataset
    of this form; null: Narratives'."""
    tr: RepetitionTime = TR
    """Repetition time in seconds, for another dataset of this form. Sidecars and headers of scans
    that give another one stop the run."""
    stories: list[Name] = Field(NARRATIVES_STORIES, min_length=1)
    """The stories to use, by the names in resources/narratives/scans.tsv."""
    pipeline: Literal["afni-nosmooth", "afni-smooth"] = "afni-nosmooth"
    """Which of the dataset's cleaned derivatives is read: with or without spatial smoothing."""
    space: Literal["fsaverage6", "fsaverage5", "MNI152NLin2009cAsym"] = "fsaverage6"
    """The surface, or the volume, that the BOLD is on. The hippocampus is in the volume alone,
    which needs an `atlas`."""
    atlas: Place | None = None
    """Instead of the dataset's Destrieux parcellation: on a surface `folder/{hemi}.mine.annot`
    (or .label.gii; lh and rh take the place of {hemi}); in the volume an image with a table
    (index, name) beside it, a mask, or `nilearn:` and one of harvard-oxford-cort,
    harvard-oxford-sub, aal, juelich, destrieux, schaefer-100 to schaefer-1000."""

    @model_validator(mode="after")
    def _atlas_fits_space(self) -> NarrativesSection:
        if self.space == VOLUME and self.atlas is None:
            raise ValueError(
                f"space {VOLUME} needs an atlas, such as nilearn:harvard-oxford-sub (its regions "
                "Left Hippocampus and Right Hippocampus)"
            )
        if self.atlas is not None and self.atlas.startswith(NILEARN_PREFIX):
            name = self.atlas.removeprefix(NILEARN_PREFIX)
            if self.space != VOLUME:
                raise ValueError(
                    f"nilearn's atlases are volumes; for {self.space} give a file for each "
                    "hemisphere, such as atlases/{hemi}.mine.annot"
                )
            if not re.fullmatch(NILEARN_ATLASES, name):
                raise ValueError(
                    f"'{name}' is none of nilearn's atlases that can be used here: "
                    "harvard-oxford-cort, -sub, aal, juelich, destrieux, schaefer-400"
                )
        elif self.atlas is not None and self.space != VOLUME and "{hemi}" not in self.atlas:
            raise ValueError(
                "on a surface an atlas is a file for each hemisphere: write {hemi} in its "
                "path, where lh and rh stand"
            )
        return self

    @property
    def folder(self) -> str | None:
        """The folder with the dataset's tree."""
        return self.path

    def description(self) -> str:
        """Return a sentence for the report's methods."""
        fetched = "fetched by DataLad [@datalad]"
        if self.path or self.source == "s3":
            fetched = "read from a folder" if self.path else "fetched from its public bucket"
        if self.atlas is None:
            named = "the Destrieux parcellation [@destrieux]"
        elif self.atlas.startswith(NILEARN_PREFIX):
            named = f"the atlas {self.atlas.removeprefix(NILEARN_PREFIX)}"
        else:
            named = f"the atlas {PurePosixPath(self.atlas).name}"
        runs = {
            "mean": "two runs of a story by one listener are averaged",
            "first": "of two runs of a story the first is used",
            "last": "of two runs of a story the last is used",
        }[self.runs]
        return (
            f"Narratives [@nastase], {fetched}: {{who}}, derivative {self.pipeline}, "
            f"{where(self.space)}, regions of {named}; {runs}."
        )


SECTION = NarrativesSection
