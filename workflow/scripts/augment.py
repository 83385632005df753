"""Read a story with a model, with associations and with every control's insertions."""

from engram import activations, augment, storage
from engram.jobs import job, model_folder, use_threads

with job(snakemake):
    config = snakemake.params.config
    use_threads(snakemake.threads)
    reading = config["reading"]
    words = storage.read_words(snakemake.input.words)["word"].tolist()
    texts = {
        name: {int(place): text for place, text in insertions.items()} for name, insertions in storage.read_json(snakemake.input.insertions)["texts"].items()
    }
    reader = activations.load(
        model_folder(snakemake),
        untrained=config["model"]["untrained"],
        seed=config["model"]["seed"],
        dtype=reading["dtype"],
        device=reading["device"],
    )
    options = {key: reading[key] for key in ("mode", "context", "stride", "pooling", "batch_tokens")}
    result = augment.read_texts(words, texts, reader, room=config["room"], alignment=config["alignment"], layer=config["layer"], **options)
    storage.write_dataset(snakemake.output.activations, result)
