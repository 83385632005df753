"""Read a story with a model, with associations and with every control's insertions."""

from engram.associations import text_reading
from engram.features.language_models import activations
from engram.files import keys, storage
from engram.jobs.job import job, model_folder, use_threads
from engram.vocabulary import WORD_RATE
from engram.words.language import language_of

with job(snakemake):
    config = snakemake.params.config
    use_threads(snakemake.threads)
    words = storage.read_words(snakemake.input.words)
    texts = {
        name: {int(place): text for place, text in insertions.items()}
        for name, insertions in storage.read_json(snakemake.input.insertions)["texts"].items()
    }
    read: text_reading.TextReading = text_reading.WordRateReading()
    if config["model"]["source"] != WORD_RATE:
        reader, options = activations.load_configured(model_folder(snakemake), config)
        read = text_reading.ModelReading(
            words["word"].tolist(),
            reader,
            room=config["room"],
            language=language_of(words),
            **options,
        )
    result = text_reading.read_texts(
        words,
        texts,
        read,
        alignment=config["alignment"],
        layer=config["layer"],
        layers=config["layers"],
    )
    keys.write_dataset(snakemake.output.activations, result, keys.of_job(snakemake, "variants"))
