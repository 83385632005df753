"""The section `dataset`, which each kind of dataset has of its own (`engram.datasets.kinds`)."""

from __future__ import annotations

import operator
from functools import reduce
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from engram.datasets.kinds import KINDS, section
from engram.datasets.section import DatasetSection

#: The section of each kind, by what `kind` says.
SECTIONS: dict[str, type[DatasetSection]] = {kind: section(kind) for kind in KINDS}

if TYPE_CHECKING:
    Dataset = DatasetSection
else:
    Dataset = Annotated[reduce(operator.or_, SECTIONS.values()), Field(discriminator="kind")]
