"""Make the control texts of a story's associations."""

from pathlib import Path

from engram.associations import association_files, control_sources, control_texts, text_tables
from engram.associations.norms.control_texts import norms_controls
from engram.associations.norms.writing import open_choices
from engram.associations.random_texts import Made
from engram.files import storage
from engram.jobs.job import job
from engram.vocabulary import ORIGINAL

with job(snakemake):
    config, story, name = (
        snakemake.params.config,
        snakemake.wildcards.story,
        snakemake.wildcards.text,
    )
    table = storage.read_words(snakemake.input.words)
    words = table["word"].tolist()
    found = association_files.read_associations(Path(snakemake.input.associations), len(words))
    sentence = table["sentence"].tolist()
    of_norms = config.get("norms")
    sources, further = [], {}
    if of_norms:
        choices = open_choices(words, sentence, of_norms, snakemake.input.norms)
        further = norms_controls(choices, found, of_norms["controls"])
    else:
        files = [*snakemake.params.reads["files"], *snakemake.input.others]
        sources = control_sources.read_sources(list(map(Path, files)), found[0].granularity)
    made = {
        ORIGINAL: Made({}),
        **control_texts.texts_with_controls(
            words,
            sentence,
            found,
            sources,
            config["controls"],
            config["seed"],
            f"{story}/{name}",
            further,
        ),
    }
    texts = {variant: one.insertions for variant, one in made.items()}
    storage.write_table(
        snakemake.output.texts,
        text_tables.texts_table(
            story, name, words, made, control_texts.source_counts(words, sources)
        ),
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
