"""Let a language model write a story's associations."""

from dataclasses import asdict
from pathlib import Path

from engram.associations import association_files
from engram.associations.annotators import annotation, chat, prompts
from engram.associations.annotators.local_model import LocalAnnotator
from engram.files import storage
from engram.jobs.job import job, model_folder, use_threads

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
        folder = model_folder(snakemake) if snakemake.input.model else Path(config["folder"])
        annotator: annotation.Annotator = LocalAnnotator(
            folder, model=Path(config["model"]).name, **common
        )
    else:
        annotator = chat.ChatAnnotator(config["address"], model=config["model"], **common)
    kind = config.get("prompt", "instructions")
    found, report = annotation.annotate(
        table["word"].tolist(),
        table["sentence"].tolist(),
        annotator,
        config["every"],
        pseudo=pseudo,
        allow_pseudo=config["pseudo_sentences"],
        template=prompts.template_of(config["granularity"], kind),
        longest=prompts.EXAMPLE_WORDS if kind == "examples" else prompts.STORY_WORDS,
    )
    made = {
        "by": f"language model: {annotator.model}",
        "every": config["every"],
        "prompt": kind,
        "temperature": config["temperature"],
        **asdict(report),
    }
    association_files.write_associations(output, found, made)
