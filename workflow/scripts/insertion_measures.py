"""Measure how far insertions are from the passage before them, and how surprising there."""

from engram.associations import insertion_measures
from engram.features.language_models.activations import configured_source
from engram.features.language_models.causal_model import loaded_causal_model
from engram.files import storage
from engram.jobs.job import job, model_folder, use_threads
from engram.words.language import language_of

with job(snakemake):
    config = snakemake.params.config
    use_threads(snakemake.threads)
    table = storage.read_words(snakemake.input.words)
    words = table["word"].tolist()
    texts = {
        name: {int(place): text for place, text in insertions.items()}
        for name, insertions in storage.read_json(snakemake.input.insertions)["texts"].items()
    }
    source = configured_source(model_folder(snakemake), config)
    model = loaded_causal_model(source, config["reading"]["device"])
    measures = insertion_measures.measures_table(
        words, texts, model, config["texts"], dict(snakemake.wildcards.items()), language_of(table)
    )
    storage.write_table(
        snakemake.output.measures,
        measures,
        insertion_measures.MEASURES,
        insertion_measures.MEASURES_COLUMNS,
    )
