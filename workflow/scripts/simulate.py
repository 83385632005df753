"""Let simulated listeners hear the project's stories."""

from pathlib import Path

from engram.datasets.simulated import simulate
from engram.fetch import pinned_files
from engram.jobs.job import job
from engram.paths import ASSOCIATIONS, GENERATOR, TEXTS, TUNED_GENERATOR

with job(snakemake):
    config, manifest = snakemake.params.config, Path(snakemake.output.manifest)
    folder = manifest.parent / "dataset"
    simulate.write_narratives(
        folder,
        GENERATOR,
        TUNED_GENERATOR,
        TEXTS,
        ASSOCIATIONS,
        seed=config["seed"],
        **config["dataset"],
    )
    pinned_files.write_manifest(manifest, folder)
