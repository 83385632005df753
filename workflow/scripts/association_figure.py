"""Draw F of each text, or by region with its controls and listeners, and by layer."""

from engram.figures import association_figures, style
from engram.files import storage
from engram.jobs.job import job
from engram.statistics import score_tables

config = snakemake.params.config
with job(snakemake), style.chosen(config["style"]):
    association, controls, listeners, layers = (
        storage.read_table(snakemake.input[name], dtype=score_tables.KEYS)
        for name in ("association", "controls", "listeners", "layers")
    )
    drawn = {
        "association": lambda: association_figures.association(
            association, controls, listeners, layers, config["texts"]
        ),
        "association-texts": lambda: association_figures.association_texts(
            association, controls, config["texts"]
        ),
    }[config["figure"]]()
    style.save(drawn, snakemake.output.svg, snakemake.output.png, config["dpi"])
