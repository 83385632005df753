"""Layers that are handed over one by one while the model reads, so that one at a time is held.

A model that returns all its hidden states holds those of all layers at once: for 30 blocks of 576
units and batches of 8,192 tokens, 585 MB. Here each layer is handed over as soon as its block has
run. Whether a model's layers can be taken so is tried out when it is loaded: they must then be,
bit for bit, the hidden states that it returns.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from engram.features.language_models.early_stop import ReadEnough
from engram.features.language_models.hidden_states import blocks_of, read_states

#: Takes a layer's place, the number of layers, and its state (n_sequences, n_tokens, n_units).
Take = Callable[[int, int, Any], None]


def stream(model: Any, ids: Any, mask: Any, take: Take, last: int | None = None) -> None:
    """Read a batch, and hand over each layer as soon as it is there.

    That is what the first block is given, what each block but the last gives, and the model's own
    last hidden state.

    Parameters
    ----------
    model : transformers.PreTrainedModel
    ids : torch.Tensor of shape (n_sequences, n_tokens)
    mask : torch.Tensor or None
        Which are no padding.
    take : callable
        Takes a layer's place, the number of layers, and its state. A state is let go of when it
        returns.
    last : int, optional
        The last layer that is wanted, from 1 to the last but one: the model stops behind its block.
        None: all are.
    """
    stack = blocks_of(model)
    depth = len(stack)
    number = depth + 1 if last is None else last + 1

    def given(_module: Any, arguments: tuple[Any, ...], named: dict[str, Any]) -> None:
        take(0, number, arguments[0] if arguments else named["hidden_states"])

    def behind(layer: int) -> Any:
        def hook(_module: Any, _given: Any, output: Any) -> None:
            take(layer, number, output[0] if isinstance(output, tuple) else output)
            if layer == last:
                raise ReadEnough

        return hook

    handles = [stack[0].register_forward_pre_hook(given, with_kwargs=True)]
    handles += [
        block.register_forward_hook(behind(layer)) for layer, block in enumerate(stack[:-1], 1)
    ]
    try:
        with suppress(ReadEnough):
            final = model(input_ids=ids, attention_mask=mask).last_hidden_state
            take(depth, number, final)
    finally:
        for handle in handles:
            handle.remove()


def can_stream(
    model: Any, batches: Sequence[tuple[np.ndarray, np.ndarray | None]], layers_from: str
) -> bool:
    """Tell whether the layers that a model hands over while it reads are those that it returns.

    All layers are compared, bit for bit; each must come once, and in order.

    Parameters
    ----------
    model : transformers.PreTrainedModel
    batches : sequence of pairs
        What is tried: token ids (n_sequences, n_tokens), and which are no padding, or None.
    layers_from : str
        As in `engram.features.language_models.read_check.ReadCheck`.
    """
    import torch

    if layers_from != "hidden_states":
        return False
    try:
        for ids, mask in batches:
            whole = read_states(model, ids, layers_from, mask)
            found: list[tuple[int, Any]] = []

            def take(place: int, n_layers: int, state: Any, found: Any = found) -> None:
                # A later block may change in place what it is given.
                found.append((place, state.float().clone()))

            tokens = torch.as_tensor(ids, device=model.device)
            attended = None if mask is None else torch.as_tensor(mask, device=model.device)
            with torch.inference_mode():
                stream(model, tokens, attended, take)
            if [place for place, _ in found] != list(range(len(whole))):
                return False
            if not all(map(torch.equal, (state for _, state in found), whole)):
                return False
    except Exception:  # as many kinds as there are models: such a one returns its layers together
        return False
    return True
