"""Associations written as their story is: its punctuation, its capitals and its names.

All that is inserted goes through one function, `StoryStyle.applied`: what annotators write, and
each text that a model reads, with its controls. A text's style then never tells whether
it is a control.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from engram.words.punctuation import (
    bare,
    ends_sentence,
    has_letters,
    is_closed,
    marks,
    unquoted,
    without_end,
)

_DASHES = re.compile(r"[\u2013\u2014\u2026]|--+|\.\.\.+")
_I = re.compile(r"I(?:['\u2019][a-z]+)?")
# Words that begin sentences and are no names, whatever follows them ("In Paris").
_OPENER = re.compile(
    (
        "a|about|after|all|also|always|an|and|another|any|anyone|as|at|back|because|before|but|by|"
        "each|even|every|everyone|for|from|he|her|here|his|how|if|in|into|"
        "it|it's|its|just|like|maybe|most|my|never|no|nobody|not|now|of|on|once|one|only|or|our|"
        "over|she|since|so|some|someone|sometimes|still|such|that|that's|"
        "the|their|then|there|there's|these|they|this|those|through|to|under|until|we|what|when|"
        "where|which|while|who|whose|with|without|you|your"
    ),
    re.IGNORECASE,
)
_ALWAYS_CAPITAL = frozenset(
    [
        *["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"],
        "Christmas",
        "Easter",
    ]
)


@dataclass(frozen=True)
class StoryStyle:
    """How a story is written.

    Attributes
    ----------
    ends : sequence of bool
        Whether a sentence's mark stands behind each word of the story.
    written : (str, str) or None
        The story's full stop and comma; None if it has no punctuation.
    case : {"mixed", "lower", "upper"}
        `lower` and `upper`: the story has no capitals, or nothing else.
    names : frozenset of str
        Words that keep their capital.
    """

    ends: Sequence[bool]
    written: tuple[str, str] | None
    case: Literal["mixed", "lower", "upper"]
    names: frozenset[str]

    @classmethod
    def of(
        cls, words: Sequence[str], sentence: Sequence[int], texts: Iterable[str] = ()
    ) -> StoryStyle:
        """Return the style of a story.

        Parameters
        ----------
        words : sequence of str
        sentence : sequence of int
            The sentence of each word.
        texts : iterable of str
            Further texts from which names are known, such as those that will be inserted.
        """
        ends = [ends_sentence(word) for word in words]
        known, parts, last = list(words), list(sentence), max(sentence, default=0)
        for text in texts:
            last += 1
            for word in text.split():
                known.append(word)
                parts.append(last)
                last += ends_sentence(word)
        told = "".join(words)
        upper = told.upper() == told != told.lower()
        case: Literal["mixed", "lower", "upper"] = (
            "lower" if told.lower() == told != told.upper() else "upper" if upper else "mixed"
        )
        return cls(ends, marks(words) if any(ends) else None, case, names_of(known, parts))

    def applied(self, text: str, granularity: str, place: int) -> str:
        """Return a text as it is written behind a word of the story.

        It has the same words. Applied twice it is as applied once.

        Parameters
        ----------
        text : str
        granularity : {"word", "sentence"}
        place : int
            The word of the story that it stands behind.
        """
        if not has_letters(text):
            return text
        styled = in_style(text, granularity, self.written, self.ends[place], self.names)
        return {"mixed": styled, "lower": styled.lower(), "upper": styled.upper()}[self.case]

    def of_insertions(self, insertions: Mapping[int, str], granularity: str) -> dict[int, str]:
        """Return insertions, by the words that they stand behind, as the story is written."""
        return {place: self.applied(text, granularity, place) for place, text in insertions.items()}

    def inside(self, word: str) -> str:
        """Return a word as it is written in the middle of a sentence, without punctuation."""
        return _lowered(bare(word), "", self.names)


def names_of(words: Sequence[str], sentence: Sequence[int]) -> frozenset[str]:
    """Return the story's words that are always capitalised.

    That is, not only because they begin a sentence.
    """
    stems = [_stem(word) for word in words]
    known = set(stems)
    inside = {
        stem for index, stem in enumerate(stems) if index and sentence[index] == sentence[index - 1]
    }
    return (
        frozenset(
            stem
            for stem in inside
            if stem[:1].isupper() and stem[0].lower() + stem[1:] not in known
        )
        | _ALWAYS_CAPITAL
    )


def in_style(
    text: str,
    granularity: str,
    written: tuple[str, str] | None,
    at_end: bool,
    names: frozenset[str],
) -> str:
    """Return a text written as its story is.

    Parameters
    ----------
    text : str
    granularity : {"word", "sentence"}
    written : (str, str) or None
        The story's full stop and comma; None if it has no punctuation.
    at_end : bool
        Whether the text stands behind the end of a sentence.
    names : frozenset of str
        Words that keep their capital.
    """
    text = unquoted(text)
    if written is None:
        return _bare(text, names)
    stop, comma = written
    if granularity == "sentence" or at_end:
        text = re.sub(r"^([\W_]*)([^\W\d_])", lambda found: found[1] + found[2].upper(), text)
        return text if is_closed(text) else without_end(text) + stop
    tokens = without_end(text).split()
    following = "" if len(tokens) == 1 or ends_sentence(tokens[0]) else tokens[1]
    return " ".join([_lowered(tokens[0], following, names), *tokens[1:]]) + comma


def _bare(text: str, names: frozenset[str]) -> str:
    """Return a text without punctuation, and without the capitals that only begin sentences."""
    tokens = [token for token in _DASHES.sub(" ", text).split() if has_letters(token)]
    result, begins = [], True
    for token, following in zip(tokens, [*tokens[1:], ""], strict=True):
        word = bare(token)
        next_one = "" if ends_sentence(token) else following
        result.append(_lowered(word, next_one, names) if begins else word)
        begins = ends_sentence(token)
    return " ".join(result)


def _lowered(word: str, following: str, names: frozenset[str]) -> str:
    """Return a word with a small first letter, unless it is I, a name, or all capitals."""
    stem, core, after = _stem(word), bare(word), bare(following)
    # "Sherlock Holmes" is known by the second capital, "In Paris" is not taken for it.
    full_name = not _OPENER.fullmatch(core) and after[:1].isupper() and not _I.fullmatch(after)
    if _I.fullmatch(core) or stem in names or stem[1:].lower() != stem[1:] or full_name:
        return word
    return re.sub(r"^([\W_]*)([^\W\d_])", lambda found: found[1] + found[2].lower(), word)


def _stem(word: str) -> str:
    return re.split("['\u2019]", bare(word))[0]
