"""Shift the held-out predictions of a group's listeners in time against their BOLD."""

from engram import chance, storage
from engram.jobs import job, use_threads

with job(snakemake):
    config = snakemake.params.config
    use_threads(snakemake.threads)
    files = (snakemake.input.activations, snakemake.input.bold, snakemake.input.words)
    storage.write_dataset(snakemake.output.null, chance.group_null(*files, config["subjects"], config["layer"], **config["encoding"]))
