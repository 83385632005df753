"""Describe the results as a BIDS derivative."""

from engram.files import storage
from engram.jobs.job import job

with job(snakemake):
    storage.write_json(
        snakemake.output.description, storage.dataset_description(**snakemake.params.config)
    )
