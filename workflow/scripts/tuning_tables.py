"""Test M over seeds and over listeners, by region and by set of regions."""

from pathlib import Path

from engram import keys, storage, tuned, tuning_data, variant_effects
from engram.adapters import CARD
from engram.jobs import job

with job(snakemake):
    config = snakemake.params.config
    scores = keys.of_input(snakemake, "scores", result="effects", study=config["study"], layer_rule=keys.layer_rule(config["layer"]))
    found = {key: variant_effects.read_effects(paths) for key, paths in keys.by_model_and("tuning", scores).items()}
    folders = keys.of_input(snakemake, "tuned")
    cards = {(key["model"], key["tuning"], key["variant"]): storage.read_json(Path(folder) / CARD) for key, folder in folders}
    methods = config["methods"]
    sets = {key: variant_effects.by_roi_set(one) for key, one in found.items()}
    counts = {key["tuning"]: storage.read_json(path) for key, path in keys.of_input(snakemake, "counts")}
    tables = {
        "tuning": (tuned.tuning_table(found, methods, config["seed"]), tuned.TUNING, tuned.TUNING_COLUMNS),
        "roi_sets": (tuned.tuning_table(sets, methods, config["seed"]), tuned.TUNING, tuned.TUNING_COLUMNS),
        "models": (tuned.models_table(found), tuned.MODELS_TABLE, tuned.MODELS_COLUMNS),
        "listeners": (tuned.listeners_table(found), tuned.LISTENERS_TABLE, tuned.LISTENERS_COLUMNS),
        "layers": (tuned.layers_table(found), tuned.LAYERS_TABLE, tuned.LAYERS_COLUMNS),
        "curves": (tuned.curves_table(cards), tuned.CURVES_TABLE, tuned.CURVES_COLUMNS),
        "samples": (tuning_data.counts_table(counts), tuning_data.COUNTS, tuning_data.COUNTS_COLUMNS),
    }
    for name, (table, description, columns) in tables.items():
        storage.write_table(snakemake.output[name], table, description, columns)
