"""Say what language models predict beyond nuisance features."""

from engram import nuisance, storage
from engram.jobs import job

with job(snakemake):
    config = snakemake.params.config
    files = iter(snakemake.input.scores)
    by_model = {model: [next(files) for _ in range(config["groups"])] for model in config["models"]}
    table = nuisance.nuisance_table(by_model, config["seed"])
    storage.write_table(snakemake.output.nuisance, table, nuisance.TABLE, nuisance.COLUMNS)
