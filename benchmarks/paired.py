"""Timing of contenders side by side: interleaved, in one process.

There are medians and spread, and where it was done.
"""

from __future__ import annotations

import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from importlib import metadata
from typing import Any

_PACKAGES = (
    "engram",
    "himalaya",
    "numpy",
    "scikit-learn",
    "scipy",
    "snakemake",
    "torch",
    "transformers",
    "xarray",
)


def interleaved(
    contenders: Mapping[str, Callable[[], Any]],
    repeats: int,
    scale: Mapping[str, float] | None = None,
) -> dict[str, dict[str, Any]]:
    """Time contenders in turn, so that whatever else the machine does falls on all of them.

    Parameters
    ----------
    contenders : mapping
        Functions, by name; the first is the one that the others are compared with.
    repeats : int
        Rounds that count; one round before them warms libraries and caches, where
        there is more than one.
    scale : mapping, optional
        What a contender's seconds are multiplied by, where it did a part of the work only.

    Returns
    -------
    dict
        By contender: ``seconds`` (median), ``lowest``, ``highest``, ``ratio`` (its seconds over
        the first one's, median over rounds), ``measured_part``.
    """
    scale = scale or {}
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(repeats + (repeats > 1)):
        for name, run in contenders.items():
            start = time.perf_counter()
            run()
            spent = (time.perf_counter() - start) * scale.get(name, 1.0)
            say(f"  {name}: {spent:.2f} s")
            if number > 0 or repeats == 1:
                seconds[name].append(spent)
    first = seconds[next(iter(contenders))]
    return {
        name: {
            "seconds": round(statistics.median(values), 4),
            "lowest": round(min(values), 4),
            "highest": round(max(values), 4),
            "ratio": round(
                statistics.median(one / own for one, own in zip(values, first, strict=True)), 3
            ),
            "measured_part": round(1 / scale.get(name, 1.0), 4),
        }
        for name, values in seconds.items()
    }


def environment(device: str) -> dict[str, Any]:
    """Return what the figures depend on: machine, threads, versions."""
    import torch

    versions = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:  # scikit-learn is not on every machine
            continue
    return {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "device": torch.cuda.get_device_name() if device == "cuda" else "cpu",
        "threads": torch.get_num_threads(),
        "versions": versions,
    }


def synchronized(run: Callable[[], Any], device: str) -> Callable[[], Any]:
    """Return a function that waits until a GPU has done what it was told."""
    if device != "cuda":
        return run
    import torch

    def wait() -> Any:
        result = run()
        torch.cuda.synchronize()
        return result

    return wait


def say(text: str) -> None:
    """Tell how far it is."""
    print(text, file=sys.stderr, flush=True)
