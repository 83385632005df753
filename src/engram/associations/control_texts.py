"""Control texts: a story with insertions that differ from its associations in one respect."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from engram.associations.annotators.story_style import StoryStyle
from engram.associations.association_files import Association
from engram.associations.control_sources import Source, in_the_storys_language
from engram.associations.insertions import insertions_of
from engram.associations.random_texts import Made, RandomTexts
from engram.associations.word_counts import SourceCounts, common_words, content_words
from engram.errors import EngramError
from engram.vocabulary import RANDOM, WITH_ASSOCIATIONS

#: The kinds of control texts, in the order of tables and figures. The place of a kind seeds its
#: random numbers: a new one goes to the end.
CONTROLS = ("random", "shuffled", "displaced", "repeat", "passage", "dealt", "cues")
#: Insertions of `shuffled` move at least so many places; those of `displaced` stand at least
#: so many words from every original place, or, where the story is too short, from their own.
SHUFFLED_BY, DISPLACED_BY = 2, 20
#: Words of the story, the last ones before an insertion, whose content a `passage` text has.
PASSAGE = 25


@dataclass(frozen=True)
class Material:
    """What control texts are made of.

    Attributes
    ----------
    insertions : dict
        The text's, in the story's style, by the words that they stand behind.
    granularity : {"word", "sentence"}
    words : sequence of str
        The story's.
    boundaries : sequence of int
        Words behind which insertions of this kind may stand.
    style : StoryStyle
    common : frozenset of str
        Function words.
    """

    insertions: dict[int, str]
    granularity: str
    words: Sequence[str]
    boundaries: Sequence[int]
    style: StoryStyle
    common: frozenset[str]


#: How the texts of a kind are made; those of `random` depend on each other (`RandomTexts`).
_MAKERS: dict[str, Callable[[Material, np.random.Generator], dict[int, str]]] = {
    "shuffled": lambda one, rng: shuffled_text(one.insertions, rng),
    "displaced": lambda one, rng: displaced_text(one.insertions, one.boundaries, rng),
    "repeat": lambda one, rng: repeated_text(one.insertions, one.words, rng),
    "passage": lambda one, rng: passage_text(one, rng),
}


def texts_with_controls(
    story_words: Sequence[str],
    sentence: Sequence[int],
    found: Sequence[Association],
    sources: Sequence[Source],
    counts: Mapping[str, int],
    seed: int,
    name: str = "",
    further: Mapping[str, Mapping[int, str]] | None = None,
) -> dict[str, Made]:
    """Return a text with associations and its control texts, all written as the story is.

    Parameters
    ----------
    story_words : sequence of str
    sentence : sequence of int
        Index of each word's sentence.
    found : sequence of Association
    sources : sequence of Source
        Whose content `random` texts have.
    counts : mapping
        How many texts of each kind; of those that norms have it is none, they are made by
        `engram.associations.norms.control_texts`.
    seed : int
    name : str
        Of the story and the text: `random` and `passage` texts of others are drawn with other
        random numbers.
    further : mapping, optional
        Control texts that were made elsewhere, to be written as the story is.
    """
    further = further or {}
    known = [text for insertions in further.values() for text in insertions.values()]
    material = _material(story_words, sentence, found, sources, known)
    texts = {WITH_ASSOCIATIONS: Made(material.insertions)}
    random = _random_texts(material, sources) if counts.get(RANDOM) else None
    of_name = zlib.crc32(name.encode())
    for index, kind in enumerate(CONTROLS):
        for number in range(1, counts.get(kind, 0) + 1):
            if kind == RANDOM and random is not None:
                # The order of sources is that of all stories: text 1 has one source in each.
                order = np.random.default_rng([seed, index])
                made = random.make(
                    number, order, np.random.default_rng([seed, index, number, of_name])
                )
            else:
                entropy = [seed, index, number, *([of_name] if kind == "passage" else [])]
                insertions = _MAKERS[kind](material, np.random.default_rng(entropy))
                made = Made(_styled(material, insertions))
            texts[f"{kind}-{number:02d}"] = made
    return texts | {
        variant: Made(_styled(material, insertions)) for variant, insertions in further.items()
    }


def _random_texts(one: Material, sources: Sequence[Source]) -> RandomTexts:
    """Return what makes random texts."""
    counts = source_counts(one.words, sources)
    among = in_the_storys_language(sources, [*one.words, *one.insertions.values()])
    return RandomTexts(one.insertions, one.granularity, among, one.style, counts, one.common)


def source_counts(story_words: Sequence[str], sources: Sequence[Source]) -> SourceCounts:
    """Return how often words stand in a story and in the sources of its control texts."""
    return SourceCounts(story_words, {source.name: source.all_texts for source in sources})


def _styled(one: Material, insertions: Mapping[int, str]) -> dict[int, str]:
    """Return insertions in the story's style, each with as many words as it had."""
    styled = one.style.of_insertions(insertions, one.granularity)
    return {
        # A word without a letter or a digit, which earlier story text may have, would be lost.
        place: styled[place] if len(styled[place].split()) == len(text.split()) else text
        for place, text in insertions.items()
    }


def _material(
    words: Sequence[str],
    sentence: Sequence[int],
    found: Sequence[Association],
    sources: Sequence[Source],
    texts: Sequence[str],
) -> Material:
    """Return what control texts are made of; names are known from all that is at hand."""
    known = [*texts, *(one.text for one in found)]
    known += [text for source in sources for text in source.all_texts]
    style = StoryStyle.of(words, sentence, known)
    granularity = found[0].granularity
    ends = [index for index in range(len(words) - 1) if sentence[index] != sentence[index + 1]]
    boundaries = (
        ends if granularity == "sentence" else sorted(set(range(len(words) - 1)) - set(ends))
    )
    insertions = style.of_insertions(insertions_of(found), granularity)
    return Material(insertions, granularity, words, boundaries, style, common_words())


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


def passage_text(one: Material, rng: np.random.Generator) -> dict[int, str]:
    """Return insertions at the same places that say again what was just heard, in another order.

    Each has the function words of the text's own insertion, and in place of its content words some
    of the story's last 25 words up to there, or of more where these have too few with content.
    It is about the passage, and brings nothing to mind.
    """
    result = {}
    for place, text in one.insertions.items():
        tokens = text.split()
        slots = [index for index, word in enumerate(tokens) if content_words(word, one.common)]
        slots = slots or list(range(len(tokens)))
        heard = _heard(one, place, len(slots))
        # As few words as a story has at its beginning are said more than once.
        times = -(-len(slots) // len(heard))
        drawn = np.concatenate([rng.permutation(heard) for _ in range(times)])[: len(slots)]
        for index, word in zip(slots, drawn.tolist(), strict=True):
            tokens[index] = one.style.inside(word) or word
        result[place] = " ".join(tokens)
    return result


def _heard(one: Material, place: int, wanted: int) -> list[str]:
    """Return different content words of the passage up to a place, or all words without any."""
    begin = place + 1
    content: dict[str, str] = {}
    while begin > 0 and len(content) < wanted:
        begin = max(0, begin - PASSAGE)
        passage = one.words[begin : place + 1]
        content = {found[0]: word for word in passage if (found := content_words(word, one.common))}
    return list(content.values()) or list(one.words[: place + 1])
