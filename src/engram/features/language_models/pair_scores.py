"""Minimal pairs: whether a causal model finds the right sentence of a pair more probable.

As in BLiMP (Warstadt et al. 2020, TACL 8:377) a pair is decided by the sum of the log probabilities
of a sentence's tokens. The mean over tokens stands beside it, since longer sentences have smaller
sums.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from engram.features.language_models.causal_model import CausalModel
from engram.jobs.out_of_memory import Shrinking
from engram.jobs.progress import progress

#: Pairs between two lines of progress.
_AT_ONCE = 256
#: What to do where memory runs out.
_SMALLER = (
    "'activations.batch_tokens: {size}' in the configuration spares this; scores are the same up "
    "to rounding.",
    "Give the job more memory (resources: mem_mb), or use the CPU (compute.device: cpu).",
)


def pair_scores(pairs: pd.DataFrame, model: CausalModel, batch_tokens: int = 8192) -> pd.DataFrame:
    """Return pairs with the log probabilities of both sentences.

    A sentence begins behind the model's special token for the beginning of a text; without one its
    first token is predicted by nothing, and is left out of both sentences.

    Parameters
    ----------
    pairs : pandas.DataFrame
        As `engram.features.minimal_pairs.read_pairs` returns them.
    model : CausalModel
    batch_tokens : int
        Tokens of a batch, filled up to the longest sentence. Both sentences of a pair are read in
        one batch.

    Returns
    -------
    pandas.DataFrame
        With the columns ``good_log_p`` and ``bad_log_p`` (sums over tokens, natural logarithms),
        ``good_tokens`` and ``bad_tokens``.
    """
    texts = [text for pair in zip(pairs["good"], pairs["bad"], strict=True) for text in pair]
    ids = [model.tokenizer(text, add_special_tokens=False)["input_ids"] for text in texts]
    log_p = np.zeros(len(texts))
    longest = len(model.prefix) + max(map(len, ids))
    limit = Shrinking(batch_tokens, "tokens in a batch", *_SMALLER)

    for begin in progress(range(0, len(pairs), _AT_ONCE), "pairs", "batch"):

        def read(some: slice, begin: int = begin) -> None:
            sentences = slice(2 * (begin + some.start), 2 * (begin + some.stop))
            log_p[sentences] = _sums(ids[sentences], model)

        limit.each(min(_AT_ONCE, len(pairs) - begin), read, weight=2 * longest)
    scored = np.array([len(one) for one in ids]) - (0 if model.prefix else 1)
    return pairs.assign(
        good_log_p=log_p[::2],
        bad_log_p=log_p[1::2],
        good_tokens=scored[::2],
        bad_tokens=scored[1::2],
    )


def _sums(ids: list[list[int]], model: CausalModel) -> np.ndarray:
    """Return the log probability of each sentence, read in one batch: (n_sentences, )."""
    import torch

    rows = [[*model.prefix, *one] for one in ids]
    tokens = np.zeros((len(rows), max(map(len, rows))), dtype=np.int64)
    mask = np.zeros_like(tokens)
    for place, row in enumerate(rows):
        tokens[place, : len(row)], mask[place, : len(row)] = row, 1
    device = model.model.device
    given, attended = torch.as_tensor(tokens, device=device), torch.as_tensor(mask, device=device)
    with torch.inference_mode():
        logits: Any = model.model(input_ids=given, attention_mask=attended).logits
        chances = logits[:, :-1].float().log_softmax(dim=-1)
        following = chances.gather(2, given[:, 1:, None])[..., 0]
        # The first token of a sentence without a prefix is predicted by nothing.
        predicted = attended[:, 1:].clone()
        predicted[:, : max(len(model.prefix) - 1, 0)] = 0
        sums: np.ndarray = (following * predicted).double().sum(1).cpu().numpy()
    return sums
