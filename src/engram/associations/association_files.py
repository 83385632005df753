"""Files of associations that are written into a story: reading, checking and writing."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from engram.errors import EngramError
from engram.files import delimited, storage
from engram.vocabulary import PEOPLE

GRANULARITIES = ("word", "sentence")
TABLE = "Associations that a listener may have, and where in the story they arise."
COLUMNS = {
    "after_word": "Index, from 0, of the story's word behind which the text stands.",
    "text": "What is inserted.",
    "granularity": "word or sentence.",
    "annotator": "Who wrote it: manual (people), what kind of model, or which norms.",
    "note": "What kind of association, in a word or two.",
}
#: Columns of associations that come from norms.
OF_NORMS = {
    "cue": "The cue that the word is a form of.",
    "strength": "How many people gave this response to the cue.",
}


@dataclass(frozen=True)
class Association:
    """A text inserted behind a word of a story."""

    after_word: int
    text: str
    granularity: str
    annotator: str
    note: str = ""
    cue: str = ""
    strength: str = ""


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
            f"(docs/how-to/annotating.md), with the columns {list(COLUMNS)}."
        )
    table = delimited.read_frame(path, text=[*COLUMNS, *OF_NORMS])
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
                *(row.get(name, "").strip() for name in ("note", *OF_NORMS)),
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


def written_by(paths: Sequence[str]) -> str:
    """Return who wrote the associations of some files; of norms what they are, in parentheses."""
    found: set[str] = set()
    for path in map(Path, paths):
        described = storage.read_json(storage.sidecar(path)).get("Made", {}).get("described")
        annotators = {one.annotator for one in read_associations(path, 10**9)}
        found |= {f"{one} ({described})" if described else one for one in annotators}
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
    columns = COLUMNS | (OF_NORMS if any(one.cue for one in associations) else {})
    table = pd.DataFrame([vars(one) for one in associations], columns=list(columns))
    storage.write_table(path, table, TABLE, columns, quoting=csv.QUOTE_MINIMAL)
    storage.write_json(
        storage.sidecar(path), {**storage.read_json(storage.sidecar(path)), "Made": dict(made)}
    )
