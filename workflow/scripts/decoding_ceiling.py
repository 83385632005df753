"""Identify what each listener of a group heard by the mean of the others."""

from engram.decoding import ceiling
from engram.files import keys
from engram.jobs.job import job, use_threads

with job(snakemake):
    config = snakemake.params.config
    use_threads(snakemake.threads)
    stories = [{"story": story} for story in config["stories"]]
    bold = keys.checked(stories, snakemake.input.bold, result="bold", study=config["study"])
    words = keys.checked(stories, snakemake.input.words)
    found = ceiling.identification_ceiling(
        [path for _, path in bold],
        [path for _, path in words],
        config["subjects"],
        config["targets"],
        seconds=config["seconds"],
        sets=config["sets"],
        **config["encoding"],
    )
    key = keys.of_job(snakemake, "decoding-ceiling")
    keys.write_dataset(snakemake.output.ceiling, found, key)
