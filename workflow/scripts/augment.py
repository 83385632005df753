"""Read a story with a model, with associations and with every control's insertions."""

from engram import activations, augment, storage
from engram.jobs import job, model_folder, use_threads

with job(snakemake):
    config = snakemake.params.config
    use_threads(snakemake.threads)
    words = storage.read_words(snakemake.input.words)["word"].tolist()
    texts = {
        name: {int(place): text for place, text in insertions.items()} for name, insertions in storage.read_json(snakemake.input.insertions)["texts"].items()
    }
    reader, options = activations.load_configured(model_folder(snakemake), config)
    result = augment.read_texts(words, texts, reader, room=config["room"], alignment=config["alignment"], layer=config["layer"], **options)
    storage.write_dataset(snakemake.output.activations, result)
