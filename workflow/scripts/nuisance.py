"""Score nuisance features, a language model's reported layer, and both, on a group's listeners."""

from engram.encoding.nuisance import language
from engram.files import keys
from engram.jobs.job import job, use_threads
from engram.vocabulary import ORIGINAL

with job(snakemake):
    config = snakemake.params.config
    use_threads(snakemake.threads)
    activations, bold, words = keys.group_files(snakemake, "activations", text=ORIGINAL)
    settings = {key: config[key] for key in ("features", "layer", "subjects", "targets")}
    scores = language.score_language(activations, bold, words, **settings, **config["encoding"])
    keys.write_dataset(
        snakemake.output.scores, scores, keys.of_job(snakemake, "nuisance", text=ORIGINAL)
    )
