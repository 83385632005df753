"""Say what associations predict beyond nuisance features and the story alone."""

from engram.files import keys, storage
from engram.jobs.job import job
from engram.statistics import unique_contributions

with job(snakemake):
    config = snakemake.params.config
    scores = keys.of_input(
        snakemake,
        "scores",
        result="nuisance",
        study=config["study"],
        layer_rule=keys.layer_rule(config["layer"]),
    )
    table = unique_contributions.associations_table(
        keys.by_model_and("text", scores), config["seed"], config["primary"]
    )
    storage.write_table(
        snakemake.output.unique,
        table,
        unique_contributions.ASSOCIATIONS,
        unique_contributions.ASSOCIATIONS_COLUMNS,
    )
