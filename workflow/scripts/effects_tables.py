"""Test F over texts and over listeners, by region."""

import pandas as pd

from engram import associations, effects, keys, storage, variant_effects
from engram.augment import ROWS, ROWS_COLUMNS, TEXTS, TEXTS_COLUMNS
from engram.jobs import job

with job(snakemake):
    config = snakemake.params.config
    scores = keys.of_input(snakemake, "scores", result="effects", study=config["study"], layer_rule=keys.layer_rule(config["layer"]))
    found = {key: variant_effects.read_effects(paths) for key, paths in keys.by_model_and("aug", scores).items()}
    written = keys.by("aug", keys.of_input(snakemake, "associations"))
    written_by = {name: associations.written_by(paths) for name, paths in written.items()}
    tables = {
        "association": (effects.association_table(found, written_by, config["seed"]), effects.ASSOCIATION, effects.ASSOCIATION_COLUMNS),
        "controls": (effects.controls_table(found), effects.CONTROLS_TABLE, effects.CONTROLS_COLUMNS),
        "listeners": (effects.listeners_table(found), effects.LISTENERS_TABLE, effects.LISTENERS_COLUMNS),
        "layers": (effects.layers_table(found), effects.LAYERS_TABLE, effects.LAYERS_COLUMNS),
        "texts": (pd.concat([storage.read_table(path) for path in snakemake.input.texts], ignore_index=True), TEXTS, TEXTS_COLUMNS),
        "rows": (pd.concat([storage.read_words(path) for path in snakemake.input.rows], ignore_index=True), ROWS, ROWS_COLUMNS),
    }
    for name, (table, description, columns) in tables.items():
        storage.write_table(snakemake.output[name], table, description, columns)
