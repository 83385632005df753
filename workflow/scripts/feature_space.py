"""Lay a feature space over a story."""

from pathlib import Path

from engram.features.space import Given
from engram.features.spaces import lay
from engram.files import keys, storage
from engram.jobs.job import job, model_folder, use_threads

with job(snakemake):
    config, given = snakemake.params.config, snakemake.input
    if "reading" in config:
        use_threads(snakemake.threads)
    result = lay(
        config["folder"],
        Given(
            story=str(snakemake.wildcards.story),
            words=storage.read_words(given.words),
            config=config,
            fetched=Path(given.table[0]).with_suffix("") if given.table else None,
            model=model_folder(snakemake) if "model" in config else None,
            activations=storage.open_dataset(given.taken[0]) if given.taken else None,
            several={
                key["model"]: storage.open_dataset(path)
                for key, path in keys.of_input(snakemake, "spaces", result="activations")
            },
        ),
    )
    keys.write_dataset(snakemake.output.activations, result, keys.of_job(snakemake, "activations"))
