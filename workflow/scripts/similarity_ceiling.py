"""Noise ceilings of RSA of a story's listeners."""

from engram.files import keys
from engram.jobs.job import job
from engram.similarity import ceiling

with job(snakemake):
    config, given = snakemake.params.config, snakemake.input
    key = {"story": snakemake.wildcards.story}
    keys.check(given.bold, {**key, "result": "bold", "study": config["study"]})
    keys.check(given.words, key)
    settings = {name: config[name] for name in ("seconds", "sets", "targets")}
    found = ceiling.rsa_ceiling(given.bold, given.words, **settings, **config["rows"])
    keys.write_dataset(
        snakemake.output.ceiling, found, keys.of_job(snakemake, "similarity-ceiling")
    )
