"""Table how well segments are identified, and test it against chance."""

from engram.files import keys, storage
from engram.jobs.job import job
from engram.statistics import decoding_tables, dependent_listeners

with job(snakemake):
    config = snakemake.params.config
    layer = keys.layer_rule(config["layer"])
    files = keys.by(
        "model",
        keys.of_input(
            snakemake, "accuracy", result="decoding", study=config["study"], layer_rule=layer
        ),
    )
    ceilings = [
        path
        for _, path in keys.of_input(
            snakemake, "ceilings", result="decoding-ceiling", study=config["study"]
        )
    ]
    storage.write_table(
        snakemake.output.decoding,
        decoding_tables.decoding_table(files, ceilings),
        decoding_tables.DECODING,
        decoding_tables.DECODING_COLUMNS,
    )
    tested = dependent_listeners.tested(
        decoding_tables.tests_table(files, ceilings, config["seed"]),
        decoding_tables.TESTS,
        decoding_tables.TESTS_COLUMNS,
        config["learn_from"],
    )
    storage.write_table(snakemake.output.tests, *tested)
