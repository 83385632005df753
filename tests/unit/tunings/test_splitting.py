"""Samples are held out as the file says, or drawn with whole passages."""

from __future__ import annotations

import pytest
from made_samples import sample

from engram.errors import EngramError
from engram.tunings import splitting


def test_the_files_own_split_is_kept() -> None:
    samples = [
        sample(number, split="validation" if number == 2 else "train") for number in range(5)
    ]
    train, validation = splitting.split(samples, 0.4, seed=3)
    assert [one.line for one in train] == [1, 2, 4, 5] and [one.line for one in validation] == [3]


def test_a_split_is_drawn_with_passages_whole() -> None:
    samples = [sample(number, text=f"Passage {number // 2}.") for number in range(40)]
    train, validation = splitting.split(samples, 0.1, seed=0)
    assert len(validation) == 4 and len(train) == 36
    assert not {one.input for one in train} & {one.input for one in validation}
    assert {one.split for one in train} == {"train"} and {one.split for one in validation} == {
        "validation"
    }
    assert (
        splitting.split(samples, 0.1, seed=0)[1]
        == validation
        != splitting.split(samples, 0.1, seed=1)[1]
    )
    assert (
        len(splitting.split(samples, 0.5, seed=0)[1]) == 20
        and not splitting.split(samples, 0, seed=0)[1]
    )


def test_fewer_validation_samples_are_drawn_from_those_held_out() -> None:
    samples = [
        sample(number, split="validation" if number % 2 else "train") for number in range(40)
    ]
    train, every = splitting.split(samples, seed=3)
    fewer_train, some = splitting.split(samples, seed=3, most=5)
    assert fewer_train == train and len(some) == 5 and set(some) < set(every)
    assert some == splitting.split(samples, seed=3, most=5)[1]
    assert some != splitting.split(samples, seed=4, most=5)[1]
    assert splitting.split(samples, seed=3, most=100)[1] == every


def test_a_split_that_leaves_nothing_is_refused() -> None:
    with pytest.raises(EngramError, match="none of 1 samples is left to train on"):
        splitting.split([sample(0)])
    with pytest.raises(EngramError, match="share to validate with is 1.5"):
        splitting.split([sample(0), sample(1)], 1.5)
