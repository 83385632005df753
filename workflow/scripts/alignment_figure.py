"""Draw words beside BOLD, and their correlation by lag."""

from engram import figures_data, keys, storage, style
from engram.jobs import job

with job(snakemake):
    config = snakemake.params.config
    words = {key["story"]: path for key, path in keys.of_input(snakemake, "words")}
    courses = []
    for key, path in keys.of_input(snakemake, "bold", result="bold", study=config["study"]):
        with storage.open_dataset(path) as dataset:
            courses.append(figures_data.course(dataset, storage.read_words(words[key["story"]])["onset"].to_numpy()))
    style.save(figures_data.alignment(courses), snakemake.output.svg, snakemake.output.png, config["dpi"])
