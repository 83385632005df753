"""Draw a figure of identification, of similarity, or of models by each metric."""

from collections.abc import Callable
from typing import Any

from engram.figures import metric_figures, style
from engram.files import storage
from engram.jobs.job import job
from engram.statistics import score_tables

config = snakemake.params.config
with job(snakemake), style.chosen(config["style"]):
    text = score_tables.KEYS | {"set": str, "metric": str, "direction": str}
    tables = [storage.read_table(path, dtype=text) for path in snakemake.input.tables]
    drawings: dict[str, Callable[..., Any]] = {
        "decoding": metric_figures.decoding,
        "similarity": metric_figures.similarity,
        "metrics": metric_figures.metrics,
    }
    drawn = drawings[config["figure"]](*tables, config["models"])
    style.save(drawn, snakemake.output.svg, snakemake.output.png, config["dpi"])
