"""Draw where in the stories insertions fall."""

from engram import figures_data, keys, storage, style, tables
from engram.jobs import job

with job(snakemake):
    config = snakemake.params.config
    words = {key["story"]: storage.read_words(path) for key, path in keys.of_input(snakemake, "words")}
    written = keys.of_input(snakemake, "associations")
    found = {(key["story"], key["aug"]): storage.read_table(path) for key, path in written}
    drawn = figures_data.insertions(words, found, storage.read_table(snakemake.input.texts, dtype=tables.KEYS), config["texts"])
    style.save(drawn, snakemake.output.svg, snakemake.output.png, config["dpi"])
