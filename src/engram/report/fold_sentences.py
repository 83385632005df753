"""What the methods say of folds, and of whose BOLD weights were learned from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engram.wording import count, listed


def splitting(encoding: Mapping[str, Any]) -> str:
    """Return how rows were divided into test folds and training sets, as sentences."""
    folds = encoding["folds"]
    if isinstance(folds, int):
        return (
            "Each story was cut into "
            f"{folds} contiguous test blocks; rows within the last delay of a test block "
            "were left out of the training set, and scalers were fitted to training rows alone. "
        )
    together = ", versions of one story together" if folds["test"] is None else ""
    if folds["test"] is not None:
        said = f"The test stories are {listed(folds['test'])}, and weights were learned in all "
    elif folds["n"] is None:
        said = f"Each story was left out in turn{together}, and weights were learned in all "
    else:
        said = (
            f"Stories were left out in {count(folds['n'], 'fold')} at most, of about as many rows "
            f"each{together}, and weights were learned in all "
        )
    return (
        f"{said}others that the listener heard, so that scores are of what generalises to other "
        "stories; scalers were fitted to training rows alone. "
    )


def inner(encoding: Mapping[str, Any]) -> str:
    """Return which inner folds chose penalties."""
    number = encoding["inner_folds"]
    if isinstance(encoding["folds"], int):
        return f"{number} inner blocks"
    return f"inner folds of whole training stories ({number} at most), each story weighted alike"


def averaging(encoding: Mapping[str, Any]) -> str:
    """Return of what R is Pearson's r, and what it is averaged over."""
    if isinstance(encoding["folds"], int):
        return "in each test block, averaged over blocks, stories and a region's targets"
    return "over the rows of each test story, averaged over stories and a region's targets"


def learned_from(encoding: Mapping[str, Any]) -> str:
    """Return whose BOLD weights were learned from, where it was not the listener's own."""
    if encoding["learn_from"] == "listener":
        return ""
    if encoding["learn_from"] == "others":
        return (
            " A listener's weights and penalties were learned, on training rows, from the mean "
            "BOLD of all others who heard the story, and from nothing of the listener: scores show "
            "what generalises to a new listener, depend on each other, and are in no test over "
            "listeners."
        )
    return (
        " A listener's weights were learned, on training rows, from the mean of own BOLD and that "
        "of all others who heard the story, scaled alike: scores show what listeners share, depend "
        "on each other, and are in no test over listeners."
    )
