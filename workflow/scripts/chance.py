"""Score a model's reported layer on BOLD that was shifted in time."""

from engram import chance, storage
from engram.jobs import job, use_threads

with job(snakemake):
    config = snakemake.params.config
    use_threads(snakemake.threads)
    files = (snakemake.input.activations, snakemake.input.bold, snakemake.input.words)
    settings = {key: config[key] for key in ("layer", "number", "seed", "subjects", "targets")}
    storage.write_dataset(snakemake.output.null, chance.group_null(*files, **settings, **config["encoding"]))
