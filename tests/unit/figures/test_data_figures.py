"""Figures of the data: alignment of words and BOLD, and insertions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from figure_sample import check
from matplotlib.collections import EventCollection

from engram.figures import data_figures, time_courses
from engram.vocabulary import AVERAGE


def bold(lag: int, rois: list[str], average: bool = True) -> tuple[xr.Dataset, np.ndarray]:
    """BOLD of the first region that follows words after a lag in rows, and words' onsets.

    Other regions are noise.
    """
    rng = np.random.default_rng(3)
    onsets = np.sort(rng.uniform(10, 310, 700))
    words = np.histogram(onsets, np.arange(10, 310.1, 1.5))[0].astype(float)
    values = rng.standard_normal((3, 200, len(rois)))
    values[:, :, 0] = np.roll(words, lag) + 0.1 * rng.standard_normal((3, 200))
    subjects = ["01", "02", AVERAGE if average else "03"]
    coords = {
        "subject": subjects,
        "time": 10 + 1.5 * np.arange(200),
        "roi": ("target", rois),
        "hemisphere": ("target", ["L"] * len(rois)),
    }
    return xr.Dataset(
        {"bold": (("subject", "time", "target"), values)},
        coords=coords,
        attrs={"story": "tale", "tr": 1.5},
    ), onsets


@pytest.mark.parametrize("lag", [0, 3, 6])
def test_alignment_finds_the_lag_in_auditory_cortex(lag: int) -> None:
    dataset, onsets = bold(lag, ["G_temp_sup.G_T_transv", "G_cuneus"])
    one = time_courses.course(dataset, onsets)
    assert one.auditory and (one.n_targets, one.n_listeners) == (1, 2)
    np.testing.assert_allclose(one.bold, dataset["bold"].values[2, :, 0])
    lags, r = time_courses.lagged(one)
    assert lags[np.argmax(r)] == lag * 1.5 and r.max() > 0.9
    pairs = one.words[: 200 - 4], one.bold[4:]
    assert r[list(lags).index(6.0)] == pytest.approx(np.corrcoef(*pairs)[0, 1])
    drawn = data_figures.alignment([one])
    check(
        drawn,
        f"tale {r.max():.2f} at {lag * 1.5:.1f} s",
        "2 listeners",
        "auditory cortex (Destrieux",
    )
    assert [panel.get_ylabel() for panel in drawn.figure.axes] == [
        "words in the TR",
        "BOLD (SD)",
        "r of BOLD with words in the TR",
    ]


def test_alignment_without_auditory_labels_says_so() -> None:
    dataset, onsets = bold(3, ["ATL", "IFG"], average=False)
    one = time_courses.course(dataset, onsets)
    np.testing.assert_allclose(one.bold, dataset["bold"].values.mean((0, 2)))
    check(
        data_figures.alignment([one] * 5),
        "mean over all targets (which of them are auditory cortex is not known here",
        "the first 3 of 5 stories",
    )
    dataset["bold"][:] = 0.0
    check(data_figures.alignment([time_courses.course(dataset, onsets)]), "No correlation")


def test_insertions_stand_where_they_were_written() -> None:
    words = pd.DataFrame(
        {"word": ["w"] * 100, "onset": 5 + np.arange(100.0), "sentence": np.arange(100) // 10}
    )
    mine = pd.DataFrame(
        {"after_word": [9, 20, 39], "text": ["x y"] * 3, "annotator": "language model"}
    )
    other = pd.DataFrame({"after_word": [50], "text": ["z"], "annotator": "manual"})
    found = {("tale", "a"): mine, ("tale", "b-manual"): other}
    table = pd.DataFrame(
        {"text": ["a", "b-manual"], "variant": "associations", "inserted_words": [6, 1]}
    )
    drawn = data_figures.insertions({"tale": words}, found, table, ["a", "b-manual", "t"])
    check(
        drawn,
        "1 story",
        "a (written by a language model): 3 insertions, 6 words in all (6 per 100 words",
        "67 % at the end",
        "b-manual (written by people): 1 insertion, 1 word in all",
    )
    raster, gaps = drawn.figure.axes
    strokes = [
        one.get_positions() for one in raster.collections if isinstance(one, EventCollection)
    ]
    np.testing.assert_allclose(strokes[0], np.array([9, 20, 39]) / 60)
    assert [tick.get_text() for tick in raster.get_yticklabels()] == ["a", "b-manual"]
    assert len(gaps.get_lines()) == 1  # one insertion has no distance
