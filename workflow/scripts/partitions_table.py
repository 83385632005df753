"""Say what groups of feature spaces explain alone, and what they share."""

from engram.files import keys, storage
from engram.jobs.job import job
from engram.statistics import partition_tables

with job(snakemake):
    config = snakemake.params.config
    scores = keys.of_input(
        snakemake,
        "scores",
        result="partition",
        study=config["study"],
        layer_rule=keys.layer_rule(config["layer"]),
    )
    storage.write_table(
        snakemake.output.partitions,
        partition_tables.partitions_table(keys.by("partition", scores), config["seed"]),
        partition_tables.PARTITIONS,
        partition_tables.PARTITIONS_COLUMNS,
    )
