"""Say of each published claim whether it was reproduced."""

from pathlib import Path

from engram import claims, storage
from engram.associations import read_associations
from engram.jobs import job
from engram.reported import read_reported
from engram.variant_effects import read_effects

with job(snakemake):
    config = snakemake.params.config
    files, effects, tuned = (iter(snakemake.input[name]) for name in ("scores", "effects", "tuned"))
    scores = {model: read_reported([next(files) for _ in range(config["groups"])], config["layer"]) for model in config["models"]}
    models = {}
    for (name, source), path in zip(config["sources"].items(), snakemake.input.activations, strict=True):
        with storage.open_dataset(path) as read:
            models[name] = claims.LanguageModel(source, read.sizes["layer"] - 1, read.sizes["unit"], scores[name])
    per_text = len(snakemake.input.associations) // max(1, len(config["associations"]))
    texts = {}
    for number, name in enumerate(config["associations"]):
        written = [one for path in snakemake.input.associations[number * per_text : (number + 1) * per_text] for one in read_associations(Path(path), 10**9)]
        texts[name] = claims.Text(frozenset(one.annotator for one in written), frozenset(one.granularity for one in written))
    found = {
        kind: {(model, name): read_effects([next(paths) for _ in range(config["all_groups"])]) for name, wanted in config[kind].items() for model in wanted}
        for kind, paths in (("associations", effects), ("tunings", tuned))
    }
    evidence = claims.Evidence(
        models,
        {key: one for key, one in found["associations"].items() if key[0] in models},
        texts,
        found["tunings"],
        config["alignment"],
        config["people"],
        config["seed"],
    )
    storage.write_table(snakemake.output.claims, claims.claims_table(evidence), claims.CLAIMS, claims.CLAIMS_COLUMNS)
