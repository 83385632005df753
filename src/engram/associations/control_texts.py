"""Control texts: a story with insertions that differ from its associations in one respect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from engram.associations.association_files import Association
from engram.associations.insertions import insertions_of
from engram.errors import EngramError

#: The kinds of control texts, in the order of tables and figures. The place of a kind seeds its
#: random numbers: a new one goes to the end.
CONTROLS = ("random", "shuffled", "displaced", "repeat")
#: Insertions of `shuffled` move at least so many places; those of `displaced` stand at least
#: so many words from every original place, or, where the story is too short, from their own.
SHUFFLED_BY, DISPLACED_BY = 2, 20


def control_insertions(
    story_words: Sequence[str],
    sentence: Sequence[int],
    found: Sequence[Association],
    pool: Sequence[str],
    counts: Mapping[str, int],
    seed: int,
) -> dict[str, dict[int, str]]:
    """Return the insertions of every control text, by its name.

    Parameters
    ----------
    story_words : sequence of str
    sentence : sequence of int
        Index of each word's sentence.
    found : sequence of Association
    pool : sequence of str
        Texts of other stories' associations, for `random`.
    counts : mapping
        How many texts of each kind.
    seed : int
    """
    insertions = insertions_of(found)
    ends = [
        index for index in range(len(story_words) - 1) if sentence[index] != sentence[index + 1]
    ]
    at_ends = found[0].granularity == "sentence"
    boundaries = ends if at_ends else sorted(set(range(len(story_words) - 1)) - set(ends))
    texts: dict[str, dict[int, str]] = {}
    for kind in CONTROLS:
        for number in range(1, counts[kind] + 1):
            rng = np.random.default_rng([seed, CONTROLS.index(kind), number])
            if kind == "random":
                made = random_text(insertions, pool, rng)
            elif kind == "shuffled":
                made = shuffled_text(insertions, rng)
            elif kind == "displaced":
                made = displaced_text(insertions, boundaries, rng)
            else:
                made = repeated_text(insertions, story_words, rng)
            texts[f"{kind}-{number:02d}"] = made
    return texts


def random_text(
    insertions: Mapping[int, str], pool: Sequence[str], rng: np.random.Generator
) -> dict[int, str]:
    """Return insertions at the same places with content from other stories' associations.

    They have the same numbers of words.

    Parameters
    ----------
    insertions : mapping
    pool : sequence of str
        Texts of other stories.
    rng : numpy.random.Generator

    Raises
    ------
    EngramError
        If the pool is empty.
    """
    if not pool:
        raise EngramError(
            "random control texts are made from the associations of other stories, and there "
            "are none. Add files for another story."
        )
    by_length: dict[int, list[str]] = {}
    for text in pool:
        by_length.setdefault(len(text.split()), []).append(text)
    result: dict[int, str] = {}
    for place, text in insertions.items():
        wanted = len(text.split())
        same = by_length.get(wanted)
        if same:
            result[place] = same[int(rng.integers(len(same)))]
            continue
        # No text of that length: longer ones are cut, shorter ones joined.
        words: list[str] = []
        while len(words) < wanted:
            words += pool[int(rng.integers(len(pool)))].split()
        result[place] = " ".join(words[:wanted])
    return result


def shuffled_text(insertions: Mapping[int, str], rng: np.random.Generator) -> dict[int, str]:
    """Return this text's insertions dealt to other places (*what* is wrong, *when* is right).

    Each goes to a place at least two places from its own.
    """
    places, texts = list(insertions), list(insertions.values())
    number = len(places)
    if number < 2 * SHUFFLED_BY + 1:
        raise EngramError(
            f"{number} insertions are too few to be shuffled: each must move {SHUFFLED_BY} places "
            f"or more. Give {2 * SHUFFLED_BY + 1} at least."
        )
    order = rng.permutation(number)
    for _ in range(1000):
        near = np.flatnonzero(np.abs(order - np.arange(number)) < SHUFFLED_BY)
        if len(near) == 0:
            return {place: texts[index] for place, index in zip(places, order, strict=True)}
        # Swap every text that is too near with one drawn at random.
        for index in near:
            other = int(rng.integers(number))
            order[index], order[other] = order[other], order[index]
    shift = int(rng.integers(SHUFFLED_BY, number - SHUFFLED_BY + 1))
    return {place: texts[(index + shift) % number] for index, place in enumerate(places)}


def displaced_text(
    insertions: Mapping[int, str], boundaries: Sequence[int], rng: np.random.Generator
) -> dict[int, str]:
    """Return this text's insertions at other places (*what* is right, *when* is wrong).

    The places are of the same kind.

    Parameters
    ----------
    insertions : mapping
    boundaries : sequence of int
        Words behind which insertions of this kind may stand: sentence ends,
        or all words that end none.
    rng : numpy.random.Generator

    Raises
    ------
    EngramError
        If the story has too few other places, or those drawn leave an insertion too near to
        its own.
    """
    originals = np.array(sorted(insertions))
    free = np.array(
        [word for word in boundaries if np.abs(originals - word).min() >= DISPLACED_BY], dtype=int
    )
    if len(free) < len(insertions):
        # Not every insertion can be so far from all original places: then each is as far from its
        # own, and at no original place.
        free = np.setdiff1d(np.asarray(boundaries, dtype=int), originals)
    if len(free) < len(insertions):
        raise EngramError(
            f"{len(insertions)} insertions cannot be displaced: the story has only {len(free)} "
            "other places of the same kind."
        )
    places = np.sort(rng.choice(free, len(insertions), replace=False))
    texts = [insertions[int(place)] for place in originals]
    for shift in range(len(texts)):
        moved = np.roll(np.arange(len(texts)), shift)
        if (np.abs(places - originals[moved]) >= DISPLACED_BY).all():
            return {int(place): texts[index] for place, index in zip(places, moved, strict=True)}
    raise EngramError(
        f"insertions cannot be displaced by {DISPLACED_BY} words each: the story is too short "
        f"for {len(insertions)} of them."
    )


def repeated_text(
    insertions: Mapping[int, str], words: Sequence[str], rng: np.random.Generator
) -> dict[int, str]:
    """Return insertions at the same places, taken from the story up to there (mere extra text).

    They have the same numbers of words.
    """
    result = {}
    for place, text in insertions.items():
        wanted = min(len(text.split()), place + 1)
        begin = int(rng.integers(0, place + 2 - wanted))
        result[place] = " ".join(words[begin : begin + wanted])
    return result
