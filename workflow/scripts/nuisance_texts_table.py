"""Say what associations predict beyond nuisance features and the story alone."""

from engram import storage, unique
from engram.jobs import job

with job(snakemake):
    config = snakemake.params.config
    files = iter(snakemake.input.scores)
    found = {}
    for augmentation in config["augmentations"]:
        for model in config["models"]:
            found[model, augmentation] = [next(files) for _ in range(config["groups"])]
    table = unique.associations_table(found, config["seed"])
    storage.write_table(snakemake.output.unique, table, unique.ASSOCIATIONS, unique.ASSOCIATIONS_COLUMNS)
