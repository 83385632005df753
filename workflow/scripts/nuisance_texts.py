"""Score what the insertions of texts change, beside nuisance features and the story alone, on a group's listeners."""

from engram import nuisance_texts, storage
from engram.jobs import job, use_threads

with job(snakemake):
    config = snakemake.params.config
    use_threads(snakemake.threads)
    files = (snakemake.input.activations, snakemake.input.bold, snakemake.input.words, snakemake.input.insertions)
    settings = {key: config[key] for key in ("features", "random_texts", "subjects", "targets")}
    storage.write_dataset(snakemake.output.scores, nuisance_texts.group_texts(*files, **settings, **config["encoding"]))
