"""The methods of feature spaces in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engram.report.naming import Tables
from engram.wording import count


def feature_methods(config: Mapping[str, Any], tables: Tables) -> str:
    """Return what is laid over stories beside language models, and how norms are tested."""
    described: Mapping[str, str] = config.get("feature_spaces", {})
    if not described:
        return ""
    named = "; ".join(f"{name}: {said}" for name, said in described.items())
    said = f"Scored as models are: {named}. features.tsv says what each covers of the stories."
    deals = tables.get("feature_deals")
    if deals is not None and len(deals):
        said += (
            " Norms are tested against deals: the values of each word are given to another word of "
            "the same class that is about as frequent, in all stories alike, and everything is "
            f"fitted anew, {count(int(deals['n_deals'].max()), 'time')}; corrected over regions by "
            "the maximum statistic [@maximum]."
        )
    return said + _heads(tables)


def _heads(tables: Tables) -> str:
    """Return how attention heads are scored and tested."""
    heads, special = tables.get("heads"), tables.get("head_specialisation")
    if heads is None or special is None or not len(heads):
        return ""
    return (
        " Attention heads are read before the output projection and scaled to the same variance. "
        "Each is scored by itself, and by the part of R that its weights carry where all heads of "
        "its layer are fitted together. At the reported layer both are compared with "
        f"{count(int(heads['n_shifts'].max()), 'circular shift')} of BOLD, corrected over heads "
        "and regions by the maximum statistic [@maximum]. Whether heads differ by region is asked "
        "of either half of the stories, learned and tested apart, against "
        f"{count(int(special['n_permutations'].max()), 'permutation')} of regions."
    )
