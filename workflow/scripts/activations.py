"""Read a story with a model and keep every layer's vector of every word."""

from engram.features.language_models import activations
from engram.features.vectors import together
from engram.features.word_rate import word_rate
from engram.files import keys, storage
from engram.jobs.job import job, model_folder, use_threads
from engram.vocabulary import WORD_RATE
from engram.words.language import language_of

with job(snakemake):
    config = snakemake.params.config
    table = storage.read_words(snakemake.input.words)
    words = table["word"].tolist()
    if config["model"]["source"] == WORD_RATE:
        result = word_rate(len(words))
    else:
        use_threads(snakemake.threads)
        reader, options = activations.load_configured(model_folder(snakemake), config)
        result = activations.story_activations(
            words, reader, language=language_of(table), **options
        )
        result = together(result, config["model"].get("layers_together"))
    keys.write_dataset(snakemake.output.activations, result, keys.of_job(snakemake, "activations"))
