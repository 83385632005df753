"""Test M over seeds and over listeners, by region and by set of regions."""

from pathlib import Path

from engram import storage, tuned, tuning_data, variant_effects
from engram.adapters import CARD
from engram.jobs import job

with job(snakemake):
    config = snakemake.params.config
    files, folders = iter(snakemake.input.scores), iter(snakemake.input.tuned)
    found, cards = {}, {}
    for tuning, one in config["tunings"].items():
        for model in one["models"]:
            found[model, tuning] = variant_effects.read_effects([next(files) for _ in range(config["groups"])])
            cards |= {(model, tuning, variant): storage.read_json(Path(next(folders)) / CARD) for variant in one["variants"]}
    methods = {tuning: one["method"] for tuning, one in config["tunings"].items()}
    sets = {key: variant_effects.by_roi_set(one) for key, one in found.items()}
    counts = {tuning: storage.read_json(path) for tuning, path in zip(config["tunings"], snakemake.input.counts, strict=True)}
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
