"""Draw F on the brain."""

from engram import figures, maps, storage, tables
from engram.jobs import job

with job(snakemake):
    config = snakemake.params.config
    association, regions = (storage.read_table(snakemake.input[name], dtype=tables.KEYS) for name in ("association", "regions"))
    paths = iter(snakemake.input.maps)
    found = {tuple(pair): {side: maps.read_maps(next(paths)) for side in ("L", "R")} for pair in config["maps"]}
    figure = figures.association_cortex(association, found) if found else figures.association_markers(association, regions)
    figures.save(figure, snakemake.output.svg, snakemake.output.png, config["dpi"])
