"""Test brain scores against chance, and against each other."""

from engram import comparisons, storage
from engram.jobs import job
from engram.reported import read_reported

with job(snakemake):
    config = snakemake.params.config
    files, nulls = iter(snakemake.input.scores), iter(snakemake.input.nulls)
    by_model = {model: [next(files) for _ in range(config["groups"])] for model in config["models"]}
    null_by_model = {model: [next(nulls) for _ in range(config["groups"])] for model in config["models"]}
    against_chance = comparisons.chance_table(null_by_model, config["seed"])
    storage.write_table(snakemake.output.chance, against_chance, comparisons.CHANCE, comparisons.CHANCE_COLUMNS)
    table = comparisons.comparisons_table({model: read_reported(paths, config["layer"]) for model, paths in by_model.items()}, config["seed"])
    storage.write_table(snakemake.output.comparisons, table, comparisons.COMPARISONS, comparisons.COMPARISONS_COLUMNS)
