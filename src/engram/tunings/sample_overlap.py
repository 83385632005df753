"""Words that tuning samples share: with the stories that are scored, and among themselves."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

from engram.tunings.sample_problems import refuse
from engram.tunings.samples import Sample

#: Words in a row that no sample may share with a story.
STORY_GRAM = 13
#: Words in a row by which two passages are compared.
PASSAGE_GRAM = 5
_WORD = re.compile(r"[^\W_]+")


def grams(text: str, n: int) -> set[tuple[str, ...]]:
    """Return all runs of n words of a text, with case, punctuation and apostrophes folded."""
    words = _WORD.findall(text.casefold().replace("'", "").replace("\u2019", ""))
    return {tuple(words[begin : begin + n]) for begin in range(len(words) - n + 1)}


def check_stories(samples: Iterable[Sample], stories: Mapping[str, Sequence[str]]) -> None:
    """Raise `EngramError` if samples share 13 words in a row with a story that is scored.

    It names lines and stories.

    Parameters
    ----------
    samples : iterable of Sample
    stories : mapping
        Each story's words.
    """
    known: dict[tuple[str, ...], str] = {}
    for name, words in stories.items():
        known |= dict.fromkeys(grams(" ".join(words), STORY_GRAM), name)
    problems = []
    for sample in samples:
        own = set().union(
            *(grams(text, STORY_GRAM) for text in (sample.instruction, sample.input, sample.output))
        )
        for name in sorted({known[gram] for gram in own & known.keys()}):
            example = " ".join(min(gram for gram in own & known.keys() if known[gram] == name))
            problems.append(
                (sample.line, f"shares with the story '{name}' the words \"{example}\"")
            )
    refuse(
        "tuning set",
        problems,
        "A model must not be tuned on what is scored: take the lines, or the stories, out.",
    )


def most_alike(samples: Sequence[Sample]) -> tuple[float, int, int]:
    """Return the largest share of 5-grams that two passages have in common, and their lines.

    Parameters
    ----------
    samples : sequence of Sample

    Returns
    -------
    share : float
        Common 5-grams over those of the passage that has fewer; 1 for the same passage twice.
    line, other : int
        Both 0 where no two passages have a 5-gram in common.
    """
    lines: dict[str, int] = {}
    for sample in samples:
        if sample.input in lines and sample.input:
            return 1.0, lines[sample.input], sample.line
        lines[sample.input] = sample.line
    passages = [grams(sample.input, PASSAGE_GRAM) for sample in samples]
    where: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for number, found in enumerate(passages):
        for gram in found:
            where[gram].append(number)
    shared = Counter(pair for numbers in where.values() for pair in combinations(numbers, 2))
    shares = (
        (
            count / min(len(passages[one]), len(passages[other])),
            samples[one].line,
            samples[other].line,
        )
        for (one, other), count in shared.items()
    )
    return max(shares, default=(0.0, 0, 0))
