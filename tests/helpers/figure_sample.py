"""Tables that figures are drawn from, made up, and what holds for every figure."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PathCollection
from matplotlib.text import Text

from engram.figures import style
from engram.statistics.variant_effects import Effects
from engram.vocabulary import AVERAGE

RNG = np.random.default_rng(0)
MODELS = ["one", "two", "one-reinitialised", "word-rate"]
LISTENERS = [f"{k:02d}" for k in range(1, 8)]


def scores(
    models: list[str] = MODELS,
    listeners: list[str] = LISTENERS,
    rois: dict[str, list[str]] | None = None,
    average: bool = True,
) -> pd.DataFrame:
    """Scores as `engram.statistics.score_tables` makes them: three layers, regions of 3 targets."""
    rois = rois or {"L": ["IFG", "ATL"], "R": ["ATL"]}
    rows = [
        (subject, model, layer, side, roi, RNG.uniform(-0.1, 0.4), RNG.uniform(0.3, 0.5))
        for subject in [*listeners, *([AVERAGE] if average else [])]
        for model in models
        for layer in range(1 if model == "word-rate" else 4)
        for side, names in rois.items()
        for roi in names
    ]
    columns = ["subject", "model", "layer", "hemisphere", "roi", "score", "ceiling"]
    return pd.DataFrame(rows, columns=columns).assign(
        text="original", n_targets=3, n_trs=100, group="g"
    )


def ceilings(
    table: pd.DataFrame, stories: list[str] | None = None, known: bool = True
) -> pd.DataFrame:
    """Ceilings of the same regions and listeners."""
    listeners = sorted(set(table["subject"]) - {AVERAGE})
    rows = [
        (story, subject, side, roi, kind, RNG.uniform(0.2, 0.6) if known else np.nan)
        for story in stories or ["alice"]
        for (side, roi) in table[["hemisphere", "roi"]].drop_duplicates().itertuples(index=False)
        for kind, subjects in (
            ("split_sb", [AVERAGE]),
            ("average", [AVERAGE]),
            ("loo", listeners),
            ("single", listeners),
        )
        for subject in subjects
    ]
    return pd.DataFrame(
        rows, columns=["story", "subject", "hemisphere", "roi", "kind", "ceiling"]
    ).assign(n_targets=3, n_listeners=len(listeners))


def check(drawn: style.Drawn, *words: str) -> None:
    """What holds for every figure: print's widths and type, words for everyone."""
    assert (
        drawn.figure.get_figwidth()
        in (
            pytest.approx(style.PAGE),
            pytest.approx(style.COLUMN),
            pytest.approx(style.NARROW),
        )
        or drawn.figure.get_figwidth() < style.PAGE
    )
    drawn.figure.canvas.draw()
    shown = [
        text
        for text in drawn.figure.findobj(Text)
        if text.get_text().strip() and text.get_visible()
    ]
    assert min(float(text.get_fontsize()) for text in shown) >= style.TINY
    for text in (drawn.words.title, drawn.words.caption, drawn.words.alt):
        # The report includes captions from JSON as reStructuredText.
        assert (
            len(text) > 5
            and not set('"\\*`|') & set(text)
            and "nan" not in text.split()
            and "  " not in text
        )
    for word in words:
        assert word in drawn.words.caption, drawn.words.caption


def curves(panel: Any, label: str) -> np.ndarray:
    (line,) = [one for one in panel.get_lines() if one.get_label() == label]
    return np.asarray(line.get_ydata())


def points(panel: Any, label: str) -> np.ndarray:
    (found,) = [
        one
        for one in panel.collections
        if isinstance(one, PathCollection) and one.get_label() == label
    ]
    return np.asarray(found.get_offsets())


REGIONS = [("L", "ATL", 3), ("L", "IFG", 3), ("R", "ATL", 3)]


def texts(effect: float = 0.0, random: int = 39, subjects: list[str] | None = None) -> Effects:
    """Scores of a text, the error of each random text is shared by listeners."""
    subjects = subjects or [*LISTENERS, AVERAGE]
    names = [
        "original",
        "associations",
        *(f"random-{k:02d}" for k in range(1, random + 1)),
        "shuffled-01",
    ]
    rng = np.random.default_rng(1)
    r = (
        0.1
        + 0.01 * rng.standard_normal((len(names), 1, 3))
        + 0.005 * rng.standard_normal((len(names), len(subjects), 3))
    )
    r[1] += effect
    return Effects(subjects, REGIONS, names, names[:2], 2, r, np.stack([r[:2]] * 3, axis=1))


def seeds(number: int, controls: int, original: float = 0.1) -> Effects:
    names = [
        "base",
        *(
            f"{kind}-{k}"
            for kind, many in (
                ("association", number),
                ("shuffled", controls),
                ("generic", controls),
            )
            for k in range(1, many + 1)
        ),
    ]
    rng = np.random.default_rng(2)
    r = original + 0.01 * rng.standard_normal((len(names), 8, 3))
    versions = ["base", *(name for name in names if name.endswith("-1"))]
    return Effects(
        [*LISTENERS, AVERAGE],
        REGIONS,
        names,
        versions,
        2,
        r,
        np.stack([r[: len(versions)]] * 3, axis=1),
    )
