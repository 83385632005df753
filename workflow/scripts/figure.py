"""Draw a figure."""

from engram import figures, maps, storage, tables
from engram.jobs import job

with job(snakemake):
    config = snakemake.params.config
    names = ("scores", "ceilings", "regions", "roi_sets")
    scores, ceilings, regions, roi_sets = (storage.read_table(snakemake.input[name], dtype=tables.KEYS) for name in names)
    if config["figure"] == "brain" and config["brain"] == "surface":
        paths = iter(snakemake.input.maps)
        by_model = {model: {side: maps.read_maps(next(paths)) for side in ("L", "R")} for model in config["shown"]}
        figure = figures.cortex(scores, by_model, config["layer"])
    elif config["figure"] == "roi-sets":
        figure = figures.roi_sets(roi_sets, config["models"], config["layer"])
    else:
        figure = figures.draw(config["figure"], scores, ceilings, regions, config["models"], config["layer"])
    figures.save(figure, snakemake.output.svg, snakemake.output.png, config["dpi"])
