"""Table how alike models and brains are, and test it against chance."""

from engram.files import keys, storage
from engram.jobs.job import job
from engram.statistics import dependent_listeners, similarity_tables

with job(snakemake):
    config = snakemake.params.config
    layer = keys.layer_rule(config["layer"])
    files = keys.by(
        "model",
        keys.of_input(
            snakemake, "similarity", result="similarity", study=config["study"], layer_rule=layer
        ),
    )
    ceilings = [
        path
        for _, path in keys.of_input(
            snakemake, "ceilings", result="similarity-ceiling", study=config["study"]
        )
    ]
    storage.write_table(
        snakemake.output.similarity,
        similarity_tables.similarity_table(files, ceilings),
        similarity_tables.SIMILARITY,
        similarity_tables.SIMILARITY_COLUMNS,
    )
    tested = dependent_listeners.tested(
        similarity_tables.tests_table(files, ceilings, config["seed"]),
        similarity_tables.TESTS,
        similarity_tables.TESTS_COLUMNS,
        config["learn_from"],
    )
    storage.write_table(snakemake.output.tests, *tested)
