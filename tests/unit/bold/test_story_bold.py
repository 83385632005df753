"""BOLD of a story: rows, regions, the average listener, and what is warned of."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import story_bold
from scipy.fft import idct

from engram.bold.scans_table import SCAN_COLUMNS, scans_table
from engram.datasets import time_courses
from engram.errors import EngramError

OPTIONS: dict[str, Any] = {
    "confounds": True,
    "high_pass": None,
    "targets": "all",
    "average": True,
    "trim": 0,
    "tail": 4.0,
}
WORDS = pd.DataFrame(
    {"word": ["a", "b", "c"], "onset": [4.0, 30.0, 60.0], "offset": [4.5, 30.5, 61.0]}
)


class Made:
    """A dataset in memory."""

    tr = 2.0
    slack_trs = 0
    most_constant = 0.0
    simulated = False

    def __init__(
        self,
        scans: dict[str, np.ndarray],
        confounds: dict[str, np.ndarray] | None = None,
        start: float = 0.0,
    ) -> None:
        self.scans, self.motion, self.begin = scans, confounds or {}, start

    def start(self, subject: str, story: str) -> float:
        return self.begin

    def scan_names(self, subject: str, story: str) -> str:
        return f"{subject}-{story}"

    def targets(self) -> pd.DataFrame:
        return pd.DataFrame(
            {
                "target": ["p", "q", "r"],
                "hemisphere": ["L", "L", "R"],
                "roi": ["one", "one", "two"],
                "x": [1.0, 3.0, 5.0],
            }
        )

    def timeseries(self, subject: str, story: str) -> np.ndarray:
        return self.scans[subject]

    def confounds(self, subject: str, story: str) -> np.ndarray | None:
        return self.motion.get(subject)


def scans(number: int = 3, n_trs: int = 50) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {
        f"0{i}": rng.standard_normal((n_trs, 3)).astype(np.float32) * 5 + 100
        for i in range(1, number + 1)
    }


def test_rows_times_and_the_average_listener() -> None:
    made = Made(scans(), start=1.0)
    result, _ = story_bold(made, "tale", ["01", "02", "03"], WORDS, **OPTIONS)
    assert result["subject"].values.tolist() == ["01", "02", "03", "average"]
    # the first word, at 4 s, is in the row from 3 s; the last offset + 4 s = 65 s is in the
    # row that begins at 63 s
    assert (result["time"].values[0], result["time"].values[-1]) == (3.0, 63.0)
    single = result["bold"].sel(subject=["01", "02", "03"]).values
    np.testing.assert_allclose(single.std(1), 1, atol=3e-4)
    np.testing.assert_allclose(
        result["bold"].sel(subject="average").values, time_courses.zscore(single.mean(0)), atol=3e-4
    )


def test_regions_are_means_of_their_targets() -> None:
    result, _ = story_bold(Made(scans()), "tale", ["01"], WORDS, **{**OPTIONS, "targets": "roi"})
    assert result["target"].values.tolist() == ["L-one", "R-two"]
    assert result["x"].values.tolist() == [2.0, 5.0]
    whole = story_bold(Made(scans()), "tale", ["01"], WORDS, **OPTIONS)[0]["bold"].values[0]
    np.testing.assert_allclose(
        result["bold"].values[0, :, 0], time_courses.zscore(whole[:, :2].mean(1)), atol=3e-4
    )


def test_the_average_of_one_listener_is_nobody() -> None:
    assert story_bold(Made(scans(1)), "tale", ["01"], WORDS, **OPTIONS)[0][
        "subject"
    ].values.tolist() == ["01"]


@pytest.mark.parametrize("start", [500.0, -500.0])
def test_scans_that_miss_the_story_are_refused(start: float) -> None:
    with pytest.raises(EngramError, match=r"only 0% of the words.*dataset\.start"):
        story_bold(Made(scans(), start=start), "tale", ["01"], WORDS, **OPTIONS)


def test_scans_are_listed_with_what_was_read(caplog: pytest.LogCaptureFixture) -> None:
    made = Made(scans(2, 30), {"02": np.random.default_rng(0).standard_normal((30, 4))})
    _, listed = story_bold(made, "tale", ["01", "02"], WORDS, **OPTIONS)
    # rows from 4 s (row 2) to the scan's end at 60 s; the word at 60 s is not heard any more
    assert listed[
        ["subject", "n_trs", "n_rows", "n_targets", "n_confounds"]
    ].to_numpy().tolist() == [["01", 30, 28, 3, 0], ["02", 30, 28, 3, 4]]
    assert listed["words_in_scan"].tolist() == pytest.approx([2 / 3, 2 / 3])
    assert "only 67 % of its words" in caplog.text
    table = scans_table(
        [listed, pd.DataFrame([{"subject": "00", "story": "tale", "excluded": "asleep"}])]
    )
    assert list(table.columns) == list(SCAN_COLUMNS)
    assert table["excluded"].fillna("").tolist() == ["asleep", "", ""]


def test_unequal_scans_are_refused_or_cut_within_the_slack() -> None:
    made = Made({**scans(2), "03": scans(1, 47)["01"]})
    with pytest.raises(EngramError, match=r"Most have 50; these differ: \{'03': 47\}"):
        story_bold(made, "tale", ["01", "02", "03"], WORDS, **{**OPTIONS, "tail": 60.0})
    made.slack_trs = 3
    result, listed = story_bold(
        made, "tale", ["01", "02", "03"], WORDS, **{**OPTIONS, "tail": 60.0}
    )
    assert result.sizes["time"] == 45 and set(listed["n_rows"]) == {45}


def slow_motion(n_trs: int = 50) -> np.ndarray:
    return np.random.default_rng(2).standard_normal((n_trs, 2)).cumsum(0).astype(np.float32)


@pytest.mark.parametrize("what", ["a confound", "a drift", "both"])
def test_targets_that_confounds_and_drifts_explain_wholly_have_no_variance(what: str) -> None:
    """What regression leaves of them is rounding noise, which would be scored like a brain."""
    made = Made(scans(1), {"01": slow_motion()})
    drift = idct(np.eye(50)[1], norm="ortho")
    made.scans["01"][:, 1] = {
        "a confound": 3 * slow_motion()[:, 0] + 1,
        "a drift": 40 * drift + 500,
        "both": slow_motion()[:, 1] - drift,
    }[what]
    options = {**OPTIONS, "high_pass": 1 / 64}
    with pytest.raises(
        EngramError,
        match=(
            "sub-01, story tale: target 'q' is constant once confounds and drifts are regressed "
            "out; 1 of 3 targets are"
        ),
    ):
        story_bold(made, "tale", ["01"], WORDS, **options)
    made.most_constant = 0.5
    result, listed = story_bold(made, "tale", ["01"], WORDS, **options)
    assert listed["n_constant"].tolist() == [1]
    assert (
        not result["bold"].sel(target="q").values.any()
        and result["bold"].sel(target=["p", "r"]).values.any(1).all()
    )


def test_what_is_left_beside_large_drifts_is_scored() -> None:
    """A thousandth of a time course's deviation is a weak signal, and no rounding noise."""
    made = Made(scans(1), {"01": slow_motion()})
    made.scans["01"][:, 1] = 1000 * slow_motion()[:, 0] + np.random.default_rng(3).standard_normal(
        50
    )
    result, listed = story_bold(made, "tale", ["01"], WORDS, **OPTIONS)
    assert listed["n_constant"].tolist() == [0] and result["bold"].sel(
        target="q"
    ).values.std() == pytest.approx(1, abs=1e-3)


def test_a_region_whose_targets_cancel_each_other_counts_as_0(
    caplog: pytest.LogCaptureFixture,
) -> None:
    made = Made(scans(1))
    made.scans["01"][:, 1] = 200 - made.scans["01"][:, 0]
    result, _ = story_bold(made, "tale", ["01"], WORDS, **{**OPTIONS, "targets": "roi"})
    assert (
        not result["bold"].sel(target="L-one").values.any()
        and result["bold"].sel(target="R-two").values.any()
    )
    assert "sub-01, story tale: the targets of L-one cancel each other" in caplog.text


def test_a_trim_that_leaves_nothing_is_named() -> None:
    with pytest.raises(
        EngramError,
        match=(
            r"sub-01, story tale: bold\.trim drops the first 32 of the scan's 50 rows.*Write "
            r"a smaller bold\.trim"
        ),
    ):
        story_bold(Made(scans(1)), "tale", ["01"], WORDS, **{**OPTIONS, "trim": 32, "tail": 2.0})


@pytest.mark.parametrize(
    ("x", "said"),
    [
        ([-3.0, -1.0, 5.0], None),
        ([1.5, -1.0, -1.5], None),
        ([-3.0, 9.0, 5.0], "'q' (hemisphere L, x 9)"),
        ([-3, -1, -8], "'r' (hemisphere R, x -8)"),
    ],
)
def test_places_in_the_other_hemisphere_are_warned_of(
    x: list[float],
    said: str | None,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    table = Made({}).targets().assign(x=x)
    monkeypatch.setattr(Made, "targets", lambda _: table)
    story_bold(Made(scans(1)), "tale", ["01"], WORDS, **OPTIONS)
    assert (said is None) == ("other hemisphere" not in caplog.text) and (said or "") in caplog.text
