"""Set the checkpoints of a series beside each other, by training step."""

from engram.files import keys, storage
from engram.jobs.job import job
from engram.statistics import checkpoint_tables, dependent_listeners

with job(snakemake):
    config = snakemake.params.config
    scores = keys.of_input(snakemake, "scores", result="scores", study=config["study"])
    tables = checkpoint_tables.checkpoints_table(
        keys.by("model", scores),
        config["series"],
        config["twins"],
        config["layer"],
        config["seed"],
    )
    about = (
        (checkpoint_tables.CHECKPOINTS, checkpoint_tables.CHECKPOINTS_COLUMNS),
        (checkpoint_tables.CHANGES, checkpoint_tables.CHANGES_COLUMNS),
    )
    outputs = snakemake.output.checkpoints, snakemake.output.changes
    for path, table, (described, columns) in zip(outputs, tables, about, strict=True):
        tested = dependent_listeners.tested(table, described, columns, config["learn_from"])
        storage.write_table(path, *tested)
