"""Associations written into a story.

Their files, the text with associations, and the control texts that go with it.

A text's insertions stand behind words of the story. Under the default alignment only
the story's own words give rows, and insertions act through the context that a model reads:
rows and times are the original's.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from engram.errors import EngramError
from engram.files import delimited, storage
from engram.vocabulary import ADDITIVE, PEOPLE

GRANULARITIES = ("word", "sentence")
TABLE = "Associations that a listener may have, and where in the story they arise."
COLUMNS = {
    "after_word": "Index, from 0, of the story's word behind which the text stands.",
    "text": "What is inserted.",
    "granularity": "word or sentence.",
    "annotator": "Who wrote it: manual (people), or what kind of model.",
    "note": "What kind of association, in a word or two.",
}
#: Insertions of `shuffled` move at least so many places; those of `displaced` stand at least
#: so many words from any original place.
SHUFFLED_BY, DISPLACED_BY = 2, 20
#: Words after an insertion in which its content must not appear for the first time.
AHEAD = 100
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")


@dataclass(frozen=True)
class Association:
    """A text inserted behind a word of a story."""

    after_word: int
    text: str
    granularity: str
    annotator: str
    note: str = ""


def read_associations(path: Path, n_words: int) -> list[Association]:
    """Read a file of associations and check it against its story.

    Raises
    ------
    EngramError
        Naming the line: an index out of range or out of order, an empty text, an unknown
        granularity, a missing column.
    """
    if not path.exists():
        raise EngramError(
            f"'{path}' is not there. A story's associations are a file of that name "
            f"(docs/annotating.md), with the columns {list(COLUMNS)}."
        )
    table = delimited.read_frame(path, text=list(COLUMNS))
    delimited.need_columns(
        list(table.columns), ("after_word", "text", "granularity", "annotator"), path
    )
    found: list[Association] = []
    for line, row in zip(table.index, table.fillna("").astype(str).to_dict("records"), strict=True):
        where = f"'{path}', line {line}"
        if not re.fullmatch(r"\d{1,12}", row["after_word"].strip()):
            raise EngramError(
                f"{where}: after_word is '{row['after_word'][:30]}'. It is the index of a word "
                f"of the story, from 0 to {n_words - 1}."
            )
        index = int(row["after_word"])
        if index >= n_words:
            raise EngramError(
                f"{where}: after_word is {index}; the story has the words 0 to {n_words - 1}."
            )
        if found and index <= found[-1].after_word:
            raise EngramError(
                f"{where}: after_word is {index}, behind {found[-1].after_word} in the line "
                "before. Sort the lines; one text a place."
            )
        if not row["text"].strip():
            raise EngramError(f"{where}: the text is empty. Write one, or take the line out.")
        if row["granularity"] not in GRANULARITIES:
            raise EngramError(
                f"{where}: granularity is '{row['granularity']}'. "
                f"Allowed: {' or '.join(GRANULARITIES)}."
            )
        if not row["annotator"].strip():
            raise EngramError(
                f"{where}: no annotator. Write who made it: {PEOPLE} for people, "
                "else what kind of model."
            )
        found.append(
            Association(
                index,
                " ".join(row["text"].split()),
                row["granularity"],
                row["annotator"].strip(),
                row.get("note", "").strip(),
            )
        )
    return found


def check_name(name: str, found: Sequence[Association], path: Path) -> None:
    """Raise `EngramError` if a `manual` text was not all written by people, or has no insertion.

    A text is manual if its name has `manual` in it.
    """
    if not found:
        raise EngramError(
            f"'{path}' has no associations. Add some, or take '{name}' out of the study."
        )
    others = sorted({one.annotator for one in found} - {PEOPLE})
    if PEOPLE in name and others:
        raise EngramError(
            f"'{path}': the name '{name}' says that people wrote it, and the annotator column "
            f"says {others}. Give it another name."
        )


def pool_texts(paths: Sequence[Path], like: Sequence[Association]) -> list[str]:
    """Return the texts of other stories' associations.

    They are of the same granularity where there are some.
    """
    found = [one for path in paths for one in read_associations(path, 10**9)]
    same = [one.text for one in found if one.granularity == like[0].granularity]
    return same or [one.text for one in found]


def written_by(paths: Sequence[str]) -> str:
    """Return who wrote the associations of some files."""
    found: set[str] = set()
    for path in paths:
        found |= {one.annotator for one in read_associations(Path(path), 10**9)}
    return ", ".join(sorted(found))


def write_associations(
    path: Path, associations: Sequence[Association], made: Mapping[str, object]
) -> None:
    """Write a file of associations, with a sidecar that says how it was made.

    Parameters
    ----------
    path : Path
    associations : sequence of Association
    made : mapping
        How, by whom or which model, when, by what guidelines, under which licence.
    """
    table = pd.DataFrame([vars(one) for one in associations], columns=list(COLUMNS))
    storage.write_table(path, table, TABLE, COLUMNS, quoting=csv.QUOTE_MINIMAL)
    storage.write_json(
        storage.sidecar(path), {**storage.read_json(storage.sidecar(path)), "Made": dict(made)}
    )


@dataclass(frozen=True)
class Text:
    """A story with insertions: what a model reads.

    Attributes
    ----------
    words : list of str
        All words, in order.
    place : array of shape (n_story_words, )
        Where each word of the story is among them.
    """

    words: list[str]
    place: np.ndarray

    @property
    def inserted(self) -> np.ndarray:
        """Where each inserted word is: (n_inserted_words, )."""
        return np.setdiff1d(np.arange(len(self.words)), self.place)


def with_insertions(words: Sequence[str], insertions: Mapping[int, str]) -> Text:
    """Return the text of a story with insertions behind the words that are the keys."""
    result: list[str] = []
    place = np.zeros(len(words), dtype=int)
    for index, word in enumerate(words):
        place[index] = len(result)
        result.append(word)
        result += insertions.get(index, "").split()
    return Text(result, place)


def insertions_of(associations: Sequence[Association]) -> dict[int, str]:
    """Return the texts by the word that they stand behind."""
    return {one.after_word: one.text for one in associations}


def inserted_rows(
    words: pd.DataFrame, insertions: Mapping[int, str], alignment: str
) -> pd.DataFrame:
    """Return the inserted words that are rows of their own, with their times.

    The columns are those of `ROWS_COLUMNS` from `after_word`. There are none but
    under additive alignments.

    Parameters
    ----------
    words : pandas.DataFrame
        The story's, with onset and offset in seconds.
    insertions : mapping
    alignment : str
        `anchor-additive`: at the onset of the word before the insertion; `interpolate`:
        at even distances from there to the next word's onset (the last word's offset).
    """
    rows = []
    onsets, ends = (
        words["onset"].to_numpy(float),
        np.append(words["onset"].to_numpy(float)[1:], words["offset"].iloc[-1]),
    )
    for place, text in sorted(insertions.items()) if alignment in ADDITIVE else ():
        inserted = text.split()
        steps = (
            np.arange(1, len(inserted) + 1) / (len(inserted) + 1)
            if alignment == "interpolate"
            else np.zeros(len(inserted))
        )
        rows += [
            (place, word, onset)
            for word, onset in zip(
                inserted, onsets[place] + steps * (ends[place] - onsets[place]), strict=True
            )
        ]
    return pd.DataFrame(rows, columns=["after_word", "word", "onset"]).astype(
        {"after_word": int, "onset": float}
    )


# ---------------------------------------------------------------- controls
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
        If too few places are far enough from every original one.
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


# ---------------------------------------------------------------- foresight
def foresight(
    words: Sequence[str], insertions: Mapping[int, str], common: frozenset[str]
) -> tuple[int, int]:
    """Return how many content words are inserted, and how many of them the story says soon.

    These first occur in the story within the next 100 words.

    Parameters
    ----------
    words : sequence of str
    insertions : mapping
    common : frozenset of str
        Words without content (articles, pronouns, prepositions and the like).
    """
    stems = [_stem(word) for word in words]
    first: dict[str, int] = {}
    for index, stem in enumerate(stems):
        first.setdefault(stem, index)
    total = ahead = 0
    for place, text in insertions.items():
        for word in _WORD.findall(text.lower()):
            if word in common:
                continue
            total += 1
            ahead += place < first.get(_stem(word), -1) <= place + AHEAD
    return total, ahead


def _stem(word: str) -> str:
    """Return a word without the endings of plural and tense: enough to know it again."""
    found = _WORD.search(word.lower())
    stem = found[0].removesuffix("'s") if found else word
    for ending in ("ing", "ed", "es", "s"):
        if stem.endswith(ending) and len(stem) - len(ending) >= 3:
            return stem[: -len(ending)]
    return stem
