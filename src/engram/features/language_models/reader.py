"""A loaded model, ready to read: its loading, its read check, and the frame of its windows."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

import numpy as np

from engram.errors import EngramError
from engram.features.language_models.adapters import merged
from engram.features.language_models.embeddings import check_tokens
from engram.features.language_models.model_loading import load_model
from engram.features.language_models.model_source import ModelSource
from engram.features.language_models.read_check import read_check
from engram.fetch.remote_code import loading_error

logger = logging.getLogger(__name__)

#: Tokens of a vocabulary that are tried as a text, for one that lacks the letter a.
_TRIED = 1000


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
    depth : int
        The last layer, from 0.
    batched_is_single : bool
        Whether padding changes nothing; else windows of equal length alone are read together.
    layers_from : str
        Where layers come from (`engram.features.language_models.read_check.ReadCheck`).
    stops : bool
        Whether a reading can be stopped behind a block (tried out, too).
    streams : bool
        Whether layers can be taken one by one while the model reads (tried out, too).
    """

    model: Any
    tokenizer: Any
    prefix: list[int]
    suffix: list[int]
    limit: int
    causal: bool
    depth: int
    batched_is_single: bool = True
    layers_from: str = "hidden_states"
    stops: bool = False
    streams: bool = False

    @property
    def frame(self) -> int:
        """Special tokens of a window."""
        return len(self.prefix) + len(self.suffix)

    def __post_init__(self) -> None:
        # Nothing is generated: keys and values of the past would only take memory, twice
        # that of the hidden states.
        self.model.config.use_cache = False


def loaded_reader(source: ModelSource, device: str) -> Reader:
    """Load a model and its tokenizer, and try out how it reads.

    Parameters
    ----------
    source : ModelSource
    device : {"auto", "cpu", "cuda"}

    Returns
    -------
    Reader

    Raises
    ------
    EngramError
        If the folder holds no model that can be loaded, one that is neither causal nor an encoder,
        or an adapter without its base; if there is no GPU where one is wanted; and what
        `engram.features.language_models.read_check.read_check` raises.
    """
    place = device_of(device)
    config, tokenizer, model = _loaded(source)
    if getattr(config, "is_encoder_decoder", False):
        raise EngramError(
            f"the model in '{source.folder}' ({config.model_type}) has an encoder and a decoder; "
            "give a causal model or an encoder."
        )
    model = text_part(model, config).to(place).eval()
    logger.info("%s from %s: %s on %s", config.model_type, source.folder, source.dtype, place)
    return reader_of(model, tokenizer, source.dtype)


def reader_of(model: Any, tokenizer: Any, dtype: str) -> Reader:
    """Try out how a model that is in memory reads.

    Parameters
    ----------
    model : transformers.PreTrainedModel
        In evaluation mode, without a head.
    tokenizer : transformers.PreTrainedTokenizerBase
    dtype : str
        The model's precision, for messages.

    Raises
    ------
    EngramError
        As `engram.features.language_models.read_check.read_check` does.
    """
    check = read_check(model, tokenizer, dtype)
    prefix, suffix = window_frame(tokenizer, check.causal)
    check_tokens(np.asarray([*prefix, *suffix]), model, tokenizer)
    return Reader(
        model,
        tokenizer,
        prefix,
        suffix,
        check.limit,
        check.causal,
        check.layers - 1,
        check.batched_is_single,
        check.layers_from,
        check.stops,
        check.streams,
    )


def device_of(device: str) -> str:
    """Return the device that torch is to use."""
    import torch

    if device == "cuda" and not torch.cuda.is_available():
        raise EngramError(
            "compute.device is 'cuda', and there is no GPU here. Write 'auto' or 'cpu', "
            "or run where there is one."
        )
    return device if device != "auto" else ("cuda" if torch.cuda.is_available() else "cpu")


def _loaded(source: ModelSource) -> tuple[Any, Any, Any]:
    """Return a model's configuration, its tokenizer, and the model without its head."""
    from transformers import AutoConfig, AutoTokenizer

    home = source.home
    try:
        config = AutoConfig.from_pretrained(
            home, local_files_only=True, trust_remote_code=source.code
        )
        tokenizer = AutoTokenizer.from_pretrained(
            home, local_files_only=True, trust_remote_code=source.code
        )
        return config, tokenizer, _without_head(source, config)
    except EngramError:
        raise
    except Exception as error:  # as many kinds as there are libraries behind it
        raise loading_error("cannot be loaded", home, error, source.code) from error


def _without_head(source: ModelSource, config: Any) -> Any:
    """Return a model without its head: re-initialised, with an adapter merged, or as saved."""
    import torch
    from transformers import AutoModel, AutoModelForCausalLM

    # Code of a model's own may know the model with its head alone.
    headed = (
        source.code
        and "AutoModelForCausalLM" in (getattr(config, "auto_map", None) or {})
        and "AutoModel" not in config.auto_map
    )
    kind = AutoModelForCausalLM if headed else AutoModel
    if source.reinitialised:
        torch.manual_seed(source.seed or 0)
        model = kind.from_config(
            config, trust_remote_code=source.code, dtype=getattr(torch, source.dtype)
        )
    elif source.is_adapter:
        return merged(source).base_model
    else:
        model = load_model(kind, source.folder, dtype=source.dtype, code=source.code, head=False)
    return model.base_model if headed else model


def text_part(model: Any, config: Any) -> Any:
    """Return the part of a model that reads text, where it reads images or sound too."""
    if config.get_text_config() is config:
        return model
    parts = (getattr(model, name, None) for name in ("language_model", "text_model"))
    return next((part for part in parts if part is not None), model)


def window_frame(tokenizer: Any, causal: bool) -> tuple[list[int], list[int]]:
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
