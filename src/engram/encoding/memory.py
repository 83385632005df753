"""How much memory encoding takes, from shapes alone, and how many listeners fit at a time.

The predictions count the arrays that a stage holds at its fullest; tests and `make bench` hold them
against what was measured.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

logger = logging.getLogger(__name__)

#: Bytes of a job before it holds any data: Python with numpy, pandas, xarray and torch (measured).
BASE = 480_000_000
#: Bytes of Snakemake itself, which runs beside a job on a cluster.
BESIDE = 500_000_000
#: Bytes of predictions that an encoding holds at a time on a CPU: what its cache holds.
BATCH_BYTES = 2 << 20
#: Part of the memory at hand that a job plans with.
_SHARE = 0.8


@dataclass(frozen=True)
class EncodingShape:
    """What the memory of an encoding depends on.

    Attributes
    ----------
    rows : int
        TRs of all stories of the group.
    features : int
        Units times delays.
    listeners, targets : int
        Listeners of the group, and targets of each.
    layers, stories : int
        Layers (or texts) whose scores are kept by target, and stories.
    folds, inner_folds, alphas : int
    shared_penalties : bool
        Whether listeners share penalties; what chooses them is then kept for each target.
    others : bool
        Whether weights are learned from others too; their BOLD is then kept beside each one's own.
    whole : bool
        Whether features are prepared all at once (a trend is taken off, or components take their
        place), and not some columns after the other.
    """

    rows: int
    features: int
    listeners: int
    targets: int
    layers: int
    stories: int
    folds: int
    inner_folds: int
    alphas: int
    shared_penalties: bool = False
    others: bool = False
    whole: bool = False


def encoding_bytes(shape: EncodingShape, at_once: int, batch: int) -> int:
    """Return the peak memory of an encoding on a CPU.

    Parameters
    ----------
    shape : EncodingShape
    at_once : int
        Listeners whose BOLD is in memory together.
    batch : int
        Bytes of predictions that are held at a time.

    Returns
    -------
    int
        Bytes, those of the process before it holds any data included.
    """
    # The next listeners' BOLD is read while one part is scored.
    parts = 1 if at_once >= shape.listeners else 2
    bold = parts * at_once * shape.rows * shape.targets * 4
    if shape.others:
        bold += shape.rows * shape.targets * (4 * at_once + 8)
    scored = at_once * shape.targets * (shape.folds * (shape.stories * 4 * 2 + 1 + 8))
    kept = shape.layers * shape.listeners * shape.targets * (4 * shape.stories + 1)
    scoring = bold + scored + design_bytes(shape) + 4 * batch
    if shape.shared_penalties:
        each = 2 * shape.folds * shape.targets  # the average listener has penalties of its own
        # Those of a part are added to those of the parts before it.
        kept += shape.layers * each * (1 if parts == 1 else 2 * 4 * shape.alphas)
    # Packing into 16 bits makes copies of what is written.
    writing = shape.layers * shape.listeners * shape.targets * shape.stories * 10
    return BASE + kept + max(scoring, writing)


def design_bytes(shape: EncodingShape) -> int:
    """Return the bytes of the features, of a decomposition, and of what makes predictions.

    The latter are the matrices of one outer fold.
    """
    train = shape.rows * (shape.folds - 1) // shape.folds
    fit, held_out = train * (shape.inner_folds - 1) // shape.inner_folds, train // shape.inner_folds
    matrices = shape.inner_folds * shape.alphas * held_out * fit * 4
    features = shape.rows * shape.features * 4
    if shape.features > train:
        copies = 2 * shape.whole
        decomposition = shape.rows * shape.features * 8 * copies + 4 * train * train * 8
    else:
        decomposition = (
            shape.rows * shape.features * 8 * 3
            + (train * shape.features + shape.features**2) * 8 * 2
        )
    return 2 * features + decomposition + matrices


def listeners_at_once(
    shape: EncodingShape, memory: float, batch: int, device_memory: float | None = None
) -> int:
    """Return how many listeners' BOLD to hold together: all, or as many as the memory allows.

    Parameters
    ----------
    shape : EncodingShape
    memory : float
        Bytes that the job may take.
    batch : int
        Bytes of predictions that are held at a time.
    device_memory : float, optional
        Bytes of the GPU, if one is used: it holds the BOLD of these listeners, and the matrices.

    Returns
    -------
    int
        1 where not even one fits; it is tried, and said in the log.
    """
    for at_once in range(shape.listeners, 0, -1):
        bold = (1 + shape.others) * at_once * shape.rows * shape.targets * 4
        on_device = bold + design_bytes(shape) + 4 * batch
        if encoding_bytes(shape, at_once, batch) <= memory and (
            device_memory is None or on_device <= device_memory
        ):
            return at_once
    logger.warning(
        (
            "this job has %.1f GB of memory%s and is expected to take %.1f GB even with the BOLD "
            "of one listener at a time (%d rows, %d targets, %d features): give it more "
            "(resources: mem_mb), or score fewer targets (bold.targets: roi), should it be killed"
        ),
        memory / 1e9,
        "" if device_memory is None else f" and {device_memory / 1e9:.1f} GB on its GPU",
        encoding_bytes(shape, 1, batch) / 1e9,
        shape.rows,
        shape.targets,
        shape.features,
    )
    return 1


def available(limit_mb: Any = None) -> float:
    """Return the bytes that a job may plan with.

    That is what it was given (`mem_mb` of its resources), or most of what is free.
    """
    import psutil

    if isinstance(limit_mb, int | float) and limit_mb > 0:
        return float(limit_mb) * 1e6 - BESIDE
    return _SHARE * float(psutil.virtual_memory().available)


def device_available(backend: str) -> float | None:
    """Return the bytes that are free on the GPU, or None where the backend uses none."""
    if backend != "torch_cuda":
        return None
    import torch

    return _SHARE * float(torch.cuda.mem_get_info()[0])
