"""Write into a story what people associate with its words."""

from pathlib import Path

from engram.associations import association_files
from engram.associations.norms import writing
from engram.files import storage
from engram.jobs.job import job

with job(snakemake):
    config, wildcards = snakemake.params.config, snakemake.wildcards
    table = storage.read_words(snakemake.input.words)
    choices = writing.open_choices(
        table["word"].tolist(), table["sentence"].tolist(), config, snakemake.input.norms
    )
    found, coverage = writing.write_norms(choices, config["name"])
    made = {"by": f"norms: {config['name']}", "described": config["described"], **config["rules"]}
    association_files.write_associations(Path(snakemake.output.associations), found, made)
    storage.write_table(
        snakemake.output.coverage,
        writing.coverage_table(wildcards.story, wildcards.text, config["name"], coverage),
        writing.COVERAGE,
        writing.COVERAGE_COLUMNS,
    )
