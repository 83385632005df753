"""Trials of a loaded model: how long their sequences are, and which differences are rounding."""

from __future__ import annotations

from typing import Any

#: Lengths of the sequences of a trial, in tokens: causal models that work in chunks differ
#: from one to the other.
LENGTHS = (7, 24)
#: Tokens of the long trial, for what shorter sequences do not show. (A model without attention
#: takes seconds for them: token by token.)
_LONG = 256
#: Unit of rounding below which numbers are of full precision.
_FINE = 1e-6
#: Multiplications (weights times tokens) up to which a long sequence is read as a trial: it takes
#: less than a second.
_CHEAP = 2e10
#: Differences up to so many units of rounding, of the largest number, are rounding: a token's
#: experts sum in an order that depends on the other tokens.
ROUNDING = 16
#: A token changes what is read before it, and after it. From this ratio of the two on, the former
#: is no rounding.
_ALIKE = 0.1


def long_trial(model: Any, limit: int) -> int:
    """Return how many tokens a long trial of a model has, or 0 where there is none.

    There is none where it would take long, or is no longer than the short ones.

    Parameters
    ----------
    model : transformers.PreTrainedModel
    limit : int
        Tokens that the model can read at once.

    Notes
    -----
    There is none in half precision, where a token's experts differ by rounding, the more
    often the longer the sequence; and none on a GPU, where an index beyond a table would end
    the process's use of it.
    """
    long = min(_LONG, limit)
    fits = (
        long > max(LENGTHS)
        and model.device.type == "cpu"
        and epsilon(model) < _FINE
        and is_cheap(model, long)
    )
    return long if fits else 0


def is_cheap(model: Any, tokens: int) -> bool:
    """Tell whether so many tokens can be read as a trial."""
    return sum(weight.numel() for weight in model.parameters()) * tokens <= _CHEAP


def depends_on_later(model: Any, before: float, after: float, largest: float) -> bool:
    """Tell whether a model reads in both directions, by what changes where one token is changed.

    Parameters
    ----------
    model : transformers.PreTrainedModel
        For its type of numbers.
    before, after : float
        Largest change at tokens before the one that was changed, and after it.
    largest : float
        Largest number among those that were compared.
    """
    return before > ROUNDING * epsilon(model) * largest or before > _ALIKE * after


def epsilon(model: Any) -> float:
    """Return the unit of rounding of a model's numbers."""
    import torch

    return float(torch.finfo(model.dtype).eps)
