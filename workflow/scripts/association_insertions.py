"""Say where a text's insertions stand among its null texts' in distance and surprisal."""

import pandas as pd

from engram.files import storage
from engram.jobs.job import job
from engram.statistics import insertion_table

with job(snakemake):
    measures = pd.concat(
        [storage.read_table(path) for path in snakemake.input.measures], ignore_index=True
    )
    storage.write_table(
        snakemake.output.insertions,
        insertion_table.insertion_table(measures),
        insertion_table.INSERTIONS,
        insertion_table.INSERTIONS_COLUMNS,
    )
