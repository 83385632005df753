"""Test F over texts and over listeners, by region."""

import pandas as pd

from engram.associations import association_files
from engram.associations.text_tables import ROWS, ROWS_COLUMNS, TEXTS, TEXTS_COLUMNS
from engram.files import keys, storage
from engram.jobs.job import job
from engram.statistics import (
    association_tables,
    dependent_listeners,
    exchangeability,
    variant_effects,
)

with job(snakemake):
    config = snakemake.params.config
    found = variant_effects.effects_of_job(snakemake, "text")
    written = keys.by("text", keys.of_input(snakemake, "associations"))
    written_by = {name: association_files.written_by(paths) for name, paths in written.items()}
    texts = pd.concat(
        [storage.read_table(path) for path in snakemake.input.texts], ignore_index=True
    )
    tables = {
        "association": (
            association_tables.association_table(
                found, written_by, config["seed"], config["primary"]
            ),
            association_tables.ASSOCIATION,
            association_tables.ASSOCIATION_COLUMNS,
        ),
        "controls": (
            association_tables.controls_table(found),
            association_tables.CONTROLS_TABLE,
            association_tables.CONTROLS_COLUMNS,
        ),
        "listeners": (
            association_tables.listeners_table(found),
            association_tables.LISTENERS_TABLE,
            association_tables.LISTENERS_COLUMNS,
        ),
        "layers": (
            association_tables.layers_table(found),
            association_tables.LAYERS_TABLE,
            association_tables.LAYERS_COLUMNS,
        ),
        "texts": (texts, TEXTS, TEXTS_COLUMNS),
        "exchangeability": (
            exchangeability.exchangeability_table(texts),
            exchangeability.EXCHANGEABILITY,
            exchangeability.EXCHANGEABILITY_COLUMNS,
        ),
        "kinds": (
            exchangeability.kinds_table(found),
            exchangeability.KINDS,
            exchangeability.KINDS_COLUMNS,
        ),
        "sources": (
            exchangeability.sources_table(found, texts),
            exchangeability.SOURCES,
            exchangeability.SOURCES_COLUMNS,
        ),
        "rows": (
            pd.concat(
                [storage.read_words(path) for path in snakemake.input.rows], ignore_index=True
            ),
            ROWS,
            ROWS_COLUMNS,
        ),
    }
    for name, table in tables.items():
        tested = dependent_listeners.tested(*table, config["learn_from"])
        storage.write_table(snakemake.output[name], *tested)
