"""Let a language model write a story's associations."""

from dataclasses import asdict
from pathlib import Path

from engram.associations import association_files
from engram.associations.annotators import annotation, chat
from engram.associations.annotators.local_model import LocalAnnotator
from engram.files import storage
from engram.jobs.job import job, use_threads

with job(snakemake, network=snakemake.params.config["address"] is not None):
    config, output = snakemake.params.config, Path(snakemake.output.associations)
    use_threads(snakemake.threads)
    table = storage.read_words(snakemake.input.words)
    pseudo = bool((table["sentence_source"] == "pseudo").any())
    common = {
        "granularity": config["granularity"],
        "cache": output.parent / "answers",
        "temperature": config["temperature"],
        "seed": config["seed"],
    }
    if config["address"] is None:
        annotator: annotation.Annotator = LocalAnnotator(
            Path(config["folder"]), model=Path(config["model"]).name, **common
        )
    else:
        annotator = chat.ChatAnnotator(config["address"], model=config["model"], **common)
    found, report = annotation.annotate(
        table["word"].tolist(),
        table["sentence"].tolist(),
        annotator,
        config["every"],
        pseudo=pseudo,
        allow_pseudo=config["pseudo_sentences"],
    )
    made = {
        "by": f"language model: {annotator.model}",
        "every": config["every"],
        "temperature": config["temperature"],
        **asdict(report),
    }
    association_files.write_associations(output, found, made)
