"""Bring a story's words into one form."""

from engram.datasets import readers
from engram.files import storage
from engram.jobs.job import dataset_folder, job
from engram.words import stories

with job(snakemake):
    config, story = snakemake.params.config, snakemake.wildcards.story
    words = readers.open_words(config["dataset"], dataset_folder(snakemake)).words(story)
    table = stories.words_table(
        words, config["stories"]["pseudo_sentence"], story, config["language"]
    )
    columns = {
        name: text
        for name, text in {**stories.COLUMNS, **stories.MORE_COLUMNS}.items()
        if name in table
    }
    storage.write_table(
        snakemake.output.words, table, f"The words of story {story}.", columns, digits=10
    )
