"""Score what the insertions of texts change, on a group's listeners.

It is scored beside nuisance features and the story alone.
"""

from engram.encoding.nuisance import associations
from engram.files import keys
from engram.jobs.job import job, use_threads

with job(snakemake):
    config = snakemake.params.config
    use_threads(snakemake.threads)
    activations, bold, words = keys.group_files(
        snakemake, "variants", layer_rule=keys.layer_rule(config["layer"])
    )
    stories = [{"story": story} for story in config["stories"]]
    insertions = [
        path
        for _, path in keys.checked(
            stories, snakemake.input.insertions, text=snakemake.wildcards.text
        )
    ]
    settings = {key: config[key] for key in ("features", "random_texts", "subjects", "targets")}
    scores = associations.score_associations(
        activations, bold, words, insertions, **settings, **config["encoding"]
    )
    keys.write_dataset(snakemake.output.scores, scores, keys.of_job(snakemake, "nuisance"))
