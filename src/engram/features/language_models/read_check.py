"""The read check: what a loaded model does is tried out, once, before a story is read.

A few short sequences are enough.

Conventions differ between families: which hidden state is the embeddings, whether later tokens or
padding change earlier ones, how many tokens can be read. Most differences raise no error and give
other numbers. So none of it is looked up where it can be tried.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from engram.errors import EngramError
from engram.features.language_models.causality import (
    LENGTHS,
    ROUNDING,
    depends_on_later,
    epsilon,
    is_cheap,
    long_trial,
)
from engram.features.language_models.embeddings import number_of_embeddings
from engram.features.language_models.positions import NO_LIMIT, longest_input

logger = logging.getLogger(__name__)

#: Relative difference from which padding changes what is read.
_PADDING = 1e-4
#: Tokens that are read as a trial where no limit is declared: the longest window by default.
_UNDECLARED = 1024
#: Shortest input that can be tried out.
_SHORTEST = 3


@dataclass(frozen=True)
class ReadCheck:
    """What was found of a model.

    Attributes
    ----------
    family : str
        As transformers calls it.
    causal : bool
        Whether a token's hidden states are independent of later tokens.
    layers : int
        Hidden states: the embeddings and one for each block.
    limit : int
        Tokens that can be read at once.
    batched_is_single : bool
        Whether a window gives the same vectors alone and in a batch with longer ones. Else windows
        of equal length alone are batched.
    layers_from : {"hidden_states", "blocks", "last block"}
        Where layers come from: as transformers gives them; renumbered, since what it gives begins
        with the first block; or with the last block's own output as the last one, since what it
        gives there has another width.
    """

    family: str
    causal: bool
    layers: int
    limit: int
    batched_is_single: bool
    layers_from: str


def read_check(model: Any, tokenizer: Any, dtype: str) -> ReadCheck:
    """Try out how a model reads.

    Parameters
    ----------
    model : transformers.PreTrainedModel
        In evaluation mode, without a head.
    tokenizer : transformers.PreTrainedTokenizerBase
    dtype : str
        For messages.

    Returns
    -------
    ReadCheck

    Raises
    ------
    EngramError
        If the model cannot read tokens, its hidden states are not finite, or are not the embeddings
        and one for each block.
    """
    family, config = model.config.model_type, model.config.get_text_config()
    ids = _tokens(model, tokenizer)
    longest = min(max(LENGTHS), longest_input(model, tokenizer.model_max_length))
    if longest < _SHORTEST:
        raise EngramError(
            f"the model ({family}) reads {longest} tokens at once, by its config.json, "
            "its table of positions or its tokenizer's model_max_length; a word in its context "
            f"takes {_SHORTEST} or more. Correct these, or choose another model."
        )
    _settle_attention(model)
    try:
        given = _given(model, ids[None, :longest])
    except Exception as error:  # as many kinds as there are models
        raise EngramError(
            f"the model ({family}) cannot read tokens in {dtype} on {model.device}: "
            f"{type(error).__name__}: {error}. "
            "Try activations.dtype: float32, and another device; a model that needs more than "
            "tokens (images, sound, a decoder) is not read."
        ) from error
    if not given:
        raise EngramError(
            f"the model ({family}) gives no hidden states, so there is nothing to score. "
            "Choose a model that gives 'hidden_states'."
        )
    if not all(bool(state.isfinite().all()) for state in given):
        raise EngramError(
            f"the model ({family}) gives hidden states that are not finite numbers in {dtype}. "
            "Try float32 or bfloat16; or its weights are broken."
        )
    if any(
        (one - two).abs().max() > ROUNDING * epsilon(model) * one.abs().max()
        for one, two in zip(given, _given(model, ids[None, :longest]), strict=True)
    ):
        raise EngramError(
            f"the model ({family}) reads the same tokens differently each time: "
            "something in it is drawn at random (dropout that stays on, hashing), "
            "or it remembers what it read before. Its vectors are no property of the words. "
            "Turn that off in its code or its config.json."
        )
    layers_from = _layers_from(
        model, ids, longest, given, getattr(config, "num_hidden_layers", None)
    )
    limit = _limit(model, tokenizer, ids)
    lengths = (min(min(LENGTHS), limit - 1), min(longest, limit))
    causal, alone = (
        _is_causal(model, ids, layers_from, lengths),
        _padding_is_harmless(model, ids, layers_from, lengths),
    )
    if long := long_trial(model, limit):
        causal = causal and _is_causal(model, ids, layers_from, (long,))
        alone = alone and _padding_is_harmless(model, ids, layers_from, (long // 2, long))
    found = ReadCheck(family, causal, len(given), limit, alone, layers_from)
    if not found.batched_is_single:
        logger.warning(
            (
                "read check: padding changes what this model (%s) reads, so that windows of equal "
                "length alone are read together"
            ),
            family,
        )
    logger.info(
        (
            "read check: %s, %s, %d layers (%s), at most %s tokens, batched %s alone, "
            "layer 0 knows no context"
        ),
        family,
        "causal" if found.causal else "bidirectional",
        found.layers,
        {
            "hidden_states": "as given",
            "blocks": "numbered anew: the first one given is block 1",
            "last block": "the last one before its projection",
        }[layers_from],
        limit if limit < NO_LIMIT else "any number of",
        "as" if found.batched_is_single else "not as",
    )
    return found


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
    embeddings, last = model.get_input_embeddings(), _blocks(model)[-1]
    with _outputs([embeddings, last]) as kept:
        given = model(input_ids=ids, attention_mask=mask, output_hidden_states=True).hidden_states
    return [kept[0], *given[:-2], given[-1]] if layers_from == "blocks" else [*given[:-1], kept[1]]


@contextmanager
def _outputs(modules: list[Any]) -> Iterator[list[Any]]:
    """Keep what modules give, in their order."""
    kept: list[Any] = [None] * len(modules)

    def keep(place: int) -> Any:
        def hook(_module: Any, _given: Any, output: Any) -> None:
            kept[place] = output[0] if isinstance(output, tuple) else output

        return hook

    handles = [module.register_forward_hook(keep(place)) for place, module in enumerate(modules)]
    try:
        yield kept
    finally:
        for handle in handles:
            handle.remove()


def _blocks(model: Any) -> list[Any]:
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


def _tokens(model: Any, tokenizer: Any) -> np.ndarray:
    """Return tokens that the model and its tokenizer know, without special ones.

    They are from all over the vocabulary.
    """
    size = number_of_embeddings(model)
    special = set(tokenizer.all_special_ids) | {
        getattr(model.config.get_text_config(), "pad_token_id", None)
    }
    known = sorted({token for token in tokenizer.get_vocab().values() if token < size} - special)
    if len(known) < 4:
        known = [token for token in range(size) if token not in special]
    if len(known) < 4:
        raise EngramError(
            f"the model knows {size} tokens, of which {len(known)} are not special: "
            "too few to be tried out."
        )
    return np.random.default_rng(0).permutation(
        np.resize(np.asarray(known), max(len(known), 4 * max(LENGTHS)))
    )


def _given(model: Any, ids: np.ndarray) -> list[Any]:
    import torch

    with torch.inference_mode():
        output = model(
            input_ids=torch.as_tensor(ids, device=model.device), output_hidden_states=True
        )
    return [state.float() for state in getattr(output, "hidden_states", None) or ()]


def _read(
    model: Any, ids: np.ndarray, layers_from: str, mask: np.ndarray | None = None
) -> list[Any]:
    import torch

    with torch.inference_mode():
        told = None if mask is None else torch.as_tensor(mask, device=model.device)
        return [
            state.float()
            for state in hidden_states(
                model, torch.as_tensor(ids, device=model.device), told, layers_from
            )
        ]


def _layers_from(
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
    stack = _blocks(model)
    with _outputs(stack) as kept:
        _given(model, ids[None, :length])
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
    # The last token is the same behind others: what knows no context is the same.
    other = np.concatenate([ids[length : 2 * length - 1], ids[length - 1 : length]])
    moved = (_given(model, other[None])[0][:, -1] - given[0][:, -1]).abs().max()
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
        _given(model, ids[None])
    finally:
        for handle in handles:
            handle.remove()
    return [
        outputs
        for outputs in found
        if len(outputs) == depth and all(output is not None for output in outputs)
    ]


def _settle_attention(model: Any) -> None:
    """Give a model the attention that it would end with.

    Some models change it at the first short window, for good.

    BigBird's is sparse in windows longer than 704 tokens or so, until it reads a shorter one:
    vectors would depend on what was read before.
    """
    if getattr(model, "attention_type", None) == "block_sparse" and hasattr(
        model, "set_attention_type"
    ):
        model.set_attention_type("original_full")
        logger.warning(
            (
                "read check: this model (%s) turns from sparse to full attention at the first "
                "short window; it is read with full attention in all windows"
            ),
            model.config.model_type,
        )


def _alike(one: Any, other: Any) -> bool:
    return one.shape == other.shape and bool((one.float() - other).norm() <= 1e-5 * other.norm())


def _is_causal(model: Any, ids: np.ndarray, layers_from: str, lengths: tuple[int, ...]) -> bool:
    """Tell whether changing a token leaves the hidden states before it as they are.

    It is tried at the end and within, in sequences of several lengths.

    A model that reads each token as if it stood alone is refused.
    """
    largest, before, after = 0.0, 0.0, 0.0
    for length in lengths:
        some = np.resize(ids, length)
        plain = _read(model, some[None], layers_from)
        largest = max(largest, *(float(state.abs().max()) for state in plain))
        # The first tokens may see each other: a prefix that is read in both directions.
        first = (
            {place for place in (1, 2) if place < length}
            if length == min(lengths) < max(lengths)
            else set()
        )
        for place in sorted({length // 2, length - 1} | first):
            other = some.copy()
            other[place] = next(token for token in ids if token != other[place])
            for one, two in zip(plain, _read(model, other[None], layers_from), strict=True):
                change = (one - two).abs()[0].amax(dim=-1)
                before = max(before, float(change[:place].max()))
                after = max(after, float(change[place + 1 :].max()) if place + 1 < length else 0.0)
    if before == after == 0 and max(lengths) > 2:
        raise EngramError(
            f"the model ({model.config.model_type}) reads each token as if it stood alone: "
            "none changes what is read at another. Its attention does nothing, as where code "
            "for a GPU is missing (MRA), or its weights are zero. Choose another model."
        )
    return not depends_on_later(model, before, after, largest)


def _padding_is_harmless(
    model: Any, ids: np.ndarray, layers_from: str, lengths: tuple[int, ...]
) -> bool:
    """Tell whether a sequence gives the same hidden states alone and in a batch.

    In the batch it stands with a longer one.
    """
    short, long = lengths
    batch, mask = np.resize(ids, (2, long)), np.ones((2, long), dtype=np.int64)
    mask[1, short:] = 0
    batch[1, short:] = ids[0]
    try:
        together = _read(model, batch, layers_from, mask)
    except Exception:  # a model that takes no mask, or none of this form
        return False
    alone = (_read(model, batch[:1], layers_from), _read(model, batch[1:, :short], layers_from))
    limit = max(_PADDING, 4 * epsilon(model))
    return all(
        bool((state[row, : single.shape[1]] - single[0]).norm() <= limit * single.norm())
        for row in (0, 1)
        for state, single in zip(together, alone[row], strict=True)
    )


def _limit(model: Any, tokenizer: Any, ids: np.ndarray) -> int:
    """Return how many tokens can be read at once.

    What is declared and what position tables hold is tried out where that costs little.
    """
    declared = longest_input(model, tokenizer.model_max_length)
    tried = (
        declared
        if declared < NO_LIMIT and is_cheap(model, declared)
        else min(declared, _UNDECLARED)
    )
    if not is_cheap(model, tried) or _can_read(model, ids, tried):
        return declared
    fits, fails = min(max(LENGTHS), tried), tried
    while fails - fits > 1:
        middle = (fits + fails) // 2
        fits, fails = (middle, fails) if _can_read(model, ids, middle) else (fits, middle)
    told = f"{declared} tokens" if declared < NO_LIMIT else "any number of tokens"
    logger.warning(
        "read check: the configuration says that %s can be read at once; tried out, %d can",
        told,
        fits,
    )
    return fits


def _can_read(model: Any, ids: np.ndarray, length: int) -> bool:
    if model.device.type != "cpu":
        return True  # an index beyond a table would end the process's use of the GPU
    try:
        return all(
            bool(state.isfinite().all()) for state in _given(model, np.resize(ids, length)[None])
        )
    except Exception:  # as many kinds as there are models
        return False
