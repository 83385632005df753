"""What language models answer, read strictly.

It is a text of the form that was asked for, or the reason why it is none.

An answer comes from outside and may be anything. Each check takes time in proportion
to the answer's length.
"""

from __future__ import annotations

import json
import re

from engram.words.punctuation import ends_sentence, without_end

#: The most words and characters that an association may have, and characters
#: of the answer around it.
LONGEST, LONGEST_TEXT, LONGEST_ANSWER = 40, 500, 20_000

_FENCE = "```"
_WORD = re.compile(r"[^\W_]+")
_NOT_A_TEXT = frozenset({"n/a", "none", "null"})


class BrokenFormatError(ValueError):
    """An answer is not of the form that was asked for."""


def from_json(content: str) -> str:
    """Return the association in a model's JSON, which may stand in a code fence.

    Raises
    ------
    BrokenFormatError
        If the answer is too long, is no JSON object, or has no text under ``association``.
    """
    if len(content) > LONGEST_ANSWER:
        raise BrokenFormatError(f"it was longer than {LONGEST_ANSWER} characters")
    content = content.strip()
    if not content:
        raise BrokenFormatError("it was empty")
    try:
        found = json.loads(_unfenced(content))
    except (ValueError, RecursionError):
        raise BrokenFormatError("it was not valid JSON") from None
    if not isinstance(found, dict) or "association" not in found:
        raise BrokenFormatError('it was not a JSON object with the key "association"')
    if not isinstance(found["association"], str):
        raise BrokenFormatError('the value of "association" was not a text')
    return found["association"]


def _unfenced(content: str) -> str:
    """Return what stands between the marks of a code fence; a text without both marks as it is."""
    if len(content) < 2 * len(_FENCE) or not (
        content.startswith(_FENCE) and content.endswith(_FENCE)
    ):
        return content
    return content[len(_FENCE) : -len(_FENCE)].removeprefix("json")


def checked(text: str, granularity: str) -> str:
    """Return a text that can be inserted into a story, or nothing if nothing came to mind.

    Parameters
    ----------
    text : str
    granularity : {"word", "sentence"}

    Raises
    ------
    BrokenFormatError
        If the text has line breaks, characters that are not text, no words or too many,
        or is several sentences where a phrase was asked for.
    """
    text = text.strip()
    if len(text) > LONGEST_TEXT:
        raise BrokenFormatError(f"the text had {len(text)} characters, more than {LONGEST_TEXT}")
    if len(text.splitlines()) > 1:
        raise BrokenFormatError("the text had line breaks")
    tokens = text.split()
    if not tokens or without_end(text.lower()) in _NOT_A_TEXT:
        return ""
    text = " ".join(tokens)
    if not text.isprintable():
        raise BrokenFormatError("the text had characters that cannot be printed")
    if "\ufffd" in text:  # what decoders write for bytes that are not UTF-8
        raise BrokenFormatError("the text had characters that cannot be read")
    if not any(character.isalpha() for character in text):
        raise BrokenFormatError("the text had no words")
    if len(tokens) > LONGEST:
        raise BrokenFormatError(f"the text had {len(tokens)} words, more than {LONGEST}")
    if granularity == "word" and any(ends_sentence(token) for token in tokens[:-1]):
        raise BrokenFormatError("the text was several sentences instead of a phrase")
    return text


def refuse_copied(text: str, prompt: str) -> None:
    """Refuse a text of two words or more that stands in the prompt word for word.

    Small models answer with a part of what they were told, an example or the story.

    Raises
    ------
    BrokenFormatError
        If it does.
    """
    words, told = (" ".join(_WORD.findall(one.casefold())) for one in (text, prompt))
    if " " in words and f" {words} " in f" {told} ":
        raise BrokenFormatError("the text was a part of what was asked, word for word")
