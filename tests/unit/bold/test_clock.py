"""The clock check: planted lags and TRs are found, noise is not.

What is wrong is said with what to write.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from report_sample import config as configured
from report_sample import scans as sample_scans

from engram.bold import clock
from engram.bold.clock import (
    CONFIRMED,
    NOT_CONFIRMED,
    OTHER_LAG,
    OTHER_TR,
    TOO_SHORT,
    Clock,
    check_clock,
)
from engram.bold.story_bold import story_bold
from engram.datasets import time_courses
from engram.datasets.alice.reader import AliceDataset
from engram.report import clocks
from engram.words import stories

SECONDS = 420.0


def told(seed: int = 0, seconds: float = SECONDS) -> np.ndarray:
    """Return onsets of words that come now faster, now slower, with pauses."""
    rng = np.random.default_rng(seed)
    gaps = rng.gamma(2.0, 0.15, 4000) * np.repeat(rng.choice([0.7, 1.0, 2.5], 400), 10)
    onsets = np.cumsum(gaps)
    return onsets[onsets < seconds]


def heard(
    onsets: np.ndarray,
    tr: float,
    lag: float,
    noise: float = 1.0,
    targets: int = 20,
    start: float = 0.0,
    seed: int = 1,
) -> np.ndarray:
    """Return BOLD of rows at `tr` from `start`.

    Each word adds a bump that is highest after `lag` seconds, and noise is smooth.
    """
    rng = np.random.default_rng(seed)
    rows = int((SECONDS - start) / tr)
    times = start + tr * (np.arange(rows) + 0.5)
    signal = np.exp(-0.5 * ((times[:, None] - onsets[None, :] - lag) / 2.0) ** 2).sum(1)
    noises = np.apply_along_axis(
        np.convolve, 0, rng.standard_normal((rows + 4, targets)), np.ones(5) / 5**0.5, "valid"
    )
    values: np.ndarray = time_courses.zscore(signal[:, None]) + noise * noises
    return values


@pytest.mark.parametrize("tr", [0.72, 1.5, 2.0, 3.0])
def test_right_clock_is_confirmed_at_any_tr(tr: float) -> None:
    found = check_clock(told(), heard(told(), tr, 5.0), 0.0, 0, tr, 20)
    assert (
        found.verdict == CONFIRMED
        and abs(found.lag - 5) <= 1
        and found.p == 0.01
        and not found.is_loud
    ), found


@pytest.mark.parametrize(("off", "right"), [(20.0, -20.0), (-15.0, 15.0), (40.0, -40.0)])
def test_wrong_start_is_told_with_the_right_one(off: float, right: float) -> None:
    """Rows that really began at 0 are said to begin at `off`."""
    found = check_clock(told() + 50, heard(told() + 50, 2.0, 5.0), off, 0, 2.0, 3)
    assert (
        found.verdict == OTHER_LAG
        and found.is_loud
        and abs(found.start - 0.0) <= 1.5
        and abs(found.lag - (5 + off)) <= 1.5
    ), found
    assert f"A start of about {found.start:.0f} s would fit" in found.said("tale") and right == -off


@pytest.mark.parametrize("wrong", [1.0, 1.5, 1.96, 2.04, 2.5, 3.0])
def test_wrong_tr_is_told_with_the_right_one(wrong: float) -> None:
    rows = slice(0, int(SECONDS / max(wrong, 2.0)))
    found = check_clock(told(), heard(told(), 2.0, 5.0)[rows], 0.0, 0, wrong, 20)
    assert found.verdict == OTHER_TR and found.tr == 2.0 and "a TR of 2 s" in found.said("tale"), (
        found
    )


def test_rise_from_rest_confirms_no_wrong_tr() -> None:
    """BOLD rises when the story begins, at any TR.

    The rows behind the last word, silent too, must not be taken for that rest.
    """
    verdicts = []
    for seed in range(12):
        onsets = np.cumsum(np.random.default_rng(seed).uniform(0.2, 0.6, 1000))  # read aloud evenly
        values = heard(onsets, 1.5, 5.0, seed=seed)[: int((onsets[-1] + 4) / 2.0)]
        verdicts.append(check_clock(onsets, values, 0.0, 0, 2.0, 3).verdict)
    assert verdicts.count(CONFIRMED) <= 3, verdicts  # by chance; 12 if silence counted


def test_rows_that_begin_later_are_on_the_same_clock() -> None:
    """The TR is counted from the scan's first row, also where the story's rows begin later."""
    whole = heard(told(), 2.0, 5.0)
    for tr, verdict in ((2.0, CONFIRMED), (1.96, OTHER_TR)):
        found = check_clock(told(), whole[40:], 0.0, 40, tr, 20)
        assert found.verdict == verdict, (tr, found)


def test_noise_is_seldom_taken_for_a_clock() -> None:
    verdicts = [
        check_clock(told(), heard(told(), 2.0, 5.0, noise=1e6, seed=seed), 0.0, 0, 2.0, 20).verdict
        for seed in range(40)
    ]
    assert verdicts.count(NOT_CONFIRMED) >= 36, verdicts


@pytest.mark.parametrize(
    ("listeners", "loud"), [(1, False), (4, False), (11, False), (12, True), (27, True)]
)
def test_unconfirmed_clock_is_loud_only_with_many_listeners(listeners: int, loud: bool) -> None:
    found = Clock(NOT_CONFIRMED, listeners, 8.0, 0.4)
    assert (
        found.is_loud == loud
        and ("compare dataset.tr" in found.said("tale")) == loud
        and ("no sign of a fault" in found.said("tale")) != loud
    )


@pytest.mark.parametrize("case", ["short", "flat BOLD", "no words"])
def test_what_cannot_be_checked_is_said_to_be_unchecked(case: str) -> None:
    onsets, values = told(), heard(told(), 2.0, 5.0)
    if case == "short":
        onsets, values = told(seconds=120), values[:60]
    elif case == "flat BOLD":
        values = np.zeros_like(values)
    else:
        onsets = onsets + 10_000
    found = check_clock(onsets, values, 0.0, 0, 2.0, 20)
    assert found.verdict == TOO_SHORT and not found.is_loud and "not checked" in found.said("tale")


def test_flat_targets_and_batches_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    values = heard(told(), 2.0, 5.0)
    expected = check_clock(told(), values, 0.0, 0, 2.0, 20)
    monkeypatch.setattr(clock, "_BATCH", 7)
    assert (
        check_clock(told(), np.column_stack([np.full(len(values), 3.0), values]), 0.0, 0, 2.0, 20)
        == expected
    )


def test_profile_is_the_squared_correlation_at_each_lag() -> None:
    values = heard(told(), 1.5, 5.0, targets=3)
    rate = clock.word_rate(told(), 0.0, len(values), 1.5)
    profile = clock.lag_profile(rate, values)
    for step, rows in ((0, 0), (1, 0), (0, 4), (1, 7), (0, len(values) - 3)):
        direct = [
            np.corrcoef(np.roll(rate[step], rows), values[:, target])[0, 1] ** 2
            for target in range(3)
        ]
        assert profile[rows * 2 + step] == pytest.approx(np.mean(direct), abs=1e-6)
    assert rate.sum(1).tolist() == [float((told() < 1.5 * len(values)).sum())] * 2


# ---------------------------------------------------------------- what readers see
def clocks_table(**stories_of: tuple[Clock, int]) -> pd.DataFrame:
    parts = []
    for story, (one, listeners) in stories_of.items():
        found = {
            "clock": one.verdict,
            "clock_lag": one.lag,
            "clock_p": one.p,
            "clock_start": one.start,
            "clock_tr": one.tr,
        }
        parts.append(sample_scans(listeners).assign(story=story, **found))
    return pd.concat(parts, ignore_index=True)


def test_report_warns_at_the_top_or_has_one_quiet_line() -> None:
    table = clocks_table(
        a=(Clock(CONFIRMED, 14, 5.0, 0.01), 14),
        b=(Clock(OTHER_LAG, 3, -15.0, 0.01, start=20.0), 3),
        c=(Clock(NOT_CONFIRMED, 14, 8.0, 0.3), 14),
    )
    said = clocks.clocks(table, configured())
    assert (
        len(said.warnings) == 2
        and said.warnings[0].startswith("Story b")
        and "about 20 s would fit" in said.warnings[0]
    )
    assert (
        "confirmed for a" in said.summary
        and "does not detect an error of about 3 s" in said.summary
    )
    fine = clocks.clocks(clocks_table(a=(Clock(CONFIRMED, 5, 5.0, 0.01), 5)), configured())
    assert fine.warnings == [] and "fault" not in fine.summary
    few = clocks.clocks(clocks_table(a=(Clock(NOT_CONFIRMED, 5, 5.0, 0.2), 5)), configured())
    assert few.warnings == [] and "no sign of a fault" in few.summary


def test_simulated_listeners_are_not_warned_of() -> None:
    config = {**configured(), "simulated": True}
    said = clocks.clocks(clocks_table(a=(Clock(NOT_CONFIRMED, 20, 5.0, 0.2), 20)), config)
    assert said.warnings == [] and "planted" in said.summary


# ---------------------------------------------------------------- real listeners
class Alice(AliceDataset):
    """Alice with a TR and a start of ours, read once."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, "6mm")
        self.begin = 20.0
        self.subjects = sorted(
            path.name[1:3]
            for path in (folder / "6mm").glob("s*-timecourses.txt")
            if path.name[1:3] != "33"
        )
        self.read = {
            subject: (
                super(Alice, self).timeseries(subject, "alice"),
                super(Alice, self).confounds(subject, "alice"),
            )
            for subject in self.subjects
        }

    def start(self, subject: str, story: str) -> float:
        return self.begin

    def timeseries(self, subject: str, story: str) -> np.ndarray:
        return self.read[subject][0]

    def confounds(self, subject: str, story: str) -> np.ndarray | None:
        return self.read[subject][1]


@pytest.fixture(scope="module")
def alice(mirror: Path) -> tuple[Alice, pd.DataFrame]:
    """Real listeners, and the words that they heard."""
    dataset = Alice(mirror / "alice")
    return dataset, stories.words_table(dataset.words("alice"), 20, "alice")


def alice_scans(
    alice: tuple[Alice, pd.DataFrame], tr: float, start: float, moved: float, listeners: int
) -> pd.DataFrame:
    dataset, words = alice
    dataset.tr, dataset.begin = tr, start
    options: dict[str, Any] = {
        "confounds": True,
        "high_pass": 0.0078,
        "targets": "all",
        "average": True,
        "trim": 0,
        "tail": 8.0,
    }
    there = words.assign(onset=words["onset"] + moved, offset=words["offset"] + moved)
    return story_bold(dataset, "alice", dataset.subjects[:listeners], there, **options)[1]


@pytest.mark.parametrize(
    ("tr", "start", "moved", "verdict", "proposed"),
    [
        (2.0, 20.0, 0.0, CONFIRMED, np.nan),
        (2.0, 20.0, 3.0, CONFIRMED, np.nan),  # an error of about 3 s is not detected
        (1.5, 20.0, 0.0, OTHER_TR, 2.0),
        (2.04, 20.0, 0.0, OTHER_TR, 2.0),
        (1.96, 20.0, 0.0, OTHER_TR, 2.0),
        (2.0, -20.0, 0.0, OTHER_LAG, 20.0),
        (2.0, 20.0, 20.0, OTHER_LAG, 40.0),
        (2.0, 20.0, -20.0, OTHER_LAG, 0.0),
    ],
)
def test_clock_of_27_real_listeners(
    tr: float,
    start: float,
    moved: float,
    verdict: str,
    proposed: float,
    alice: tuple[Alice, pd.DataFrame],
    caplog: pytest.LogCaptureFixture,
) -> None:
    scans = alice_scans(alice, tr, start, moved, 27)
    one = scans.iloc[0]
    assert len(scans) == 27 and scans["clock"].unique().tolist() == [verdict]
    assert ("much better" in caplog.text or "would fit" in caplog.text) == (verdict != CONFIRMED)
    if verdict != CONFIRMED:
        assert one["clock_tr" if verdict == OTHER_TR else "clock_start"] == pytest.approx(
            proposed, abs=1.5
        )


def test_few_real_listeners_are_not_alarming(alice: tuple[Alice, pd.DataFrame]) -> None:
    found = dict(clock.clocks_of(alice_scans(alice, 2.0, 20.0, 0.0, 4).assign(excluded=None)))
    assert not found["alice"].is_loud and found["alice"].listeners == 4
