"""Tables of listeners who depend on each other have no tests over them."""

from __future__ import annotations

import pandas as pd

from engram.statistics import dependent_listeners

TABLE = pd.DataFrame(
    {"p_texts": [0.01, 0.5], "p_listeners": [0.001, 0.2], "p_listeners_fdr": [0.002, 0.2]}
)
COLUMNS = dict.fromkeys(TABLE, "A p.")


def test_tests_over_listeners_become_not_available_with_a_reason() -> None:
    table, description, columns = dependent_listeners.tested(
        TABLE, "F.", COLUMNS, "listener+others"
    )
    assert table[["p_listeners", "p_listeners_fdr"]].isna().all(axis=None)
    assert table["p_texts"].tolist() == [0.01, 0.5] and columns["p_texts"] == "A p."
    assert "learn_from" in columns["p_listeners"] and "depend on each other" in description
    assert TABLE["p_listeners"].tolist() == [0.001, 0.2]  # the table that was given stays


def test_claims_over_listeners_have_no_p_either() -> None:
    claims = pd.DataFrame(
        {"test": ["Wilcoxon over listeners: holds", "over texts", None], "p": [0.01, 0.02, None]}
    )
    table, _, columns = dependent_listeners.tested(
        claims, "", {"test": "", "p": "Its p."}, "listener+others"
    )
    assert table["p"].isna().tolist() == [True, False, True] and "learn_from" in columns["p"]


def test_independent_listeners_are_tested() -> None:
    table, description, columns = dependent_listeners.tested(TABLE, "F.", COLUMNS, "listener")
    assert table is TABLE and description == "F." and columns == COLUMNS
