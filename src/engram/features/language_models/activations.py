"""Activations: every layer's vector for every word of a story.

They come from any Hugging Face causal model or encoder.

Layer 0 is the embeddings; the last layer is what the model's final norm makes of the last block,
as Hugging Face gives it (`hidden_states[-1]` is already normed in GPT-2, LLaMA and most others).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from engram.features.language_models.model_source import ModelSource
from engram.features.language_models.reader import Reader, loaded_reader
from engram.features.language_models.tokens import tokenize
from engram.features.language_models.windows import plan_windows
from engram.features.language_models.word_vectors import word_vectors
from engram.features.vectors import to_dataset
from engram.fetch.remote_code import is_allowed
from engram.paths import found
from engram.words.language import ENGLISH

logger = logging.getLogger(__name__)

#: Word vectors longer than this many times the layer's median are named in the log.
MASSIVE = 20


def load(
    folder: str | Path,
    *,
    base: str | Path | None = None,
    reinitialised: bool = False,
    seed: int | None = None,
    dtype: str = "float32",
    device: str = "auto",
    code: bool = False,
) -> Reader:
    """Load a model and its tokenizer from a folder in the Hugging Face layout.

    Parameters
    ----------
    folder : path
        Of a model, or of an adapter, which is merged into its base.
    base : path, optional
        The folder of the model that an adapter was tuned on; whole models need none.
    reinitialised : bool
        Draw the weights at random, by the model's own initialisation.
    seed : int, optional
        For re-initialised models.
    dtype : {"float32", "bfloat16", "float16"}
    device : {"auto", "cpu", "cuda"}
    code : bool
        Whether code of the model's own, or of an adapter's base, may
        run (`engram.fetch.remote_code`).

    Returns
    -------
    Reader

    Raises
    ------
    EngramError
        If the folder holds no model that can be loaded, one that is neither causal nor an encoder,
        or an adapter without its base.
    """
    return loaded_reader(ModelSource(folder, base, reinitialised, seed, dtype, code), device)


def load_configured(folder: str | Path, config: Mapping[str, Any]) -> tuple[Reader, dict[str, Any]]:
    """Return the model of a job, and how it is to read.

    Jobs that read stories have both in their parameters.

    Parameters
    ----------
    folder : path
        Of the model, or of an adapter's base.
    config : mapping
        ``model`` (`engram.study.models.model_key`) and ``reading`` (the `activations` section).
    """
    reading = config["reading"]
    reader = loaded_reader(configured_source(folder, config), reading["device"])
    options = reading_options(reading)
    if layers := config["model"].get("layers_together"):
        options["last"] = max(layers)
    return reader, options


def configured_source(folder: str | Path, config: Mapping[str, Any]) -> ModelSource:
    """Return where the model of a job comes from.

    The parameters are those of `load_configured`.
    """
    model, dtype = config["model"], config["reading"]["dtype"]
    tuned, base = (found(model["source"]), folder) if model["base"] else (folder, None)
    code = is_allowed(model, folder)
    return ModelSource(tuned, base, model["reinitialised"], model["seed"], dtype, code)


def reading_options(reading: Mapping[str, Any]) -> dict[str, Any]:
    """Return how to read, of the `activations` section: the options of `story_activations`."""
    options = {
        key: reading[key] for key in ("mode", "context", "stride", "pooling", "batch_tokens")
    }
    # Jobs have the key where it is above 1 alone (`engram.study.stages.features.reading`).
    return {**options, "encoder_stride": reading.get("encoder_stride", 1)}


def story_activations(
    words: Sequence[str],
    reader: Reader,
    *,
    mode: str,
    context: int | None,
    stride: int | None,
    pooling: str,
    batch_tokens: int,
    encoder_stride: int = 1,
    layer: int | None = None,
    last: int | None = None,
    language: str = ENGLISH,
) -> xr.Dataset:
    """Return the activations of a story.

    Parameters
    ----------
    words : sequence of str
    reader : Reader
    mode, context, stride, encoder_stride, pooling, batch_tokens
        As in `plan_windows` and `word_vectors`.
    layer : int or None
        The only layer to read, or all of them.
    last : int or None
        The last layer that is wanted: a model that can be stopped gives none above it.
    language : str
        Code of the story's language (`engram.words.language`).

    Returns
    -------
    xarray.Dataset
        ``activation`` (layer, word, unit), float32; layer 0 is the embeddings. Where words know
        words that come after them, the attribute ``later_words_known`` says how many at most.
    """
    story = tokenize(words, reader.tokenizer, language)
    windows = plan_windows(
        story,
        reader,
        mode=mode,
        context=context,
        stride=stride,
        encoder_stride=encoder_stride,
    )
    logger.info("%d words, %d tokens, %d windows", len(words), len(story.ids), len(windows))
    vectors = word_vectors(
        story, windows, reader, pooling=pooling, batch_tokens=batch_tokens, layer=layer, last=last
    )
    _report_massive(vectors, words, layer or 0)
    result = to_dataset(vectors, half=reader.model.dtype.itemsize < 4, layer=layer)
    ahead = 0 if reader.causal else encoder_stride - 1
    return result.assign_attrs(later_words_known=ahead) if ahead else result


def _report_massive(vectors: np.ndarray, words: Sequence[str], first: int = 0) -> None:
    """Name the word vectors that are so long that they would rule a layer's ridge.

    See Sun et al. 2024, arXiv 2402.17762.
    """
    for layer, of_words in enumerate(vectors, start=first):
        norms = np.linalg.norm(of_words, axis=-1)  # of one layer at a time: it makes a copy
        for word in np.flatnonzero(norms > MASSIVE * np.median(norms)).tolist():
            logger.warning(
                "layer %d: the vector of word %d ('%s') is %.0f times as long as the median",
                layer,
                word,
                words[word],
                norms[word] / np.median(norms),
            )
