"""Draw what attention heads predict, by layer and by region."""

from engram.figures import head_figures, style
from engram.files import storage
from engram.jobs.job import job

with job(snakemake):
    text = {"model": str, "hemisphere": str, "roi": str}
    heads = storage.read_table(snakemake.input.heads, dtype=text)
    special = storage.read_table(snakemake.input.specialisation, dtype=text)
    drawn = head_figures.heads(heads, special)
    style.save(drawn, snakemake.output.svg, snakemake.output.png, snakemake.params.config["dpi"])
