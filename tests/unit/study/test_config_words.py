"""What a configuration with values of the wrong type is told, in the words of YAML."""

from __future__ import annotations

from typing import Any

import pytest
from test_stages import RAW

from engram.errors import EngramError
from engram.study.config.read import read_study
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
