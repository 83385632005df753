"""Draw what attention heads predict, by layer and by region."""

from engram.figures import head_figures, style
from engram.files import storage
from engram.jobs.job import job

config = snakemake.params.config
with job(snakemake), style.chosen(config["style"]):
    text = {"model": str, "hemisphere": str, "roi": str}
    heads = storage.read_table(snakemake.input.heads, dtype=text)
    special = storage.read_table(snakemake.input.specialisation, dtype=text)
    drawn = head_figures.heads(heads, special)
    style.save(drawn, snakemake.output.svg, snakemake.output.png, config["dpi"])
