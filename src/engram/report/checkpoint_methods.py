"""The methods of checkpoints and of minimal pairs in words."""

from __future__ import annotations

from engram.report.naming import Tables
from engram.statistics.checkpoint_tables import ALL
from engram.wording import count, listed


def checkpoint_methods(tables: Tables) -> str:
    """Return which series there are, where they change, and how pairs were decided."""
    said = []
    table, changes = tables.get("checkpoints"), tables.get("checkpoint_changes")
    if table is not None and changes is not None and len(table):
        series = [
            f"{name} ({count(part['step'].nunique(), 'checkpoint')}, steps "
            f"{int(part['step'].min()):,} to {int(part['step'].max()):,})"
            for name, part in table.groupby("series", sort=False)
        ]
        said.append(
            f"Checkpoints of {listed(series)} are scored as models are. Where R changes is the cut "
            "into two constant levels that explains most, compared with "
            f"{count(int(changes['n_permutations'].max()), 'other order')} of checkpoints; its "
            "interval is over listeners. One training is one draw."
        )
    pairs = tables.get("minimal_pairs")
    if pairs is not None and len(pairs):
        whole = pairs[pairs["phenomenon"] == ALL]
        said.append(
            f"{count(whole['model'].nunique(), 'model')} read "
            f"{count(int(whole['n_pairs'].max()), 'minimal pair')} of sentences; a pair is "
            "decided by the sum of the log probabilities of a sentence's tokens, as in BLiMP "
            "(Warstadt et al. 2020), behind the token for the beginning of a text."
        )
    return " ".join(said)
