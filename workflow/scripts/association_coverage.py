"""Say how much of each story tables of norms cover."""

import pandas as pd

from engram.associations.norms.writing import COVERAGE, COVERAGE_COLUMNS
from engram.files import keys, storage
from engram.jobs.job import job

with job(snakemake):
    parts = [storage.read_table(path) for _, path in keys.of_input(snakemake, "coverage")]
    table = pd.concat(parts, ignore_index=True)
    storage.write_table(snakemake.output.coverage, table, COVERAGE, COVERAGE_COLUMNS)
