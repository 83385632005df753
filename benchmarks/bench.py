"""Measure Engram against what people use today.

What was found is written to benchmarks/<date>-<machine>.json and docs/benchmarks.md.

python benchmarks/bench.py                        all of it, on this machine's CPU
python benchmarks/bench.py --device cuda          what needs a GPU
python benchmarks/bench.py --only encoding memory
python benchmarks/bench.py --small                small shapes, into a folder of its
                                                  own: a try of the scripts
python benchmarks/bench.py --page                 only writes docs/benchmarks.md anew
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import bench_activations
import bench_earlier
import bench_encoders
import bench_encoding
import bench_memory
import bench_python
import bench_texts
import bench_windows
import bench_workflow
import page
from bench_encoding import Shape
from paired import environment, say

HERE = Path(__file__).parent
TOKENIZER = HERE.parent / "resources" / "models" / "gpt2-tiny"
SECTIONS = (
    "encoding",
    "earlier",
    "scaling",
    "activations",
    "memory",
    "workflow",
    "python",
    "windows",
    "encoders",
    "texts",
)
#: The code that today's is set beside, where texts and their controls are read and scored: read
#: to the last layer, each text by itself.
BEFORE = "c265c4d"
#: The code that today's encoding is set beside: that of version 0.1.0.
FIRST = "0a7fd85"


def main() -> None:
    """Run the sections that were asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--only",
        nargs="+",
        choices=SECTIONS,
        help="sections; the others are kept as the file of this day has them",
    )
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--small", action="store_true", help="small shapes, for a try")
    parser.add_argument("--folder", type=Path, default=HERE, help="where the figures go")
    parser.add_argument("--page", action="store_true", help="only write docs/benchmarks.md anew")
    given = parser.parse_args()
    if not given.page:
        measure(given)
    if given.folder == HERE:
        page.write(HERE, HERE.parent / "docs" / "benchmarks.md")


def measure(given: argparse.Namespace) -> None:
    """Measure, and keep each section as soon as it is done."""
    where = environment(given.device)
    machine = (
        where["device"].lower().replace(" ", "-")
        if given.device == "cuda"
        else f"{os.cpu_count()}-cores"
    )
    given.folder.mkdir(parents=True, exist_ok=True)
    path = given.folder / f"{datetime.datetime.now(datetime.UTC).date()}-{machine}.json"
    found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    for name in given.only or (
        SECTIONS if given.device == "cpu" else ("encoding", "scaling", "activations")
    ):
        found |= {"environment": where, name: section(name, given)}
        path.write_text(json.dumps(found, indent=2) + "\n")
        say(f"{name} is in {path}")


def section(name: str, given: argparse.Namespace) -> Any:
    """Return what a section found."""
    on_gpu = given.device == "cuda"
    if name == "encoding":
        shape = (
            Shape(2, 200, 150, 32)
            if given.small
            else Shape(46, 81_924, 281, 4096)
            if on_gpu
            else Shape()
        )
        return bench_encoding.compare(
            shape, given.repeats, given.device, {"sklearn": 1, "himalaya": 1 if on_gpu else 4}
        )
    if name == "earlier":
        shapes = [Shape(1, 6), Shape(1, 500), Shape()]
        if given.small:
            shapes = [Shape(2, 200, 150, 32)]
        return bench_earlier.compared(FIRST, shapes, given.repeats)
    if name == "scaling":
        shape = (
            Shape(2, 60, 80, 64, 2, 3, 2)
            if given.small
            else Shape(12, 20_000, 281, 4096)
            if on_gpu
            else Shape(5, 5000, 300, 256)
        )
        model, n_words, contexts = (
            ("tiny", 200, [32, 64])
            if given.small
            else ("llama-7b" if on_gpu else "gpt2", 1000, [64, 256, 1024])
        )
        reading = {
            "device": given.device,
            "dtype": "bfloat16" if on_gpu else "float32",
            "tokenizer_folder": str(TOKENIZER),
        }
        return bench_encoding.scaling(
            shape, given.device, given.repeats
        ) + bench_activations.scaling(model, n_words, contexts, given.repeats, **reading)
    if name == "activations":
        cases: list[dict[str, Any]] = [
            {"model": "gpt2", "dtype": "float32", "n_words": 1000, "context": 256}
        ]
        if on_gpu:
            cases = [
                {"model": model, "dtype": "bfloat16", "n_words": 5000, "context": 1024}
                for model in ("gpt2", "llama-7b")
            ]
        if given.small:
            cases = [{"model": "tiny", "dtype": "float32", "n_words": 300, "context": 64}]
        some = 5 if given.small else 20
        return [
            bench_activations.compare(
                **case,
                repeats=given.repeats,
                device=given.device,
                tokenizer_folder=str(TOKENIZER),
                some=some,
            )
            for case in cases
        ]
    if name == "memory":
        return bench_memory.grid(given.small)
    if name == "workflow":
        study, config = (
            ("tiny", ["--configfile", "config/tiny.yaml"]) if given.small else ("demo", [])
        )
        return bench_workflow.costs(study, config, given.repeats)
    if name == "python":
        made = bench_python.Shape(3, 50, 150, 300, 2, 128) if given.small else bench_python.Shape()
        return bench_python.compared(made, given.repeats)
    if not os.environ.get("ENGRAM_MIRROR"):
        return "needs ENGRAM_MIRROR, a folder with the public files of Alice and a small model"
    if name == "texts":
        if not (Path(os.environ["ENGRAM_MIRROR"]) / "models" / bench_texts.MODEL).is_dir():
            return f"needs the model {bench_texts.MODEL} in the mirror"
        return bench_texts.measured(2 if given.small else 54, 1, BEFORE)
    if name == "encoders":
        contexts, strides = ([32], [1, 8]) if given.small else ([64], [1, 2, 4, 8])
        return bench_encoders.compared(contexts, strides)
    with tempfile.TemporaryDirectory() as temporary:
        return bench_windows.differences([128] if given.small else [128, 256], Path(temporary))


if __name__ == "__main__":
    main()
