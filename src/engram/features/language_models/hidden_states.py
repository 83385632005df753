"""Hidden states: which of them is the embeddings, and which is what each block gives."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from engram.errors import EngramError
from engram.features.language_models.trials import ROUNDING, epsilon


def hidden_states(model: Any, ids: Any, mask: Any, layers_from: str) -> list[Any]:
    """Return the embeddings and what each block gives, each (n_sequences, n_tokens, n_units).

    Parameters
    ----------
    model : transformers.PreTrainedModel
    ids : torch.Tensor of shape (n_sequences, n_tokens)
    mask : torch.Tensor or None
        Which are no padding.
    layers_from : str
        As in `ReadCheck`.
    """
    if layers_from == "hidden_states":
        return list(
            model(input_ids=ids, attention_mask=mask, output_hidden_states=True).hidden_states
        )
    embeddings, last = model.get_input_embeddings(), blocks_of(model)[-1]
    with _outputs([embeddings, last]) as kept:
        given = model(input_ids=ids, attention_mask=mask, output_hidden_states=True).hidden_states
    return [kept[0], *given[:-2], given[-1]] if layers_from == "blocks" else [*given[:-1], kept[1]]


def given_states(model: Any, ids: np.ndarray) -> list[Any]:
    """Return the hidden states of sequences, (n_sequences, n_tokens), as the model gives them."""
    import torch

    with torch.inference_mode():
        output = model(
            input_ids=torch.as_tensor(ids, device=model.device), output_hidden_states=True
        )
    return [state.float() for state in getattr(output, "hidden_states", None) or ()]


def read_states(
    model: Any, ids: np.ndarray, layers_from: str, mask: np.ndarray | None = None
) -> list[Any]:
    """Return the layers of sequences, (n_sequences, n_tokens), in float32."""
    import torch

    with torch.inference_mode():
        attended = None if mask is None else torch.as_tensor(mask, device=model.device)
        return [
            state.float()
            for state in hidden_states(
                model, torch.as_tensor(ids, device=model.device), attended, layers_from
            )
        ]


def find_layers(
    model: Any, ids: np.ndarray, length: int, given: list[Any], blocks: int | None
) -> str:
    """Return where layers come from.

    What the model gives is held against what its blocks do.
    """
    family = model.config.model_type
    if blocks is not None and len(given) != blocks + 1:
        raise EngramError(
            f"the model ({family}) gives {len(given)} hidden states for {blocks} blocks, "
            "where the embeddings and one for each block are expected."
        )
    if any(state.ndim != 3 or state.shape[:2] != (1, length) for state in given):
        raise EngramError(
            f"the model ({family}) gives hidden states of shapes "
            f"{[tuple(state.shape) for state in given]} for {length} tokens, not one for each."
        )
    stack = blocks_of(model)
    with _outputs(stack) as kept:
        given_states(model, ids[None, :length])
    widths = [state.shape[-1] for state in given]
    if len(set(widths)) > 1:
        inner = kept[-1] is not None and all(
            kept[place] is not None and _alike(kept[place], given[place + 1])
            for place in range(len(stack) - 1)
        )
        if len(set(widths[:-1])) > 1 or not inner or kept[-1].shape != given[0].shape:
            raise EngramError(
                f"the model ({family}) gives hidden states of different widths: {widths}. "
                "Layers of one width alone can be scored."
            )
        return "last block"
    # The last token is read once more behind other tokens: embeddings stay the same, and the output
    # of a block, which depends on context, does not.
    other = np.concatenate([ids[length : 2 * length - 1], ids[length - 1 : length]])
    moved = (given_states(model, other[None])[0][:, -1] - given[0][:, -1]).abs().max()
    if moved <= ROUNDING * epsilon(model) * given[0].abs().max():
        if len(given) > 2 and _alike(given[-1], given[-2]):
            raise EngramError(
                f"the model ({family}) gives its last two hidden states alike: one is there "
                "twice, and another is missing."
            )
        if why := _misplaced(model, ids[:length], given):
            raise EngramError(
                f"the model ({family}) gives hidden states that are not what its blocks give, "
                f"in their order: {why}. Layer k is to be what block k gives. Correct that in the "
                "model's code (output_hidden_states), or choose another model."
            )
        return "hidden_states"
    if len(stack) == len(given) - 1 and all(
        one is not None and _alike(one, state) for one, state in zip(kept, given[:-1], strict=True)
    ):
        return "blocks"
    raise EngramError(
        f"the model ({family}) gives as its first hidden state what knows the context, "
        "and not the embeddings; which of the others belongs to which block is not known. "
        "Choose a model whose hidden states begin with the embeddings."
    )


def _misplaced(model: Any, ids: np.ndarray, given: list[Any]) -> str:
    """Return what shows that hidden states are not what blocks give, or "".

    It is empty where they are, or where it is not known what blocks give.
    """
    stacks = _stack_outputs(model, ids, len(given) - 1)
    inner = given[1:-1]
    if any(all(map(_alike, outputs, inner)) for outputs in stacks) or len(stacks) != 1:
        return ""
    before, blocks = given[0], stacks[0]
    for layer, state in enumerate(inner, start=1):
        if _alike(blocks[layer - 1], state):
            continue
        if _alike(before, state):
            return f"hidden state {layer} is the embeddings once more"
        if (
            other := next(
                (number for number, output in enumerate(blocks, start=1) if _alike(output, state)),
                None,
            )
        ) is not None:
            return f"hidden state {layer} is what block {other} gives"
    # Something may follow a block within a family of transformers (a convolution in DeBERTa-v2),
    # which docs/architectures.tsv has tried out.
    if type(model).__module__.startswith("transformers.") or any(map(_alike, blocks, inner)):
        return ""
    return f"none of the {len(inner)} between the embeddings and the last one is what a block gives"


def _stack_outputs(model: Any, ids: np.ndarray, depth: int) -> list[list[Any]]:
    """Return what each list with as many modules as there are blocks makes of one sequence.

    Lists come in the order in which they run.

    Left out are lists whose modules do not give one vector for each token, once each:
    nothing is known of these.
    """
    import torch

    lists = [
        module
        for module in model.modules()
        if isinstance(module, torch.nn.ModuleList) and len(module) == depth
    ]
    found: list[list[Any]] = [[] for _ in lists]

    def keep(outputs: list[Any], output: Any) -> None:
        parts = [
            part
            for part in (output if isinstance(output, tuple) else (output,))
            if isinstance(part, torch.Tensor)
        ]
        # Two of one shape may be the parts of a sum.
        fits = (
            parts
            and parts[0].ndim == 3
            and parts[0].shape[:2] == (1, len(ids))
            and all(part.shape != parts[0].shape for part in parts[1:])
        )
        outputs.append(parts[0].clone() if fits else None)

    handles = [
        module.register_forward_hook(lambda _, __, output, outputs=outputs: keep(outputs, output))
        for one, outputs in zip(lists, found, strict=True)
        for module in dict.fromkeys(one)  # a block that stands in several places is one module
    ]
    try:
        given_states(model, ids[None])
    finally:
        for handle in handles:
            handle.remove()
    return [
        outputs
        for outputs in found
        if len(outputs) == depth and all(output is not None for output in outputs)
    ]


@contextmanager
def _outputs(modules: list[Any]) -> Iterator[list[Any]]:
    """Keep what modules give, in their order."""
    kept: list[Any] = [None] * len(modules)

    def keep(place: int) -> Any:
        def hook(_module: Any, given_states: Any, output: Any) -> None:
            kept[place] = output[0] if isinstance(output, tuple) else output

        return hook

    handles = [module.register_forward_hook(keep(place)) for place, module in enumerate(modules)]
    try:
        yield kept
    finally:
        for handle in handles:
            handle.remove()


def blocks_of(model: Any) -> list[Any]:
    """Return a model's blocks, or an empty list."""
    import torch

    depth = getattr(model.config.get_text_config(), "num_hidden_layers", None)
    return next(
        (
            list(module)
            for module in model.modules()
            if isinstance(module, torch.nn.ModuleList) and len(module) == depth
        ),
        [],
    )


def _alike(one: Any, other: Any) -> bool:
    return one.shape == other.shape and bool((one.float() - other).norm() <= 1e-5 * other.norm())
