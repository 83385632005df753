"""Map F of an augmentation on the cortex."""

from engram import maps, storage
from engram.jobs import job

with job(snakemake), storage.open_dataset(snakemake.input.places) as places:
    found = maps.association_maps(snakemake.input.scores)
    maps.write_maps(dict(snakemake.output.items()), found, places, snakemake.params.config["space"])
