"""Batches of a tuning: what each step trains on, and what goes through the model at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count

import numpy as np

from engram.jobs.out_of_memory import Shrinking
from engram.tunings.sample_tokens import Encoded
from engram.tunings.settings import Settings

#: Two messages for when memory runs out: how to start with the size that fits, and what to do
#: where not even one sample fits.
_SMALLER = (
    (
        "'micro_tokens: {size}' in the tuning's configuration spares this; a step trains on the "
        "same tokens, its dropout is drawn otherwise."
    ),
    (
        "Write 'gradient_checkpointing: true', a smaller max_length, 'method: lora' or fewer "
        "train_layers in the tuning's configuration, or give the job more memory."
    ),
)


def batches(lengths: Sequence[int], settings: Settings) -> list[list[tuple[int, int]]]:
    """Return what each step trains on: samples, and how many of each one's output tokens.

    Parameters
    ----------
    lengths : sequence of int
        Output tokens of each sample.
    settings : Settings

    Returns
    -------
    list of list of (sample, tokens)
        A list a step, with `tokens_per_step` tokens altogether: samples follow each other in an
        order that is drawn anew for each pass, and a step's last one is cut.
        The same for the same lengths and seed.
    """
    order = (
        int(index)
        for epoch in count()
        for index in np.random.default_rng([settings.seed, epoch]).permutation(len(lengths))
    )
    result = []
    for _ in range(settings.steps):
        left, step = settings.tokens_per_step, []
        while left:
            index = next(order)
            step.append((index, min(left, lengths[index])))
            left -= step[-1][1]
        result.append(step)
    return result


def piece(sample: Encoded, tokens: int) -> Encoded:
    """Return a sample with the first so many of its output tokens.

    What comes after them carries no loss, and no earlier token sees it.
    """
    return Encoded(sample.ids[: sample.n_prompt + tokens], sample.n_prompt)


def micro_batches(pieces: Sequence[Encoded], micro_tokens: int) -> Iterator[list[Encoded]]:
    """Yield pieces of like length in groups of at most so many tokens, padding included.

    There is at least one in a group.
    """
    group: list[Encoded] = []
    for piece in sorted(pieces, key=lambda piece: len(piece.ids), reverse=True):
        if group and (len(group) + 1) * len(group[0].ids) > micro_tokens:
            yield group
            group = []
        group.append(piece)
    yield group


def micro_limit(settings: Settings) -> Shrinking:
    """Return the tokens that go through the model at once.

    They are made fewer where memory runs out.
    """
    return Shrinking(settings.micro_tokens, "tokens at once (micro_tokens)", *_SMALLER)
