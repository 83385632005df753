"""Let simulated listeners hear the project's stories."""

from pathlib import Path

from engram import downloads, simulate
from engram.jobs import job
from engram.paths import ASSOCIATIONS, GENERATOR, TEXTS, TUNED_GENERATOR

with job(snakemake):
    config, manifest = snakemake.params.config, Path(snakemake.output.manifest)
    folder = manifest.parent / "dataset"
    simulate.write_narratives(folder, GENERATOR, TUNED_GENERATOR, TEXTS, ASSOCIATIONS, seed=config["seed"], **config["dataset"])
    downloads.write_manifest(manifest, folder)
