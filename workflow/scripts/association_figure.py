"""Draw F by region with its controls and listeners, and by layer."""

from engram import figures, storage, tables
from engram.jobs import job

with job(snakemake):
    association, controls, listeners, layers = (
        storage.read_table(snakemake.input[name], dtype=tables.KEYS) for name in ("association", "controls", "listeners", "layers")
    )
    figure = figures.association(association, controls, listeners, layers)
    figures.save(figure, snakemake.output.svg, snakemake.output.png, snakemake.params.config["dpi"])
