"""Identify segments of stories from the BOLD of a group's listeners, by all layers of a model."""

from engram.decoding import scoring
from engram.decoding.comparison import SETTINGS, Comparison
from engram.files import keys
from engram.jobs.job import job, use_threads
from engram.vocabulary import ORIGINAL

with job(snakemake):
    config = snakemake.params.config
    use_threads(snakemake.threads)
    files = keys.group_files(snakemake, "activations", text=ORIGINAL)
    settings = {**{name: config[name] for name in SETTINGS}, **config["encoding"]}
    comparison = Comparison.of_files(*files, **settings)
    found = scoring.score_decoding(comparison, **config["decoding"])
    key = keys.of_job(snakemake, "decoding", text=ORIGINAL)
    keys.write_dataset(snakemake.output.scores, found, key)
