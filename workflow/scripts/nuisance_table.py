"""Say what language models predict beyond nuisance features."""

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
    table = unique_contributions.nuisance_table(keys.by("model", scores), config["seed"])
    storage.write_table(
        snakemake.output.nuisance,
        table,
        unique_contributions.NUISANCE,
        unique_contributions.NUISANCE_COLUMNS,
    )
