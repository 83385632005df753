"""The tensors in a model's files: their names, shapes and types, and what each name is read as."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from engram.features.language_models.weight_files import opened, weight_files

logger = logging.getLogger(__name__)

#: What wrappers put into the names of weights, wherever they stand: torch.compile,
#: FullyShardedDataParallel and activation checkpointing.
_WRAPPERS = ("_orig_mod.", "_fsdp_wrapped_module.", "_checkpoint_wrapped_module.")
#: What DistributedDataParallel puts before every name. It is a name like any other, so that it
#: counts only where all have it.
_PARALLEL = "module."


@dataclass(frozen=True)
class StoredWeights:
    """The tensors in a model's files.

    Attributes
    ----------
    folder : path
    tensors : dict
        Shape and type of each tensor by its name in the file. The type is called as safetensors
        calls it, such as "F32".
    renaming : dict
        Patterns in names, each with what replaces it, where the model was saved while wrapped.
    """

    folder: str | Path
    tensors: dict[str, tuple[list[int], str]]
    renaming: dict[str, str]

    def read_as(self, name: str) -> str:
        """Return a stored tensor's name without what a wrapper added to it."""
        return _unwrapped(name, self.renaming)


def stored_weights(folder: str | Path) -> StoredWeights:
    """Return the tensors in a model's files.

    Raises
    ------
    EngramError
        If an index of several files names one that is not in safetensors or
        not in the folder itself.
    """
    found = {}
    for path in weight_files(folder):
        with opened(path) as file:
            for name in file.keys():  # noqa: SIM118 (no mapping)
                part = file.get_slice(name)
                found[name] = (part.get_shape(), str(part.get_dtype()))
    return StoredWeights(folder, found, _renaming(found, folder))


def _renaming(stored: Iterable[str], folder: str | Path) -> dict[str, str]:
    """Return how names that a wrapper changed become the model's own.

    These are patterns and what replaces them, where that is certain.
    """
    names = list(stored)
    found = [wrapper for wrapper in _WRAPPERS if any(wrapper in name for name in names)]
    mapping = {re.escape(wrapper): "" for wrapper in found}
    if names and all(_unwrapped(name, mapping).startswith(_PARALLEL) for name in names):
        mapping[f"^{re.escape(_PARALLEL)}"] = ""
    if mapping:
        logger.warning(
            (
                "the weights in '%s' were saved while the model was wrapped (torch.compile, "
                "DataParallel or FSDP): '%s' is read as '%s'"
            ),
            folder,
            names[0],
            _unwrapped(names[0], mapping),
        )
    return mapping


def _unwrapped(name: str, mapping: dict[str, str]) -> str:
    for pattern, replacement in mapping.items():
        name = re.sub(pattern, replacement, name)
    return name
