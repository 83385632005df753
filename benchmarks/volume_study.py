"""Measure a study of volumes of full size: read, cleaned and scored by the workflow's own jobs.

The data are made: fMRIPrep's outputs of listeners to one story, with confounds, brain masks and
random features of a model's width. Two jobs run as in any study, `bold` and `encoding`, and their
peak memory is set beside what the workflow planned for them.

    python benchmarks/volume_study.py [--listeners 20] [--voxels 60000] [--trs 600] ...
        > benchmarks/volume-study-<machine>.json

The default takes about 4 GB of disk, which are given back at the end.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from importlib import metadata
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pandas as pd
import yaml

from engram.files import storage
from engram.study.config.read import read_study
from engram.study.plan import make_plan
from engram.study.rule_functions import RuleFunctions

ROOT = Path(__file__).parents[1]
TR, WORDS_A_SECOND = 1.5, 2.6
#: Seconds between the first volume and the story.
ONSET = 6.0
#: fMRIPrep's usual grid of 2 mm is 97 x 115 x 97; voxels outside of the brain cost reading alone.
GRID = (60, 70, 60)
NAME = "sub-{subject}_task-tale_space-MNI152NLin2009cAsym_res-2_desc-{desc}"


def main() -> None:
    """Make the data, run both jobs, print what they took."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, value in (("listeners", 20), ("voxels", 60_000), ("trs", 600), ("units", 768)):
        parser.add_argument(f"--{name}", type=int, default=value)
    shape = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        start = time.monotonic()
        configuration = make(folder, shape)
        made = time.monotonic() - start
        found: dict[str, Any] = {
            "shape": vars(shape),
            "seconds_to_make": round(made, 1),
            **{rule: measured(folder, configuration, rule) for rule in ("bold", "encoding")},
            "load": round(os.getloadavg()[2]),
            "versions": {
                name: metadata.version(name)
                for name in ("engram", "numpy", "torch", "nibabel", "nilearn", "himalaya")
            }
            | {"python": platform.python_version()},
            "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        }
    found["bold"]["cpu_seconds_a_listener"] = round(
        found["bold"]["cpu_seconds"] / shape.listeners, 2
    )
    print(json.dumps(found, indent=2))


def make(folder: Path, shape: argparse.Namespace) -> dict[str, Any]:
    """Write a dataset with fMRIPrep's outputs and a table of features; return its study."""
    rng = np.random.default_rng(0)
    seconds = shape.trs * TR - ONSET - 12
    n_words = int(seconds * WORDS_A_SECOND)
    onsets = np.sort(rng.uniform(0, seconds, n_words)).round(3)
    words = pd.DataFrame({"word": "word", "onset": onsets, "offset": onsets + 0.2})
    _written(folder / "data" / "stimuli" / "tale.tsv", words)
    features = rng.standard_normal((n_words, shape.units), dtype=np.float32)
    np.save(folder / "features-tale.npy", features)
    inside = np.zeros(np.prod(GRID), dtype=bool)
    inside[rng.permutation(inside.size)[: shape.voxels]] = True
    affine = np.diag([2.0, 2.0, 2.0, 1.0])
    for number in range(shape.listeners):
        subject = f"{number + 1:02d}"
        events = pd.DataFrame({"onset": [ONSET], "duration": [seconds], "stim_file": ["tale.wav"]})
        raw = folder / "data" / f"sub-{subject}" / "func"
        _written(raw / f"sub-{subject}_task-tale_events.tsv", events)
        func = folder / "data" / "derivatives" / "fmriprep" / f"sub-{subject}" / "func"
        confounds = pd.DataFrame(rng.standard_normal((shape.trs, 6)).round(5))
        confounds.columns = pd.Index(
            [f"{kind}_{axis}" for kind in ("trans", "rot") for axis in "xyz"]
        )
        _written(func / f"sub-{subject}_task-tale_desc-confounds_timeseries.tsv", confounds)
        mask = nibabel.Nifti1Image(inside.reshape(GRID, order="F").astype(np.uint8), affine)
        nibabel.save(mask, func / f"{NAME.format(subject=subject, desc='brain')}_mask.nii.gz")
        path = func / f"{NAME.format(subject=subject, desc='preproc')}_bold.nii.gz"
        _write_bold(path, inside, affine, shape.trs, rng)
    return {
        "study": "volumes",
        "dataset": {
            "kind": "bids",
            "path": "data",
            "confounds": {"columns": ["trans_*", "rot_*"]},
        },
        "features": {
            "made": {"kind": "table", "path": "features-{story}.npy", "units": shape.units}
        },
        "baselines": [],
        "targets": "all",
        "pathvars": {"results": "results", "downloads": "downloads"},
    }


def _written(path: Path, table: pd.DataFrame) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(path, sep="\t", index=False)


def _write_bold(
    path: Path, inside: np.ndarray, affine: np.ndarray, trs: int, rng: np.random.Generator
) -> None:
    """Write a scan of noise as 16-bit numbers, volume by volume."""
    image = nibabel.Nifti1Image(np.zeros((*GRID, 1), np.int16), affine)
    image.header.set_data_shape((*GRID, trs))
    image.header.set_zooms((2.0, 2.0, 2.0, TR))
    image.header.set_xyzt_units("mm", "sec")
    image.header.set_slope_inter(1.0, 0.0)
    image.header["vox_offset"] = 352
    volume = np.zeros(inside.size, np.int16)
    with gzip.open(path, "wb", compresslevel=1) as stream:
        stream.write(image.header.binaryblock + b"\0" * 4)
        for _ in range(trs):
            volume[inside] = 5000 + 100 * rng.standard_normal(inside.sum(), dtype=np.float32)
            stream.write(volume.tobytes())  # x runs fastest


def measured(folder: Path, configuration: dict[str, Any], rule: str) -> dict[str, float]:
    """Run a rule's job, and return what it took beside what was planned."""
    here = Path.cwd()
    os.chdir(folder)
    try:
        (folder / "study.yaml").write_text(yaml.safe_dump(configuration))
        study = read_study(json.loads(json.dumps(configuration)))
        plan = make_plan(study)
        group = next(iter(plan.groups))
        target, wildcards = {
            "bold": ("results/bold/story-tale_bold.nc", {"story": "tale"}),
            "encoding": (
                f"results/scores/group-{group}_model-made_text-original_scores.nc",
                {"group": group, "model": "made"},
            ),
        }[rule]
        command = [sys.executable, "-m", "snakemake", target, "--configfile", "study.yaml"]
        subprocess.run(
            [*command, "--snakefile", str(ROOT / "Snakefile"), "--cores", "2"],
            check=True,
            stdout=sys.stderr,
        )
        said = storage.read_json(storage.sidecar(target))["Provenance"]
        spent = pd.read_csv(next((folder / "results").rglob(f"benchmarks/{rule}/*.tsv")), sep="\t")
        functions = RuleFunctions(study, plan, "")
        found = {
            "seconds": said["Seconds"],
            "cpu_seconds": round(float(spent["cpu_time"].iloc[0]), 1),
            "peak_gb": round(said["PeakMemoryMB"] / 1024, 2),
            "planned_gb": round(functions.memory(rule)(wildcards, 1) / 1024, 2),
            "output_gb": round(Path(target).stat().st_size / 1e9, 2),
        }
        print(rule, json.dumps(found), file=sys.stderr, flush=True)  # should the next one fail
        return found
    finally:
        os.chdir(here)


if __name__ == "__main__":
    main()
