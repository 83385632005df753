"""Control texts of associations that come from norms: other cues' responses at the same places.

``dealt``: each cue of the text gets the responses of another cue of the text. Words, strengths and
repetitions are those of the text; only which responses belong to which cue is wrong. ``cues``:
each cue gets the responses of a cue of the table that is not in the story, of the same
parts of speech and about as frequent.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from scipy.optimize import linear_sum_assignment

from engram.associations.association_files import Association
from engram.associations.norms.choices import STRONGEST, WEAK, Choices
from engram.associations.norms.english import parts_of_speech
from engram.associations.norms.table import Response
from engram.associations.text_tables import stem_of
from engram.errors import EngramError
from engram.vocabulary import CUES, DEALT

#: Cues of the table, the nearest in frequency, of which one is drawn for a cue of the text.
NEAREST = 30
#: What a deal costs that is not allowed.
_FORBIDDEN = 1e9


def norms_controls(
    choices: Choices, found: Sequence[Association], counts: Mapping[str, int]
) -> dict[str, dict[int, str]]:
    """Return the insertions of the control texts ``dealt`` and ``cues``, by name.

    Parameters
    ----------
    choices : Choices
        Of the story, by the rules of the text.
    found : sequence of Association
        The text, with the cue of each insertion.
    counts : mapping
        How many texts of each kind.

    Returns
    -------
    dict
        A number draws the same cues for every text with the same places, so that texts of strong
        and of weak responses can be compared number by number.

    Raises
    ------
    EngramError
        If the responses cannot be dealt so that each may stand where it comes to.
    """
    without = [one.after_word for one in found if one.cue not in choices.norms.responses]
    if without:
        raise EngramError(
            f"the association behind word {without[0]} has no cue that is in the table of norms "
            f"('{choices.norms.path}'). Its file must have been made from this table."
        )
    deal = _Deal(choices, found)
    texts: dict[str, dict[int, str]] = {}
    for kind, partners in ((DEALT, deal.dealt), (CUES, deal.of_other_cues)):
        for number in range(1, counts.get(kind, 0) + 1):
            rng = np.random.default_rng([choices.rules.seed, zlib.crc32(kind.encode()), number])
            texts[f"{kind}-{number:02d}"] = deal.text(partners(rng), number)
    return texts


@dataclass
class _Deal:
    """What each cue of a text could get from another cue."""

    choices: Choices
    found: Sequence[Association]
    _kept: dict[tuple[str, str], list[list[Response]] | None] = field(default_factory=dict)

    @cached_property
    def places(self) -> dict[str, list[int]]:
        """The places of each cue of the text."""
        result: dict[str, list[int]] = {}
        for one in self.found:
            result.setdefault(one.cue, []).append(one.after_word)
        return result

    def responses(self, cue: str, other: str) -> list[list[Response]] | None:
        """Return the responses to another cue that may stand at each place of a cue.

        None of them is one that people gave to the cue itself. Where a place has none there is
        nothing at all: a cue gets another's responses at all of its places.
        """
        if (cue, other) not in self._kept:
            self._kept[cue, other] = self._responses(cue, other)
        return self._kept[cue, other]

    def _responses(self, cue: str, other: str) -> list[list[Response]] | None:
        own = {one.text.casefold() for one in self.choices.norms.responses[cue]}
        result = []
        for place in self.places[cue]:
            may = self.choices.admissible(place, other)
            may = [one for one in may if one.text.casefold() not in own]
            if not may or (self.choices.rules.both_strengths and may[0].count == may[-1].count):
                return None
            result.append(may)
        return result

    def mismatch(self, cue: str, other: str) -> float:
        """Return by how many words a cue's insertions would be longer or shorter."""
        may = self.responses(cue, other)
        if may is None:
            return _FORBIDDEN
        mine = (self.choices.admissible(place, cue) for place in self.places[cue])
        return sum(
            abs(self._words(theirs, place, which) - self._words(own, place, which))
            for place, theirs, own in zip(self.places[cue], may, mine, strict=True)
            for which in self._compared
        )

    @cached_property
    def mismatches(self) -> np.ndarray:
        """Mismatch of each cue of the text with each other, in the order of `places`."""
        cues = list(self.places)
        return np.array(
            [
                [_FORBIDDEN if cue == other else self.mismatch(cue, other) for other in cues]
                for cue in cues
            ]
        )

    def dealt(self, rng: np.random.Generator) -> dict[str, str]:
        """Return from which cue of the text each cue gets its responses.

        Of all deals without a forbidden one, the one with the fewest words too many or too few is
        taken; between those that are as good, random numbers decide.
        """
        cues = list(self.places)
        costs = self.mismatches + rng.random(self.mismatches.shape)
        mine, theirs = linear_sum_assignment(costs)
        stuck = [cues[one] for one in mine[costs[mine, theirs] >= _FORBIDDEN]]
        if stuck:
            raise EngramError(
                f"the responses of this text's {len(cues)} cues cannot be dealt: {stuck[:5]} "
                "can have no other cue's responses, without saying what the story says soon. "
                "Allow fewer places (at_most_one_in) or weaker responses (least_count)."
            )
        return {cues[one]: cues[other] for one, other in zip(mine, theirs, strict=True)}

    def of_other_cues(self, rng: np.random.Generator) -> dict[str, str]:
        """Return from which cue of the table, not in the story, each cue gets its responses."""
        result: dict[str, str] = {}
        for cue, near in self.near.items():
            free = [one for one in near if one not in result.values()] or near
            if not free:
                raise EngramError(
                    f"no cue of '{self.choices.norms.path}' that is not in the story can stand "
                    f"for '{cue}'. Take controls.cues: 0, or a larger table."
                )
            result[cue] = free[int(rng.integers(len(free)))]
        return result

    @cached_property
    def near(self) -> dict[str, list[str]]:
        """The cues of the table that may stand for each cue of the text.

        They are of the same parts of speech (or, where there are none, of one in common), the
        nearest in how often they are themselves said as a response; of these, those whose
        responses have the same numbers of words, if any.
        """
        choices = self.choices
        in_story = {stem_of(word) for word in choices.words}
        others = [
            cue
            for cue in choices.norms.responses
            if cue not in choices.cues and stem_of(cue) not in in_story and choices.usable(cue)
        ]
        return {cue: self._near(cue, others) for cue in self.places}

    def _near(self, cue: str, others: Sequence[str]) -> list[str]:
        mine = parts_of_speech(cue)
        same = [one for one in others if parts_of_speech(one) == mine]
        alike = [one for one in others if set(parts_of_speech(one)) & set(mine)]
        said = self.choices.norms.said
        for pool in (same, alike, list(others)):
            pool.sort(key=lambda one: (abs(np.log((said[one] + 1) / (said[cue] + 1))), one))
            costs = {one: self.mismatch(cue, one) for one in pool[: 2 * NEAREST]}
            may = [one for one, cost in costs.items() if cost < _FORBIDDEN][:NEAREST]
            if may:
                fewest = min(costs[one] for one in may)
                return [one for one in may if costs[one] == fewest]
        return []

    def text(self, partners: Mapping[str, str], number: int) -> dict[int, str]:
        """Return the insertions of a text in which each cue has its partner's responses."""
        result: dict[int, str] = {}
        for cue, other in partners.items():
            may = self.responses(cue, other)
            assert may is not None, (cue, other)
            for place, one in zip(self.places[cue], may, strict=True):
                result[place] = self.choices.written(self.choices.chosen(one, place, number).text)
        return dict(sorted(result.items()))

    @cached_property
    def _compared(self) -> tuple[str, ...]:
        """The rules by which numbers of words are compared: of both texts where there are two."""
        rules = self.choices.rules
        return (STRONGEST, WEAK) if rules.both_strengths else (rules.response,)

    def _words(self, found: Sequence[Response], place: int, which: str) -> int:
        return len(self.choices.chosen(found, place, which=which).text.split())
