"""Compare F of strong and of weak responses at the same places."""

from engram.files import storage
from engram.jobs.job import job
from engram.statistics import strength_table, variant_effects

with job(snakemake):
    config = snakemake.params.config
    found = variant_effects.effects_of_job(snakemake, "text")
    table = strength_table.strength_table(found, config["pairs"], config["seed"])
    storage.write_table(
        snakemake.output.strength, table, strength_table.STRENGTH, strength_table.STRENGTH_COLUMNS
    )
