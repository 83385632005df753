"""The project's own instruction set: whole, varied, and apart from every story that is scored."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from engram.paths import RESOURCES, TEXTS
from engram.tunings import sample_overlap
from engram.tunings.samples import Sample, read_samples

PATH = RESOURCES / "tuning_samples" / "associations.jsonl"


@pytest.fixture(scope="module")
def samples() -> list[Sample]:
    return read_samples(PATH)


def test_fields_and_balance(samples: list[Sample]) -> None:
    rows = [json.loads(line) for line in PATH.read_text(encoding="utf-8").splitlines()]
    assert len(rows) == len(samples) >= 1000
    fields = {
        "instruction",
        "input",
        "output",
        "split",
        "granularity",
        "topic",
        "place",
        "voice",
        "period",
        "author",
    }
    assert all(set(row) == fields and all(value.strip() for value in row.values()) for row in rows)
    assert {row["author"] for row in rows} == {"language model"}
    counts = Counter(sample.granularity for sample in samples)
    assert abs(counts["word"] - counts["sentence"]) < 0.05 * len(rows)
    assert Counter(sample.split for sample in samples)["validation"] == pytest.approx(
        0.1 * len(rows), abs=2
    )
    assert (
        len({sample.instruction for sample in samples}) > 100
        and len({row["topic"] for row in rows}) > 40
    )


def test_no_two_passages_are_alike(samples: list[Sample]) -> None:
    share, line, other = sample_overlap.most_alike(samples)
    assert share < 0.3, (line, other)


def test_no_story_that_is_scored_is_in_it(samples: list[Sample]) -> None:
    stories = {path.stem: path.read_text(encoding="utf-8").split() for path in TEXTS.glob("*.txt")}
    assert stories
    sample_overlap.check_stories(samples, stories)
