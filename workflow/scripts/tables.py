"""Average targets into regions, set scores beside their ceilings, find best layers."""

from engram.bold import scans_table
from engram.files import keys, storage
from engram.jobs.job import job
from engram.statistics import score_tables

with job(snakemake):
    config = snakemake.params.config
    files = keys.of_input(snakemake, "scores", result="scores", study=config["study"])
    ceiling_files = [
        path
        for _, path in keys.of_input(snakemake, "ceilings", result="ceiling", study=config["study"])
    ]
    of_scores = [(key["group"], key["model"], key["text"]) for key, _ in files]
    scores = score_tables.scores_table(
        config["study"],
        of_scores,
        [path for _, path in files],
        ceiling_files,
        config["stories"],
        config["floor"],
    )
    storage.write_table(
        snakemake.output.scores, scores, score_tables.SCORES, score_tables.SCORES_COLUMNS
    )
    storage.write_table(
        snakemake.output.roi_sets,
        score_tables.roi_set_scores(scores, config["floor"]),
        score_tables.ROI_SETS,
        score_tables.ROI_SETS_COLUMNS,
    )
    storage.write_table(
        snakemake.output.best_layer,
        score_tables.best_layers(scores),
        score_tables.BEST_LAYER,
        score_tables.BEST_LAYER_COLUMNS,
    )
    ceilings = score_tables.ceilings_table(config["study"], ceiling_files)
    storage.write_table(
        snakemake.output.ceilings, ceilings, score_tables.CEILINGS, score_tables.CEILINGS_COLUMNS
    )
    storage.write_table(
        snakemake.output.regions,
        score_tables.regions_table(ceiling_files),
        score_tables.REGIONS,
        score_tables.REGIONS_COLUMNS,
    )
    scans = scans_table.scans_table(
        [storage.read_table(path, dtype=score_tables.KEYS) for path in snakemake.input.scans]
    )
    storage.write_table(snakemake.output.scans, scans, scans_table.SCANS, scans_table.SCAN_COLUMNS)
