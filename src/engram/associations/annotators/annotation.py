"""Annotation of a story by a language model, which may be any `Annotator`.

That is one behind an address (`engram.associations.annotators.chat`), or one in a folder
(`engram.associations.annotators.local_model`).

A model is asked at every n-th sentence end. It reads the story up to there and never beyond.
Every request is kept on disk with its answer and is never made twice, so that a run that was
stopped goes on where it was.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from engram.associations.annotators import answers
from engram.associations.annotators.answers import BrokenFormatError
from engram.associations.annotators.prompts import STORY_WORDS, places, prompt
from engram.associations.annotators.story_style import StoryStyle
from engram.associations.association_files import Association
from engram.errors import EngramError
from engram.files import storage
from engram.jobs.progress import progress

logger = logging.getLogger(__name__)


@dataclass
class Report:
    """What an annotator did.

    Attributes
    ----------
    asked : int
        Requests that a model answered.
    cached : int
        Requests whose answer was on disk already.
    skipped : int
        Places without an association, because the answer was twice not of the
        form that was asked for, or a part of the prompt.
    prompt_tokens, completion_tokens : int
        Tokens read and written for the requests that were asked, where the endpoint tells.
    empty : int
        Places where nothing came to the model's mind.
    """

    asked: int = 0
    cached: int = 0
    skipped: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    empty: int = 0


class Annotator(Protocol):
    """What `annotate` needs of an annotator."""

    @property
    def model(self) -> str:
        """The model's name, which the associations carry."""

    @property
    def granularity(self) -> str:
        """What it writes: word or sentence."""

    @property
    def cache(self) -> Path:
        """The folder of requests and answers."""

    def request(self, fill: Callable[[int], str], place: int) -> dict[str, Any]:
        """Return all that the answer depends on.

        `fill` gives the prompt with at most so many of the story's words.
        """

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return the model's ``content``, and the tokens used as ``usage``."""

    def read(self, answer: dict[str, Any]) -> str:
        """Return the text of an answer, not checked yet."""


def annotate(
    words: Sequence[str],
    sentence: Sequence[int],
    annotator: Annotator,
    every: int = 4,
    *,
    pseudo: bool = False,
    allow_pseudo: bool = False,
    template: str | None = None,
    longest: int = STORY_WORDS,
) -> tuple[list[Association], Report]:
    """Let a language model write associations into a story.

    Parameters
    ----------
    words : sequence of str
    sentence : sequence of int
        The sentence of each word.
    annotator : ChatAnnotator or LocalAnnotator
    every : int
        It is asked at the end of every so many sentences.
    pseudo : bool
        Whether the story's sentences are pseudo-sentences (a fixed number of words).
    allow_pseudo : bool
        Whether they are good enough.
    template : str, optional
        The prompt's template; the project's own for the annotator's granularity if None.
    longest : int
        The last words of the story that a prompt holds, at most.

    Returns
    -------
    associations : list of Association
        At most one a place. Texts follow the story: without punctuation where it has none,
        else as sentences and phrases of it.
    report : Report

    Raises
    ------
    EngramError
        If the sentences are pseudo-sentences and that is not allowed, or the model cannot be asked.
        What was answered is kept.
    """
    _check_story(words, sentence, pseudo and not allow_pseudo)
    where = places(sentence, every)
    if not where:
        logger.warning("too few sentences to be asked about every %d: no associations", every)
    style = StoryStyle.of(words, sentence)
    report, found = Report(), list[Association]()
    kind = annotator.granularity
    try:
        for place in progress(where, "places", "place"):
            if text := _association(words, place, annotator, (template, longest), report):
                styled = style.applied(text, kind, place)
                found.append(Association(place, styled, kind, f"language model: {annotator.model}"))
    finally:
        _log(annotator.model, len(found), len(where), report)
    return found, report


def _check_story(words: Sequence[str], sentence: Sequence[int], without_sentences: bool) -> None:
    """Refuse a story without a sentence for each word, or without sentences of its own."""
    if len(words) != len(sentence):
        raise EngramError(
            f"the story has {len(words)} words, and a sentence is given for {len(sentence)}. "
            "Give one for each word."
        )
    if without_sentences:
        raise EngramError(
            "the story has no punctuation, so its sentences are pseudo-sentences: "
            "associations would stand in the middle of sentences. Give words with punctuation, "
            "annotate by hand (docs/how-to/annotating.md), or allow pseudo-sentences explicitly."
        )


def _log(model: str, found: int, places: int, report: Report) -> None:
    """Say in the log how many associations there are, and what they took."""
    logger.info(
        (
            "%s: %d of %d places have an association; %d requests asked, %d from the cache, "
            "%d places skipped, nothing came to mind at %d; tokens: %d read, %d written"
        ),
        *(model, found, places, report.asked, report.cached, report.skipped, report.empty),
        *(report.prompt_tokens, report.completion_tokens),
    )


def _association(
    words: Sequence[str],
    place: int,
    annotator: Annotator,
    asked: tuple[str | None, int],
    report: Report,
) -> str:
    """Return what comes to the model's mind at a place.

    It is nothing, if the model twice answers in a form that was not asked for. `asked` is the
    prompt's template, and the most words of the story in it.
    """
    note, (template, most) = "", asked

    def fill(longest: int) -> str:
        told = prompt(words, place, annotator.granularity, template, min(longest, most))
        return told + note

    for attempt in (1, 2):
        answer = _kept_answer(annotator, annotator.request(fill, place), report)
        try:
            text = answers.checked(annotator.read(answer), annotator.granularity)
            answers.refuse_copied(text, fill(most))
            report.empty += not text
            return text
        except BrokenFormatError as error:
            # A skip needs no mark of its own on disk: both answers are kept, and read again
            # they come to the same.
            if attempt == 2:
                report.skipped += 1
                logger.warning(
                    (
                        "word %d is skipped: the model's answer was twice not of "
                        "the form asked for (%s)"
                    ),
                    place,
                    error,
                )
            note = (
                f"\n\nYou answered this before, but not in the form asked for: {error}. "
                "Answer once more, with the JSON object alone."
            )
    return ""


def _kept_answer(annotator: Annotator, request: dict[str, Any], report: Report) -> dict[str, Any]:
    """Return the answer to a request.

    It is taken from disk if it is there, else from the model, and then put on disk.
    """
    name = hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()
    path = annotator.cache / f"{name}.json"
    try:
        kept = storage.read_json(path).get("Answer")
    except EngramError:
        logger.warning("'%s' cannot be read as JSON; its request is asked again", path)
        kept = None
    if isinstance(kept, dict) and isinstance(kept.get("content"), str):
        report.cached += 1
        return kept
    answer = annotator.answer(request)
    storage.write_json(path, {"Request": request, "Answer": answer})
    report.asked += 1
    report.prompt_tokens += answer["usage"].get("prompt_tokens", 0)
    report.completion_tokens += answer["usage"].get("completion_tokens", 0)
    return answer
