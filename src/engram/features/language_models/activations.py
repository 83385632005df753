"""Activations: every layer's vector for every word of a story.

They come from any Hugging Face causal model or encoder.

Layer 0 is the embeddings; the last layer is what the model's final norm makes of the last block,
as Hugging Face gives it (`hidden_states[-1]` is already normed in GPT-2, LLaMA and most others).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from engram.errors import EngramError
from engram.features.language_models.adapters import merged
from engram.features.language_models.embeddings import check_tokens
from engram.features.language_models.model_loading import load_model
from engram.features.language_models.model_source import ModelSource
from engram.features.language_models.read_check import hidden_states, read_check
from engram.features.language_models.reading_memory import ReadingShape
from engram.features.language_models.tokens import TokenizedStory, tokenize
from engram.features.language_models.windows import Window, exact_windows, strided_windows
from engram.fetch.remote_code import is_allowed, loading_error
from engram.files import storage
from engram.jobs.out_of_memory import Shrinking
from engram.jobs.progress import progress
from engram.paths import found

logger = logging.getLogger(__name__)

#: Longest default window in tokens, as in the lineage (Caucheteux et al. 2023).
DEFAULT_CONTEXT = 1024
#: Word vectors longer than this many times the layer's median are named in the log.
MASSIVE = 20
#: Tokens of a vocabulary that are tried as a text, for one that lacks the letter a.
_TRIED = 1000
#: What spares a search for a batch that fits into memory, and what to do where none does.
_SMALLER = (
    (
        "'activations.batch_tokens: {size}' in the configuration spares this; vectors are "
        "the same up to rounding."
    ),
    (
        "Give the job more memory (resources: mem_mb), or a smaller activations.context, "
        "activations.dtype: bfloat16, or the CPU (activations.device: cpu)."
    ),
)


@dataclass(frozen=True)
class Reader:
    """A loaded model.

    Attributes
    ----------
    model, tokenizer
        From transformers; the model is in evaluation mode, without a language-modelling head.
    prefix, suffix : list of int
        Special tokens around every window; never pooled.
    limit : int
        Tokens that the model can read at once.
    causal : bool
        Whether a token's activations are independent of later tokens (tried out, not looked up).
    batched_is_single : bool
        Whether padding changes nothing; else windows of equal length alone are read together.
    layers_from : str
        Where layers come from (`engram.features.language_models.read_check.ReadCheck`).
    """

    model: Any
    tokenizer: Any
    prefix: list[int]
    suffix: list[int]
    limit: int
    causal: bool
    batched_is_single: bool = True
    layers_from: str = "hidden_states"

    def __post_init__(self) -> None:
        # Nothing is generated: keys and values of the past would only take memory, twice
        # that of the hidden states.
        self.model.config.use_cache = False


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
        Draw the weights anew, by the model's own initialisation.
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
    import torch
    from transformers import AutoConfig, AutoModel, AutoModelForCausalLM, AutoTokenizer

    if device == "cuda" and not torch.cuda.is_available():
        raise EngramError(
            "activations.device is 'cuda', and there is no GPU here. Write 'auto' or 'cpu', "
            "or run where there is one."
        )
    place = device if device != "auto" else ("cuda" if torch.cuda.is_available() else "cpu")
    source = ModelSource(folder, base, reinitialised, seed, dtype, code)
    home = source.home
    try:
        config = AutoConfig.from_pretrained(home, local_files_only=True, trust_remote_code=code)
        tokenizer = AutoTokenizer.from_pretrained(
            home, local_files_only=True, trust_remote_code=code
        )
        # Code of a model's own may know the model with its head alone.
        headed = (
            code
            and "AutoModelForCausalLM" in (getattr(config, "auto_map", None) or {})
            and "AutoModel" not in config.auto_map
        )
        kind = AutoModelForCausalLM if headed else AutoModel
        if reinitialised:
            torch.manual_seed(seed or 0)
            model = kind.from_config(config, trust_remote_code=code, dtype=getattr(torch, dtype))
        elif source.is_adapter:
            model, headed = merged(source), True
        else:
            model = load_model(kind, folder, dtype=dtype, code=code, head=False)
    except EngramError:
        raise
    except Exception as error:  # as many kinds as there are libraries behind it
        raise loading_error("cannot be loaded", home, error, code) from error
    model = model.base_model if headed else model
    if getattr(config, "is_encoder_decoder", False):
        raise EngramError(
            f"the model in '{folder}' ({config.model_type}) has an encoder and a decoder; "
            "give a causal model or an encoder."
        )
    if config.get_text_config() is not config:  # text among images or sound: what reads it
        model = next(
            (
                part
                for name in ("language_model", "text_model")
                if (part := getattr(model, name, None)) is not None
            ),
            model,
        )
    model = model.to(place).eval()
    logger.info("%s from %s: %s on %s", config.model_type, folder, dtype, place)
    check = read_check(model, tokenizer, dtype)
    prefix, suffix = _special_tokens(tokenizer, check.causal)
    check_tokens(np.asarray([*prefix, *suffix]), model, tokenizer)
    return Reader(
        model,
        tokenizer,
        prefix,
        suffix,
        check.limit,
        check.causal,
        check.batched_is_single,
        check.layers_from,
    )


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


def _special_tokens(tokenizer: Any, causal: bool) -> tuple[list[int], list[int]]:
    """Return the special tokens around a window.

    BOS for a causal model, the tokenizer's own frame for an encoder.
    """
    if not causal:
        framed, plain = _framed(tokenizer)
        for begin in range(len(framed) - len(plain) + 1):
            if framed[begin : begin + len(plain)] == plain:
                return framed[:begin], framed[begin + len(plain) :]
    for token in (tokenizer.bos_token_id, tokenizer.cls_token_id, tokenizer.eos_token_id):
        if token is not None:
            return [token], []
    logger.warning(
        "the tokenizer has no BOS, CLS or EOS token: windows begin with the story's own tokens"
    )
    return [], []


def _framed(tokenizer: Any) -> tuple[list[int], list[int]]:
    """Return the tokens of a short text with the tokenizer's frame and without.

    The text is the first one that the tokenizer knows a token for.
    """
    special = set(tokenizer.all_special_ids)
    known = (
        token
        for token, number in sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
        if number not in special
    )
    for text in chain(
        ["a"], (tokenizer.convert_tokens_to_string([token]) for token in islice(known, _TRIED))
    ):
        if plain := tokenizer(text, add_special_tokens=False)["input_ids"]:
            return tokenizer(text)["input_ids"], plain
    raise EngramError(
        f"the tokenizer ({type(tokenizer).__name__}) makes no token of any text tried. "
        "Save the model's own tokenizer beside it."
    )


def plan_windows(
    story: TokenizedStory, reader: Reader, *, mode: str, context: int | None, stride: int | None
) -> list[Window]:
    """Return the windows that a model reads a story by.

    Parameters
    ----------
    story : TokenizedStory
    reader : Reader
    mode : {"strided", "exact"}
        A bidirectional model always gets `exact`: its windows end with the word being read.
    context, stride : int or None
        In tokens, special tokens included; None: the smaller of 1024 and the model's
        limit, and half of that.
    """
    tokens = context if context is not None else min(DEFAULT_CONTEXT, reader.limit)
    if tokens > reader.limit:
        raise EngramError(
            f"activations.context is {tokens} tokens, more than the model can read "
            f"({reader.limit}). Write {reader.limit} or less."
        )
    step = stride if stride is not None else tokens // 2
    room = tokens - len(reader.prefix) - len(reader.suffix)
    if mode == "exact" or not reader.causal:
        return exact_windows(story.lengths, room)
    if step > room:
        raise EngramError(
            f"activations.stride is {step}, more than the {room} tokens of a "
            f"window. Write {room} or less."
        )
    return strided_windows(story.lengths, room, step)


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
    for batch in progress(_batches(story, windows, reader, batch_tokens), "windows", "batch"):

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
            weight=max(len(_window_ids(story, window, reader)) for window in batch),
        )
    if result is None:
        raise EngramError("the story has no words.")
    if not np.isfinite(result).all():
        raise EngramError(
            "the model gives activations that are not finite. With activations.dtype float16, "
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
    words, flat, word_of_flat, weights = _picks(
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


def padded(story: TokenizedStory, batch: Sequence[Window], reader: Reader) -> tuple[Any, Any]:
    """Return the tokens of a batch of windows on the model's device, and which are no padding.

    Both are (n_windows, longest); the latter is None where there is no padding.

    Without a mask, attention takes its fastest road.
    """
    import torch

    sequences = [_window_ids(story, window, reader) for window in batch]
    lengths = [len(sequence) for sequence in sequences]
    ids = np.full((len(batch), max(lengths)), sequences[0][0])
    for row, sequence in enumerate(sequences):
        ids[row, : len(sequence)] = sequence
    mask = np.arange(max(lengths)) < np.array(lengths)[:, None]
    device = reader.model.device
    return torch.as_tensor(ids, device=device), (
        None if mask.all() else torch.as_tensor(mask.astype(np.int64), device=device)
    )


def _window_ids(story: TokenizedStory, window: Window, reader: Reader) -> np.ndarray:
    return np.concatenate(
        [
            reader.prefix,
            story.ids[story.first[window.begin] : story.first[window.end]],
            reader.suffix,
        ]
    ).astype(np.int64)


def _batches(
    story: TokenizedStory, windows: Sequence[Window], reader: Reader, batch_tokens: int
) -> list[list[Window]]:
    """Return batches of windows of like length, longest first.

    So little is padding, and memory trouble comes early.
    """
    frame = len(reader.prefix) + len(reader.suffix)
    ordered = sorted(
        windows, key=lambda window: story.first[window.begin] - story.first[window.end]
    )
    batches: list[list[Window]] = []
    longest = 0
    for window in ordered:
        length = int(story.first[window.end] - story.first[window.begin]) + frame
        if (
            batches
            and (len(batches[-1]) + 1) * longest <= batch_tokens
            and (reader.batched_is_single or length == longest)
        ):
            batches[-1].append(window)
        else:
            batches.append([window])
            longest = length
    return batches


def _picks(
    story: TokenizedStory, batch: Sequence[Window], prefix: int, longest: int, pooling: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return which words a batch gives, and what is picked for them.

    That is, for each token picked, its place in the flattened batch, its word and its weight.
    """
    words: list[int] = []
    flat, word_of_flat, weights = [], [], []
    for row, window in enumerate(batch):
        for word in range(window.read, window.end):
            tokens = story.pooled[word][-1:] if pooling == "last" else story.pooled[word]
            flat.append(row * longest + prefix + tokens - story.first[window.begin])
            word_of_flat.append(np.full(len(tokens), len(words)))
            weights.append(
                np.full(
                    len(tokens), 1 / len(tokens) if pooling == "mean" else 1.0, dtype=np.float32
                )
            )
            words.append(word)
    return (
        np.asarray(words),
        np.concatenate(flat),
        np.concatenate(word_of_flat),
        np.concatenate(weights),
    )


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


def shape_of(
    words: Sequence[str],
    reader: Reader,
    *,
    mode: str,
    context: int | None,
    stride: int | None,
    pooling: str,
    batch_tokens: int,
) -> ReadingShape:
    """Return the shapes that the memory of `story_activations` depends on (the same parameters)."""
    story = tokenize(words, reader.tokenizer)
    windows = plan_windows(story, reader, mode=mode, context=context, stride=stride)
    batches = _batches(story, windows, reader, batch_tokens)
    lengths = [
        [
            int(story.first[one.end] - story.first[one.begin])
            + len(reader.prefix)
            + len(reader.suffix)
            for one in batch
        ]
        for batch in batches
    ]
    config = reader.model.config.get_text_config()
    return ReadingShape(
        parameters=sum(weight.numel() for weight in reader.model.parameters()),
        blocks=config.num_hidden_layers,
        units=config.hidden_size,
        widest=getattr(config, "intermediate_size", None)
        or getattr(config, "n_inner", None)
        or 4 * config.hidden_size,
        heads=config.num_attention_heads,
        itemsize=reader.model.dtype.itemsize,
        batch_tokens=max(len(one) * max(one) for one in lengths),
        context=max(map(max, lengths)),
        words=len(words),
        batch_words=max(sum(window.end - window.read for window in batch) for batch in batches),
        attention_matrices=getattr(config, "_attn_implementation", "") == "eager",
    )


def word_rate(n_words: int) -> xr.Dataset:
    """Return the baseline: one layer with one unit that is 1 for every word.

    So a TR holds its number of words.
    """
    result = to_dataset(np.ones((1, n_words, 1), dtype=np.float32))
    # The mean over a TR's words would say only whether there are any.
    result.attrs["words_to_trs"] = "sum"
    return result


def to_dataset(vectors: np.ndarray, half: bool = False) -> xr.Dataset:
    """Return activations (n_layers, n_words, n_units) with their dimensions named.

    Those of a model in half precision take half of the disk.
    """
    encoding = {**storage.COMPRESSED, "chunksizes": (1, *vectors.shape[1:])} if half else {}
    attributes = {
        "units": "arbitrary",
        "description": "A vector for each word; layer 0 is the embeddings",
    }
    return xr.Dataset(
        {"activation": (("layer", "word", "unit"), vectors, attributes, encoding)},
        coords={"layer": np.arange(len(vectors))},
    )


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
