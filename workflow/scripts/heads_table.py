"""Table what attention heads predict, and whether they differ by region."""

from engram.files import keys, storage
from engram.jobs.job import job
from engram.statistics import dependent_listeners, head_tables

with job(snakemake):
    config = snakemake.params.config
    layer = keys.layer_rule(config["layer"])
    scores = keys.of_input(
        snakemake, "scores", result="head scores", study=config["study"], layer_rule=layer
    )
    files = keys.by("model", scores)
    heads = head_tables.heads_table(files, config["seed"])
    special = head_tables.specialisation_table(files, config["seed"])
    for path, table, described, columns in (
        (snakemake.output.heads, heads, head_tables.HEADS, head_tables.HEADS_COLUMNS),
        (
            snakemake.output.specialisation,
            special,
            head_tables.SPECIALISATION,
            head_tables.SPECIALISATION_COLUMNS,
        ),
    ):
        tested = dependent_listeners.tested(table, described, columns, config["learn_from"])
        storage.write_table(path, *tested)
