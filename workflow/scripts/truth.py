"""Compare what was found with what was planted; fail if they differ."""

from pathlib import Path

import pandas as pd

from engram.errors import EngramError
from engram.features.layers import reported_layer
from engram.files import storage
from engram.jobs.job import job
from engram.statistics import planted_truth, score_tables
from engram.vocabulary import AVERAGE

with job(snakemake):
    config = snakemake.params.config
    scores = storage.read_table(snakemake.input.scores, dtype=score_tables.KEYS)
    scores = scores[scores["subject"] != AVERAGE]
    depths = scores.groupby("model")["layer"].max().to_dict()
    layers = {model: reported_layer(depths[model], config["layer"]) for model in config["models"]}
    truth = storage.read_table(Path(snakemake.input.manifest).parent / "dataset" / "truth.tsv")
    table = planted_truth.compare_with_truth(scores, truth, config["models"], layers)
    if snakemake.input.association:
        association, controls = (
            storage.read_table(path, dtype=score_tables.KEYS)
            for path in snakemake.input.association
        )
        table = pd.concat(
            [table, planted_truth.compare_association_with_truth(association, controls, truth)],
            ignore_index=True,
        )
    if snakemake.input.tuning:
        tuning, curves = (
            storage.read_table(path, dtype=score_tables.KEYS) for path in snakemake.input.tuning
        )
        table = pd.concat(
            [table, planted_truth.compare_tuning_with_truth(tuning, curves, truth)],
            ignore_index=True,
        )
    shown = table.drop(columns=["regions"]).to_string(index=False, float_format="%.3f")
    planted_truth.logger.info("what was found beside what was planted:\n%s", shown)
    print(f"\nfound, beside what was planted:\n{shown}\n")
    if (table["found"] == "no").any():
        raise EngramError(f"what was planted was not found:\n{shown}")
    storage.write_table(
        snakemake.output.truth, table, planted_truth.TRUTH, planted_truth.TRUTH_COLUMNS
    )
