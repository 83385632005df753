"""Reading that stops behind the last block that is needed.

Control texts are kept at the reported layer alone. The blocks above it, the final norm and what
else follows them need not run. Whether a model can be stopped is tried out when it is loaded: its
blocks must then give, bit for bit, what whole passes give as hidden states.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from engram.features.language_models.hidden_states import blocks_of, read_states


class ReadEnough(Exception):  # noqa: N818 (no error)
    """The last block that is needed has given its output."""


def block_states(model: Any, ids: Any, mask: Any, layers: Sequence[int]) -> list[Any]:
    """Return what some blocks give, each (n_sequences, n_tokens, n_units).

    The model stops behind the last of them.

    Parameters
    ----------
    model : transformers.PreTrainedModel
    ids : torch.Tensor of shape (n_sequences, n_tokens)
    mask : torch.Tensor or None
        Which are no padding.
    layers : sequence of int
        From 1 (the first block) to the last but one: what follows the last block is not run.
    """
    stack, last = blocks_of(model), max(layers)
    found: dict[int, Any] = {}

    def keep(layer: int) -> Any:
        def hook(_module: Any, _given: Any, output: Any) -> None:
            state = output[0] if isinstance(output, tuple) else output
            # A later block may change in place what it is given.
            found.setdefault(layer, state if layer == last else state.clone())
            if layer == last:
                raise ReadEnough

        return hook

    handles = [stack[layer - 1].register_forward_hook(keep(layer)) for layer in set(layers)]
    try:
        model(input_ids=ids, attention_mask=mask)
    except ReadEnough:
        pass
    finally:
        for handle in handles:
            handle.remove()
    return [found[layer] for layer in layers]


def can_stop(
    model: Any, batches: Sequence[tuple[np.ndarray, np.ndarray | None]], layers_from: str
) -> bool:
    """Tell whether a model that is stopped gives the layers that it gives when it reads on.

    All blocks but the last are compared, bit for bit, and the model must read as before when it
    was stopped.

    Parameters
    ----------
    model : transformers.PreTrainedModel
    batches : sequence of pairs
        What is tried: token ids (n_sequences, n_tokens), and which are no padding, or None.
    layers_from : str
        As in `engram.features.language_models.read_check.ReadCheck`.
    """
    import torch

    try:
        for ids, mask in batches:
            whole = read_states(model, ids, layers_from, mask)
            inner = range(1, len(whole) - 1)
            if len(inner) == 0 or len(blocks_of(model)) != len(whole) - 1:
                return False
            tokens = torch.as_tensor(ids, device=model.device)
            attended = None if mask is None else torch.as_tensor(mask, device=model.device)
            with torch.inference_mode():
                stopped = [state.float() for state in block_states(model, tokens, attended, inner)]
            again = read_states(model, ids, layers_from, mask)
            if not all(map(torch.equal, [*stopped, *again], [*whole[1:-1], *whole])):
                return False
    except Exception:  # as many kinds as there are models: such a one is read to its end
        return False
    return True
