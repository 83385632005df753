"""Fetch files of a story of Narratives by DataLad."""

from pathlib import Path

from engram.fetch import datalad
from engram.jobs.job import job

with job(snakemake, network=True):
    config, manifest = snakemake.params.config, Path(snakemake.output.manifest)
    folder = manifest.parent / "dataset"
    files = datalad.fetch(config["source"], folder, config["files"], config["optional"])
    datalad.write_manifest(manifest, folder, files)
