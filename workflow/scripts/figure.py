"""Draw a figure."""

from engram import figures, storage, tables
from engram.jobs import job

with job(snakemake):
    config = snakemake.params.config
    scores, ceilings, regions = (storage.read_table(snakemake.input[name], dtype=tables.KEYS) for name in ("scores", "ceilings", "regions"))
    figure = figures.draw(config["figure"], scores, ceilings, regions, config["models"], config["layer"])
    figures.save(figure, snakemake.output.svg, snakemake.output.png, config["dpi"])
