"""The read check: what a loaded model does is tried out, once, before a story is read.

A few short sequences are enough.

Conventions differ between families: which hidden state is the embeddings, whether later tokens or
padding change earlier ones, how many tokens can be read. Most differences raise no error and give
other numbers. So none of it is looked up where it can be tried.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

import numpy as np

from engram.errors import EngramError
from engram.features.language_models.early_stop import can_stop
from engram.features.language_models.embeddings import number_of_embeddings
from engram.features.language_models.hidden_states import find_layers, given_states, read_states
from engram.features.language_models.positions import NO_LIMIT, longest_input
from engram.features.language_models.streaming import can_stream
from engram.features.language_models.trials import (
    LENGTHS,
    ROUNDING,
    depends_on_later,
    epsilon,
    is_cheap,
    long_trial,
)

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
    stops : bool
        Whether a reading can be stopped behind a block (`early_stop.can_stop`).
    streams : bool
        Whether layers can be taken one by one while it reads (`streaming.can_stream`).
    """

    family: str
    causal: bool
    layers: int
    limit: int
    batched_is_single: bool
    layers_from: str
    stops: bool
    streams: bool


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
    ids = _tokens(model, tokenizer)
    longest = _longest_trial(model, tokenizer)
    _settle_attention(model)
    given = _tried(model, ids[None, :longest], dtype)
    blocks = getattr(model.config.get_text_config(), "num_hidden_layers", None)
    layers_from = find_layers(model, ids, longest, given, blocks)
    limit = _limit(model, tokenizer, ids)
    lengths = (min(min(LENGTHS), limit - 1), min(longest, limit))
    causal, alone = (
        _is_causal(model, ids, layers_from, lengths),
        _padding_is_harmless(model, ids, layers_from, lengths),
    )
    if long := long_trial(model, limit):
        causal = causal and _is_causal(model, ids, layers_from, (long,))
        alone = alone and _padding_is_harmless(model, ids, layers_from, (long // 2, long))
    trials = _stopping_trials(ids, lengths, alone)
    found = ReadCheck(
        model.config.model_type,
        causal,
        len(given),
        limit,
        alone,
        layers_from,
        can_stop(model, trials, layers_from),
        can_stream(model, trials, layers_from),
    )
    _report(found)
    return found


def _stopping_trials(
    ids: np.ndarray, lengths: tuple[int, int], padded: bool
) -> list[tuple[np.ndarray, np.ndarray | None]]:
    """Return what is read to see whether a model can be stopped: ids, and which are no padding."""
    short, long = lengths
    trials: list[tuple[np.ndarray, np.ndarray | None]] = [(np.resize(ids, (1, long)), None)]
    if padded:
        mask = np.ones((2, long), dtype=np.int64)
        mask[1, short:] = 0
        trials.append((np.resize(ids, (2, long)), mask))
    return trials


def _longest_trial(model: Any, tokenizer: Any) -> int:
    """Return how many tokens the longest of the short trials has."""
    longest = min(max(LENGTHS), longest_input(model, tokenizer.model_max_length))
    if longest < _SHORTEST:
        raise EngramError(
            f"the model ({model.config.model_type}) reads {longest} tokens at once, by its "
            "config.json, "
            "its table of positions or its tokenizer's model_max_length; a word in its context "
            f"takes {_SHORTEST} or more. Correct these, or choose another model."
        )
    return longest


def _tried(model: Any, ids: np.ndarray, dtype: str) -> list[Any]:
    """Return the hidden states of one sequence, (1, n_tokens), as the model gives them.

    They are refused unless they are there, finite, and the same when read again.
    """
    family = model.config.model_type
    try:
        given = given_states(model, ids)
    except Exception as error:  # as many kinds as there are models
        raise EngramError(
            f"the model ({family}) cannot read tokens in {dtype} on {model.device}: "
            f"{type(error).__name__}: {error}. "
            "Try compute.reading_dtype: float32, and another device; a model that needs more than "
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
        for one, two in zip(given, given_states(model, ids), strict=True)
    ):
        raise EngramError(
            f"the model ({family}) reads the same tokens differently each time: "
            "something in it is drawn at random (dropout that stays on, hashing), "
            "or it remembers what it read before. Its vectors are no property of the words. "
            "Turn that off in its code or its config.json."
        )
    return given


def _report(found: ReadCheck) -> None:
    """Log what was found of a model."""
    if not found.batched_is_single:
        logger.warning(
            (
                "read check: padding changes what this model (%s) reads, so that windows of equal "
                "length alone are read together"
            ),
            found.family,
        )
    logger.info(
        (
            "read check: %s, %s, %d layers (%s), at most %s tokens, batched %s alone, "
            "layer 0 knows no context, %s, %s"
        ),
        found.family,
        "causal" if found.causal else "bidirectional",
        found.layers,
        {
            "hidden_states": "as given",
            "blocks": "numbered anew: the first one given is block 1",
            "last block": "the last one before its projection",
        }[found.layers_from],
        found.limit if found.limit < NO_LIMIT else "any number of",
        "as" if found.batched_is_single else "not as",
        "stops at any block" if found.stops else "always read to the end",
        "layers one by one" if found.streams else "all layers at once",
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


def _is_causal(model: Any, ids: np.ndarray, layers_from: str, lengths: tuple[int, ...]) -> bool:
    """Tell whether changing a token leaves the hidden states before it as they are.

    It is tried at the end and within, in sequences of several lengths.

    A model that reads each token as if it stood alone is refused.
    """
    largest, before, after = 0.0, 0.0, 0.0
    for length in lengths:
        some = np.resize(ids, length)
        plain = read_states(model, some[None], layers_from)
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
            for one, two in zip(plain, read_states(model, other[None], layers_from), strict=True):
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
        together = read_states(model, batch, layers_from, mask)
    except Exception:  # a model that takes no mask, or none of this form
        return False
    alone = (
        read_states(model, batch[:1], layers_from),
        read_states(model, batch[1:, :short], layers_from),
    )
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
    promised = f"{declared} tokens" if declared < NO_LIMIT else "any number of tokens"
    logger.warning(
        "read check: the configuration says that %s can be read at once; tried out, %d can",
        promised,
        fits,
    )
    return fits


def _can_read(model: Any, ids: np.ndarray, length: int) -> bool:
    if model.device.type != "cpu":
        return True  # an index beyond a table would end the process's use of the GPU
    try:
        return all(
            bool(state.isfinite().all())
            for state in given_states(model, np.resize(ids, length)[None])
        )
    except Exception:  # as many kinds as there are models
        return False
