"""Fetch the Alice dataset."""

import os
from pathlib import Path

from engram import downloads
from engram.jobs import job
from engram.paths import ALICE_PINS

with job(snakemake, network=True):
    files = downloads.read_pins(ALICE_PINS)
    folder = Path(snakemake.output.manifest).parent / "dataset"
    mirror = os.environ.get("ENGRAM_MIRROR")
    downloads.fetch(files, folder, mirror=Path(mirror) / "alice" if mirror else None)
    downloads.write_manifest(Path(snakemake.output.manifest), folder)
