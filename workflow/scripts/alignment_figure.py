"""Draw words beside BOLD, and their correlation by lag."""

from engram import figures_data, storage, style
from engram.jobs import job

with job(snakemake):
    courses = []
    for bold, words in zip(snakemake.input.bold, snakemake.input.words, strict=True):
        with storage.open_dataset(bold) as dataset:
            courses.append(figures_data.course(dataset, storage.read_words(words)["onset"].to_numpy()))
    style.save(figures_data.alignment(courses), snakemake.output.svg, snakemake.output.png, snakemake.params.config["dpi"])
