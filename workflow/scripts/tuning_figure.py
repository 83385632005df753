"""Draw what tuning changes, M by method and region or set of regions, or the losses."""

from engram import figures_effects, storage, style, tables
from engram.jobs import job

with job(snakemake):
    config = snakemake.params.config
    read = {name: storage.read_table(path, dtype=tables.KEYS) for name, path in snakemake.input.items()}
    drawn = {
        "tuning": lambda: figures_effects.tuning(read["tuning"], read["models"], read["listeners"], read["layers"]),
        "tuning-methods": lambda: figures_effects.tuning_methods(read["tuning"], config["texts"]),
        "tuning-roi-sets": lambda: figures_effects.tuning_methods(read["roi_sets"], config["texts"], "set of regions"),
        "tuning-losses": lambda: figures_effects.losses(read["curves"]),
    }[config["figure"]]()
    style.save(drawn, snakemake.output.svg, snakemake.output.png, config["dpi"])
