"""Say which minutes of stories are predicted."""

from engram.files import keys, storage
from engram.jobs.job import job
from engram.statistics import dependent_listeners, time_resolved

with job(snakemake):
    config = snakemake.params.config
    nulls = keys.of_input(
        snakemake,
        "nulls",
        result="chance",
        study=config["study"],
        layer_rule=keys.layer_rule(config["layer"]),
    )
    tested = dependent_listeners.tested(
        time_resolved.time_resolved_table(keys.by("model", nulls), config["seed"]),
        time_resolved.TIME_RESOLVED,
        time_resolved.TIME_RESOLVED_COLUMNS,
        config["learn_from"],
    )
    storage.write_table(snakemake.output.table, *tested)
