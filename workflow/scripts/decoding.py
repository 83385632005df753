"""Identify segments of stories from the BOLD of a group's listeners, by all layers of a model."""

from engram.decoding import scoring
from engram.files import keys
from engram.jobs.job import job, use_threads
from engram.vocabulary import ORIGINAL

with job(snakemake):
    config = dict(snakemake.params.config)
    use_threads(snakemake.threads)
    names = (
        "directions",
        "layer",
        "layers",
        "number",
        "seconds",
        "seed",
        "sets",
        "subjects",
        "targets",
    )
    activations, bold, words = keys.group_files(snakemake, "activations", text=ORIGINAL)
    settings = {name: config[name] for name in names}
    found = scoring.score_decoding(activations, bold, words, **settings, **config["encoding"])
    key = keys.of_job(snakemake, "decoding", text=ORIGINAL)
    keys.write_dataset(snakemake.output.accuracy, found, key)
