"""Fetch files of a story of Narratives by DataLad."""

from pathlib import Path

from engram import annex
from engram.jobs import job

with job(snakemake, network=True):
    config, manifest = snakemake.params.config, Path(snakemake.output.manifest)
    folder = manifest.parent / "dataset"
    files = annex.fetch(config["source"], folder, config["files"], config["optional"])
    annex.write_manifest(manifest, folder, files)
