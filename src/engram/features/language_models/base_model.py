"""The base model of an adapter: which folder holds it, and whether its weights are those tuned."""

from __future__ import annotations

import hashlib
import logging
import re
from pathlib import Path

from engram.errors import EngramError
from engram.features.language_models.weight_files import opened, weight_files
from engram.files import storage
from engram.vocabulary import CARD

logger = logging.getLogger(__name__)

#: What peft calls the file that makes a folder an adapter.
ADAPTER_CONFIG = "adapter_config.json"
#: Digits of a fingerprint of earlier versions.
_SAMPLED = 16


def is_adapter(folder: str | Path) -> bool:
    """Tell whether a folder holds an adapter, which needs its base model."""
    return (Path(folder) / ADAPTER_CONFIG).is_file()


def base_of(folder: str | Path, base: str | Path | None) -> Path:
    """Return the folder of an adapter's base model.

    Its weights are held against those that the adapter's card knows.

    Parameters
    ----------
    folder : path
        With the adapter.
    base : path or None
        Where the base model is.

    Raises
    ------
    EngramError
        If no base is given, an adapter is given as the base, or another model than
        the one that was tuned.
    """
    card = storage.read_json(Path(folder) / CARD).get("base", {})
    name = (
        card.get("source")
        or storage.read_json(Path(folder) / ADAPTER_CONFIG).get("base_model_name_or_path")
        or "unknown"
    )
    if base is None:
        raise EngramError(
            f"'{folder}' holds an adapter, which needs the model that was tuned ('{name}'). "
            "Give the folder of that model as its base."
        )
    if is_adapter(base):
        raise EngramError(
            f"the base '{base}' of the adapter in '{folder}' is an adapter itself. Give the model "
            f"that was tuned ('{name}'), merged, as its base."
        )
    known = card.get("fingerprint")
    if known is None:
        _warn_of_another_base(folder, base, name)
        return Path(base)
    sampled = len(known) == _SAMPLED
    found = fingerprint(base, sampled=sampled)
    if known != found:
        raise EngramError(
            f"the adapter in '{folder}' was tuned on '{name}' (fingerprint {known}); '{base}' "
            f"holds other weights ({found}). Give that model as its base."
        )
    if sampled:
        logger.warning(
            (
                "the card in '%s' is of an earlier version and knows only the first rows of its "
                "base's weights: these are the same"
            ),
            folder,
        )
    return Path(base)


def _warn_of_another_base(folder: str | Path, base: str | Path, named: str) -> None:
    """Say that an adapter without a card names another base than the given one.

    That is as far as names tell.
    """

    def plain(name: str) -> str:
        # As folders of fetched models are named.
        return re.sub(r"[^a-z0-9.-]+", "--", name.casefold())

    wanted = plain(re.split(r"[/\\]", named.rstrip("/\\"))[-1])
    given = plain(re.sub(r"@[0-9a-f]{8}$", "", Path(base).resolve().name))
    if named != "unknown" and given != wanted and not given.endswith(f"--{wanted}"):
        logger.warning(
            (
                "the adapter in '%s' says that it was tuned on '%s', and is applied to '%s'; "
                "it has no card (%s) that could tell whether they are the same"
            ),
            folder,
            named,
            base,
            CARD,
        )


def fingerprint(folder: str | Path, *, sampled: bool = False) -> str:
    """Return a digest of the names, shapes, types and contents of a model's tensors.

    It is the same however they are spread over files.

    Parameters
    ----------
    folder : path
    sampled : bool
        Of each tensor's first row alone, in 16 digits, as earlier versions
        wrote it into their cards.

    Returns
    -------
    str
        64 hexadecimal digits (SHA-256).
    """
    import torch

    found = {}
    for path in weight_files(folder):
        with opened(path) as file:
            for name in file.keys():  # noqa: SIM118 (no mapping)
                part = file.get_slice(name)
                rows = part[:1] if sampled and part.get_shape() else file.get_tensor(name)
                content = memoryview(rows.contiguous().flatten().view(torch.uint8).numpy())
                found[name] = (
                    f"{part.get_shape()} {part.get_dtype()} {hashlib.sha256(content).hexdigest()}"
                )
    digest = hashlib.sha256(
        "\n".join(f"{name} {found[name]}" for name in sorted(found)).encode()
    ).hexdigest()
    return digest[:_SAMPLED] if sampled else digest
