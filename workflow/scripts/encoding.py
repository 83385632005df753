"""Score every layer of a model on every target of a group's listeners."""

from engram.encoding import layer_scoring, memory
from engram.files import keys
from engram.jobs.job import job, use_threads

with job(snakemake):
    use_threads(snakemake.threads)
    result = layer_scoring.score_layers(
        *keys.group_files(snakemake, "activations"),
        snakemake.params.config["subjects"],
        memory=memory.available(snakemake.resources.get("mem_mb")),
        **snakemake.params.config["encoding"],
    )
    keys.write_dataset(snakemake.output.scores, result, keys.of_job(snakemake, "scores"))
