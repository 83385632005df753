"""Say what associations predict beyond nuisance features and the story alone."""

from engram import keys, storage, unique
from engram.jobs import job

with job(snakemake):
    config = snakemake.params.config
    scores = keys.of_input(snakemake, "scores", result="nuisance", study=config["study"], layer_rule=keys.layer_rule(config["layer"]))
    table = unique.associations_table(keys.by_model_and("aug", scores), config["seed"])
    storage.write_table(snakemake.output.unique, table, unique.ASSOCIATIONS, unique.ASSOCIATIONS_COLUMNS)
