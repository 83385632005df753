"""Check a story's associations against its words."""

from pathlib import Path

from engram import associations, storage
from engram.jobs import job

with job(snakemake):
    files, name = [*snakemake.input.file, *snakemake.params.reads["files"]], snakemake.params.config["name"]
    path = next(Path(file) for file in files if file.endswith(".tsv"))
    found = associations.read_associations(path, len(storage.read_words(snakemake.input.words)))
    associations.check_name(name, found, path)
    made = storage.read_json(storage.sidecar(path)).get("Made", {})
    associations.write_associations(Path(snakemake.output.associations), found, made)
