"""Encoding as it is now beside an earlier commit and the bare matrix products, on the same data.

The code of the commit is taken out of Git. Each contender is a process of its own with one thread;
they take turns of a few seconds, and seconds are of the processor, so that whatever else the
machine does slows all of them alike.
"""

from __future__ import annotations

import importlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from paired import say

PROJECT = Path(__file__).parents[1]
_NOW, _BARE = "Engram", "bare matrix products"
#: Seconds of the processor, and times, that a contender's work is done in a round: whichever is
#: reached first. Its median counts.
_ENOUGH, _TIMES = 3.0, 9


def compared(before: str, shapes: list[Any], repeats: int) -> dict[str, Any]:
    """Time today's encoding, that of a commit, and the bare products; compare what they found.

    Parameters
    ----------
    before : str
        A commit.
    shapes : list of bench_encoding.Shape
    repeats : int
        Rounds; in each all contenders run in turns.

    Returns
    -------
    dict
        ``before``, and ``rows``: a row for each shape with medians of seconds, medians of each
        round's ratios, differences of r and of chosen penalties, and how many operations there
        are (`bench_encoding.operations`).
    """
    from bench_encoding import ALPHAS, Data, operations
    from bench_texts import in_turns, taken_out

    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        earlier = taken_out(before, folder / "before")
        for shape in shapes:
            say(f"encoding at {before} and now: {shape}")
            data = Data(shape)
            np.savez(
                folder / "data.npz",
                features=data.features,
                targets=data.targets,
                story=data.story,
                position=data.position,
            )
            products = [
                (len(ALPHAS) * len(held_out), len(fit))
                for train, _ in data.shape.outer
                for fit, held_out in data.shape.inner(train)
            ] + [(len(test), len(train)) for train, test in data.shape.outer]
            options = {
                "folds": shape.folds,
                "inner_folds": shape.inner_folds,
                "gap": shape.delays,
                "alphas": ALPHAS,
            }
            (folder / "given.json").write_text(
                json.dumps({"options": options, "products": products})
            )
            code = {_NOW: PROJECT, before: earlier, _BARE: PROJECT}
            cases = {name: _started(project, folder, name) for name, project in code.items()}
            rounds = [in_turns(cases) for _ in range(repeats)]
            rows.append(
                _row(shape, before, rounds)
                | _agreement(folder, before)
                | {"operations": {name: float(f"{n:.3g}") for name, n in operations(shape).items()}}
            )
            say(f"  {rows[-1]}")
    return {"before": before, "repeats": repeats, "rows": rows}


def _row(shape: Any, before: str, rounds: list[dict[str, dict[str, float]]]) -> dict[str, Any]:
    def median(values: list[float]) -> float:
        return float(f"{statistics.median(values):.4g}")

    seconds = {name: [one[name]["seconds"] for one in rounds] for name in rounds[0]}
    now = seconds[_NOW]
    return {
        "shape": vars(shape),
        "before": median(seconds[before]),
        "now": median(now),
        "bare": median(seconds[_BARE]),
        "before / now": median([a / b for a, b in zip(seconds[before], now, strict=True)]),
        "now / bare": median([a / b for a, b in zip(now, seconds[_BARE], strict=True)]),
    }


def _agreement(folder: Path, before: str) -> dict[str, Any]:
    now, then = (np.load(folder / f"{name}.npz") for name in (_NOW, before))
    # Penalties of a fold are those of all its targets; r has a place for each test block.
    same = now["alpha"] == then["alpha"]
    differences = np.abs(now["r"][0] - then["r"][0])
    return {
        "penalties changed": int((~same).sum()),
        "penalties": int(same.size),
        "largest difference of r": float(differences[same].max()),
        "mean difference of r": float(now["r"].mean() - then["r"].mean()),
    }


def _started(project: Path, folder: Path, name: str) -> Callable[[], subprocess.Popen[str]]:
    """Return what starts a contender's process, with a project's code."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")

    def start() -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, __file__, str(folder), name],
            env={**os.environ, **threads, "PYTHONPATH": str(project / "src")},
            stdout=subprocess.PIPE,
            text=True,
        )

    return start


def _measure(folder: Path, name: str) -> None:
    """Do a contender's work, and print the seconds of the processor that it took."""
    given, data = json.loads((folder / "given.json").read_text()), np.load(folder / "data.npz")
    targets = data["targets"]
    run = _bare(given["products"]) if name == _BARE else _encoding(data, given["options"])
    found = run(targets[:, :64])  # warms libraries
    seconds: list[float] = []
    while not seconds or (sum(seconds) < _ENOUGH and len(seconds) < _TIMES):
        start = time.process_time()
        found = run(targets)
        seconds.append(time.process_time() - start)
    print(json.dumps({"seconds": statistics.median(seconds)}))
    if found is not None:
        np.savez(folder / f"{name}.npz", r=found.r, alpha=found.alpha)


def _encoding(data: Any, options: dict[str, Any]) -> Callable[[np.ndarray], Any]:
    module = importlib.import_module("engram.encoding")
    if not hasattr(module, "encode"):  # since it is a package
        module = importlib.import_module("engram.encoding.ridge")
    features, story, position = data["features"], data["story"], data["position"]
    return lambda targets: module.encode(
        features, targets, story, position, backend="torch", **options
    )


def _bare(products: list[tuple[int, int]]) -> Callable[[np.ndarray], None]:
    import torch

    matrices = [torch.randn(*shape) for shape in products]

    def run(targets: np.ndarray, size: int = 4096) -> None:
        columns = torch.from_numpy(targets)
        for matrix in matrices:
            for begin in range(0, columns.shape[1], size):
                matrix @ columns[: matrix.shape[1], begin : begin + size]

    return run


if __name__ == "__main__":
    _measure(Path(sys.argv[1]), sys.argv[2])
