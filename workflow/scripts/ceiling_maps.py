"""Map the ceilings on the cortex."""

from engram.figures import maps
from engram.files import keys, storage
from engram.jobs.job import job

with job(snakemake), storage.open_dataset(snakemake.input.ceilings[0]) as places:
    config = snakemake.params.config
    found = maps.ceiling_maps(
        [
            path
            for _, path in keys.of_input(
                snakemake, "ceilings", result="ceiling", study=config["study"]
            )
        ]
    )
    maps.write_maps(dict(snakemake.output.items()), found, places, config["space"])
