"""The table of spaces: against numbers by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from engram.statistics import space_tables

#: R by model, listener and region; the first region has three targets.
R = {"norms": {"1": (0.2, 0.4), "2": (0.4, 0.0)}, "word-rate": {"1": (0.1, 0.1), "2": (0.1, 0.3)}}


def tables() -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Scores, chance and comparisons of two models in two regions."""
    rows = []
    for model, listeners in R.items():
        for subject, values in {**listeners, "average": (0.6, 0.5)}.items():
            for (side, roi, targets), score in zip(
                (("L", "STG", 3), ("R", "V1", 1)), values, strict=True
            ):
                ceiling = 0.8 if subject == "average" else 0.5
                row = (model, "original", subject, "s", 2, side, roi, targets, score, ceiling)
                rows.append(row)
                rows.append((*row[:4], 1, *row[5:8], 9.0, ceiling))  # another layer
                rows.append((model, "other", *row[2:8], 9.0, ceiling))  # another text
    scores = pd.DataFrame(
        rows,
        columns=[
            *("model", "text", "subject", "story", "layer"),
            *("hemisphere", "roi", "n_targets", "score", "ceiling"),
        ],
    )
    chance = pd.DataFrame(
        [
            (model, 2, side, roi, 0.01, 0.02)
            for model in R
            for side, roi in (("L", "STG"), ("R", "V1"))
        ],
        columns=["model", "layer", "hemisphere", "roi", "p", "p_corrected"],
    )
    pair = {"question": "models", "a": "word-rate", "b": "norms", "p_listeners": 0.5}
    comparisons = pd.DataFrame(
        [
            {**pair, "hemisphere": "L", "roi": "STG", "difference": -0.2, "low": -0.3, "high": 0.1},
            {**pair, "hemisphere": "B", "roi": "all", "difference": -0.1, "low": -0.2, "high": 0.0},
            {**pair, "question": "hemispheres", "hemisphere": "L", "roi": "STG", "difference": 9},
        ]
    ).assign(p_listeners_fdr=0.6)
    return scores, chance, comparisons


def test_numbers_are_those_by_hand() -> None:
    kinds = {"norms": "norms", "word-rate": "baseline"}
    table = space_tables.spaces_table(*tables(), kinds)
    assert list(table.columns) == list(space_tables.SPACES_COLUMNS) and len(table) == 6
    assert (table["layer"] == 2).all() and (table["n_listeners"] == 2).all()
    here = table.set_index(["model", "roi"])
    region, whole = here.loc[("norms", "STG")], here.loc[("norms", "all")]
    assert region["score"] == pytest.approx(0.3) and region["share"] == pytest.approx(0.6)
    assert whole["score"] == pytest.approx((3 * 0.3 + 0.2) / 4) and whole["n_targets"] == 4
    assert whole["average"] == pytest.approx((3 * 0.6 + 0.5) / 4)
    assert whole["average_share"] == pytest.approx((3 * 0.6 + 0.5) / 4 / 0.8)
    # The word rate was named first: signs change, and ends of intervals change places.
    assert region[["difference", "low", "high"]].tolist() == [0.2, -0.1, 0.3]
    assert whole[["difference", "p_difference", "p_difference_fdr"]].tolist() == [0.1, 0.5, 0.6]
    assert region["p_chance_corrected"] == 0.02 and np.isnan(whole["p_chance"])
    assert here.loc["word-rate"]["difference"].isna().all()


def test_without_average_listener_or_ceilings_there_are_none() -> None:
    scores, chance, comparisons = tables()
    scores = scores[scores["subject"] != "average"].assign(ceiling=np.nan)
    kinds = {"norms": "norms", "word-rate": "baseline"}
    table = space_tables.spaces_table(scores, chance, comparisons, kinds)
    assert table[["ceiling", "share", "average", "average_share"]].isna().all().all()
    assert table["score"].notna().all()
