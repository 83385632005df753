"""Draw a figure of identification."""

from engram.figures import metric_figures, style
from engram.files import storage
from engram.jobs.job import job
from engram.statistics import score_tables

with job(snakemake):
    config = snakemake.params.config
    given = {
        name: storage.read_table(path, dtype=score_tables.KEYS | {"set": str})
        for name, path in snakemake.input.items()
    }
    drawn = {
        "decoding": lambda: metric_figures.decoding(
            given["table"], given["tests"], config["models"]
        ),
    }[config["figure"]]()
    style.save(drawn, snakemake.output.svg, snakemake.output.png, config["dpi"])
