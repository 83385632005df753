"""Test what associations, or tunings, change in identification, by set of targets."""

from engram.files import storage
from engram.jobs.job import job
from engram.statistics import dependent_listeners, identified_effects, variant_effects

with job(snakemake):
    config = snakemake.params.config
    of = "text" if snakemake.wildcards.effect == "association" else "tuning"
    found = variant_effects.effects_of_job(snakemake, of, "identified-effects")
    if of == "text":
        table = identified_effects.association_table(found, config["seed"], config["primary"])
        about = identified_effects.ASSOCIATION, identified_effects.ASSOCIATION_COLUMNS
    else:
        table = identified_effects.tuning_table(found, config["methods"], config["seed"])
        about = identified_effects.TUNING, identified_effects.TUNING_COLUMNS
    storage.write_table(
        snakemake.output.table,
        *dependent_listeners.tested(table, *about, config["learn_from"]),
    )
