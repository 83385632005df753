"""Split of tuning samples in those to train on and those to validate with."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from engram.errors import EngramError
from engram.tunings.samples import Sample


def split(
    samples: Sequence[Sample], validation: float = 0.1, seed: int = 0, most: int | None = None
) -> tuple[list[Sample], list[Sample]]:
    """Return the samples to train on, and those to validate with.

    Parameters
    ----------
    samples : sequence of Sample
    validation : float
        Share to validate with, from 0 to below 1, where the file has no samples marked so;
        at least one sample unless it is 0.
    seed : int
        Of that draw, in which samples with the same passage stay together, and of `most`.
    most : int or None
        Validation samples that are returned at most, drawn from all that are held out; nothing is
        trained on the others either. None: all.

    Returns
    -------
    train, validation : list of Sample
        In the file's order, with their split set.

    Raises
    ------
    EngramError
        If nothing is left to train on.
    """
    held = {
        index for index, sample in enumerate(samples) if sample.split == "validation"
    } or _drawn(samples, validation, seed)
    train = [
        replace(sample, split="train") for index, sample in enumerate(samples) if index not in held
    ]
    if not train:
        raise EngramError(
            f"none of {len(samples)} samples is left to train on. Mark some as train, "
            "or give a smaller share to validate with."
        )
    if most is not None and most < len(held):
        held = set(np.random.default_rng(seed).permutation(sorted(held))[:most].tolist())
    return train, [replace(samples[index], split="validation") for index in sorted(held)]


def _drawn(samples: Sequence[Sample], share: float, seed: int) -> set[int]:
    """Return the indices of samples to validate with, drawn with whole passages."""
    if not 0 <= share < 1:
        raise EngramError(
            f"the share to validate with is {share}. Write a number from 0 to below 1, such as 0.1."
        )
    wanted = max(1, round(share * len(samples))) if share else 0
    passages: dict[str, list[int]] = defaultdict(list)
    for index, sample in enumerate(samples):
        passages[sample.input or sample.instruction].append(index)
    groups = list(passages.values())
    held: set[int] = set()
    for number in np.random.default_rng(seed).permutation(len(groups)):
        if len(held) < wanted:
            held |= set(groups[number])
    return held
