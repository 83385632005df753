"""Tune a model."""

from pathlib import Path

from engram.fetch.remote_code import is_allowed
from engram.jobs.job import gpu_memory, job, model_folder, use_threads
from engram.paths import found
from engram.tunings import controls, memory_check, splitting, training
from engram.tunings.model import BaseModel, tokenizer_of
from engram.tunings.sample_tokens import fitting_everywhere
from engram.tunings.samples import Sample, SampleSet, read_samples
from engram.tunings.settings import Settings

with job(snakemake):
    config, out = snakemake.params.config, Path(snakemake.output.folder)
    use_threads(snakemake.threads)
    settings, source = Settings(**config["settings"]), config["model"]
    folder = model_folder(snakemake)
    base = BaseModel(
        folder,
        {"source": source["source"], "revision": source["revision"]},
        is_allowed(source, folder),
    )
    if (available := gpu_memory()) is not None:
        memory_check.check_memory(base, settings, available)
    tokenizer = tokenizer_of(base) if config["too_long"] == "leave out" else None
    parts: list[list[Sample]] = []
    for part in splitting.split(
        read_samples(found(config["data"])),
        config["validation"],
        config["study_seed"],
        config["validation_samples"],
    ):
        conditions = {
            name: controls.conditioned(part, name, settings.seed) for name in controls.CONDITIONS
        }
        mine = conditions[config["condition"]]
        if tokenizer is not None:
            mine = fitting_everywhere(
                tokenizer,
                conditions,
                config["condition"],
                settings.max_length,
                settings.template,
            )
        parts.append(mine)
    train, validation = parts
    training.tune(
        base,
        SampleSet(train, validation, config["condition"]),
        settings,
        out,
        out.parent / "checkpoints" / out.name,
        licence=config["licence"],
    )
