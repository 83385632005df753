"""What a configuration with values of the wrong type is told, in the words of YAML."""

from __future__ import annotations

from typing import Any

import pytest
from test_stages import RAW

from engram.errors import EngramError
from engram.study.config.read import read_study
from engram.study.model_shapes import check_layer
from engram.study.plan import make_plan


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"partitions": {"p": {"groups": {"a": "gpt2-tiny", "b": ["word-rate"]}}}},
            "partitions.p.groups.a: expected a list; write [gpt2-tiny] (found: 'gpt2-tiny').",
        ),
        (
            {"partitions": {"p": {"groups": {"a": ["gpt2-tiny"]}}}},
            "partitions.p.groups: expected at least 2 of them",
        ),
        (
            {"partitions": {"p": {"groups": {one: [one] for one in "abcd"}}}},
            "partitions.p.groups: expected at most 3 of them",
        ),
        ({"partitions": ["a"]}, "partitions: expected keys with values below it (found: ['a'])."),
        (
            {"decoding": None},
            "decoding: expected keys with values below it; leave the key out for its defaults",
        ),
        ({"partitions": {"p": {"groups": None}}}, "expected keys with values below it (found"),
        ({"decoding": {"directions": ["encode"]}}, "    decoding:\n      directions: [encoding]"),
        ({"features": ["heads"]}, "features: {mine: {kind: norms, table: lynott2020}}"),
        (
            {"decoding": {"directions": ["decoding"], "effects": True}},
            "effects: true needs the direction encoding, and directions are ['decoding']",
        ),
        ({"features": {True: {"kind": "word-facts"}}}, "features.true: expected a name; YAML"),
        ({None: 1}, "  null: expected a name; YAML reads yes, no, on, off and null without quotes"),
        ({"minimal_pairs": {"table": True}}, "minimal_pairs.table: expected text; YAML reads yes"),
        ({"chance": {"shifts": "1e3"}}, "chance.shifts: expected a whole number; write 1000 ("),
        ({"chance": {"shifts": 39.5}}, "chance.shifts: expected a whole number (found: 39.5)."),
        ({"bold": {"average": "maybe"}}, "bold.average: expected true or false (found: 'maybe')."),
        ({"encoding": {"folds": "story"}}, "or whole stories: {by: story}, {by: story, n: 5}"),
        ({"encoding": {"folds": [5]}}, "such as 5 or {by: block, n: 5}, or whole stories"),
        (
            {"features": {"f": {"kind": "word-facts", "facts": ["pause", "pause"]}}},
            "features.f.facts: a word stands there twice; write ['pause'] (",
        ),
        (
            {"features": {"f": {"kind": "surprisal", "of": "nobody"}}},
            "\n  features.f.of: 'nobody' is no model of the study",
        ),
        (
            {"tunings": {"t": {"models": []}}},
            "tunings.t.models: expected at least 1 of them (found: []).",
        ),
        ({"tunings": {"t": {"target_modules": []}}}, "target_modules: expected at least 1 of them"),
        ({"tunings": {"t": {"train_layers": []}}}, "train_layers: expected at least 1 of them"),
        ({"association_effect": {"models": []}}, "models: expected at least 1 of them"),
        (
            {"activations": {"context": 64, "stride": 128}},
            "stride: 128 tokens are more than a window has (context: 64); write a stride of 32",
        ),
        ({"activations": {"stride": 1025}}, "stride: 1025 tokens are more than a window has"),
        (
            {"activations": {"context": 32, "encoder_stride": 33}},
            "encoder_stride: 33 words are more than a window has tokens (context: 32); write 8",
        ),
        (
            {"activations": {"mode": "exact", "encoder_stride": 2}},
            "mode: exact reads each word in a window of its own, and encoder_stride: 2 reads so",
        ),
        ({"activations": {"encoder_stride": 0}}, "activations.encoder_stride"),
        (
            {"bold": {"high_pass": 5}},
            "bold.high_pass: with a TR of 1.5 s nothing is faster than 0.333 Hz",
        ),
        ({"bold": {"trim": 1000}}, "bold.trim: 1000 rows are dropped from the start of each scan"),
        (
            {"similarity": {"metrics": ["rsa"], "seconds": 300}},
            "0 pairs of segments of 300 s (200 rows) that are 206 rows apart; RSA needs 10",
        ),
    ],
)
def test_messages_say_what_is_expected(change: dict[str, Any], said: str) -> None:
    with pytest.raises(EngramError) as error:
        make_plan(read_study({**RAW, **change}))
    assert said in str(error.value) and "after validation" not in str(error.value)


@pytest.mark.parametrize(
    "change",
    [
        {"activations": {"context": 64, "stride": 64}},
        {"activations": {"mode": "exact", "context": 64, "stride": 128}},
        {"activations": {"stride": 1024}},
        {"activations": {"context": 32, "encoder_stride": 32}},
        {"activations": {"mode": "exact", "encoder_stride": 1}},
        {"bold": {"high_pass": 0.3}},
        {"bold": {"trim": 20}},
        {"encoding": {"folds": "4"}},
        {"chance": {"shifts": "39"}},
    ],
)
def test_what_is_just_possible_is_taken(change: dict[str, Any]) -> None:
    make_plan(read_study({**RAW, **change}))


def test_blocks_to_train_are_those_of_the_model() -> None:
    tuning = {"method": "frozen", "train_layers": [0, 5]}
    check_layer(read_study({**RAW, "tunings": {"t": tuning}}))
    study = read_study({**RAW, "tunings": {"t": {**tuning, "train_layers": [0, 6]}}})
    with pytest.raises(EngramError) as error:
        check_layer(study)
    assert "train_layers: [0, 6] has blocks that gpt2-tiny has not; it has 0 to 5." in str(
        error.value
    )
