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

from engram.errors import EngramError
from engram.features.language_models.embeddings import check_tokens
from engram.features.language_models.hidden_states import hidden_states
from engram.features.language_models.model_source import ModelSource
from engram.features.language_models.reader import Reader, loaded_reader
from engram.features.language_models.tokens import TokenizedStory, tokenize
from engram.features.language_models.window_batches import batches_of, padded, picks, window_ids
from engram.features.language_models.windows import Window, plan_windows
from engram.features.vectors import to_dataset
from engram.fetch.remote_code import is_allowed
from engram.jobs.out_of_memory import Shrinking
from engram.jobs.progress import progress
from engram.paths import found

logger = logging.getLogger(__name__)

#: Word vectors longer than this many times the layer's median are named in the log.
MASSIVE = 20
#: Where a batch was too large for the memory: what to write so that no later run tries it, and
#: what to do where even one window does not fit.
_SMALLER = (
    (
        "'activations.batch_tokens: {size}' in the configuration spares this; vectors are "
        "the same up to rounding."
    ),
    (
        "Give the job more memory (resources: mem_mb), or a smaller activations.context, "
        "compute.reading_dtype: bfloat16, or the CPU (compute.device: cpu)."
    ),
)


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
    model, reading = config["model"], config["reading"]
    place = {
        "dtype": reading["dtype"],
        "device": reading["device"],
        "code": is_allowed(model, folder),
    }
    tuned, base = (found(model["source"]), folder) if model["base"] else (folder, None)
    reader = load(
        tuned, base=base, reinitialised=model["reinitialised"], seed=model["seed"], **place
    )
    return reader, reading_options(reading)


def reading_options(reading: Mapping[str, Any]) -> dict[str, Any]:
    """Return how to read, of the `activations` section: the options of `story_activations`."""
    return {key: reading[key] for key in ("mode", "context", "stride", "pooling", "batch_tokens")}


def word_vectors(
    story: TokenizedStory,
    windows: Sequence[Window],
    reader: Reader,
    *,
    pooling: str = "last",
    batch_tokens: int = 8192,
) -> np.ndarray:
    """Return the activations of every word in every layer.

    Parameters
    ----------
    story : TokenizedStory
    windows : sequence of Window
    reader : Reader
    pooling : {"last", "mean", "sum"}
        How a word's sub-tokens become one vector.
    batch_tokens : int
        Tokens in a batch, padding included. Where memory runs out a batch is read in
        smaller ones, with a warning.

    Returns
    -------
    array of shape (n_layers + 1, n_words, n_units)
        Float32. Words are picked and pooled on the model's device, so that only their vectors
        are copied. Batches of another size give the same vectors up to the rounding of their sums.
    """
    check_tokens(story.ids, reader.model, reader.tokenizer)
    result: np.ndarray | None = None
    limit = Shrinking(batch_tokens, "tokens in a batch", *_SMALLER)
    for batch in progress(batches_of(story, windows, reader, batch_tokens), "windows", "batch"):

        def read(some: slice, batch: list[Window] = batch) -> None:
            nonlocal result
            words, vectors = _batch_vectors(story, batch[some], reader, pooling)
            if result is None:
                result = np.empty(
                    (len(vectors), len(story.pooled), vectors.shape[-1]), dtype=np.float32
                )
            result[:, words] = vectors

        limit.each(
            len(batch),
            read,
            weight=max(len(window_ids(story, window, reader)) for window in batch),
        )
    if result is None:
        raise EngramError("the story has no words.")
    if not np.isfinite(result).all():
        raise EngramError(
            "the model gives activations that are not finite. With compute.reading_dtype float16, "
            "try bfloat16 or float32."
        )
    return result


def _batch_vectors(
    story: TokenizedStory, batch: Sequence[Window], reader: Reader, pooling: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return the words that a batch of windows gives, and their vectors.

    The vectors have the shape (n_layers + 1, n_words, n_units).

    A function of its own, so that nothing of a batch is left in memory when the next one is read.
    """
    import torch

    ids, mask = padded(story, batch, reader)
    words, flat, word_of_flat, weights = picks(
        story, batch, len(reader.prefix), ids.shape[1], pooling
    )
    device = reader.model.device
    with torch.inference_mode():
        layers = hidden_states(reader.model, ids, mask, reader.layers_from)
        index, target = (
            torch.as_tensor(flat, device=device),
            torch.as_tensor(word_of_flat, device=device),
        )
        scale = torch.as_tensor(weights, device=device)[:, None]
        pooled = []
        for layer in layers:
            tokens = layer.reshape(-1, layer.shape[-1])[index].float() * scale
            pooled.append(
                torch.zeros(len(words), layer.shape[-1], device=device).index_add_(
                    0, target, tokens
                )
            )
        return words, torch.stack(pooled).cpu().numpy()


def story_activations(
    words: Sequence[str],
    reader: Reader,
    *,
    mode: str,
    context: int | None,
    stride: int | None,
    pooling: str,
    batch_tokens: int,
) -> xr.Dataset:
    """Return the activations of a story.

    Parameters
    ----------
    words : sequence of str
    reader : Reader
    mode, context, stride, pooling, batch_tokens
        As in `plan_windows` and `word_vectors`.

    Returns
    -------
    xarray.Dataset
        ``activation`` (layer, word, unit), float32; layer 0 is the embeddings.
    """
    story = tokenize(words, reader.tokenizer)
    windows = plan_windows(story, reader, mode=mode, context=context, stride=stride)
    logger.info("%d words, %d tokens, %d windows", len(words), len(story.ids), len(windows))
    vectors = word_vectors(story, windows, reader, pooling=pooling, batch_tokens=batch_tokens)
    _report_massive(vectors, words)
    return to_dataset(vectors, half=reader.model.dtype.itemsize < 4)


def _report_massive(vectors: np.ndarray, words: Sequence[str]) -> None:
    """Name the word vectors that are so long that they would rule a layer's ridge.

    See Sun et al. 2024, arXiv 2402.17762.
    """
    for layer, of_words in enumerate(vectors):
        norms = np.linalg.norm(of_words, axis=-1)  # of one layer at a time: it makes a copy
        for word in np.flatnonzero(norms > MASSIVE * np.median(norms)).tolist():
            logger.warning(
                "layer %d: the vector of word %d ('%s') is %.0f times as long as the median",
                layer,
                word,
                words[word],
                norms[word] / np.median(norms),
            )
