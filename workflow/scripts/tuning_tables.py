"""Test M over seeds and over listeners, by region and by set of regions."""

from pathlib import Path

from engram.files import keys, storage
from engram.jobs.job import job
from engram.statistics import dependent_listeners, tuning_tables, variant_effects
from engram.tunings import sample_counts
from engram.vocabulary import CARD

with job(snakemake):
    config = snakemake.params.config
    found = variant_effects.effects_of_job(snakemake, "tuning")
    folders = keys.of_input(snakemake, "tuned")
    cards = {
        (key["model"], key["tuning"], key["variant"]): storage.read_json(Path(folder) / CARD)
        for key, folder in folders
    }
    methods = config["methods"]
    sets = {key: variant_effects.by_roi_set(one) for key, one in found.items()}
    counts = {
        key["tuning"]: storage.read_json(path) for key, path in keys.of_input(snakemake, "counts")
    }
    tables = {
        "tuning": (
            tuning_tables.tuning_table(found, methods, config["seed"]),
            tuning_tables.TUNING,
            tuning_tables.TUNING_COLUMNS,
        ),
        "roi_sets": (
            tuning_tables.tuning_table(sets, methods, config["seed"]),
            tuning_tables.TUNING,
            tuning_tables.TUNING_COLUMNS,
        ),
        "models": (
            tuning_tables.models_table(found),
            tuning_tables.MODELS_TABLE,
            tuning_tables.MODELS_COLUMNS,
        ),
        "listeners": (
            tuning_tables.listeners_table(found),
            tuning_tables.LISTENERS_TABLE,
            tuning_tables.LISTENERS_COLUMNS,
        ),
        "layers": (
            tuning_tables.layers_table(found),
            tuning_tables.LAYERS_TABLE,
            tuning_tables.LAYERS_COLUMNS,
        ),
        "curves": (
            tuning_tables.curves_table(cards),
            tuning_tables.CURVES_TABLE,
            tuning_tables.CURVES_COLUMNS,
        ),
        "samples": (
            sample_counts.counts_table(counts),
            sample_counts.COUNTS,
            sample_counts.COUNTS_COLUMNS,
        ),
    }
    for name, table in tables.items():
        tested = dependent_listeners.tested(*table, config["learn_from"])
        storage.write_table(snakemake.output[name], *tested)
