"""Make the control texts of a story's associations."""

from pathlib import Path

from engram.associations import association_files, control_texts, text_tables
from engram.associations.insertions import insertions_of
from engram.files import storage
from engram.jobs.job import job
from engram.vocabulary import ORIGINAL, WITH_ASSOCIATIONS

with job(snakemake):
    config, story, name = (
        snakemake.params.config,
        snakemake.wildcards.story,
        snakemake.wildcards.text,
    )
    table = storage.read_words(snakemake.input.words)
    words = table["word"].tolist()
    found = association_files.read_associations(Path(snakemake.input.associations), len(words))
    pool = association_files.pool_texts(
        [Path(path) for path in snakemake.params.reads["files"]], found
    )
    controls = control_texts.control_insertions(
        words, table["sentence"].tolist(), found, pool, config["controls"], config["seed"]
    )
    texts = {
        ORIGINAL: {},
        WITH_ASSOCIATIONS: insertions_of(found),
        **controls,
    }
    storage.write_table(
        snakemake.output.texts,
        text_tables.texts_table(story, name, words, texts),
        text_tables.TEXTS,
        text_tables.TEXTS_COLUMNS,
    )
    storage.write_table(
        snakemake.output.rows,
        text_tables.rows_table(story, name, table, texts, config["alignment"]),
        text_tables.ROWS,
        text_tables.ROWS_COLUMNS,
    )
    storage.write_json(snakemake.output.insertions, {"texts": texts})
