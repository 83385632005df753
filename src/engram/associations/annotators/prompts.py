"""What annotators are asked: the places of a story, and the prompt at each."""

from __future__ import annotations

from collections.abc import Sequence

from engram.associations.association_files import GRANULARITIES
from engram.errors import EngramError
from engram.paths import PROMPTS
from engram.words.spacing import laid_out

#: What stands for the story in a template.
STORY = "{story}"
#: The last words of the story that a prompt of instructions holds, and one of examples: models
#: that need these lose themselves in more.
STORY_WORDS, EXAMPLE_WORDS = 1500, 40
#: The prompts that there are of each granularity.
KINDS = ("instructions", "examples")


def places(sentence: Sequence[int], every: int = 4) -> list[int]:
    """Return the places of a story at which an annotator is asked.

    Parameters
    ----------
    sentence : sequence of int
        The sentence of each word of the story.
    every : int
        Ask at the end of every so many sentences.

    Returns
    -------
    list of int
        Indices of the last words of these sentences; never the story's last word, behind which
        there is nothing to be read.

    Raises
    ------
    EngramError
        If `every` is below 1.
    """
    if every < 1:
        raise EngramError(
            f"an annotator cannot be asked at every {every} sentences. Give 1 or more."
        )
    ends = [index for index in range(len(sentence) - 1) if sentence[index] != sentence[index + 1]]
    return ends[every - 1 :: every]


def template_of(granularity: str, kind: str = "instructions") -> str:
    """Return the project's own template of a prompt.

    Parameters
    ----------
    granularity : {"word", "sentence"}
    kind : {"instructions", "examples"}
        What is asked in full, or three examples for models that would copy instructions.
    """
    name = check_granularity(granularity) + ("-examples" if kind == "examples" else "")
    return (PROMPTS / f"{name}.txt").read_text(encoding="utf-8")


def prompt(
    words: Sequence[str],
    place: int,
    granularity: str,
    template: str | None = None,
    longest: int = STORY_WORDS,
) -> str:
    """Return what a model is asked at a place of a story.

    Parameters
    ----------
    words : sequence of str
        The story. Words behind the place are never used.
    place : int
        Index of the last word that the model reads.
    granularity : {"word", "sentence"}
    template : str, optional
        A text with ``{story}`` in it; the project's own for the granularity if None.
    longest : int
        Of a longer story, the last so many words up to the place are kept.

    Raises
    ------
    EngramError
        If the place is not in the story, or the template does not hold ``{story}`` exactly once.
    """
    if not 0 <= place < len(words):
        raise EngramError(
            f"word {place} is not in the story, which has the words 0 to {len(words) - 1}."
        )
    if template is None:
        template = template_of(granularity)
    if template.count(STORY) != 1:
        raise EngramError(
            f"the prompt's template holds {STORY} {template.count(STORY)} times. Write it once, "
            "where the story belongs."
        )
    told = laid_out(words[max(0, place + 1 - longest) : place + 1]).text
    return template.replace(STORY, told).strip()


def check_granularity(name: str) -> str:
    """Return the name of a granularity, or raise an `EngramError` if it is none."""
    if name not in GRANULARITIES:
        raise EngramError(f"granularity is '{name}'. Allowed: {' or '.join(GRANULARITIES)}.")
    return name
