"""Buffers that no file holds: they get the values that the model's code computes."""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from engram.errors import EngramError

logger = logging.getLogger(__name__)


def define_buffers(
    kind: Any,
    model: Any,
    missing: Iterable[str],
    folder: str | Path,
    dtype: str,
    code: bool = False,
) -> None:
    """Give buffers that no file holds the values that the model's code computes.

    transformers allocates them without setting them, and relies on the code to do that once more;
    code of a model's own may not, and they would be whatever was in memory. The model is built once
    more for its buffers alone: its weights take no memory.

    Parameters
    ----------
    kind : type
        The class of transformers that loaded the model.
    model : transformers.PreTrainedModel
        Its buffers are changed.
    missing : iterable of str
        Names that no file holds.
    folder : path
        Of the model, for messages.
    dtype : str
        As in `engram.features.language_models.model_loading.load_model`.
    code : bool
        Whether the model's own code may run.

    Raises
    ------
    EngramError
        If a buffer is not the same each time that the model is built.
    """
    import torch

    names = _unsaved(model, set(missing))
    if not names:
        return
    one, other = (_buffers(kind, model, dtype, code, seed) for seed in (0, 1))
    for name in names:
        made, loaded = one.get(name), model.get_buffer(name)
        if not _is_computed(made, other.get(name), loaded):
            raise EngramError(
                f"the model in '{folder}' has the buffer '{name}', which its file "
                "does not hold and which its code does not compute alike each time: "
                "what it was when the model was trained cannot be known. Save it with the model "
                "(register_buffer(..., persistent=True))."
            )
        if not _same(made, loaded):
            logger.warning(
                (
                    "%s: the buffer '%s', which no file holds, was not defined by loading; "
                    "it is what the model's code computes"
                ),
                folder,
                name,
            )
            with torch.no_grad():
                loaded.copy_(made)


def _unsaved(model: Any, missing: set[str]) -> list[str]:
    """Return the names of a model's buffers that no file holds."""
    return [name for name, _ in model.named_non_persistent_buffers()] + [
        name for name, _ in model.named_buffers() if name in missing
    ]


def _is_computed(made: Any, again: Any, loaded: Any) -> bool:
    """Tell whether a buffer is the same each time that a model is built, and of the right shape."""
    return (
        made is not None
        and again is not None
        and not made.is_meta
        and made.shape == loaded.shape
        and _same(made, again)
    )


def _same(one: Any, other: Any) -> bool:
    """Tell whether two tensors hold the same bytes, where no number is the same as itself."""
    import torch

    if one.dtype != other.dtype:
        one = one.to(other.dtype)
    return bool(
        torch.equal(torch.nan_to_num(one, nan=0.5), torch.nan_to_num(other, nan=0.5))
        and torch.equal(torch.isnan(one), torch.isnan(other))
    )


def _buffers(kind: Any, model: Any, dtype: str, code: bool, seed: int) -> dict[str, Any]:
    """Return the buffers of a model that is built once more from its configuration.

    Its weights take no memory.
    """
    import torch
    from accelerate import init_empty_weights

    precision = model.dtype if dtype == "auto" else getattr(torch, dtype)
    with torch.random.fork_rng(devices=[]), init_empty_weights(include_buffers=False):
        torch.manual_seed(seed)
        built = kind.from_config(
            copy.deepcopy(model.config), trust_remote_code=code, dtype=precision
        )
    return dict(built.named_buffers())
