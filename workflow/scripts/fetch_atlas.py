"""Fetch an atlas by nilearn."""

from pathlib import Path

from engram import atlases, downloads
from engram.jobs import job

with job(snakemake, network=True):
    manifest = Path(snakemake.output.manifest)
    folder = manifest.with_suffix("")
    atlases.fetch(snakemake.wildcards.atlas, folder)
    downloads.write_manifest(manifest, folder)
