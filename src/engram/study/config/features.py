"""The entries of `features`, which each kind of feature space has of its own.

`engram.features.kinds` lists them.
"""

from __future__ import annotations

import operator
from functools import reduce
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from engram.features.kinds import KINDS, section
from engram.features.section import FeatureSection

#: The section of each kind, by what `kind` says.
SECTIONS: dict[str, type[FeatureSection]] = {kind: section(kind) for kind in KINDS}

if TYPE_CHECKING:
    Features = FeatureSection
elif len(SECTIONS) == 1:
    Features = next(iter(SECTIONS.values()))
else:
    Features = Annotated[reduce(operator.or_, SECTIONS.values()), Field(discriminator="kind")]
