"""Control sets of tuning samples: outputs dealt to other passages, and plain continuation."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from engram.errors import EngramError
from engram.tunings.sample_problems import refuse
from engram.tunings.samples import Sample
from engram.vocabulary import ASSOCIATION, TUNING_CONTROLS

#: What the samples of a tuning can be.
CONDITIONS = (ASSOCIATION, *TUNING_CONTROLS)
#: The instruction of the `generic` control, which asks for no association.
CONTINUE = "Continue the text."
#: Where the `generic` control may cut a passage, in shares of its words.
_CUT = (0.4, 0.6)
#: Orders that are drawn, at most, until no passage gets an output that is equal to its own.
_DRAWS = 1000


def conditioned(samples: Sequence[Sample], condition: str, seed: int) -> list[Sample]:
    """Return the samples of a condition: as they are (association), `shuffled` or `generic`."""
    return (
        {"shuffled": shuffled, "generic": generic}[condition](samples, seed)
        if condition != ASSOCIATION
        else list(samples)
    )


def shuffled(samples: Sequence[Sample], seed: int) -> list[Sample]:
    """Return the samples with their outputs dealt to other passages.

    Only the pairing of passages and outputs changes. An output keeps its instruction, which says
    what form it has, and goes to a passage of the same split and granularity.

    Parameters
    ----------
    samples : sequence of Sample
    seed : int

    Raises
    ------
    EngramError
        If a split and granularity has too few different passages or outputs.
    """
    rng = np.random.default_rng(seed)
    groups: dict[tuple[str | None, str | None], list[int]] = defaultdict(list)
    for index, sample in enumerate(samples):
        groups[sample.split, sample.granularity].append(index)
    result = list(samples)
    for (part, granularity), members in groups.items():
        for index, giver in _dealt(
            samples, members, rng, f"split {part}, granularity {granularity}"
        ).items():
            result[index] = replace(
                samples[index], instruction=samples[giver].instruction, output=samples[giver].output
            )
    return result


def generic(samples: Sequence[Sample], seed: int) -> list[Sample]:
    """Return samples that continue the same passages, without any association.

    The first part of a passage is the input, the rest of it the output.

    Parameters
    ----------
    samples : sequence of Sample
    seed : int
        Of where passages are cut: at a word border between 40 and 60 % of their words.

    Raises
    ------
    EngramError
        With line numbers, if passages have fewer than two words.
    """
    rng = np.random.default_rng(seed)
    refuse(
        "tuning set",
        [
            (sample.line, "the passage has fewer than two words")
            for sample in samples
            if len(sample.input.split()) < 2
        ],
        (
            "A generic control goes on with the passage: write longer ones, "
            "or do without this control."
        ),
    )
    return [_cut(sample, float(rng.uniform(*_CUT))) for sample in samples]


def _cut(sample: Sample, share: float) -> Sample:
    begins = [word.start() for word in re.finditer(r"\S+", sample.input)]
    place = begins[min(max(round(share * len(begins)), 1), len(begins) - 1)]
    return replace(
        sample,
        instruction=CONTINUE,
        input=sample.input[:place].rstrip(),
        output=sample.input[place:],
        granularity=None,
    )


def _dealt(
    samples: Sequence[Sample], members: Sequence[int], rng: np.random.Generator, where: str
) -> dict[int, int]:
    """Return for each member whose output it gets: of another passage, and not equal to its own.

    Members are put in a random order in which those of one passage are neighbours. Then all outputs
    move by at least as many places as the most common passage has members, and so to other
    passages.
    """
    largest = max(Counter(samples[index].input for index in members).values())
    if 2 * largest > len(members):
        raise EngramError(
            f"the outputs of {len(members)} samples ({where}) cannot be dealt to other passages: "
            f"{largest} are of one passage. Add samples of other passages."
        )
    for _ in range(_DRAWS):
        order = [members[number] for number in rng.permutation(len(members))]
        rank = {
            passage: number
            for number, passage in reversed(
                list(enumerate(samples[index].input for index in order))
            )
        }
        order.sort(key=lambda index: rank[samples[index].input])
        shift = int(rng.integers(largest, len(order) - largest + 1))
        pairs = {index: order[(number + shift) % len(order)] for number, index in enumerate(order)}
        if all(samples[index].output != samples[giver].output for index, giver in pairs.items()):
            return pairs
    raise EngramError(
        f"the outputs of {len(members)} samples ({where}) cannot be dealt to other passages: "
        "too many are the same. Write different outputs."
    )
