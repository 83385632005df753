"""Draw what tuning changes, M by method and region or set of regions, or the losses."""

from engram.figures import style, tuning_figures
from engram.files import storage
from engram.jobs.job import job
from engram.statistics import score_tables

config = snakemake.params.config
with job(snakemake), style.chosen(config["style"]):
    read = {
        name: storage.read_table(path, dtype=score_tables.KEYS)
        for name, path in snakemake.input.items()
    }
    drawn = {
        "tuning": lambda: tuning_figures.tuning(
            read["tuning"], read["models"], read["listeners"], read["layers"]
        ),
        "tuning-methods": lambda: tuning_figures.tuning_methods(read["tuning"], config["texts"]),
        "tuning-roi-sets": lambda: tuning_figures.tuning_methods(
            read["roi_sets"], config["texts"], "set of regions"
        ),
        "tuning-losses": lambda: tuning_figures.losses(read["curves"]),
    }[config["figure"]]()
    style.save(drawn, snakemake.output.svg, snakemake.output.png, config["dpi"])
