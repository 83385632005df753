"""Measure identification over a whole cortex by sets of targets: memory beside what is planned.

The data are noise. A regression costs the same whatever it predicts.

    python benchmarks/decoding_cortex.py [--listeners 20] [--targets 81924] [--regions 148]
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from engram.decoding import scoring
from engram.decoding.comparison import Comparison
from engram.features.vectors import to_dataset
from engram.files import storage
from engram.jobs.provenance import peak_memory
from engram.study import metric_needs
from engram.study.config.encoding import Encoding
from engram.study.config.study import Study

TR, ROWS, WORDS, UNITS = 1.5, 300, 600, 50
ALPHAS = [100.0, 10_000.0]
#: At this size circular shifts are scored one after the other: one takes the memory of many.
SHIFTS, PLANNED_SHIFTS = 1, 199
SEGMENT = 20.0


def made(folder: Path, listeners: int, targets: int, regions: int) -> list[str]:
    """Write activations, words and BOLD of a story, and return the listeners."""
    rng = np.random.default_rng(0)
    onsets = np.sort(rng.uniform(0, TR * (ROWS - 6), WORDS))
    vectors = rng.standard_normal((1, WORDS, UNITS), dtype=np.float32)
    storage.write_dataset(folder / "activations.nc", to_dataset(vectors))
    words = pd.DataFrame({"word": "word", "onset": onsets, "offset": onsets + 0.2})
    storage.write_table(folder / "words.tsv", words, "Words", dict.fromkeys(words.columns, "Made"))
    subjects = [f"{number:02d}" for number in range(listeners)]
    bold = np.stack(
        [rng.standard_normal((ROWS, targets), dtype=np.float32) for _ in range(listeners)]
    )
    half = targets // 2
    places = {
        "subject": subjects,
        "time": TR * np.arange(ROWS),
        "hemisphere": ("target", ["L"] * half + ["R"] * (targets - half)),
        "roi": ("target", [f"region-{k * regions // targets}" for k in range(targets)]),
    }
    read = xr.Dataset({"bold": (("subject", "time", "target"), bold)}, places)
    storage.write_dataset(folder / "bold.nc", read.assign_attrs(story="story", tr=TR))
    return subjects


def identified(folder: Path, subjects: list[str]) -> dict[str, Any]:
    """Identify segments by all targets and by each region; return seconds and the peak."""
    begin = time.process_time()
    comparison = Comparison.of_files(
        [str(folder / "activations.nc")],
        [str(folder / "bold.nc")],
        [str(folder / "words.tsv")],
        subjects,
        "all",
        layers="reported",
        layer=0,
        number=SHIFTS,
        seed=0,
        **{**Encoding().model_dump(), "alphas": ALPHAS, "backend": "numpy"},
    )
    found = scoring.score_decoding(comparison, ["encoding"], SEGMENT, ["all", "regions"])
    return {
        "sets": found.sizes["set"],
        "seconds": round(time.process_time() - begin, 1),
        "peak_gb": round(peak_memory() / 1e9, 2),
    }


def planned(listeners: int, targets: int) -> float:
    """Return the gigabytes that a study of this size plans for the job."""
    study = Study.model_validate(
        {
            "study": "cortex",
            "dataset": {"kind": "alice"},
            "decoding": {
                "directions": ["encoding"],
                "layers": "reported",
                "shifts": PLANNED_SHIFTS,
            },
        }
    )
    size, _ = metric_needs.decoding(study, listeners, ROWS, ROWS * targets, 1, UNITS, 0, 0)
    return size / 1e9


def main() -> None:
    """Print what the job took, and what was planned for it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, value in (("listeners", 20), ("targets", 81_924), ("regions", 148)):
        parser.add_argument(f"--{name}", type=int, default=value)
    shape = vars(parser.parse_args())
    with tempfile.TemporaryDirectory() as temporary:
        subjects = made(Path(temporary), **shape)
        # A process of its own, as a job is: what the data took to make does not count.
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            found = pool.apply(identified, (Path(temporary), subjects))
    gigabytes = round(planned(shape["listeners"], shape["targets"]), 2)
    print(json.dumps({**shape, "shifts": SHIFTS, **found, "planned_gb": gigabytes}, indent=2))


if __name__ == "__main__":
    main()
