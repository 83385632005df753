"""Set everything that is scored beside each other, with the word rate as the baseline."""

from engram.files import storage
from engram.jobs.job import job
from engram.statistics import score_tables, space_tables

with job(snakemake):
    scores, chance, comparisons = (
        storage.read_table(snakemake.input[name], dtype=score_tables.KEYS)
        for name in ("scores", "chance", "comparisons")
    )
    table = space_tables.spaces_table(scores, chance, comparisons, snakemake.params.config["kinds"])
    storage.write_table(
        snakemake.output.spaces, table, space_tables.SPACES, space_tables.SPACES_COLUMNS
    )
