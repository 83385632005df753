"""Check tuning samples against the study's stories, and count them."""

from pathlib import Path

from engram import keys, storage, tuning_data
from engram.jobs import job
from engram.paths import found

with job(snakemake):
    config = snakemake.params.config
    samples = tuning_data.read_samples(found(config["data"]))
    stories = {key["story"]: storage.read_words(path)["word"].tolist() for key, path in keys.of_input(snakemake, "words")}
    tuning_data.check_stories(samples, stories)
    storage.write_json(Path(snakemake.output.counts), tuning_data.counts(samples))
