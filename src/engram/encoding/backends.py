"""Backends: what computes an encoding, and how much it holds in memory at a time.

They have the names and the meaning of himalaya's, whose import costs a job more than a second:
its solver is needed for banded ridge regression alone (`engram.encoding.nuisance`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from engram.encoding import memory
from engram.jobs.freed_memory import keep_freed_memory
from engram.jobs.out_of_memory import Shrinking

#: Bytes of predictions held at a time: what a CPU's cache holds, and a small part of a GPU's
#: memory.
_BATCH_BYTES = {"numpy": memory.BATCH_BYTES, "torch": memory.BATCH_BYTES, "torch_cuda": 1 << 30}
#: The fewest bytes of predictions worth a try: if memory runs out with these, something else
#: takes it.
_FEWEST_BYTES = 64 << 10
#: What the log says when memory ran out and the job goes on with smaller batches.
_WARNING = (
    "More memory for the job (resources: mem_mb), fewer jobs at once, or fewer targets "
    "(bold.targets: roi) spare this; scores are the same up to rounding."
)
#: What the error says when not even the smallest batch fits.
_REMEDY = (
    "Give the job more memory (resources: mem_mb), run fewer jobs at once, score fewer "
    "targets (bold.targets: roi), or use the CPU (compute.backend: torch)."
)


def choose_backend(name: str) -> str:
    """Return the backend to use: `auto` is torch_cuda where there is a GPU, else torch."""
    if name != "auto":
        return name
    import torch

    return "torch_cuda" if torch.cuda.is_available() else "torch"


@dataclass(frozen=True)
class Arrays:
    """What an encoding needs of a library of arrays beyond their own methods.

    Attributes
    ----------
    float32, float64
        The library's types.
    asarray : callable
        Takes an array and a type; returns it where the backend computes.
    to_numpy, stack, zeros : callable
        As numpy's `asarray`, `stack` and `zeros`.
    take : callable
        As numpy's `take`, along the first axis by default. PyTorch's is several times as fast as
        an index in brackets.
    add_square : callable
        Takes an array (n_rows, n_rows), to which the products of the rows of the other one with
        each other are added. On a CPU it is numpy's, which does one side of the diagonal and
        copies it to the other: PyTorch has no such product.
    eigh, svd : callable
        As those of `numpy.linalg`; the latter without what is beyond the smaller side.
    """

    float32: Any
    float64: Any
    asarray: Callable[..., Any]
    to_numpy: Callable[[Any], np.ndarray]
    stack: Callable[..., Any]
    zeros: Callable[..., Any]
    take: Callable[..., Any]
    add_square: Callable[[Any, Any], Any]
    eigh: Callable[[Any], tuple[Any, Any]]
    svd: Callable[[Any], tuple[Any, Any, Any]]


def arrays(backend: str) -> Arrays:
    """Return the arrays of a backend.

    Parameters
    ----------
    backend : {"numpy", "torch", "torch_cuda"}

    Raises
    ------
    RuntimeError
        If the backend is torch_cuda and there is no GPU.
    """
    keep_freed_memory()
    if backend == "numpy":
        return Arrays(
            np.float32,
            np.float64,
            np.asarray,
            np.asarray,
            np.stack,
            np.zeros,
            partial(np.take, axis=0),
            _add_square,
            np.linalg.eigh,
            partial(np.linalg.svd, full_matrices=False),
        )
    import torch

    device = "cuda" if backend == "torch_cuda" else "cpu"
    if device == "cuda" and not torch.cuda.is_available():
        raise RuntimeError("PyTorch finds no GPU.")
    return Arrays(
        torch.float32,
        torch.float64,
        partial(torch.as_tensor, device=device),
        lambda values: values.cpu().numpy(),
        torch.stack,
        partial(torch.zeros, device=device),
        lambda values, places, axis=0: values.index_select(
            axis, torch.as_tensor(places, device=device)
        ),
        lambda total, rows: (
            total.addmm_(rows, rows.T)
            if device == "cuda"
            else _add_square(total.numpy(), rows.numpy())
        ),
        torch.linalg.eigh,
        partial(torch.linalg.svd, full_matrices=False),
    )


def _add_square(total: np.ndarray, rows: np.ndarray) -> None:
    total += rows @ rows.T


def batch_bytes(backend: str) -> int:
    """Return how many bytes of predictions a backend holds at a time."""
    return _BATCH_BYTES[backend]


def batch_limit(backend: str) -> Shrinking:
    """Return the limit for bytes of predictions, which is lowered where memory runs out."""
    size = batch_bytes(backend)
    return Shrinking(
        size,
        "bytes of predictions at a time",
        _WARNING,
        _REMEDY,
        least=min(size, _FEWEST_BYTES),
    )


def listener_limit(at_once: int) -> Shrinking:
    """Return the limit for listeners at a time, which is lowered where memory runs out."""
    return Shrinking(at_once, "listeners at a time", _WARNING, _REMEDY)
