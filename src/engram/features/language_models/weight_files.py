"""Files of weights: which ones a model is loaded from, and their opening."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from engram.errors import EngramError

_INDEX = "model.safetensors.index.json"
#: What a pointer of Git LFS begins with.
_POINTER = b"version https://git-lfs."


def opened(path: Path) -> Any:
    """Open a file of weights, as `safetensors.safe_open` does.

    Raises
    ------
    EngramError
        If it is no safetensors file, or not a whole one.
    """
    from safetensors import safe_open

    try:
        return safe_open(path, framework="pt")
    except Exception as error:  # as many kinds as there are ways to break it
        with path.open("rb") as file:
            pointer = file.read(len(_POINTER)) == _POINTER
        why = (
            "it is a pointer of Git LFS. Fetch its content: 'git lfs pull'"
            if pointer
            else f"it is not in safetensors, or not whole ({error}). Copy or fetch the model again"
        )
        raise EngramError(
            f"the model in '{path.parent}' cannot be loaded: '{path.name}' cannot be read: {why}."
        ) from error


def weight_files(folder: str | Path) -> list[Path]:
    """Return the files that transformers reads a model's weights from.

    None of them may lie outside the model's folder.

    Raises
    ------
    EngramError
        If there are none, or an index names a file that is no safetensors file, that lies
        elsewhere, or that is not there.
    """
    folder = Path(folder)
    whole, index = folder / "model.safetensors", folder / _INDEX
    if whole.is_file():
        return [whole]
    if not index.is_file():
        raise EngramError(
            f"'{folder}' holds no weights in safetensors (neither 'model.safetensors' nor "
            f"'{_INDEX}'), and no others are loaded. Write them so: model.save_pretrained(folder)."
        )
    try:
        names = sorted(_indexed(index))
        wrong = [name for name in names if not str(name).endswith(".safetensors")]
        elsewhere = [name for name in names if Path(name).name != name]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise EngramError(
            f"'{index}' cannot be read as an index of weights: {error}. Write the model "
            "again: model.save_pretrained(folder)."
        ) from error
    if wrong:
        raise EngramError(
            f"'{index}' names '{wrong[0]}', which is not in safetensors; no others are loaded. "
            "Write the model again by save_pretrained."
        )
    if elsewhere:
        raise EngramError(
            f"'{index}' names '{elsewhere[0]}', which lies outside the model's own folder. "
            "Move it there, and its name in the index too."
        )
    absent = [name for name in names if not (folder / name).is_file()]
    if absent:
        raise EngramError(
            f"'{index}' names '{absent[0]}', which is not there ({len(absent)} of {len(names)} "
            "files). Copy the model again, whole."
        )
    return [folder / name for name in names]


def all_weight_files(folder: str | Path) -> list[Path]:
    """Return the files of weights that are read, and those that are passed over.

    An index names the latter beside a single file that is read in their place.
    """
    folder = Path(folder)
    found, index = weight_files(folder), folder / _INDEX
    if len(found) > 1 or not index.is_file():
        return found
    try:
        named = {folder / Path(name).name for name in _indexed(index)}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return found  # the index is broken; the single file is read in its place
    return [
        *found,
        *sorted(
            path for path in named - set(found) if path.suffix == ".safetensors" and path.is_file()
        ),
    ]


def _indexed(index: Path) -> set[str]:
    """Return the names of the files that an index spreads a model's weights over."""
    return set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
