"""Test brain scores against chance, and against each other."""

from engram.files import keys, storage
from engram.jobs.job import job
from engram.statistics import comparisons, dependent_listeners
from engram.statistics.chance_table import CHANCE, CHANCE_COLUMNS, chance_table
from engram.statistics.reported_scores import read_reported

with job(snakemake):
    config = snakemake.params.config
    scores = keys.by(
        "model", keys.of_input(snakemake, "scores", result="scores", study=config["study"])
    )
    layer = keys.layer_rule(config["layer"])
    nulls = keys.by(
        "model",
        keys.of_input(snakemake, "nulls", result="chance", study=config["study"], layer_rule=layer),
    )
    against_chance = chance_table(nulls, config["seed"])
    tested = dependent_listeners.tested(
        against_chance, CHANCE, CHANCE_COLUMNS, config["learn_from"]
    )
    storage.write_table(snakemake.output.chance, *tested)
    table = comparisons.comparisons_table(
        {model: read_reported(paths, config["layer"]) for model, paths in scores.items()},
        config["seed"],
    )
    tested = dependent_listeners.tested(
        table, comparisons.COMPARISONS, comparisons.COMPARISONS_COLUMNS, config["learn_from"]
    )
    storage.write_table(snakemake.output.comparisons, *tested)
