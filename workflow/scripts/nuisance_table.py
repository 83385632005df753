"""Say what language models predict beyond nuisance features."""

from engram import storage, unique
from engram.jobs import job

with job(snakemake):
    config = snakemake.params.config
    files = iter(snakemake.input.scores)
    by_model = {model: [next(files) for _ in range(config["groups"])] for model in config["models"]}
    table = unique.nuisance_table(by_model, config["seed"])
    storage.write_table(snakemake.output.nuisance, table, unique.TABLE, unique.COLUMNS)
