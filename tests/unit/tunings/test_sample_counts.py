"""Counts of what a set of samples holds."""

from __future__ import annotations

from made_samples import sample

from engram.tunings import sample_counts


def test_counts() -> None:
    found = sample_counts.counts(
        [
            sample(0, "one two", "three", granularity="word", split="train"),
            sample(1, "one two three four", "x y z"),
        ]
    )
    assert found == {
        "samples": 2,
        "splits": {"train": 1, "none": 1},
        "granularities": {"word": 1, "none": 1},
        "instructions": 2,
        "passages": 2,
        "input_words": {"mean": 3.0, "min": 2, "max": 4},
        "output_words": {"mean": 2.0, "min": 1, "max": 3},
        "most_alike": {"share": 0.0, "lines": [0, 0]},
    }
