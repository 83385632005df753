"""Draw words beside BOLD, and their correlation by lag."""

from engram.figures import data_figures, style, time_courses
from engram.files import keys, storage
from engram.jobs.job import job

config = snakemake.params.config
with job(snakemake), style.chosen(config["style"]):
    words = {key["story"]: path for key, path in keys.of_input(snakemake, "words")}
    courses = []
    for key, path in keys.of_input(snakemake, "bold", result="bold", study=config["study"]):
        with storage.open_dataset(path) as dataset:
            courses.append(
                time_courses.course(
                    dataset, storage.read_words(words[key["story"]])["onset"].to_numpy()
                )
            )
    style.save(
        data_figures.alignment(courses), snakemake.output.svg, snakemake.output.png, config["dpi"]
    )
