"""Measure one job of full size: peak memory and seconds a layer.

The data are generated, in the shapes of a story of Narratives.

    python benchmarks/full_size.py [--listeners 40] [--layers 13] ...
        > benchmarks/full-size-<machine>.json

Writes BOLD, words and activations as the workflow's jobs do, then scores them in a process
of its own, as a job is.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from importlib import metadata
from pathlib import Path

import numpy as np
import pandas as pd

from engram.bold import packing
from engram.encoding import layer_scoring
from engram.features.vectors import to_dataset
from engram.files import storage
from engram.jobs.provenance import peak_memory
from engram.study.config.encoding import Encoding
from engram.words import stories

TR, WORDS_A_SECOND = 1.5, 2.6


def main() -> None:
    """Make the data, score them, print what it took."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, value in (
        ("listeners", 40),
        ("vertices", 81_924),
        ("trs", 300),
        ("layers", 13),
        ("units", 768),
    ):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument(
        "--folder",
        type=Path,
        help="where the data go, and stay; otherwise they are made and removed",
    )
    parser.add_argument("--score", action="store_true", help=argparse.SUPPRESS)
    shape = parser.parse_args()
    if shape.score:
        before = _product_rate()
        scored = score(shape.folder, shape.listeners)
        rate = (before + _product_rate()) / 2
        print(json.dumps(scored | {"peak_gflops": round(rate, 1)}))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = shape.folder or Path(temporary)
        make(folder, shape)
        command = [
            sys.executable,
            __file__,
            "--score",
            "--folder",
            str(folder),
            "--listeners",
            str(shape.listeners),
        ]
        found = json.loads(
            subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        )
    found["shape"] = {
        name: getattr(shape, name) for name in ("listeners", "vertices", "trs", "layers", "units")
    }
    found["seconds_per_layer"] = round(found["seconds"] / shape.layers, 1)
    found["share_of_peak"] = round(_products(shape) / found["seconds"] / found["peak_gflops"], 3)
    found["versions"] = {
        name: metadata.version(name) for name in ("engram", "numpy", "torch", "himalaya", "xarray")
    } | {"python": platform.python_version()}
    found["machine"] = f"{platform.machine()}, {os.cpu_count()} cores"
    print(json.dumps(found, indent=2))


def make(folder: Path, shape: argparse.Namespace) -> None:
    """Write a story's words, activations and BOLD: noise, whose scores cost what any others do."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    n_words = int((shape.trs - 12) * TR * WORDS_A_SECOND)
    onsets = np.sort(rng.uniform(0, (shape.trs - 8) * TR, n_words))
    words = pd.DataFrame(
        {
            "word": [f"w{number}" for number in range(n_words)],
            "onset": onsets,
            "offset": onsets + 0.3,
            "sentence_end": pd.NA,
        }
    )
    storage.write_table(
        folder / "words.tsv", stories.words_table(words, 15, "made"), "Made words.", stories.COLUMNS
    )
    vectors = rng.standard_normal((shape.layers, n_words, shape.units), dtype=np.float32)
    storage.write_dataset(folder / "activations.nc", to_dataset(vectors))
    targets = pd.DataFrame(
        {
            "target": [f"t{number}" for number in range(shape.vertices)],
            "hemisphere": "L",
            "roi": [f"r{n % 148}" for n in range(shape.vertices)],
        }
    )
    steps = rng.integers(-5000, 5000, (shape.listeners, shape.trs, shape.vertices), dtype=np.int16)
    names = [f"{number:03d}" for number in range(shape.listeners)]
    data = packing.to_dataset(
        steps,
        np.float32(5e-4),
        names,
        TR * np.arange(shape.trs),
        targets,
        {"story": "made", "tr": TR},
    )
    storage.write_dataset(folder / "bold.nc", data)


def score(folder: Path, listeners: int) -> dict[str, float]:
    """Score the made data with the method's defaults; return seconds and peak memory."""
    start = time.monotonic()
    options = {**Encoding().model_dump(), "backend": "auto"}
    names = [f"{number:03d}" for number in range(listeners)]
    scores = layer_scoring.score_layers(
        [str(folder / "activations.nc")],
        [str(folder / "bold.nc")],
        [str(folder / "words.tsv")],
        names,
        **options,
    )
    storage.write_dataset(folder / "scores.nc", scores)
    return {
        "seconds": round(time.monotonic() - start, 1),
        "peak_gb": round(peak_memory() / 1e9, 2),
        "mean_r": float(scores["r"].mean()),
        "scores_gb": round((folder / "scores.nc").stat().st_size / 1e9, 2),
    }


def _product_rate(size: int = 4096, times: int = 5) -> float:
    """Return how many billion operations a second a large product of matrices does, at best."""
    import torch

    matrix = torch.randn(size, size)
    seconds = []
    for _ in range(times):
        start = time.monotonic()
        matrix @ matrix
        seconds.append(time.monotonic() - start)
    return 2e-9 * size**3 / min(seconds)


def _products(shape: argparse.Namespace) -> float:
    """Return how many billion operations the products with targets take that no scheme spares."""
    from bench_encoding import Shape, operations

    one = Shape(shape.listeners, shape.vertices, shape.trs, shape.units)
    return shape.layers * operations(one)["products"]


if __name__ == "__main__":
    main()
