"""Make the control texts of a story's associations."""

from pathlib import Path

from engram.associations import association_files, control_texts, text_tables
from engram.associations.insertions import insertions_of
from engram.associations.norms.control_texts import norms_controls
from engram.associations.norms.writing import open_choices
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
    sentence, files = table["sentence"].tolist(), map(Path, snakemake.params.reads["files"])
    of_norms = config.get("norms")
    pool = [] if of_norms else association_files.pool_texts(list(files), found)
    controls = control_texts.control_insertions(
        words, sentence, found, pool, config["controls"], config["seed"]
    )
    if of_norms:
        choices = open_choices(words, sentence, of_norms, snakemake.input.norms)
        controls |= norms_controls(choices, found, config["controls"])
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
