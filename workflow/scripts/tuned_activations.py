"""Read a story with a model and its tunings."""

from functools import partial

from engram.features.language_models import activations
from engram.fetch.remote_code import is_allowed
from engram.files import keys, storage
from engram.jobs.job import job, model_folder, use_threads
from engram.tunings import tuned_reading
from engram.vocabulary import BASE
from engram.words.language import language_of

with job(snakemake):
    config = snakemake.params.config
    use_threads(snakemake.threads)
    table = storage.read_words(snakemake.input.words)
    base, reading = model_folder(snakemake), config["reading"]
    load = partial(
        activations.load,
        dtype=reading["dtype"],
        device=reading["device"],
        code=is_allowed(config["model"], base),
    )
    readers = {BASE: partial(load, base)}
    wildcards = snakemake.wildcards
    folders = keys.of_input(snakemake, "tuned", model=wildcards.model, tuning=wildcards.tuning)
    readers |= {key["variant"]: partial(load, folder, base=base) for key, folder in folders}
    result = tuned_reading.read_story(
        table["word"].tolist(),
        readers,
        config["layer"],
        language=language_of(table),
        **activations.reading_options(reading),
    )
    keys.write_dataset(snakemake.output.activations, result, keys.of_job(snakemake, "variants"))
