"""Fetch the Alice dataset."""

import os
from pathlib import Path

from engram.fetch import pinned_files
from engram.jobs.job import job
from engram.paths import ALICE_PINS

with job(snakemake, network=True):
    files = pinned_files.read_pins(ALICE_PINS)
    folder = Path(snakemake.output.manifest).parent / "dataset"
    mirror = os.environ.get("ENGRAM_MIRROR")
    pinned_files.fetch(files, folder, mirror=Path(mirror) / "alice" if mirror else None)
    pinned_files.write_manifest(Path(snakemake.output.manifest), folder)
