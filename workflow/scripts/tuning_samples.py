"""Check tuning samples against the study's stories, and count them."""

from pathlib import Path

from engram.files import keys, storage
from engram.jobs.job import job
from engram.paths import found
from engram.tunings import sample_counts, sample_overlap
from engram.tunings.samples import read_samples

with job(snakemake):
    config = snakemake.params.config
    samples = read_samples(found(config["data"]))
    stories = {
        key["story"]: storage.read_words(path)["word"].tolist()
        for key, path in keys.of_input(snakemake, "words")
    }
    sample_overlap.check_stories(samples, stories)
    storage.write_json(Path(snakemake.output.counts), sample_counts.counts(samples))
