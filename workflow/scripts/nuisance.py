"""Score nuisance features, a language model's reported layer, and both, on a group's listeners."""

from engram import nuisance, storage
from engram.jobs import job, use_threads

with job(snakemake):
    config = snakemake.params.config
    use_threads(snakemake.threads)
    files = (snakemake.input.activations, snakemake.input.bold, snakemake.input.words)
    settings = {key: config[key] for key in ("features", "layer", "subjects", "targets")}
    storage.write_dataset(snakemake.output.scores, nuisance.group_nuisance(*files, **settings, **config["encoding"]))
