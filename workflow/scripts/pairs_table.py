"""Table how often models find the right sentence of a minimal pair more probable."""

from engram.files import storage
from engram.jobs.job import job
from engram.statistics import pair_tables

with job(snakemake):
    config = snakemake.params.config
    files = dict(zip(config["models"], snakemake.input.pairs, strict=True))
    table = pair_tables.pairs_table(files, config["series"])
    storage.write_table(snakemake.output.pairs, table, pair_tables.PAIRS, pair_tables.PAIRS_COLUMNS)
