"""Score nuisance features, a language model's reported layer, and both, on a group's listeners."""

from engram import keys, nuisance
from engram.jobs import job, use_threads
from engram.names import ORIGINAL

with job(snakemake):
    config = snakemake.params.config
    use_threads(snakemake.threads)
    files = keys.group_files(snakemake, "activations", aug=ORIGINAL)
    settings = {key: config[key] for key in ("features", "layer", "subjects", "targets")}
    scores = nuisance.group_nuisance(*files, **settings, **config["encoding"])
    keys.write_dataset(snakemake.output.scores, scores, keys.of_job(snakemake, "nuisance", aug=ORIGINAL))
