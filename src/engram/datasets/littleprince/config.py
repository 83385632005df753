"""The section `dataset` of kind `littleprince`."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Annotated, Literal

from pydantic import Field, model_validator

from engram.datasets.littleprince.facts import N_SECTIONS, NAMES, SPACE, story_name
from engram.datasets.section import DatasetSection
from engram.study.config.fields import Address, Name, Place, Reason, Seconds
from engram.vocabulary import NILEARN_ATLASES, NILEARN_PREFIX

#: The dataset's git repository, which DataLad clones, and its public bucket
#: (``s3://openneuro.org/ds003643``).
SOURCE = "https://github.com/OpenNeuroDatasets/ds003643"
BUCKET = "https://s3.amazonaws.com/openneuro.org/ds003643"


class LittlePrinceSection(DatasetSection):
    """Le Petit Prince (Li et al. 2022): 112 listeners of one audiobook in three languages.

    Fetched from OpenNeuro (ds003643), or from a folder with the dataset's tree
    (docs/data/little-prince.md).
    """

    kind: Literal["littleprince"]
    language: Literal["en", "fr", "zh"]
    """The language that was heard: English (49 listeners), French (28) or Chinese (35). A study has
    one; models should have read it."""
    source: Address = SOURCE
    """The DataLad dataset to fetch from: an address, or the path of a clone. `s3`: the public
    bucket of OpenNeuro by plain HTTPS, which needs git, and neither DataLad nor git-annex."""
    path: Place | None = None
    """A folder with the dataset's tree instead, whose files are used where they lie;
    null: fetch from `source`."""
    stories: list[Name] = Field(
        [story_name(section) for section in range(1, N_SECTIONS + 1)], min_length=1
    )
    """The sections to use, littleprince-1 to littleprince-9: each is a story with its own scan."""
    words: Literal["textgrids", "table"] | None = None
    """Which of the dataset's files give words and times: a TextGrid for each section, or the table
    `lpp??_word_information.csv`; null: the table in French, TextGrids in English and Chinese."""
    start: Seconds | None = None
    """Time of the first row of the cleaned scans on the audio's clock, in seconds; null: 0, as the
    dataset's README has it for all three languages."""
    atlas: Place = "nilearn:aal"
    """An image of numbered regions with a table (index, name) beside it, a mask, or `nilearn:` and
    one of aal, harvard-oxford-cort, harvard-oxford-sub, juelich, destrieux, schaefer-100 to
    schaefer-1000. Voxels within it are targets; `targets: roi` takes its regions. AAL was drawn on
    the brain (Colin 27) to which the dataset's scans are aligned."""
    regions: Annotated[list[str], Field(min_length=1)] | None = None
    """Regions to keep: names of the atlas, or of ROI sets (resources/roi_sets.tsv); null: all."""
    listeners: list[Name] | None = None
    """The listeners to use, such as EN057; null: all of the language."""
    exclude: dict[Name, Reason] = {}
    """Listeners to leave out, each with the reason (it is written into scans.tsv)."""

    @model_validator(mode="after")
    def _atlas_is_known(self) -> LittlePrinceSection:
        name = self.atlas.removeprefix(NILEARN_PREFIX)
        if name != self.atlas and not re.fullmatch(NILEARN_ATLASES, name):
            raise ValueError(
                f"'{name}' is none of nilearn's atlases that can be used here: "
                "aal, harvard-oxford-cort, -sub, juelich, destrieux, schaefer-400"
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
        atlas = PurePosixPath(self.atlas.removeprefix(NILEARN_PREFIX)).name
        return (
            f"Le Petit Prince in {NAMES[self.language]} [@li], {fetched}: {{who}}, multi-echo fMRI "
            f"cleaned by ME-ICA in the space {SPACE}, regions of the atlas {atlas}; each of the "
            "book's nine sections is a story of its own, and no confounds are published."
        )


SECTION = LittlePrinceSection
