"""Deal the values of a space to other words."""

from engram.features.dealt_entries import dealt_space
from engram.files import keys, storage
from engram.jobs.job import job

with job(snakemake):
    config = snakemake.params.config
    spaces = keys.of_input(snakemake, "spaces", result="activations")
    words = {key["story"]: path for key, path in keys.of_input(snakemake, "words")}
    result = dealt_space(
        [storage.open_dataset(path) for _, path in spaces],
        [storage.read_words(words[key["story"]]) for key, _ in spaces],
        str(snakemake.wildcards.model),
        config["number"],
        config["seed"],
        config["bins"],
        config["language"],
    )
    keys.write_dataset(snakemake.output.deals, result, keys.of_job(snakemake, "deals"))
