"""Keys of earlier versions are refused, with the lines to write."""

from __future__ import annotations

from typing import Any

import pytest

from engram.errors import EngramError
from engram.study.config import renamed
from engram.study.config.read import read_study

#: For each key of an earlier version: where a study had it, and the lines that it is told to write.
OLD: dict[str, tuple[dict[str, Any], str]] = {
    "associating": (
        {"associating": {"models": ["m"], "room": 2}},
        "    association_effect: {models: [m], room: 2}",
    ),
    "figures.layer": ({"figures": {"layer": 9, "dpi": 99}}, "    reported_layer: 9"),
    "encoding.trim": ({"encoding": {"trim": 6}}, "    bold:\n      trim: 6"),
    "encoding.tail": ({"encoding": {"tail": 4.5}}, "    bold:\n      tail: 4.5"),
    "encoding.backend": ({"encoding": {"backend": "torch"}}, "    compute:\n      backend: torch"),
    "activations.device": ({"activations": {"device": "cpu"}}, "    compute:\n      device: cpu"),
    "activations.dtype": (
        {"activations": {"dtype": "bfloat16"}},
        "    compute:\n      reading_dtype: bfloat16",
    ),
    "tunings.*.dtype": (
        {"tunings": {"lora": {"dtype": "float32"}}},
        "    compute:\n      tuning_dtype: float32",
    ),
    "tunings.*.checkpointing": (
        {"tunings": {"lora": {"checkpointing": True}}},
        "    tunings:\n      lora:\n        gradient_checkpointing: true",
    ),
    "dataset.listeners": (
        {"dataset": {"kind": "simulated", "listeners": 6}},
        "    dataset:\n      n_listeners: 6",
    ),
    "dataset.subjects": (
        {"dataset": {"kind": "alice", "subjects": ["18", "22"]}},
        "    dataset:\n      listeners: ['18', '22']",
    ),
    "models.*.untrained": (
        {"models": {"u": {"source": "gpt2", "untrained": True}}},
        "    models:\n      u:\n        reinitialised: true",
    ),
    "untrained": (
        {"untrained": True},
        "    baselines: [word-rate, reinitialised]",
    ),
    "baselines": (
        {"baselines": ["word-rate", "untrained"]},
        "    baselines: [word-rate, reinitialised]",
    ),
    "models.*.source": (
        {"models": {"m": {"source": "mirror:models/org/m"}}},
        "    models:\n      m:\n        source: org/m",
    ),
    "models.*.only": (
        {"models": {"m": {"source": "gpt2", "only": "hub"}}},
        "    models:\n      m: null",
    ),
}
BASE: dict[str, Any] = {
    "study": "s",
    "dataset": {"kind": "alice"},
    "models": {"m": {"source": "gpt2"}},
}


def message(raw: dict[str, Any]) -> str:
    with pytest.raises(EngramError) as caught:
        read_study(raw)
    return str(caught.value)


@pytest.mark.parametrize("change", renamed.CHANGES, ids=lambda change: change.old)
def test_every_old_key_is_told_with_the_lines_to_write(change: renamed.Change) -> None:
    given, lines = OLD[change.old]
    found = message({**BASE, **given})
    assert found.startswith("the configuration has 1 error:\n  ")
    assert found.endswith(f". Write:\n{lines}")


def test_a_key_is_told_by_its_name_in_the_study() -> None:
    assert (
        "  figures.layer: is called reported_layer now. Write:\n    reported_layer: 9"
        in message({**BASE, **OLD["figures.layer"][0]})
    )


def test_all_old_keys_and_other_errors_are_told_at_once() -> None:
    """What is written under an old key is checked under its new one."""
    raw = {
        **BASE,
        "dataset": {"kind": "simulated", "listeners": 6, "subjects": ["001"]},
        "figures": {"layer": -1},
        "encoding": {"trim": 6, "typo": 1},
    }
    found = message(raw)
    assert found.startswith("the configuration has 6 errors:")
    for key in ("n_listeners now", "dataset.listeners now", "bold.trim now", "encoding.typo"):
        assert key in found
    assert "  reported_layer: Input should be greater than or equal to 0" in found


def test_what_is_given_is_left_as_it_is() -> None:
    raw = {**BASE, "figures": {"layer": 9}}
    made, _ = renamed.with_new_keys(raw)
    assert raw["figures"] == {"layer": 9}
    assert made == {**BASE, "figures": {}, "reported_layer": 9}


def test_the_new_key_counts_where_both_are_given() -> None:
    made, messages = renamed.with_new_keys({"reported_layer": 3, "figures": {"layer": 9}})
    assert made["reported_layer"] == 3 and len(messages) == 1


def test_listeners_to_use_are_no_number_of_listeners() -> None:
    raw = {"dataset": {"kind": "simulated", "listeners": ["001"]}}
    assert renamed.with_new_keys(raw) == (raw, [])


@pytest.mark.parametrize("value", ["mirror:https://me:s3cret@host", "x" * 1000])
def test_long_values_and_secrets_are_not_repeated(value: str) -> None:
    _, messages = renamed.with_new_keys({"figures": {"layer": value}})
    assert messages[0].endswith("    reported_layer: ...")


@pytest.mark.parametrize("raw", [{"figures": None}, {"tunings": {1: None}}, {"models": ["gpt2"]}])
def test_what_is_no_section_is_left_to_later_checks(raw: dict[str, Any]) -> None:
    assert renamed.with_new_keys(raw) == (raw, [])
