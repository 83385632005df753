"""Write what people associate with single words into a story, and say how much was covered."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from engram.associations.association_files import Association
from engram.associations.norms.choices import Choices, Rules
from engram.associations.norms.table import read_norms
from engram.errors import EngramError
from engram.vocabulary import NORMS
from engram.wording import listed

logger = logging.getLogger(__name__)

#: Different cues that a text needs, so that responses can be dealt in more than a few ways.
FEWEST_CUES = 6
COVERAGE = (
    "How many of a story's content words a table of norms has associations for, and what became "
    "of each. Columns from `not_in_table` to `places` add up to `content_words`."
)
COVERAGE_COLUMNS = {
    "story": "Story.",
    "text": "Name of the associations.",
    "table": "Name of the table of norms.",
    "words": "Words of the story.",
    "content_words": "Words with content (not articles, pronouns, prepositions and the like).",
    "content_types": "Different ones.",
    "cue_types": "Different cues that they are forms of.",
    "not_in_table": "Content words that are a form of no cue.",
    "no_response": "Content words whose cue has no response that enough people gave.",
    "sentence_end": "Others at the end of a sentence or of the story, where none is written.",
    "near": "Others too near to the place before.",
    "own_words": "Others whose responses are all the cue itself or a word beside the place.",
    "foresight": "Others whose responses are all said in the next 100 words of the story.",
    "one_strength": "Others without a strong and a weak response, where both are asked for.",
    "places": "Content words behind which a response was written.",
    "place_types": "Different cues among them.",
    "passed_over": "Places where other responses were passed over, since the story says them soon.",
    "inserted_words": "Words written.",
    "mean_strength": "People who gave the response that was written, mean over places.",
}
_FATES = tuple(COVERAGE_COLUMNS)[list(COVERAGE_COLUMNS).index("not_in_table") :]
_FATES = _FATES[: _FATES.index("places") + 1]


def write_norms(choices: Choices, name: str) -> tuple[list[Association], dict[str, float]]:
    """Return associations that people gave to words of a story, and how much was covered.

    Parameters
    ----------
    choices : Choices
    name : str
        Of the table.

    Returns
    -------
    associations : list of Association
        From the story's beginning on, a place is taken wherever the rules allow one.
    coverage : dict
        The columns of `COVERAGE_COLUMNS` from ``words``.

    Raises
    ------
    EngramError
        If the table covers hardly anything of the story, or too few different cues have a place.
    """
    rules = choices.rules
    fates: Counter[str] = Counter()
    found: list[Association] = []
    for place in (place for place, has_content in enumerate(choices.content) if has_content):
        last = found[-1].after_word if found else -rules.at_most_one_in
        fate = _fate(choices, place, last)
        fates[fate] += 1
        if fate == "places":
            found.append(_association(choices, place, name))
    coverage = {
        "words": len(choices.words),
        "content_words": sum(choices.content),
        "content_types": len(choices.content_types),
        "cue_types": len({cue for cue in choices.cues if cue is not None}),
        **{fate: fates[fate] for fate in _FATES},
        "place_types": len({one.cue for one in found}),
        "passed_over": sum(_passed_over(choices, one) for one in found),
        "inserted_words": sum(len(one.text.split()) for one in found),
        "mean_strength": sum(int(one.strength) for one in found) / max(1, len(found)),
    }
    _check_coverage(coverage, choices)
    _log(coverage, name)
    return found, coverage


def open_choices(
    words: Sequence[str],
    sentence: Sequence[int],
    config: Mapping[str, Any],
    manifest: Sequence[str] = (),
) -> Choices:
    """Return the choices that a text of norms has in a story, from what its job depends on.

    Parameters
    ----------
    words, sentence
        The story's.
    config : mapping
        ``columns``, ``file`` and ``rules`` of the section of norms.
    manifest : sequence of str
        That of a table that was fetched; the file lies in the folder beside it.
    """
    folder = Path(manifest[0]).with_suffix("") if manifest else Path()
    norms = read_norms(folder / config["file"], config["columns"])
    return Choices(words, sentence, norms, Rules(**config["rules"]))


def coverage_table(
    story: str, text: str, table: str, coverage: Mapping[str, float]
) -> pd.DataFrame:
    """Return a row of what a table of norms covers (the columns of `COVERAGE_COLUMNS`)."""
    row = {"story": story, "text": text, "table": table, **coverage}
    return pd.DataFrame([row], columns=list(COVERAGE_COLUMNS))


def described_coverage(coverage: Mapping[str, float]) -> str:
    """Return in a sentence how much of a story's content a table covers."""
    content, covered = coverage["content_words"], _covered(coverage)
    return (
        f"{covered:.0f} of {content:.0f} content words ({covered / max(1, content):.0%}) are forms "
        f"of cues with a response; {coverage['places']:.0f} places, "
        f"{coverage['place_types']:.0f} different cues"
    )


def _covered(coverage: Mapping[str, float]) -> float:
    return coverage["content_words"] - coverage["not_in_table"] - coverage["no_response"]


def _fate(choices: Choices, place: int, last: int) -> str:
    """Return what becomes of a content word, as a column of the table of coverage."""
    words, cue = choices.words, choices.cues[place]
    if cue is None:
        return "not_in_table"
    if not choices.usable(cue):
        return "no_response"
    # The last word has nothing behind it; behind a sentence a response would be one of its own.
    if place == len(words) - 1 or choices.sentence[place] != choices.sentence[place + 1]:
        return "sentence_end"
    if place - last < choices.rules.at_most_one_in:
        return "near"
    if choices.admissible(place, cue):
        return "places"
    if not choices.unsaid(place, cue):
        return "own_words"
    return "one_strength" if choices.unforeseen(place, cue) else "foresight"


def _association(choices: Choices, place: int, name: str) -> Association:
    cue = choices.cues[place]
    assert cue is not None
    one = choices.chosen(choices.admissible(place, cue), place)
    return Association(
        place, choices.written(one.text), "word", f"{NORMS}{name}", cue=cue, strength=str(one.count)
    )


def _passed_over(choices: Choices, one: Association) -> bool:
    return len(choices.unforeseen(one.after_word, one.cue)) < len(
        choices.unsaid(one.after_word, one.cue)
    )


def _check_coverage(coverage: Mapping[str, float], choices: Choices) -> None:
    """Refuse a table that has hardly anything to do with the story."""
    rules, norms = choices.rules, choices.norms
    share = _covered(coverage) / max(1, coverage["content_words"])
    if share < rules.least_coverage:
        cues = [cue for cue, said in norms.responses.items() if said]
        raise EngramError(
            f"'{norms.path}' covers hardly anything of the story: {described_coverage(coverage)}; "
            f"least_coverage asks for {rules.least_coverage:.0%}. Is it of the story's language, "
            "and do its columns hold cues, responses and counts? Content words begin with "
            f"{listed(choices.content_types[:5])}, cues with {listed(cues[:5])}; a response "
            f"counts if {rules.least_count} or more people gave it (least_count)."
        )
    if coverage["place_types"] < FEWEST_CUES:
        raise EngramError(
            f"'{norms.path}': {described_coverage(coverage)}. Fewer than {FEWEST_CUES} "
            "different cues cannot be dealt each other's responses, which is what F is tested "
            "against. Allow more places (at_most_one_in), or weaker responses (least_count)."
        )


def _log(coverage: Mapping[str, float], name: str) -> None:
    logger.info("norms %s: %s", name, described_coverage(coverage))
