"""Makes a feature space of any kind over a story."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Protocol

import xarray as xr

from engram.features.space import Given, Space


class Kind(Protocol):
    """The module ``space`` in the folder of a kind."""

    def lay(self, given: Given) -> Space:
        """Return the space over a story."""


def lay(folder: str, given: Given) -> xr.Dataset:
    """Return a feature space over a story, in the form of a model's activations.

    Parameters
    ----------
    folder : str
        Of the kind (`engram.features.kinds.KINDS`).
    given : Given
    """
    # The digest of a job's code follows this import, with the kind of the space.
    module: Any = import_module(f"engram.features.{folder}.space")
    kind: Kind = module
    return kind.lay(given).dataset()
