"""Draw R, and consistency on minimal pairs, by training step."""

from engram.figures import checkpoint_figures, style
from engram.files import storage
from engram.jobs.job import job

config = snakemake.params.config
with job(snakemake), style.chosen(config["style"]):
    given = snakemake.input
    text = dict.fromkeys(("series", "model", "hemisphere", "roi", "phenomenon"), str)
    table, changes = (
        storage.read_table(path, dtype=text) for path in (given.checkpoints, given.changes)
    )
    pairs = storage.read_table(given.pairs[0], dtype=text) if given.pairs else None
    drawn = checkpoint_figures.checkpoints(table, changes, pairs)
    style.save(drawn, snakemake.output.svg, snakemake.output.png, config["dpi"])
