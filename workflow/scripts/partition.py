"""Score groups of feature spaces, each and together, on a group's listeners."""

from engram.encoding.partitions import score_partition
from engram.files import keys
from engram.jobs.job import job, use_threads

with job(snakemake):
    config, given = snakemake.params.config, snakemake.input
    use_threads(snakemake.threads)
    stories = [{"story": story} for story in config["stories"]]
    bold, words = (
        [path for _, path in keys.checked(stories, files, **more)]
        for files, more in (
            (given.bold, {"result": "bold", "study": config["study"]}),
            (given.words, {}),
        )
    )
    scores = score_partition(
        keys.by("model", keys.of_input(snakemake, "activations", result="activations")),
        bold,
        words,
        groups=dict(config["groups"]),
        **{key: config[key] for key in ("layer", "subjects", "targets")},
        **config["encoding"],
    )
    keys.write_dataset(snakemake.output.scores, scores, keys.of_job(snakemake, "partition"))
