"""Score every layer of a model on every target of a group's listeners."""

from engram import encoding, memory, storage
from engram.jobs import job, use_threads

with job(snakemake):
    use_threads(snakemake.threads)
    result = encoding.group_scores(
        snakemake.input.activations,
        snakemake.input.bold,
        snakemake.input.words,
        snakemake.params.config["subjects"],
        memory=memory.available(snakemake.resources.get("mem_mb")),
        **snakemake.params.config["encoding"],
    )
    storage.write_dataset(snakemake.output.scores, result)
