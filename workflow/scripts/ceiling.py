"""Split-half and leave-one-out ceilings of every target of a story."""

from engram import ceiling, storage
from engram.jobs import job

with job(snakemake):
    config = snakemake.params.config
    with storage.open_dataset(snakemake.input.bold) as dataset:
        result = ceiling.of_dataset(dataset, halves=config["halves"], seed=config["seed"], **config["rows"])
    storage.write_dataset(snakemake.output.ceiling, result)
