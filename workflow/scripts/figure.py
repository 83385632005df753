"""Draw a figure of scores or of listeners' reliability."""

from engram.figures import score_figures, style
from engram.files import storage
from engram.jobs.job import job
from engram.statistics import score_tables

config = snakemake.params.config
with job(snakemake), style.chosen(config["style"]):
    scores, roi_sets, ceilings = (
        storage.read_table(snakemake.input[name], dtype=score_tables.KEYS)
        for name in ("scores", "roi_sets", "ceilings")
    )
    drawn = {
        "layers": lambda: score_figures.layers(scores, ceilings, config["models"]),
        "depth": lambda: score_figures.depth(scores, ceilings, config["models"]),
        "regions": lambda: score_figures.regions(
            scores, ceilings, config["models"], config["layer"]
        ),
        "roi-sets": lambda: score_figures.roi_sets(
            roi_sets, ceilings, config["models"], config["layer"]
        ),
        "roi-layers": lambda: score_figures.roi_layers(scores, config["shown"], config["layer"]),
        "reliability": lambda: score_figures.reliability(ceilings),
    }[config["figure"]]()
    style.save(drawn, snakemake.output.svg, snakemake.output.png, config["dpi"])
