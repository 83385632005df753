"""Fetch a published table of word norms."""

import os
from pathlib import Path

from engram.features.known_tables import PINS
from engram.fetch import pinned_files
from engram.jobs.job import job

with job(snakemake, network=True):
    manifest = Path(snakemake.output.manifest)
    files = pinned_files.read_pins(PINS)
    wanted = [file for file in files if file.path == snakemake.params.config["file"]]
    mirror = os.environ.get("ENGRAM_MIRROR")
    folder = manifest.with_suffix("")
    pinned_files.fetch(wanted, folder, mirror=Path(mirror) / "norms" if mirror else None)
    pinned_files.write_manifest(manifest, folder)
