"""Tables without tests over listeners, where listeners depend on each other.

Under `encoding.learn_from: listener+others` each listener's weights are learned from all others'
BOLD too. Their scores are then no independent draws, which a test over listeners would take them
for.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

#: Value of `encoding.learn_from` with which listeners are independent.
INDEPENDENT = "listener"
_REASON = (
    "n/a here: weights were learned from other listeners too (encoding.learn_from), so that "
    "listeners depend on each other."
)
_WARNING = (
    " Weights were learned from other listeners too (encoding.learn_from): scores show what "
    "listeners share and depend on each other, so that no test is made over listeners, and "
    "intervals over listeners are too narrow."
)
#: How columns of tests over listeners begin, and what a test over them says in a table of claims.
_TESTS, _OVER_LISTENERS = "p_listeners", "over listeners"


def tested(
    table: pd.DataFrame, description: str, columns: Mapping[str, str], learn_from: str
) -> tuple[pd.DataFrame, str, dict[str, str]]:
    """Return a table, its description and its columns, without tests that do not hold.

    Parameters
    ----------
    table : pandas.DataFrame
    description : str
    columns : mapping
        What each column is.
    learn_from : {"listener", "listener+others"}
        `encoding.learn_from`; with the former all stays as it is.
    """
    said = dict(columns)
    if learn_from == INDEPENDENT:
        return table, description, said
    table = table.copy()
    for name in said:
        if name.startswith(_TESTS):
            table[name] = np.nan
            said[name] = _REASON
    if {"test", "p"} <= set(said):
        table.loc[table["test"].astype(str).str.contains(_OVER_LISTENERS), "p"] = np.nan
        said["p"] += f" Over listeners {_REASON}"
    return table, description + _WARNING, said
