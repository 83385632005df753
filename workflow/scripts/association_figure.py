"""Draw F by region with its controls and listeners, and by layer."""

from engram import figures_effects, storage, style, tables
from engram.jobs import job

with job(snakemake):
    config = snakemake.params.config
    association, controls, listeners, layers = (
        storage.read_table(snakemake.input[name], dtype=tables.KEYS) for name in ("association", "controls", "listeners", "layers")
    )
    drawn = figures_effects.association(association, controls, listeners, layers, config["texts"])
    style.save(drawn, snakemake.output.svg, snakemake.output.png, config["dpi"])
