"""Tuning samples: what one is, and the reading and checking of a file of them.

A sample is a story passage (`input`), an `instruction` that asks for associations, and what the
passage brings to mind (`output`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engram.errors import EngramError
from engram.files import characters, text_files
from engram.files.checksums import sha256_of_json
from engram.tunings.sample_problems import Problem, refuse
from engram.tunings.sample_rows import FIELDS, SPLITS, rows_of
from engram.vocabulary import ASSOCIATION

#: A sample as it stands in a file, for messages.
_EXAMPLE = (
    '{"instruction": "What comes to mind?", "input": "The rain had stopped.", "output": '
    '"Wet wool, a bus stop.", "split": "train"}'
)


@dataclass(frozen=True)
class Sample:
    """An instruction, the passage it is about, and the answer.

    Attributes
    ----------
    instruction, input, output : str
        One of the first two may be empty.
    split : {"train", "validation"} or None
        None: the file does not say.
    line : int
        Where it begins in its file, from 1.
    granularity : str or None
        What kind of association the output is, where the file says so.
    """

    instruction: str
    input: str
    output: str
    split: str | None
    line: int
    granularity: str | None = None


@dataclass(frozen=True)
class SampleSet:
    """The samples of a tuning.

    Attributes
    ----------
    train, validation : sequence of Sample
        Without any to validate with there is no validation loss, and no early stop.
    condition : {"association", "shuffled", "generic"}
        What the samples are (`engram.tunings.controls`).
    """

    train: Sequence[Sample]
    validation: Sequence[Sample] = ()
    condition: str = ASSOCIATION

    @property
    def sha256(self) -> str:
        """The SHA-256 of the texts, in hexadecimal; where they stood in a file does not matter."""
        return sha256_of_json(
            [
                [(sample.instruction, sample.input, sample.output) for sample in part]
                for part in (self.train, self.validation)
            ]
        )


def read_samples(path: Path) -> list[Sample]:
    """Read a set of samples in any of the usual shapes of Alpaca-style files, and check it.

    Parameters
    ----------
    path : Path
        UTF-8. JSON lines; a JSON list; or a JSON object with one list (``{"data": [...]}``)
        or a list a split (``{"train": [...], "validation": [...]}``, where ``test`` counts
        as validation). A row's fields are ``instruction``, ``input``, ``output``, or ``prompt`` for
        the instruction, ``context`` for the input, ``response`` or ``completion`` for the output;
        optional are ``split`` and ``granularity``; others are passed over. A file without any
        ``input`` is one of instructions alone.

    Returns
    -------
    list of Sample
        In the file's order, without white space around their texts.

    Raises
    ------
    EngramError
        With line numbers: what `text_files.read_text` refuses, broken JSON, a key that stands twice
        in a row, a field that is missing or no text, an empty output, neither instruction nor
        passage, a row that was there before, an unknown split or one that only some rows have.
        Also for a file without samples.
    """
    text = _text_of(path)
    problems: list[Problem] = []
    rows = list(rows_of(path, text, problems))
    if not rows and not problems:
        raise EngramError(f"'{path}' has no samples. Write one a line: {_EXAMPLE}")
    no_input = not any(
        name in row for _, row, _ in rows if isinstance(row, dict) for name in FIELDS["input"]
    )
    splits = any(
        split is not None or (isinstance(row, dict) and "split" in row) for _, row, split in rows
    )
    samples = [
        sample
        for line, row, split in rows
        if (sample := _sample(line, row, split, no_input, splits, problems)) is not None
    ]
    problems += _repeated(samples)
    refuse(path, problems, f"Correct the lines, or take them out. A sample: {_EXAMPLE}")
    return samples


def _text_of(path: Path) -> str:
    """Return the text of a file of samples."""
    if not path.exists():
        raise EngramError(
            f"'{path}' is not there. A tuning set is a JSON or JSON lines file: {_EXAMPLE}"
        )
    return text_files.read_text(path, prose=True)


def _sample(
    line: int, row: Any, split: str | None, no_input: bool, splits: bool, problems: list[Problem]
) -> Sample | None:
    """Return a row as a sample; None, and why among the problems, if it is none."""
    if not isinstance(row, dict):
        problems.append((line, f"not an object with fields but {type(row).__name__}"))
        return None
    before = len(problems)
    texts = {}
    for field, names in FIELDS.items():
        name = next((name for name in names if name in row), None)
        value = "" if name is None else row[name]
        if name is None and not (field == "input" and no_input):
            problems.append((line, f"no field '{field}' (found: {sorted(row)})"))
        elif not isinstance(value, str):
            problems.append((line, f"'{name}' is no text but {json.dumps(value)[:40]}"))
        elif wrong := characters.fault(value, prose=True):
            # JSON can write any character as an escape.
            problems.append((line, f"'{name}': {wrong[1].rstrip('.')}"))
        else:
            texts[field] = value.strip()
    if texts.get("output") == "":
        problems.append((line, "the output is empty"))
    if texts.get("instruction") == "" and texts.get("input") == "":
        problems.append((line, "both the instruction and the input are empty"))
    own = row.get("split", split)
    if splits and own is None:
        problems.append((line, "no split, though other rows have one"))
    elif own is not None and own not in SPLITS:
        problems.append((line, f"split is {json.dumps(own)}; allowed: {', '.join(SPLITS)}"))
    granularity = row.get("granularity")
    if granularity is not None and not isinstance(granularity, str):
        problems.append((line, f"'granularity' is no text but {json.dumps(granularity)[:40]}"))
    elif granularity and (wrong := characters.fault(granularity)):
        problems.append((line, f"'granularity': {wrong[1].rstrip('.')}"))
    return (
        None
        if len(problems) > before
        else Sample(**texts, split=own and SPLITS[own], line=line, granularity=granularity)
    )


def _repeated(samples: Iterable[Sample]) -> list[Problem]:
    """Return the samples whose three texts stand in an earlier line."""
    first: dict[tuple[str, str, str], int] = {}
    found = []
    for sample in samples:
        key = (sample.instruction, sample.input, sample.output)
        if key in first:
            found.append((sample.line, f"the same as line {first[key]}"))
        first.setdefault(key, sample.line)
    return found
