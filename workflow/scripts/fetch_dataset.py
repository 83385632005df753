"""Fetch files of a story, or of its scans, from a published dataset."""

import os
from pathlib import Path

from engram.fetch import dataset_files
from engram.jobs.job import job

with job(snakemake, network=True):
    mirror = os.environ.get("ENGRAM_MIRROR")
    dataset_files.fetch(
        snakemake.params.config,
        Path(snakemake.output.manifest),
        Path(mirror) if mirror else None,
    )
