"""Tune a model."""

from pathlib import Path

from engram import tuning, tuning_data, tuning_memory
from engram.jobs import gpu_memory, job, model_folder, use_threads
from engram.own_code import is_allowed
from engram.paths import found

with job(snakemake):
    config, out = snakemake.params.config, Path(snakemake.output.folder)
    use_threads(snakemake.threads)
    settings, base = tuning.Settings(**config["settings"]), model_folder(snakemake)
    code = is_allowed(config["model"], base)
    if (available := gpu_memory()) is not None:
        tuning_memory.check_memory(base, settings, available, code)
    parts = []
    for part in tuning_data.split(tuning_data.read_samples(found(config["data"])), config["validation"], config["study_seed"]):
        conditions = {name: tuning_data.conditioned(part, name, settings.seed) for name in tuning.CONDITIONS}
        mine = conditions[config["condition"]]
        if config["too_long"] == "leave out":
            mine = tuning.fitting_everywhere(base, conditions, config["condition"], settings.max_length, settings.template, code)
        parts.append(mine)
    known = {"source": config["model"]["source"], "revision": config["model"]["revision"]}
    checkpoints = out.parent / "checkpoints" / out.name
    tuning.tune(base, *parts, settings, out, checkpoints, base=known, condition=config["condition"], licence=config["licence"], code=code)
