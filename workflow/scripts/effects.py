"""Score every text of an augmentation on a group's listeners."""

from engram import encoding, memory, storage, variant_scoring
from engram.jobs import job, use_threads

with job(snakemake):
    config = snakemake.params.config
    use_threads(snakemake.threads)
    stories = [encoding.load_story(*files) for files in zip(snakemake.input.bold, snakemake.input.words, strict=True)]
    if config["targets"] == "roi":
        stories = [encoding.by_region(one) for one in stories]
    group = encoding.Group(stories, config["subjects"], memory=memory.available(snakemake.resources.get("mem_mb")), **config["encoding"])
    storage.write_dataset(snakemake.output.scores, variant_scoring.score_variants([storage.open_dataset(path) for path in snakemake.input.activations], group))
