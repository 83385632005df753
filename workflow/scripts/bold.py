"""Read and check the scans of a story, and clean them."""

from engram.bold import scans_table
from engram.bold.story_bold import story_bold
from engram.datasets import readers
from engram.files import keys, storage
from engram.jobs.job import atlas_file, dataset_folder, job

with job(snakemake):
    config, story = snakemake.params.config, snakemake.wildcards.story
    dataset = readers.open_dataset(
        config["dataset"], dataset_folder(snakemake), atlas_file(snakemake)
    )
    words = storage.read_words(snakemake.input.words)
    result, scans = story_bold(dataset, story, config["subjects"], words, **config["bold"])
    left_out = scans_table.left_out_scans(story, config["excluded"])
    keys.write_dataset(snakemake.output.bold, result, keys.of_job(snakemake, "bold"))
    storage.write_table(
        snakemake.output.scans,
        scans_table.scans_table([scans, left_out]),
        scans_table.SCANS,
        scans_table.SCAN_COLUMNS,
    )
