"""Fetch a model from the Hugging Face hub, or from a mirror."""

import os
from pathlib import Path

from engram import downloads, hub
from engram.jobs import job

with job(snakemake, network=True):
    config = snakemake.params.config
    manifest = Path(snakemake.output.manifest)
    folder = manifest.with_name(manifest.name.removesuffix(".tsv"))
    options = {"revision": config["revision"], "weights": config["weights"], "code": config.get("code", False)}
    hub.fetch_model(config["source"], folder, mirror=os.environ.get("ENGRAM_MIRROR"), **options)
    downloads.write_manifest(manifest, folder)
