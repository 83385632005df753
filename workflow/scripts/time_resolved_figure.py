"""Draw which minutes of stories are predicted."""

from engram.figures import style, time_resolved_figures
from engram.files import storage
from engram.jobs.job import job
from engram.statistics import score_tables

config = snakemake.params.config
with job(snakemake), style.chosen(config["style"]):
    table = storage.read_table(snakemake.input.table, dtype=score_tables.KEYS | {"set": str})
    drawn = time_resolved_figures.time_resolved(table, config["models"], config["shown"])
    style.save(drawn, snakemake.output.svg, snakemake.output.png, config["dpi"])
