"""Fetch an atlas by nilearn."""

from pathlib import Path

from engram.fetch import atlases, pinned_files
from engram.jobs.job import job

with job(snakemake, network=True):
    manifest = Path(snakemake.output.manifest)
    folder = manifest.with_suffix("")
    atlases.fetch(snakemake.wildcards.atlas, folder)
    pinned_files.write_manifest(manifest, folder)
