"""Make the control texts of a story's associations."""

from pathlib import Path

from engram import associations, augment, storage
from engram.jobs import job
from engram.names import AUGMENTED_TEXT, ORIGINAL_TEXT

with job(snakemake):
    config, story, name = snakemake.params.config, snakemake.wildcards.story, snakemake.wildcards.aug
    table = storage.read_words(snakemake.input.words)
    words = table["word"].tolist()
    found = associations.read_associations(Path(snakemake.input.associations), len(words))
    pool = associations.pool_texts([Path(path) for path in snakemake.params.reads["files"]], found)
    controls = augment.control_texts(words, table["sentence"].tolist(), found, pool, config["controls"], config["seed"])
    texts = {ORIGINAL_TEXT: {}, AUGMENTED_TEXT: associations.insertions_of(found), **controls}
    storage.write_table(snakemake.output.texts, augment.texts_table(story, name, words, texts), augment.TEXTS, augment.TEXTS_COLUMNS)
    storage.write_table(snakemake.output.rows, augment.rows_table(story, name, table, texts, config["alignment"]), augment.ROWS, augment.ROWS_COLUMNS)
    storage.write_json(snakemake.output.insertions, {"texts": texts})
