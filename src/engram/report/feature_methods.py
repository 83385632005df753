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
    return said
