"""Read and check the scans of a story, and clean them."""

import pandas as pd

from engram import bold, datasets, storage
from engram.jobs import dataset_folder, job

with job(snakemake):
    config, story = snakemake.params.config, snakemake.wildcards.story
    dataset = datasets.open_dataset(config["dataset"], dataset_folder(snakemake))
    words = storage.read_words(snakemake.input.words)
    result, scans = bold.story_bold(dataset, story, config["subjects"], words, **config["bold"], **config["rows"])
    left_out = pd.DataFrame([{"subject": subject, "story": story, "excluded": reason} for subject, reason in config["excluded"]])
    for subject, reason in config["excluded"]:
        bold.logger.warning("sub-%s, story %s is left out: %s", subject, story, reason)
    storage.write_dataset(snakemake.output.bold, result)
    storage.write_table(snakemake.output.scans, bold.scans_table([scans, left_out]), bold.SCANS, bold.SCAN_COLUMNS)
