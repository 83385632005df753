"""How many operations reading a text takes."""

from __future__ import annotations

from math import ceil

from engram.study.config.activations import Activations
from engram.study.model_shapes import ModelShape

#: Tokens of a window where a study gives none.
_CONTEXT_TOKENS = 1024


def reading_operations(
    model: ModelShape, tokens: float, words: float, settings: Activations
) -> float:
    """Return the operations of reading a text.

    They are those of all windows' tokens, through matrices and attention.

    Parameters
    ----------
    model : ModelShape
    tokens, words : float
        Of the text.
    settings : engram.study.config.activations.Activations
        ``context``, ``stride``, ``encoder_stride`` and ``mode``. An encoder reads each word in a
        window of its own, as `exact` does, or as many words as its stride has.
    """
    context = min(settings.context or min(_CONTEXT_TOKENS, model.positions), model.positions)
    if model.causal and settings.mode == "strided":
        stride = settings.stride or context / 2
        window = min(tokens, context)
        read = window + max(0.0, ceil((tokens - context) / stride)) * context
    else:
        # Windows grow with the story until they are full.
        growing = min(tokens, context)
        window = (growing * growing / 2 + (tokens - growing) * context) / tokens
        read = words / (1 if model.causal else settings.encoder_stride) * window
    attention = 4 * (model.layers - 1) * model.units * window
    return read * (2 * model.block_parameters + attention)
