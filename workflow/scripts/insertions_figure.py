"""Draw where in the stories insertions fall."""

from engram.figures import data_figures, style
from engram.files import keys, storage
from engram.jobs.job import job
from engram.statistics import score_tables

config = snakemake.params.config
with job(snakemake), style.chosen(config["style"]):
    words = {
        key["story"]: storage.read_words(path) for key, path in keys.of_input(snakemake, "words")
    }
    written = keys.of_input(snakemake, "associations")
    found = {(key["story"], key["text"]): storage.read_table(path) for key, path in written}
    drawn = data_figures.insertions(
        words,
        found,
        storage.read_table(snakemake.input.texts, dtype=score_tables.KEYS),
        config["texts"],
    )
    style.save(drawn, snakemake.output.svg, snakemake.output.png, config["dpi"])
