"""Split-half and leave-one-out ceilings of every target of a story."""

from engram.encoding import ceiling
from engram.files import keys, storage
from engram.jobs.job import job

with job(snakemake):
    config = snakemake.params.config
    with storage.open_dataset(snakemake.input.bold) as dataset:
        result = ceiling.of_dataset(
            dataset, halves=config["halves"], seed=config["seed"], **config["rows"]
        )
    keys.write_dataset(snakemake.output.ceiling, result, keys.of_job(snakemake, "ceiling"))
