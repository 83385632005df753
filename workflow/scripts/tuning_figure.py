"""Draw the tuning scores, those of sets of regions, or the losses."""

from engram import figures, storage, tables
from engram.jobs import job

with job(snakemake):
    read = {name: storage.read_table(path, dtype=tables.KEYS) for name, path in snakemake.input.items()}
    part = snakemake.wildcards.part
    if part == "-losses":
        figure = figures.losses(read["curves"])
    elif part == "-roi-sets":
        figure = figures.tuning_sets(read["roi_sets"])
    else:
        figure = figures.tuning(read["tuning"], read["models"], read["listeners"], read["layers"])
    figures.save(figure, snakemake.output.svg, snakemake.output.png, snakemake.params.config["dpi"])
