"""The layer of a model that results are reported at."""

from __future__ import annotations

import logging
from functools import cache

logger = logging.getLogger(__name__)


def reported_layer(depth: int, layer: int | None) -> int:
    """Return the layer to report for a model whose last layer is `depth`.

    It is fixed beforehand, and never chosen by its score.
    """
    if layer is None:
        return round(2 * depth / 3)
    if 0 < depth < layer:  # a baseline has one layer, 0
        _warn(depth, layer)
    return min(layer, depth)


@cache
def _warn(depth: int, layer: int) -> None:
    """Say once that a model is not as deep as the layer that is asked for."""
    logger.warning(
        "reported_layer is %d, and a model has the layers 0 to %d: its last one is reported",
        layer,
        depth,
    )
