"""Say what language models predict beyond nuisance features."""

from engram import keys, storage, unique
from engram.jobs import job

with job(snakemake):
    config = snakemake.params.config
    scores = keys.of_input(snakemake, "scores", result="nuisance", study=config["study"], layer_rule=keys.layer_rule(config["layer"]))
    table = unique.nuisance_table(keys.by("model", scores), config["seed"])
    storage.write_table(snakemake.output.nuisance, table, unique.TABLE, unique.COLUMNS)
