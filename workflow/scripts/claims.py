"""Say of each published claim whether it was reproduced."""

from pathlib import Path

from engram.associations.association_files import read_associations
from engram.files import keys, storage
from engram.jobs.job import job
from engram.statistics import dependent_listeners
from engram.statistics.reported_scores import read_reported
from engram.statistics.variant_effects import read_effects
from engram.statistics.yin2025 import claims_table
from engram.statistics.yin2025.evidence import Evidence, LanguageModel, Text

with job(snakemake):
    config = snakemake.params.config
    of_study = {"study": config["study"]}
    at_layer = {**of_study, "layer_rule": keys.layer_rule(config["layer"])}
    by_model = keys.by("model", keys.of_input(snakemake, "scores", result="scores", **of_study))
    scores = {model: read_reported(paths, config["layer"]) for model, paths in by_model.items()}
    models = {}
    for key, path in keys.of_input(snakemake, "activations", result="activations"):
        name = key["model"]
        with storage.open_dataset(path) as read:
            models[name] = LanguageModel(
                config["sources"][name], read.sizes["layer"] - 1, read.sizes["unit"], scores[name]
            )
    texts = {}
    for name, paths in keys.by("text", keys.of_input(snakemake, "associations")).items():
        written = [one for path in paths for one in read_associations(Path(path), 10**9)]
        texts[name] = Text(
            frozenset(one.annotator for one in written),
            frozenset(one.granularity for one in written),
        )
    effects = keys.by_model_and(
        "text", keys.of_input(snakemake, "effects", result="effects", **at_layer)
    )
    tuned = keys.by_model_and(
        "tuning", keys.of_input(snakemake, "tuned", result="effects", **at_layer)
    )
    evidence = Evidence(
        models,
        {key: read_effects(paths) for key, paths in effects.items() if key[0] in models},
        texts,
        {key: read_effects(paths) for key, paths in tuned.items()},
        config["alignment"],
        config["people"],
        config["seed"],
    )
    tested = dependent_listeners.tested(
        claims_table.claims_table(evidence),
        claims_table.CLAIMS,
        claims_table.CLAIMS_COLUMNS,
        config["learn_from"],
    )
    storage.write_table(snakemake.output.claims, *tested)
