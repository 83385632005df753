"""Fetch a model from the Hugging Face hub, or from a mirror."""

import os
from pathlib import Path

from engram.fetch import hugging_face, pinned_files
from engram.jobs.job import job

with job(snakemake, network=True):
    config = snakemake.params.config
    manifest = Path(snakemake.output.manifest)
    folder = manifest.with_name(manifest.name.removesuffix(".tsv"))
    options = {
        "revision": config["revision"],
        "weights": config["weights"],
        "code": config.get("code", False),
    }
    hugging_face.fetch_model(
        config["source"], folder, mirror=os.environ.get("ENGRAM_MIRROR"), **options
    )
    pinned_files.write_manifest(manifest, folder)
