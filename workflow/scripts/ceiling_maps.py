"""Map the ceilings on the cortex."""

from engram import maps, storage
from engram.jobs import job

with job(snakemake), storage.open_dataset(snakemake.input.ceilings[0]) as places:
    found = maps.ceiling_maps(snakemake.input.ceilings)
    maps.write_maps(dict(snakemake.output.items()), found, places, snakemake.params.config["space"])
