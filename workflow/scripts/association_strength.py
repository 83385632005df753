"""Compare F of strong and of weak responses at the same places."""

from engram.files import keys, storage
from engram.jobs.job import job
from engram.statistics import strength_table, variant_effects

with job(snakemake):
    config = snakemake.params.config
    scores = keys.of_input(
        snakemake,
        "scores",
        result="effects",
        study=config["study"],
        layer_rule=keys.layer_rule(config["layer"]),
    )
    found = {
        key: variant_effects.read_effects(paths)
        for key, paths in keys.by_model_and("text", scores).items()
    }
    table = strength_table.strength_table(found, config["pairs"], config["seed"])
    storage.write_table(
        snakemake.output.strength, table, strength_table.STRENGTH, strength_table.STRENGTH_COLUMNS
    )
