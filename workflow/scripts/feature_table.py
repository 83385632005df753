"""Say what each feature space covers of each story."""

from engram.files import keys, storage
from engram.jobs.job import job
from engram.statistics import feature_tables

with job(snakemake):
    spaces = keys.of_input(snakemake, "spaces", result="activations")
    words = {key["story"]: path for key, path in keys.of_input(snakemake, "words")}
    table = feature_tables.features_table(spaces, words, snakemake.params.config["kinds"])
    storage.write_table(
        snakemake.output.features, table, feature_tables.FEATURES, feature_tables.FEATURES_COLUMNS
    )
