"""Map F of a text on the cortex."""

from engram.figures import maps
from engram.files import keys, storage
from engram.jobs.job import job

with job(snakemake), storage.open_dataset(snakemake.input.places) as places:
    config, wildcards = snakemake.params.config, snakemake.wildcards
    keys.check(snakemake.input.places, {"result": "ceiling", "study": config["study"]})
    scores = keys.of_input(
        snakemake,
        "scores",
        result="effects",
        study=config["study"],
        model=wildcards.model,
        text=wildcards.text,
    )
    found = maps.association_maps([path for _, path in scores])
    maps.write_maps(dict(snakemake.output.items()), found, places, config["space"])
