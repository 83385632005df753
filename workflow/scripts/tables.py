"""Average targets into regions, set scores beside their ceilings, find best layers."""

from engram import bold, keys, storage, tables
from engram.jobs import job

with job(snakemake):
    config = snakemake.params.config
    files = keys.of_input(snakemake, "scores", result="scores", study=config["study"])
    ceiling_files = [path for _, path in keys.of_input(snakemake, "ceilings", result="ceiling", study=config["study"])]
    of_scores = [(key["group"], key["model"], key["aug"]) for key, _ in files]
    scores = tables.scores_table(config["study"], of_scores, [path for _, path in files], ceiling_files, config["stories"], config["floor"])
    storage.write_table(snakemake.output.scores, scores, tables.SCORES, tables.SCORES_COLUMNS)
    storage.write_table(snakemake.output.roi_sets, tables.roi_set_scores(scores, config["floor"]), tables.ROI_SETS, tables.ROI_SETS_COLUMNS)
    storage.write_table(snakemake.output.best_layer, tables.best_layers(scores), tables.BEST_LAYER, tables.BEST_LAYER_COLUMNS)
    ceilings = tables.ceilings_table(config["study"], ceiling_files)
    storage.write_table(snakemake.output.ceilings, ceilings, tables.CEILINGS, tables.CEILINGS_COLUMNS)
    storage.write_table(snakemake.output.regions, tables.regions_table(ceiling_files), tables.REGIONS, tables.REGIONS_COLUMNS)
    scans = bold.scans_table([storage.read_table(path, dtype=tables.KEYS) for path in snakemake.input.scans])
    storage.write_table(snakemake.output.scans, scans, bold.SCANS, bold.SCAN_COLUMNS)
