"""Tokens that a model has an embedding for."""

from __future__ import annotations

from typing import Any

import numpy as np

from engram.errors import EngramError


def check_tokens(ids: np.ndarray, model: Any, tokenizer: Any) -> None:
    """Raise `EngramError` if there are tokens that a model has no embedding for."""
    size = number_of_embeddings(model)
    beyond = np.asarray(ids)[np.asarray(ids) >= size]
    if len(beyond):
        raise EngramError(
            f"the tokenizer gives token {beyond[0]} "
            f"('{tokenizer.convert_ids_to_tokens(int(beyond[0]))}'), and the model knows "
            f"0 to {size - 1}: the tokenizer ({len(tokenizer)} tokens) is another model's, "
            "or tokens were added to it. Save the model's own tokenizer beside it, "
            "or use model.resize_token_embeddings(len(tokenizer)), train, and save both."
        )


def number_of_embeddings(model: Any) -> int:
    """Return how many tokens a model has an embedding for.

    Where the table is not found it is what the configuration says.
    """
    try:
        return int(model.get_input_embeddings().weight.shape[0])
    except (NotImplementedError, AttributeError):
        size = getattr(model.config.get_text_config(), "vocab_size", None)
    if size is None:
        raise EngramError(
            f"the model ({model.config.model_type}) has no table of tokens, so it reads no text. "
            "Choose a model that reads text."
        )
    return int(size)
