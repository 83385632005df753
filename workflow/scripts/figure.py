"""Draw a figure of scores or of listeners' reliability."""

from engram import figures_scores, storage, style, tables
from engram.jobs import job

with job(snakemake):
    config = snakemake.params.config
    scores, roi_sets, ceilings = (storage.read_table(snakemake.input[name], dtype=tables.KEYS) for name in ("scores", "roi_sets", "ceilings"))
    drawn = {
        "layers": lambda: figures_scores.layers(scores, ceilings, config["models"]),
        "regions": lambda: figures_scores.regions(scores, ceilings, config["models"], config["layer"]),
        "roi-sets": lambda: figures_scores.roi_sets(roi_sets, ceilings, config["models"], config["layer"]),
        "roi-layers": lambda: figures_scores.roi_layers(scores, config["shown"], config["layer"]),
        "reliability": lambda: figures_scores.reliability(ceilings),
    }[config["figure"]]()
    style.save(drawn, snakemake.output.svg, snakemake.output.png, config["dpi"])
