"""Read and check the scans of a story, and clean them."""

import pandas as pd

from engram.bold import cleaning
from engram.datasets import readers
from engram.files import keys, storage
from engram.jobs.job import atlas_file, dataset_folder, job

with job(snakemake):
    config, story = snakemake.params.config, snakemake.wildcards.story
    dataset = readers.open_dataset(
        config["dataset"], dataset_folder(snakemake), atlas_file(snakemake)
    )
    words = storage.read_words(snakemake.input.words)
    result, scans = cleaning.story_bold(
        dataset, story, config["subjects"], words, **config["bold"], **config["rows"]
    )
    left_out = pd.DataFrame(
        [
            {"subject": subject, "story": story, "scan": scan, "excluded": reason}
            for subject, scan, reason in config["excluded"]
        ]
    )
    for _, scan, reason in config["excluded"]:
        cleaning.logger.warning("%s, story %s is left out: %s", scan, story, reason)
    keys.write_dataset(snakemake.output.bold, result, keys.of_job(snakemake, "bold"))
    storage.write_table(
        snakemake.output.scans,
        cleaning.scans_table([scans, left_out]),
        cleaning.SCANS,
        cleaning.SCAN_COLUMNS,
    )
