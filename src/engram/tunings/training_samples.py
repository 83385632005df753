"""Samples for instruction tuning.

They are read and checked here, and the control sets are made from them.

A sample is a story passage (`input`), an `instruction` that asks for associations, and what the
passage brings to mind (`output`).
"""

from __future__ import annotations

import json
import re
from bisect import bisect
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from engram.errors import EngramError
from engram.files import characters, delimited
from engram.files.json_text import value_at, value_of
from engram.vocabulary import ASSOCIATION

#: A field's own name first, then the other usual ones.
FIELDS = {
    "instruction": ("instruction", "prompt"),
    "input": ("input", "context"),
    "output": ("output", "response", "completion"),
}
#: Names of splits in files, and what they are here.
SPLITS = {"train": "train", "validation": "validation", "test": "validation"}
#: Words in a row that no sample may share with a story.
STORY_GRAM = 13
#: Words in a row by which two passages are compared.
PASSAGE_GRAM = 5
#: What the `generic` control asks for: going on, which is no association.
CONTINUE = "Continue the text."
#: Where `generic` may cut a passage, in shares of its words.
_CUT = (0.4, 0.6)
#: Offending lines that an error lists.
_LISTED = 10
#: Draws until an output that is equal to the passage's own has moved.
_DRAWS = 1000
_WORD = re.compile(r"[^\W_]+")
#: What `counts` gives, in the order of tables.
_COUNTED = (
    "samples",
    "splits",
    "granularities",
    "instructions",
    "passages",
    "input_words",
    "output_words",
    "most_alike",
)
COUNTS = "What the samples of each tuning are."
COUNTS_COLUMNS = {
    "tuning": "Name of the tuning.",
    "count": (
        "What is counted; words are those between spaces; 'most alike share' is the largest share "
        "of 5-grams that two passages have in common."
    ),
    "value": "The number; for 'most alike lines' the two lines.",
}
_SPACE = re.compile(r"\s*")


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


Problem = tuple[int, str]


# ---------------------------------------------------------------- reading
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
        With line numbers: what `delimited.read_text` refuses, broken JSON, a key that stands twice
        in a row, a field that is missing or no text, an empty output, neither instruction nor
        passage, a row that was there before, an unknown split or one that only some rows have.
        Also for a file without samples.
    """
    text = _decode(path)
    problems: list[Problem] = []
    rows = list(_rows(path, text, problems))
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


_EXAMPLE = (
    '{"instruction": "What comes to mind?", "input": "The rain had stopped.", "output": '
    '"Wet wool, a bus stop.", "split": "train"}'
)


def _decode(path: Path) -> str:
    if not path.exists():
        raise EngramError(
            f"'{path}' is not there. A tuning set is a JSON or JSON lines file: {_EXAMPLE}"
        )
    return delimited.read_text(path, prose=True)


def _rows(path: Path, text: str, problems: list[Problem]) -> Iterator[tuple[int, Any, str | None]]:
    """Yield each row's line, content, and the split whose list it stands in."""
    begin = _skip(text, 0)
    first_line = text[begin:].split("\n", 1)[0].rstrip()
    if text.startswith("{", begin) and first_line.endswith("}") and not _is_one_value(text, begin):
        yield from _json_lines(text, problems)
        return
    ends = [place for place, mark in enumerate(text) if mark == "\n"]
    try:
        found = (
            _list_rows(text, begin)
            if text.startswith("[", begin)
            else _object_rows(path, text, begin)
        )
        for offset, row, split in found if begin < len(text) else ():
            yield bisect(ends, offset) + 1, row, split
    except json.JSONDecodeError as error:
        raise EngramError(
            f"'{path}', line {error.lineno}: broken JSON ({error.msg}, column "
            f"{error.colno}). Correct it there."
        ) from None


def _json_lines(text: str, problems: list[Problem]) -> Iterator[tuple[int, Any, None]]:
    # Only "\n" ends a line: JSON text may hold other separators, such as U+2028, as they are.
    for line, content in enumerate(text.split("\n"), start=1):
        if content.strip():
            try:
                yield line, value_of(content), None
            except json.JSONDecodeError as error:
                problems.append((line, f"broken JSON ({error.msg}, column {error.colno})"))


def _list_rows(text: str, begin: int) -> Iterator[tuple[int, Any, None]]:
    """Yield the offsets and contents of a list's rows."""
    for offset, row in _elements(text, begin)[0]:
        yield offset, row, None


def _object_rows(path: Path, text: str, begin: int) -> Iterator[tuple[int, Any, str | None]]:
    """Yield the offsets and contents of the rows of the lists that an object holds.

    It may hold one list, or the splits'; of an object without any it is the object itself.
    """
    lists, whole = _members(text, begin)
    if not lists or (isinstance(whole, dict) and any(name in whole for name in FIELDS["output"])):
        yield begin, whole, None
        return
    by_split = bool(lists) and set(lists) <= set(SPLITS)
    if len(lists) > 1 and not by_split:
        raise EngramError(
            f"'{path}' holds the lists {sorted(lists)}. Expected: one list, or some of "
            f"{list(SPLITS)}. Keep one of them."
        )
    for name, elements in lists.items():
        for offset, row in elements:
            yield offset, row, SPLITS[name] if by_split else None


def _is_one_value(text: str, begin: int) -> bool:
    try:
        _, end = value_at(text, begin)
    except json.JSONDecodeError:
        return False
    return _skip(text, end) == len(text)


def _elements(text: str, begin: int, inside: bool = False) -> tuple[list[tuple[int, Any]], int]:
    """Return each element of the list that begins there with its offset, and where the list ends.

    Nothing may follow unless it is `inside` an object.
    """
    found: list[tuple[int, Any]] = []
    position = _skip(text, begin + 1)
    while not text.startswith("]", position):
        if found:
            position = _expect(text, position, ",")
        value, end = value_at(text, position)
        found.append((position, value))
        position = _skip(text, end)
    position = _skip(text, position + 1)
    if not inside and position < len(text):
        raise json.JSONDecodeError("Extra data", text, position)
    return found, position


def _members(text: str, begin: int) -> tuple[dict[str, list[tuple[int, Any]]], Any]:
    """Return the lists that an object holds, each with its elements' offsets, and the object."""
    whole, end = value_at(text, begin)
    if _skip(text, end) < len(text):
        raise json.JSONDecodeError("Extra data", text, _skip(text, end))
    lists: dict[str, list[tuple[int, Any]]] = {}
    position = _skip(text, begin + 1) if isinstance(whole, dict) else end
    while position < end and not text.startswith("}", position):
        name, position = value_at(text, position)
        position = _expect(text, _skip(text, position), ":")
        if text.startswith("[", position):
            lists[name], position = _elements(text, position, inside=True)
        else:
            position = _skip(text, value_at(text, position)[1])
        if text.startswith(",", position):
            position = _skip(text, position + 1)
    return lists, whole


def _skip(text: str, position: int) -> int:
    found = _SPACE.match(text, position)
    return found.end() if found else position


def _expect(text: str, position: int, mark: str) -> int:
    if not text.startswith(mark, position):
        raise json.JSONDecodeError(f"Expecting '{mark}' delimiter", text, position)
    return _skip(text, position + 1)


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
    first: dict[tuple[str, str, str], int] = {}
    found = []
    for sample in samples:
        key = (sample.instruction, sample.input, sample.output)
        if key in first:
            found.append((sample.line, f"the same as line {first[key]}"))
        first.setdefault(key, sample.line)
    return found


def refuse(what: object, problems: Sequence[Problem], advice: str) -> None:
    """Raise `EngramError` if there are problems: up to ten of them by line, and how many more."""
    if problems:
        ordered = sorted(problems, key=lambda problem: problem[0])
        listed = "; ".join(f"line {line}: {text}" for line, text in ordered[:_LISTED])
        more = f"; and {len(ordered) - _LISTED} more" if len(ordered) > _LISTED else ""
        raise EngramError(f"'{what}': {listed}{more}. {advice}")


# ---------------------------------------------------------------- splits
def split(
    samples: Sequence[Sample], validation: float = 0.1, seed: int = 0
) -> tuple[list[Sample], list[Sample]]:
    """Return samples to train on and samples to validate with.

    Parameters
    ----------
    samples : sequence of Sample
    validation : float
        Share to validate with, from 0 to below 1, where the file has no samples marked so;
        at least one sample unless it is 0.
    seed : int
        Of that draw. Samples with the same passage stay together.

    Returns
    -------
    train, validation : list of Sample
        In the file's order, with their split set.

    Raises
    ------
    EngramError
        If nothing is left to train on.
    """
    held = {
        index for index, sample in enumerate(samples) if sample.split == "validation"
    } or _drawn(samples, validation, seed)
    train = [
        replace(sample, split="train") for index, sample in enumerate(samples) if index not in held
    ]
    if not train:
        raise EngramError(
            f"none of {len(samples)} samples is left to train on. Mark some as train, "
            "or give a smaller share to validate with."
        )
    return train, [replace(samples[index], split="validation") for index in sorted(held)]


def _drawn(samples: Sequence[Sample], share: float, seed: int) -> set[int]:
    if not 0 <= share < 1:
        raise EngramError(
            f"the share to validate with is {share}. Write a number from 0 to below 1, such as 0.1."
        )
    wanted = max(1, round(share * len(samples))) if share else 0
    passages: dict[str, list[int]] = defaultdict(list)
    for index, sample in enumerate(samples):
        passages[sample.input or sample.instruction].append(index)
    groups = list(passages.values())
    held: set[int] = set()
    for number in np.random.default_rng(seed).permutation(len(groups)):
        if len(held) < wanted:
            held |= set(groups[number])
    return held


# ---------------------------------------------------------------- words in a row
def grams(text: str, n: int) -> set[tuple[str, ...]]:
    """Return all runs of n words of a text, with case, punctuation and apostrophes folded."""
    words = _WORD.findall(text.casefold().replace("'", "").replace("\u2019", ""))
    return {tuple(words[begin : begin + n]) for begin in range(len(words) - n + 1)}


def check_stories(samples: Iterable[Sample], stories: Mapping[str, Sequence[str]]) -> None:
    """Raise `EngramError` if samples share 13 words in a row with a story that is scored.

    It names lines and stories.

    Parameters
    ----------
    samples : iterable of Sample
    stories : mapping
        Each story's words.
    """
    known: dict[tuple[str, ...], str] = {}
    for name, words in stories.items():
        known |= dict.fromkeys(grams(" ".join(words), STORY_GRAM), name)
    problems = []
    for sample in samples:
        own = set().union(
            *(grams(text, STORY_GRAM) for text in (sample.instruction, sample.input, sample.output))
        )
        for name in sorted({known[gram] for gram in own & known.keys()}):
            example = " ".join(min(gram for gram in own & known.keys() if known[gram] == name))
            problems.append(
                (sample.line, f"shares with the story '{name}' the words \"{example}\"")
            )
    refuse(
        "tuning set",
        problems,
        "A model must not be tuned on what is scored: take the lines, or the stories, out.",
    )


def most_alike(samples: Sequence[Sample]) -> tuple[float, int, int]:
    """Return the largest share of 5-grams that two passages have in common, and their lines.

    Parameters
    ----------
    samples : sequence of Sample

    Returns
    -------
    share : float
        Common 5-grams over those of the passage that has fewer; 1 for the same passage twice.
    line, other : int
        Both 0 where no two passages have a 5-gram in common.
    """
    lines: dict[str, int] = {}
    for sample in samples:
        if sample.input in lines and sample.input:
            return 1.0, lines[sample.input], sample.line
        lines[sample.input] = sample.line
    passages = [grams(sample.input, PASSAGE_GRAM) for sample in samples]
    where: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for number, found in enumerate(passages):
        for gram in found:
            where[gram].append(number)
    shared = Counter(pair for numbers in where.values() for pair in combinations(numbers, 2))
    shares = (
        (
            count / min(len(passages[one]), len(passages[other])),
            samples[one].line,
            samples[other].line,
        )
        for (one, other), count in shared.items()
    )
    return max(shares, default=(0.0, 0, 0))


def counts(samples: Sequence[Sample]) -> dict[str, Any]:
    """Return what a set holds, by split and granularity, and the two passages most alike.

    That is samples, instructions, passages, and words of inputs and outputs.
    """
    share, line, other = most_alike(samples)
    return {
        "samples": len(samples),
        "splits": dict(Counter(sample.split or "none" for sample in samples)),
        "granularities": dict(Counter(sample.granularity or "none" for sample in samples)),
        "instructions": len({sample.instruction for sample in samples}),
        "passages": len({sample.input for sample in samples}),
        "input_words": _lengths(sample.input for sample in samples),
        "output_words": _lengths(sample.output for sample in samples),
        "most_alike": {"share": round(share, 3), "lines": [line, other]},
    }


def _lengths(texts: Iterable[str]) -> dict[str, float]:
    lengths = [len(text.split()) for text in texts]
    return {"mean": round(float(np.mean(lengths)), 2), "min": min(lengths), "max": max(lengths)}


def counts_table(counted: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """Return what sets hold, by the name of the tuning, from `counts`.

    The columns are those of `COUNTS_COLUMNS`.
    """
    rows = []
    for tuning, one in counted.items():
        for name in _COUNTED:
            value = one[name]
            parts = value.items() if isinstance(value, Mapping) else [("", value)]
            rows += [
                (tuning, f"{name} {part}".strip().replace("_", " "), f"{number}")
                for part, number in parts
            ]
    return pd.DataFrame(rows, columns=list(COUNTS_COLUMNS))


# ---------------------------------------------------------------- controls
def conditioned(samples: Sequence[Sample], condition: str, seed: int) -> list[Sample]:
    """Return the samples of a condition: as they are (association), `shuffled` or `generic`."""
    return (
        {"shuffled": shuffled, "generic": generic}[condition](samples, seed)
        if condition != ASSOCIATION
        else list(samples)
    )


def shuffled(samples: Sequence[Sample], seed: int) -> list[Sample]:
    """Return the samples with their outputs dealt to other passages.

    Everything is as before but what belongs to what.

    An output keeps its instruction, which says what form it has, and goes to a passage of the same
    split and granularity.

    Parameters
    ----------
    samples : sequence of Sample
    seed : int

    Raises
    ------
    EngramError
        If a split and granularity has too few different passages or outputs.
    """
    rng = np.random.default_rng(seed)
    groups: dict[tuple[str | None, str | None], list[int]] = defaultdict(list)
    for index, sample in enumerate(samples):
        groups[sample.split, sample.granularity].append(index)
    result = list(samples)
    for (part, granularity), members in groups.items():
        for index, giver in _dealt(
            samples, members, rng, f"split {part}, granularity {granularity}"
        ).items():
            result[index] = replace(
                samples[index], instruction=samples[giver].instruction, output=samples[giver].output
            )
    return result


def _dealt(
    samples: Sequence[Sample], members: Sequence[int], rng: np.random.Generator, where: str
) -> dict[int, int]:
    """Return for each member whose output it gets.

    That is one of another passage that is not equal to its own.

    Members stand in a random order in which those of one passage are neighbours: as many places
    away as the most common passage has members, all are of another.
    """
    largest = max(Counter(samples[index].input for index in members).values())
    if 2 * largest > len(members):
        raise EngramError(
            f"the outputs of {len(members)} samples ({where}) cannot be dealt to other passages: "
            f"{largest} are of one passage. Add samples of other passages."
        )
    for _ in range(_DRAWS):
        order = [members[number] for number in rng.permutation(len(members))]
        rank = {
            passage: number
            for number, passage in reversed(
                list(enumerate(samples[index].input for index in order))
            )
        }
        order.sort(key=lambda index: rank[samples[index].input])
        shift = int(rng.integers(largest, len(order) - largest + 1))
        pairs = {index: order[(number + shift) % len(order)] for number, index in enumerate(order)}
        if all(samples[index].output != samples[giver].output for index, giver in pairs.items()):
            return pairs
    raise EngramError(
        f"the outputs of {len(members)} samples ({where}) cannot be dealt to other passages: "
        "too many are the same. Write different outputs."
    )


def generic(samples: Sequence[Sample], seed: int) -> list[Sample]:
    """Return plain continuation of the same passages.

    The first part is the input, the rest the output; no association.

    Parameters
    ----------
    samples : sequence of Sample
    seed : int
        Of where passages are cut: at a word border between 40 and 60 % of their words.

    Raises
    ------
    EngramError
        With line numbers, if passages have fewer than two words.
    """
    rng = np.random.default_rng(seed)
    refuse(
        "tuning set",
        [
            (sample.line, "the passage has fewer than two words")
            for sample in samples
            if len(sample.input.split()) < 2
        ],
        (
            "A generic control goes on with the passage: write longer ones, "
            "or do without this control."
        ),
    )
    return [_cut(sample, float(rng.uniform(*_CUT))) for sample in samples]


def _cut(sample: Sample, share: float) -> Sample:
    begins = [word.start() for word in re.finditer(r"\S+", sample.input)]
    place = begins[min(max(round(share * len(begins)), 1), len(begins) - 1)]
    return replace(
        sample,
        instruction=CONTINUE,
        input=sample.input[:place].rstrip(),
        output=sample.input[place:],
        granularity=None,
    )
