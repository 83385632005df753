"""Every step of every condition trains on as many tokens."""

from __future__ import annotations

from dataclasses import replace

import pytest
from conftest import MODELS
from small_tunings import SETTINGS, few_samples
from transformers import AutoTokenizer

from engram.tunings import controls
from engram.tunings.batches import batches, piece
from engram.tunings.sample_tokens import Encoded, encode_samples
from engram.tunings.samples import Sample


@pytest.fixture(scope="module")
def parts() -> tuple[list[Sample], list[Sample]]:
    return few_samples()


def test_every_step_of_every_condition_trains_on_the_same_number_of_tokens(
    parts: tuple[list[Sample], list[Sample]],
) -> None:
    tokenizer = AutoTokenizer.from_pretrained(MODELS / "gpt2-tiny")
    for samples in (
        parts[0],
        controls.shuffled(parts[0], 0),
        controls.generic(parts[0], 0),
    ):
        lengths = [one.n_output for one in encode_samples(samples, tokenizer, 256)]
        plan = batches(lengths, replace(SETTINGS, steps=60))
        assert len(plan) == 60 and {sum(tokens for _, tokens in step) for step in plan} == {96}
        assert all(tokens == lengths[index] for step in plan for index, tokens in step[:-1])
        # A pass over the data has every sample once.
        assert {
            index for index, _ in [pair for step in plan for pair in step][: len(samples)]
        } == set(range(len(samples)))


def test_batches_depend_on_seed_and_step_alone() -> None:
    lengths = [7, 11, 5, 13, 9]
    plan = batches(lengths, SETTINGS)
    assert (
        plan
        == batches(lengths, replace(SETTINGS, steps=50))[:4]
        != batches(lengths, replace(SETTINGS, seed=1))
    )


def test_a_cut_sample_keeps_its_first_output_tokens() -> None:
    assert piece(Encoded((1, 2, 3, 4, 5), 2), 2) == Encoded((1, 2, 3, 4), 2)
