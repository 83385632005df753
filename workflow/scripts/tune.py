"""Tune a model."""

from pathlib import Path

from engram.fetch.remote_code import is_allowed
from engram.jobs.job import gpu_memory, job, model_folder, use_threads
from engram.paths import found
from engram.tunings import controls, splitting, training, tuning_memory
from engram.tunings.samples import Sample, read_samples

with job(snakemake):
    config, out = snakemake.params.config, Path(snakemake.output.folder)
    use_threads(snakemake.threads)
    settings, base = training.Settings(**config["settings"]), model_folder(snakemake)
    code = is_allowed(config["model"], base)
    if (available := gpu_memory()) is not None:
        tuning_memory.check_memory(base, settings, available, code)
    parts: list[list[Sample]] = []
    for part in splitting.split(
        read_samples(found(config["data"])),
        config["validation"],
        config["study_seed"],
    ):
        conditions = {
            name: controls.conditioned(part, name, settings.seed) for name in controls.CONDITIONS
        }
        mine = conditions[config["condition"]]
        if config["too_long"] == "leave out":
            mine = training.fitting_everywhere(
                base, conditions, config["condition"], settings.max_length, settings.template, code
            )
        parts.append(mine)
    train, validation = parts
    known = {"source": config["model"]["source"], "revision": config["model"]["revision"]}
    checkpoints = out.parent / "checkpoints" / out.name
    training.tune(
        base,
        train,
        validation,
        settings,
        out,
        checkpoints,
        base=known,
        condition=config["condition"],
        licence=config["licence"],
        code=code,
    )
