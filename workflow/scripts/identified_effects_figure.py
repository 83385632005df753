"""Draw F or M of identification, by set of targets."""

from engram.figures import identified_figures, style
from engram.files import storage
from engram.jobs.job import job
from engram.statistics import score_tables

config = snakemake.params.config
with job(snakemake), style.chosen(config["style"]):
    table = storage.read_table(snakemake.input.table, dtype=score_tables.KEYS | {"set": str})
    draw = {
        "association": identified_figures.association,
        "tuning": identified_figures.tuning,
    }[snakemake.wildcards.effect]
    style.save(
        draw(table, config["texts"]), snakemake.output.svg, snakemake.output.png, config["dpi"]
    )
