"""Attention heads: what each head gives a token, before the output projection mixes heads.

The input of a block's output projection is its heads side by side. The projection's output is the
sum over heads of a head's vector times its slice of the projection, plus the bias. This holds for
grouped-query attention too, where heads share keys and values and have queries of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np

from engram.errors import EngramError
from engram.features.language_models.early_stop import ReadEnough
from engram.features.language_models.hidden_states import blocks_of
from engram.features.language_models.reader import Reader
from engram.features.language_models.streaming import Take
from engram.features.language_models.tokens import tokenize
from engram.features.language_models.windows import plan_windows
from engram.features.language_models.word_vectors import ToRead, text_vectors
from engram.words.language import ENGLISH

#: What output projections are called, by family: LLaMA and most others; OPT, GPT-J; GPT-2;
#: GPT-NeoX, Falcon, BLOOM, Phi, BERT; DistilBERT.
_PROJECTIONS = ("o_proj", "out_proj", "c_proj", "dense", "out_lin")
#: How near the projection's output what heads rebuild must be, by its largest value.
_NEAR = {"float32": 1e-5, "float16": 1e-2, "bfloat16": 5e-2}
#: Tokens of the trial.
_TRIED = 6


def projections(model: Any) -> list[Any]:
    """Return the output projection of the attention of each block.

    Parameters
    ----------
    model : transformers.PreTrainedModel

    Raises
    ------
    EngramError
        If a block has none that is known, or several, or one that heads do not fit into.
    """
    blocks = blocks_of(model)
    found = [_of_block(block) for block in blocks]
    number = head_count(model)
    family = model.config.model_type
    if not blocks or any(len(one) != 1 for one in found):
        raise EngramError(
            f"the model ({family}) has no output projection of attention that is known: expected "
            f"one module named {', '.join(_PROJECTIONS)} within the attention of each block. Name "
            "a model of another family for its heads, such as GPT-2, LLaMA or GPT-NeoX."
        )
    modules = [one[0] for one in found]
    widths = {int(_slices(one, 1)[0].shape[0]) for one in modules}
    if not number or len(widths) > 1 or next(iter(widths)) % number:
        raise EngramError(
            f"the model ({family}) has {number} attention heads, and output projections of "
            f"{sorted(widths)} inputs: heads of one width do not fit into these. Name another "
            "model for its heads."
        )
    return modules


def head_count(model: Any) -> int:
    """Return how many attention heads a block has, those that share keys counted each."""
    config = model.config.get_text_config()
    return int(getattr(config, "num_attention_heads", 0) or 0)


def _of_block(block: Any) -> list[Any]:
    """Return the modules of a block that are named as output projections of attention are."""
    named = [
        (name.split("."), module)
        for name, module in block.named_modules()
        if getattr(module, "weight", None) is not None and module.weight.ndim == 2
    ]
    return [
        module
        for path, module in named
        if path[-1] in _PROJECTIONS
        and any("att" in part.casefold() for part in path[:-1])
        and not any("cross" in part.casefold() for part in path)
    ]


def _slices(projection: Any, number: int) -> list[Any]:
    """Return each head's part of a projection, (units of the head, n_units)."""
    import torch

    weight = projection.weight
    # GPT-2 keeps matrices as (inputs, outputs); torch's own layers as (outputs, inputs).
    by_input = weight.T if isinstance(projection, torch.nn.Linear) else weight
    return list(by_input.chunk(number))


def rebuilt(projection: Any, heads: Any, number: int) -> Any:
    """Return what heads make of a token: the sum of each times its slice, plus the bias.

    Parameters
    ----------
    projection : torch.nn.Module
        The output projection.
    heads : torch.Tensor of shape (..., n_heads * units of a head)
        Its input.
    number : int
        Of heads.
    """
    parts = zip(heads.chunk(number, dim=-1), _slices(projection, number), strict=True)
    total = sum(head.float() @ part.float() for head, part in parts)
    bias = getattr(projection, "bias", None)
    return total if bias is None else total + bias.float()


def check_heads(reader: Reader) -> None:
    """Try out that a model's heads, times their slices, are what its attention gives.

    Raises
    ------
    EngramError
        If they are not, or a block has no output projection that is known.
    """
    import torch

    model = reader.model
    modules, number = projections(model), head_count(model)
    ids = np.arange(_TRIED)[None] % model.get_input_embeddings().weight.shape[0]
    given: dict[int, tuple[Any, Any]] = {}

    def keep(place: int) -> Any:
        def hook(_module: Any, arguments: tuple[Any, ...], output: Any) -> None:
            given[place] = arguments[0], output

        return hook

    handles = [one.register_forward_hook(keep(place)) for place, one in enumerate(modules)]
    try:
        with torch.inference_mode():
            model(input_ids=torch.as_tensor(ids, device=model.device))
            near = _NEAR[str(model.dtype).removeprefix("torch.")]
            same = len(given) == len(modules) and all(
                _alike(rebuilt(modules[place], heads, number), output.float(), near)
                for place, (heads, output) in given.items()
            )
    finally:
        for handle in handles:
            handle.remove()
    if not same:
        raise EngramError(
            f"the model ({model.config.model_type}) has attention whose output is not the sum of "
            "its heads, each times its slice of the output projection. Name another model for its "
            "heads."
        )


def _alike(one: Any, other: Any, near: float) -> bool:
    return bool((one - other).abs().max() <= near * other.abs().max())


def story_heads(
    words: Sequence[str],
    reader: Reader,
    *,
    mode: str,
    context: int | None,
    stride: int | None,
    pooling: str,
    batch_tokens: int,
    encoder_stride: int = 1,
    block: int | None = None,
    language: str = ENGLISH,
) -> np.ndarray:
    """Return the vectors of the heads at each word of a story.

    Parameters
    ----------
    words : sequence of str
    reader : Reader
    mode, context, stride, encoder_stride, pooling, batch_tokens, language
        As `engram.features.language_models.activations.story_activations` takes them.
    block : int, optional
        The only block to read, from 1; None: all.

    Returns
    -------
    array of shape (n_layers, n_words, n_heads * units of a head)
        Float32; of all blocks, layer 0 is 0.

    Raises
    ------
    EngramError
        If the model has not this block, or heads that are not known.
    """
    depth = len(blocks_of(reader.model))
    if block is not None and not 1 <= block <= depth:
        raise EngramError(
            f"heads of layer {block}: the model has the blocks 1 to {depth}, and layer 0 has no "
            "heads. Write another reported_layer, or layers: all."
        )
    check_heads(reader)
    story = tokenize(words, reader.tokenizer, language)
    windows = plan_windows(
        story,
        reader,
        mode=mode,
        context=context,
        stride=stride,
        encoder_stride=encoder_stride,
    )
    (vectors,) = text_vectors(
        [ToRead(story, windows, block)],
        reader,
        pooling=pooling,
        batch_tokens=batch_tokens,
        hand_over=hand_over_heads,
    )
    return vectors


def hand_over_heads(reader: Reader, ids: Any, mask: Any, layer: int | None, take: Take) -> None:
    """Read a batch, and hand over the heads of each block, or of one, behind which it stops.

    Parameters
    ----------
    reader : Reader
    ids, mask : torch.Tensor
        As `engram.features.language_models.streaming.stream` takes them.
    layer : int or None
        The block, from 1.
    take : callable
        Takes a layer's place, their number, and its heads (n_sequences, n_tokens, n_units). Of all
        blocks, places are numbers of layers: layer 0, the embeddings, has no heads, and is 0.
    """
    model = reader.model
    modules = projections(model)
    wanted = range(len(modules)) if layer is None else [layer - 1]
    first = int(layer is None)  # layer 0 comes before the heads of all blocks

    def hand_over(place: int) -> Any:
        def hook(_module: Any, arguments: tuple[Any, ...]) -> None:
            heads = arguments[0].reshape(*ids.shape, -1)
            if first and place == 0:
                take(0, 1 + len(wanted), heads * 0)
            take(first + place, first + len(wanted), heads)
            if layer is not None:
                raise ReadEnough

        return hook

    with _hooked([modules[one] for one in wanted], hand_over), suppress(ReadEnough):
        model(input_ids=ids, attention_mask=mask)


@contextmanager
def _hooked(modules: Sequence[Any], hook: Any) -> Iterator[None]:
    """Call a hook of each module's place before the module."""
    handles = [one.register_forward_pre_hook(hook(place)) for place, one in enumerate(modules)]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
