"""Describe the results as a BIDS derivative."""

from engram import storage
from engram.jobs import job

with job(snakemake):
    storage.write_json(snakemake.output.description, storage.dataset_description(**snakemake.params.config))
