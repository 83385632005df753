"""Draw where in the stories insertions fall."""

from engram import figures_data, storage, style, tables
from engram.jobs import job

with job(snakemake):
    config = snakemake.params.config
    words = {story: storage.read_words(path) for story, path in zip(config["stories"], snakemake.input.words, strict=True)}
    keys = [(story, name) for name in config["associations"] for story in config["stories"]]
    found = {key: storage.read_table(path) for key, path in zip(keys, snakemake.input.associations, strict=True)}
    drawn = figures_data.insertions(words, found, storage.read_table(snakemake.input.texts, dtype=tables.KEYS), config["texts"])
    style.save(drawn, snakemake.output.svg, snakemake.output.png, config["dpi"])
