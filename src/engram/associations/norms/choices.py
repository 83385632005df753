"""Which responses may stand behind a word of a story, and which one is written, by fixed rules."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from engram.associations.annotators.story_style import in_style, names_of
from engram.associations.norms.english import cue_of, folded, parts_of_speech
from engram.associations.norms.table import Norms, Response
from engram.associations.text_tables import content_stems, stem_of, stems_ahead
from engram.associations.word_counts import common_words
from engram.words.punctuation import bare, ends_sentence, marks

#: Which of a cue's responses is written.
STRONGEST, DRAWN, WEAK = "strongest", "drawn", "weak"


@dataclass(frozen=True)
class Rules:
    """How places and responses are chosen: the keys of `associations.<text>.annotator.norms`.

    Attributes
    ----------
    response : {"strongest", "drawn", "weak"}
    at_most_one_in : int
        Words from one place to the next, at least.
    least_count : int
        People who gave a response, at least.
    both_strengths : bool
        Whether a place must have two responses that differ in their counts.
    least_coverage : float
        Share of the story's content words that must be cues.
    seed : int
    """

    response: str
    at_most_one_in: int
    least_count: int
    both_strengths: bool
    least_coverage: float
    seed: int


@dataclass(frozen=True)
class _Usable:
    response: Response
    stems: frozenset[str]


@dataclass
class Choices:
    """The responses that may stand behind each word of a story.

    Attributes
    ----------
    words : sequence of str
        The story's.
    sentence : sequence of int
        The sentence of each word.
    norms : Norms
    rules : Rules
    """

    words: Sequence[str]
    sentence: Sequence[int]
    norms: Norms
    rules: Rules
    _kept: dict[str, tuple[_Usable, ...]] = field(default_factory=dict)
    _found: dict[tuple[int, str], list[Response]] = field(default_factory=dict)

    @cached_property
    def content(self) -> list[bool]:
        """Which words of the story have content: letters, and a meaning of their own."""
        return [
            word not in self._common and "n't" not in word and word.replace("'", "").isalpha()
            for word in self._bare
        ]

    @cached_property
    def cues(self) -> list[str | None]:
        """The cue that each word of the story is a form of; None for words without content."""
        found = [
            cue_of(word, self.norms.responses) if content else None
            for word, content in zip(self._bare, self.content, strict=True)
        ]
        return [None if cue in self._common else cue for cue in found]

    @property
    def content_types(self) -> list[str]:
        """The story's different words with content, as they come."""
        pairs = zip(self._bare, self.content, strict=True)
        return list(dict.fromkeys(word for word, has_content in pairs if has_content))

    def usable(self, cue: str) -> tuple[_Usable, ...]:
        """Return a cue's responses with content that enough people gave, the strongest first.

        Those with the same count come in an order that the seed draws.
        """
        if cue not in self._kept:
            enough = [
                _Usable(one, frozenset(content_stems(one.text, self._common)))
                for one in self.norms.responses.get(cue, ())
                if one.count >= self.rules.least_count
            ]
            self._kept[cue] = tuple(
                sorted(
                    (one for one in enough if one.stems and self.written(one.response.text)),
                    key=lambda one: (-one.response.count, self._drawn_order(cue, one.response)),
                )
            )
        return self._kept[cue]

    def unsaid(self, place: int, cue: str) -> list[_Usable]:
        """Return a cue's usable responses that say neither the cue, nor the word, nor that before.

        Parameters
        ----------
        place : int
            Index of the story's word.
        cue : str
            Not always that of the word: controls write responses to other cues.
        """
        around = {stem_of(word) for word in self.words[max(0, place - 1) : place + 1]}
        around |= {stem_of(word) for word in cue.split()}
        return [one for one in self.usable(cue) if not one.stems & around]

    def unforeseen(self, place: int, cue: str) -> list[Response]:
        """Return those of `unsaid` without content that the story says in its next 100 words."""
        ahead = stems_ahead(self._stems, place)
        return [one.response for one in self.unsaid(place, cue) if not one.stems & ahead]

    def admissible(self, place: int, cue: str) -> list[Response]:
        """Return the responses to a cue that may stand behind a word, the strongest first.

        They are those of `unforeseen`. There are none where two
        strengths are asked for and all responses have the same count.
        """
        if (place, cue) in self._found:
            return self._found[place, cue]
        found = self.unforeseen(place, cue)
        if found and self.rules.both_strengths and found[0].count == found[-1].count:
            found = []
        self._found[place, cue] = found
        return found

    def chosen(
        self, found: Sequence[Response], place: int, number: int = 0, which: str | None = None
    ) -> Response:
        """Return which of the admissible responses is written.

        Parameters
        ----------
        found : sequence of Response
            What `admissible` returns.
        place : int
            Seeds a draw.
        number : int
            Of the control text, 0 for the text itself.
        which : str, optional
            The rule, if not the text's own.
        """
        which = which or self.rules.response
        if which == DRAWN:
            counts = np.array([one.count for one in found], dtype=float)
            rng = np.random.default_rng([self.rules.seed, place, number])
            return found[int(rng.choice(len(found), p=counts / counts.sum()))]
        return found[0 if which == STRONGEST else -1]

    def written(self, text: str) -> str:
        """Return a response as the story would write it, in the middle of a sentence.

        Tables in capitals do not say what is a name: the story's names, and I, get theirs back.
        """
        tokens = [self._capitals.get(folded(bare(token)), token) for token in text.split()]
        return in_style(" ".join(tokens), "word", self._marks, False, self._names)

    def _drawn_order(self, cue: str, one: Response) -> str:
        said = f"{self.rules.seed}\t{cue}\t{folded(one.text)}"
        return hashlib.sha256(said.encode()).hexdigest()

    @cached_property
    def _common(self) -> frozenset[str]:
        return common_words()

    @cached_property
    def _bare(self) -> list[str]:
        return [folded(bare(word)).removesuffix("'s") for word in self.words]

    @cached_property
    def _stems(self) -> list[str]:
        return [stem_of(word) for word in self.words]

    @cached_property
    def _names(self) -> frozenset[str]:
        return names_of(self.words, self.sentence)

    @cached_property
    def _capitals(self) -> dict[str, str]:
        """The story's names, where they are no common English words (New York: new), and I."""
        names = {folded(name): name for name in self._names if not parts_of_speech(name)}
        return {**names, "i": "I"}

    @cached_property
    def _marks(self) -> tuple[str, str] | None:
        return marks(self.words) if any(map(ends_sentence, self.words)) else None
