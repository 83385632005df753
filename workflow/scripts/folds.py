"""Say which stories of which listener were tested, where whole stories are left out."""

from engram.files import storage
from engram.jobs.job import job
from engram.statistics import folds_table

with job(snakemake):
    config = snakemake.params.config
    storage.write_table(
        snakemake.output.folds,
        folds_table.folds_table(config["heard"], config["stories"], config["test"]),
        folds_table.FOLDS,
        folds_table.FOLDS_COLUMNS,
    )
