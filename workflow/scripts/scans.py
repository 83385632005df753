"""Read and check every scan; list them."""

from engram import datasets, storage
from engram.jobs import dataset_folder, job

with job(snakemake):
    config = snakemake.params.config
    dataset = datasets.open_dataset(config["dataset"], dataset_folder(snakemake))
    table = datasets.scan_table(dataset, [tuple(scan) for scan in config["scans"]], [tuple(scan) for scan in config["excluded"]])
    for subject, story, reason in config["excluded"]:
        datasets.logger.warning("sub-%s, story %s is left out: %s", subject, story, reason)
    storage.write_table(snakemake.output.scans, table, "Every scan of the study, those left out included.", datasets.SCAN_COLUMNS)
