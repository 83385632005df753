"""Models that are read: with another output than their own, and how a story is read with one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from engram.features.language_models import activations
from engram.features.language_models.reader import Reader

READING: dict[str, Any] = {
    "mode": "strided",
    "context": None,
    "stride": None,
    "pooling": "last",
    "batch_tokens": 512,
}


def vectors(words: list[str], reader: Reader, **changes: Any) -> np.ndarray:
    return activations.story_activations(words, reader, **{**READING, **changes})[
        "activation"
    ].values


class Broken(torch.nn.Module):
    """A model with another output."""

    def __init__(self, model: Any, change: Callable[[Any, Any, Any], Any]) -> None:
        super().__init__()
        self.config, self.device, self.dtype = model.config, model.device, model.dtype
        self.get_input_embeddings = model.get_input_embeddings
        self.inner, self.change = model, change

    def forward(self, input_ids: torch.Tensor, attention_mask: Any = None, **options: Any) -> Any:
        output = self.inner(
            input_ids=input_ids, attention_mask=attention_mask, output_hidden_states=True
        )
        output.hidden_states = self.change(output.hidden_states, input_ids, attention_mask)
        return output
