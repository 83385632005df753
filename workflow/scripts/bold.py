"""Clean the scans of a story."""

from engram import bold, datasets, storage
from engram.jobs import dataset_folder, job

with job(snakemake):
    config = snakemake.params.config
    result = bold.story_bold(
        datasets.open_dataset(config["dataset"], dataset_folder(snakemake)),
        snakemake.wildcards.story,
        config["subjects"],
        storage.read_words(snakemake.input.words),
        **config["bold"],
        **config["rows"],
    )
    storage.write_dataset(snakemake.output.bold, result)
