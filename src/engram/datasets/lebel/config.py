"""The section `dataset` of kind `lebel`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from engram.datasets.section import DatasetSection
from engram.study.config.fields import Address, Name, Place, Reason, Seconds

#: The dataset's git repository, which DataLad clones, and its public bucket
#: (``s3://openneuro.org/ds003020``).
SOURCE = "https://github.com/OpenNeuroDatasets/ds003020"
BUCKET = "https://s3.amazonaws.com/openneuro.org/ds003020"


class LebelSection(DatasetSection):
    """LeBel et al. 2023: nine listeners, 26 to 84 stories each; a study is of one listener.

    Each listener's voxels are their own, and nothing maps them onto another's. So there is no
    average listener, no ceiling between listeners and no map of a group: a study is made for each
    listener, and its scores are compared afterwards.

    Fetched from OpenNeuro (ds003020), or from a folder with the dataset's tree
    (docs/data/lebel.md).
    """

    kind: Literal["lebel"]
    listeners: list[Name] = Field(min_length=1)
    """The listener, one of UTS01 to UTS09: `listeners: [UTS03]`."""
    source: Address = SOURCE
    """The DataLad dataset to fetch from: an address, or the path of a clone. `s3`: the public
    bucket of OpenNeuro by plain HTTPS, which needs git, and neither DataLad nor git-annex."""
    path: Place | None = None
    """A folder with the dataset's tree instead, whose files are used where they lie;
    null: fetch from `source`."""
    stories: list[Name] | None = Field(None, min_length=1)
    """The stories to use; null: all that the listener heard. `wheretheressmoke` was heard five or
    ten times: it is scored on the mean of these, and has a ceiling by them."""
    start: Seconds | None = None
    """Time of the first row of the response files on the audio's clock, in seconds; null: 10, as in
    the authors' code."""
    exclude: dict[Name, Reason] = {}
    """Not used here: a study has one listener."""

    @field_validator("listeners")
    @classmethod
    def _one_listener(cls, value: list[str]) -> list[str]:
        if len(set(value)) > 1:
            raise ValueError(
                "each listener of this dataset has voxels of their own, so an average listener, "
                f"ceilings between listeners and maps of a group are not there. Write one: "
                f"listeners: [{value[0]}], and a study for each of the others"
            )
        return value

    @field_validator("exclude")
    @classmethod
    def _nobody_to_exclude(cls, value: dict[str, str]) -> dict[str, str]:
        if value:
            raise ValueError("a study has one listener; name another one in 'listeners'")
        return value

    @property
    def folder(self) -> str | None:
        """The folder with the dataset's tree."""
        return self.path

    def description(self) -> str:
        """Return a sentence for the report's methods."""
        fetched = "fetched by DataLad [@datalad]"
        if self.path or self.source == "s3":
            fetched = "read from a folder" if self.path else "fetched from its public bucket"
        return (
            f"LeBel et al. [@lebel], {fetched}: {{who}}, responses of the listener's own cortical "
            "voxels as the authors cleaned them. Voxels of different listeners do not correspond, "
            "so there is no average listener and no ceiling between listeners; a story that was "
            "heard several times is scored on the mean of its repeats, which give its ceiling."
        )


SECTION = LebelSection
