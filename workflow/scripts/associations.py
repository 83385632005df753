"""Check a story's associations against its words."""

from pathlib import Path

from engram.associations import association_files
from engram.files import storage
from engram.jobs.job import job

with job(snakemake):
    files, name = (
        [*snakemake.input.file, *snakemake.params.reads["files"]],
        snakemake.params.config["name"],
    )
    path = next(Path(file) for file in files if file.endswith(".tsv"))
    found = association_files.read_associations(
        path, len(storage.read_words(snakemake.input.words))
    )
    association_files.check_name(name, found, path)
    made = storage.read_json(storage.sidecar(path)).get("Made", {})
    association_files.write_associations(Path(snakemake.output.associations), found, made)
