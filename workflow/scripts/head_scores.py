"""Score the attention heads of a space, each by itself and as a part of its layer."""

from engram.encoding import head_scores
from engram.files import keys
from engram.jobs.job import job, use_threads
from engram.vocabulary import ORIGINAL

with job(snakemake):
    config = snakemake.params.config
    use_threads(snakemake.threads)
    activations, bold, words = keys.group_files(snakemake, "activations", text=ORIGINAL)
    settings = {key: config[key] for key in ("layer", "number", "seed", "subjects", "targets")}
    scores = head_scores.score_heads(activations, bold, words, **settings, **config["encoding"])
    keys.write_dataset(
        snakemake.output.scores, scores, keys.of_job(snakemake, "head scores", text=ORIGINAL)
    )
