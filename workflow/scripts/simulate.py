"""Let simulated listeners hear the project's stories."""

from pathlib import Path

from engram import hub, simulate
from engram.jobs import job
from engram.paths import GENERATOR, TEXTS

with job(snakemake):
    config, manifest = snakemake.params.config, Path(snakemake.output.manifest)
    dataset = config["dataset"]
    simulate.write_table_study(
        manifest.with_suffix(""),
        GENERATOR,
        TEXTS,
        stories=dataset["stories"],
        subjects=config["subjects"],
        words=dataset["words"],
        tr=dataset["tr"],
        seed=config["seed"],
    )
    hub.write_manifest(manifest, manifest.with_suffix(""))
