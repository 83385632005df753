"""Identify segments by every text of a text, or every tuning of a model, on a group's listeners."""

from engram.decoding.variants import identify_variants
from engram.encoding import memory
from engram.encoding.group import open_group
from engram.files import keys
from engram.jobs.job import job, use_threads

with job(snakemake):
    config = snakemake.params.config
    use_threads(snakemake.threads)
    files = keys.group_files(snakemake, "variants", layer_rule=keys.layer_rule(config["layer"]))
    available = memory.available(snakemake.resources.get("mem_mb"))
    read, group = open_group(
        *files, config["subjects"], config["targets"], memory=available, **config["encoding"]
    )
    found = identify_variants(read, group, config["seconds"], config["sets"])
    keys.write_dataset(snakemake.output.scores, found, keys.of_job(snakemake, "identified-effects"))
