"""himalaya's backends: which one computes, and how much it holds in memory at a time."""

from __future__ import annotations

from engram.encoding import memory
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
    """Return the himalaya backend to use: `auto` is torch_cuda where there is a GPU, else torch."""
    if name != "auto":
        return name
    import torch

    return "torch_cuda" if torch.cuda.is_available() else "torch"


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
