"""The project's own instruction set: whole, varied, and apart from every story that is scored."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from itertools import combinations

import pytest

from engram.paths import RESOURCES, TEXTS

Row = dict[str, str]


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    text = (RESOURCES / "association" / "association.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def grams(text: str, n: int) -> set[tuple[str, ...]]:
    words = re.findall(r"[a-z0-9']+", text.lower())
    return {tuple(words[k : k + n]) for k in range(len(words) - n + 1)}


def test_fields_and_balance(rows: list[Row]) -> None:
    assert len(rows) >= 1000
    fields = {"instruction", "input", "output", "split", "granularity", "topic", "place", "voice", "period", "author"}
    assert all(set(row) == fields and all(value.strip() for value in row.values()) for row in rows)
    assert {row["author"] for row in rows} == {"language model"}
    counts = Counter(row["granularity"] for row in rows)
    assert abs(counts["word"] - counts["sentence"]) < 0.05 * len(rows)
    assert Counter(row["split"] for row in rows)["validation"] == pytest.approx(0.1 * len(rows), abs=2)
    assert len({row["instruction"] for row in rows}) > 100 and len({row["topic"] for row in rows}) > 40


def test_no_two_passages_are_alike(rows: list[Row]) -> None:
    passages = [grams(row["input"], 5) for row in rows]
    where: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for number, found in enumerate(passages):
        for gram in found:
            where[gram].append(number)
    shared = Counter(pair for numbers in where.values() for pair in combinations(numbers, 2))
    assert max(count / min(len(passages[one]), len(passages[other])) for (one, other), count in shared.items()) < 0.3


def test_no_story_that_is_scored_is_in_it(rows: list[Row]) -> None:
    stories = set().union(*(grams(path.read_text(encoding="utf-8"), 13) for path in TEXTS.glob("*.txt")))
    assert not [row for row in rows if (grams(row["input"], 13) | grams(row["output"], 13)) & stories]
