"""Set the scores of spaces beside those of dealt values."""

from engram.files import keys, storage
from engram.jobs.job import job
from engram.statistics import dependent_listeners, feature_tables

with job(snakemake):
    config = snakemake.params.config
    layer = keys.layer_rule(config["layer"])
    nulls = keys.of_input(
        snakemake, "nulls", result="dealt scores", study=config["study"], layer_rule=layer
    )
    table = feature_tables.deals_table(keys.by("model", nulls), config["seed"])
    tested = dependent_listeners.tested(
        table, feature_tables.DEALS, feature_tables.DEALS_COLUMNS, config["learn_from"]
    )
    storage.write_table(snakemake.output.deals, *tested)
