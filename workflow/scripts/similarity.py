"""Compare what is alike in a model with what is alike in the brains of a group's listeners."""

from engram.files import keys
from engram.jobs.job import job, use_threads
from engram.similarity import scoring
from engram.vocabulary import ORIGINAL

with job(snakemake):
    config = snakemake.params.config
    use_threads(snakemake.threads)
    names = (
        "layer",
        "layers",
        "metrics",
        "number",
        "seconds",
        "seed",
        "sets",
        "subjects",
        "targets",
    )
    activations, bold, words = keys.group_files(snakemake, "activations", text=ORIGINAL)
    settings = {name: config[name] for name in names}
    found = scoring.score_similarity(activations, bold, words, **settings, **config["encoding"])
    key = keys.of_job(snakemake, "similarity", text=ORIGINAL)
    keys.write_dataset(snakemake.output.similarity, found, key)
