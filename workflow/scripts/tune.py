"""Tune a model."""

from pathlib import Path

from engram import tuning, tuning_data
from engram.jobs import job, model_folder, use_threads
from engram.paths import found

with job(snakemake):
    config, out = snakemake.params.config, Path(snakemake.output.folder)
    use_threads(snakemake.threads)
    parts = tuning_data.split(tuning_data.read_samples(found(config["data"])), config["validation"], config["study_seed"])
    train, validation = (tuning_data.conditioned(part, config["condition"], config["settings"]["seed"]) for part in parts)
    base = {"source": config["model"]["source"], "content": config["model"]["content"] or config["model"]["revision"]}
    checkpoints = out.parent / "checkpoints" / out.name
    settings = tuning.Settings(**config["settings"])
    tuning.tune(model_folder(snakemake), train, validation, settings, out, checkpoints, base=base, condition=config["condition"], licence=config["licence"])
