"""Draw what groups of feature spaces explain alone, and what they share."""

from engram.figures import partition_figures, style
from engram.files import storage
from engram.jobs.job import job
from engram.statistics import score_tables

config = snakemake.params.config
with job(snakemake), style.chosen(config["style"]):
    text = score_tables.KEYS | {"partition": str, "kind": str, "part": str}
    table = storage.read_table(snakemake.input.partitions, dtype=text)
    drawn = partition_figures.partitions(table)
    style.save(drawn, snakemake.output.svg, snakemake.output.png, config["dpi"])
