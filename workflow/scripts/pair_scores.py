"""Score minimal pairs by a causal model."""

from pathlib import Path

from engram.features.language_models import activations, causal_model, pair_scores
from engram.features.minimal_pairs import read_pairs
from engram.files import storage
from engram.jobs.job import job, model_folder, use_threads
from engram.statistics import pair_tables

with job(snakemake):
    config = snakemake.params.config
    use_threads(snakemake.threads)
    source = activations.configured_source(model_folder(snakemake), config)
    remedy = "Name causal models alone in minimal_pairs.models."
    model = causal_model.loaded_causal_model(source, config["reading"]["device"], remedy)
    pairs = read_pairs(Path(config["table"]))
    table = pair_scores.pair_scores(pairs, model, config["reading"]["batch_tokens"])
    columns = pair_tables.SCORED_COLUMNS
    storage.write_table(snakemake.output.pairs, table[list(columns)], pair_tables.SCORED, columns)
