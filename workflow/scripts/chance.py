"""Score a model's reported layer on BOLD that was shifted in time."""

from engram.encoding import circular_shift
from engram.files import keys
from engram.jobs.job import job, use_threads
from engram.vocabulary import ORIGINAL

with job(snakemake):
    config = snakemake.params.config
    use_threads(snakemake.threads)
    activations, bold, words = keys.group_files(snakemake, "activations", text=ORIGINAL)
    names = ("layer", "number", "seed", "subjects", "targets", "window")
    settings = {key: config[key] for key in names}
    null = circular_shift.score_shifted(activations, bold, words, **settings, **config["encoding"])
    keys.write_dataset(snakemake.output.null, null, keys.of_job(snakemake, "chance", text=ORIGINAL))
