"""Protocols by name: keys that they fill in, what tables call them, and their page."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import ROOT

from engram.errors import EngramError
from engram.study.config.encoding import Encoding
from engram.study.config.protocols import PROTOCOLS, SUBSTITUTED, described
from engram.study.config.read import read_study
from engram.study.config.study import Study
from engram.study.plan import make_plan

RAW: dict[str, Any] = {
    "study": "mine",
    "dataset": {"kind": "simulated", "stories": ["lighthouse"], "n_listeners": 2},
}


def study(**changes: Any) -> Study:
    return read_study({**RAW, **changes})


@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_protocol_fills_in_what_is_not_written(name: str) -> None:
    """All other keys have Engram's default, also in a study that writes one of its own."""
    filled, usual = study(protocol=name, encoding={"folds": 7}).encoding, Encoding()
    for key, value in filled.model_dump().items():
        expected = PROTOCOLS[name].get(key, getattr(usual, key))
        assert value == (7 if key == "folds" else expected), key


def test_what_a_study_writes_wins() -> None:
    found = study(protocol="huth", encoding={"words_to_trs": "sum", "alphas": [5.0]}).encoding
    assert (found.words_to_trs, found.alphas, found.alpha_by) == ("sum", [5.0], "mse")
    # Delays can be said in two ways: what is written in one is not overruled by the other.
    assert study(protocol="huth", encoding={"longest_delay": 6.0}).encoding.delays is None
    assert study(protocol="huth", encoding={"delays": [2]}).encoding.delays == [2]


def test_the_default_is_engrams_own_and_yin2025_states_no_more() -> None:
    assert study().encoding == study(protocol="yin2025").encoding == Encoding()


def test_tables_name_a_protocol_what_differs_and_a_digest_of_the_rules() -> None:
    one, other = study(), study(protocol="yin2025")
    digest = described("engram", one.encoding).partition("(")[2]
    assert described("engram", one.encoding).startswith("engram (rules ")
    assert described("yin2025", other.encoding) == f"yin2025 ({digest}"
    changed = study(protocol="huth", encoding={"penalty": "listeners", "delays": None}).encoding
    said = described("huth", changed)
    assert said.startswith("huth with delays: null, penalty: listeners (rules ")
    assert digest not in said
    assert "5 values from 1 to 5" in described(
        "huth", study(encoding={"alphas": [1, 2, 3, 4, 5]}).encoding
    )


def test_unknown_protocols_are_refused_with_the_names_there_are() -> None:
    with pytest.raises(EngramError, match="'caucheteux2023', 'huth' or 'voxelwise'"):
        study(protocol="gallant")
    with pytest.raises(EngramError, match="encoding"):
        study(protocol="huth", encoding=[1])


def test_the_page_of_protocols_says_what_each_sets() -> None:
    page = (ROOT / "docs" / "reference" / "protocols.md").read_text()
    assert set(SUBSTITUTED) == set(PROTOCOLS)
    for name, keys in PROTOCOLS.items():
        text = page.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
        assert "*Left open*" in text or name == "engram", name
        assert not SUBSTITUTED[name] or text, name
        for key in keys:
            assert key in page or key == "delays", key


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"penalty": "group"}, "penalty"),
        ({"trend": "run"}, "trend"),
        ({"trend": "whole"}, "trend"),
        ({"learn_from": "other"}, "learn_from"),
        ({"components": 0}, "components"),
        ({"scaling": True}, "scaling"),
    ],
)
def test_options_that_do_not_exist_are_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(EngramError, match=rf"encoding\.{message}"):
        study(encoding=wrong)


def test_one_listener_has_nobody_to_learn_from() -> None:
    alone = {"kind": "simulated", "stories": ["lighthouse"], "n_listeners": 1}
    one = study(dataset=alone, encoding={"learn_from": "listener+others"})
    with pytest.raises(EngramError, match="needs two listeners of each story, and lighthouse has"):
        make_plan(one)
