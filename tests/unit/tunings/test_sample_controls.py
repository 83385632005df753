"""Control sets change what outputs belong to, and nothing else."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_samples import sample

from engram.errors import EngramError
from engram.tunings import controls
from engram.tunings.samples import Sample

STORY = [f"word{number}" for number in range(30)]
PARTS = st.sampled_from(
    [("train", "word"), ("train", "sentence"), ("validation", "word"), (None, None)]
)


@st.composite
def sets(draw: st.DrawFn) -> list[Sample]:
    """Sets in which each split and granularity has passages enough.

    There are up to two samples of one passage, and different outputs.
    """
    kinds = draw(st.lists(PARTS, min_size=1, max_size=3, unique=True))
    found: list[Sample] = []
    for kind, (part, granularity) in enumerate(kinds):
        repeats = draw(st.lists(st.integers(1, 2), min_size=4, max_size=12))
        for passage, repeat in enumerate(repeats):
            for _ in range(repeat):
                found.append(
                    sample(
                        len(found),
                        text=f"Passage {kind} {passage}.",
                        split=part,
                        granularity=granularity,
                    )
                )
    return found


@settings(max_examples=60, deadline=None)
@given(sets(), st.integers(0, 10))
def test_shuffled_outputs_go_to_other_passages_and_nothing_else_changes(
    samples: list[Sample], seed: int
) -> None:
    dealt = controls.shuffled(samples, seed)
    assert [(one.input, one.split, one.granularity, one.line) for one in dealt] == [
        (one.input, one.split, one.granularity, one.line) for one in samples
    ]
    owners = {one.output: one for one in samples}
    for before, after in zip(samples, dealt, strict=True):
        owner = owners[after.output]
        assert owner.input != before.input and (owner.split, owner.granularity) == (
            before.split,
            before.granularity,
        )
        assert after.instruction == owner.instruction
    assert Counter(one.output for one in dealt) == Counter(one.output for one in samples)
    assert dealt == controls.shuffled(samples, seed)


def test_shuffled_depends_on_the_seed() -> None:
    samples = [sample(number) for number in range(20)]
    assert controls.shuffled(samples, 0) != controls.shuffled(samples, 1)


def test_what_cannot_be_shuffled_is_refused() -> None:
    with pytest.raises(
        EngramError, match="cannot be dealt to other passages: 2 are of one passage"
    ):
        controls.shuffled([sample(0, "a b"), sample(1, "a b"), sample(2, "c d")], 0)
    with pytest.raises(EngramError, match="too many are the same"):
        controls.shuffled([sample(number, output="Same.") for number in range(4)], 0)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.text(st.characters(categories=["L", "P"]), min_size=1), min_size=2, max_size=60),
    st.integers(0, 10),
)
def test_generic_goes_on_with_the_passage(words: list[str], seed: int) -> None:
    passage = " ".join(words)
    one = controls.generic([sample(0, passage, split="train", granularity="word")], seed)[0]
    assert f"{one.input} {one.output}" == passage and one.instruction == controls.CONTINUE
    assert 0.35 <= len(one.input.split()) / len(words) <= 0.65 or len(words) < 10
    assert (one.split, one.granularity, one.line) == ("train", None, 1)


def test_generic_depends_on_the_seed_and_needs_two_words() -> None:
    samples = [sample(number, " ".join(STORY)) for number in range(5)]
    assert (
        controls.generic(samples, 0) == controls.generic(samples, 0) != controls.generic(samples, 1)
    )
    with pytest.raises(EngramError, match="line 2: the passage has fewer than two words"):
        controls.generic([sample(0), sample(1, "One")], 0)
