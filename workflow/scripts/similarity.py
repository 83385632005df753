"""Compare what is alike in a model with what is alike in the brains of a group's listeners."""

from engram.decoding.comparison import SETTINGS, Comparison
from engram.files import keys
from engram.jobs.job import job, use_threads
from engram.similarity import scoring
from engram.vocabulary import ORIGINAL

with job(snakemake):
    config = snakemake.params.config
    use_threads(snakemake.threads)
    files = keys.group_files(snakemake, "activations", text=ORIGINAL)
    settings = {**{name: config[name] for name in SETTINGS}, **config["encoding"]}
    comparison = Comparison.of_files(*files, **settings)
    found = scoring.score_similarity(comparison, **config["similarity"])
    key = keys.of_job(snakemake, "similarity", text=ORIGINAL)
    keys.write_dataset(snakemake.output.scores, found, key)
