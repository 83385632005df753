"""The clock check: whether BOLD follows the words when it should.

That is at the time and at the speed that the configuration says.

A wrong TR or a wrong start gives scores that look like those of a weak model. Listeners' BOLD
follows how many words there are, whatever the words are, so that the word rate alone tells whether
words and rows are on the same clock, before anything is encoded.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy.fft

#: Lags of BOLD behind the words that are looked at, in seconds, and those that a
#: haemodynamic response can have.
LAGS, PLAUSIBLE = (-20.0, 30.0), (2.0, 9.0)
#: Seconds by which a clock may be off for another start to be proposed.
FARTHEST = 60.0
#: Seconds by which the response to words is usually late (Alice's 27 listeners: 5),
#: from which a start is proposed.
USUAL_LAG = 5.0
#: Circular shifts, and the p up to which a lag counts as found: none of the shifts reaches it.
SHIFTS, ALPHA = 99, 0.01
#: Listeners from which on a clock that is not confirmed is worth a warning.
ENOUGH_LISTENERS = 12

#: What the check can find.
CONFIRMED, OTHER_LAG, OTHER_TR, NOT_CONFIRMED, TOO_SHORT = (
    "confirmed",
    "other lag",
    "other TR",
    "not confirmed",
    "too short",
)

#: A peak elsewhere must exceed the next one by this factor, both above the median of all lags:
#: most of a story is elsewhere.
_STANDS_OUT = 1.5
#: Seconds around a peak that belong to it.
_PEAK_WIDTH = 15.0
#: Another TR must explain so many times as much.
_BETTER_TR = 1.5
#: The largest error of a TR that is searched without gaps, the drift over the story from one
#: candidate to the next (seconds), and the smallest error that is told of: 0.5 % is within what the
#: search can tell apart.
_TR_RANGE, _TR_DRIFT, _TR_LEAST = 0.05, 3.0, 0.0075
#: TRs (s) that scanners are often set to: candidates outside that range.
_USUAL_TRS = (
    0.5,
    0.72,
    0.75,
    0.8,
    1.0,
    1.2,
    1.25,
    1.3,
    1.4,
    1.5,
    1.6,
    1.8,
    2.0,
    2.2,
    2.25,
    2.4,
    2.5,
    3.0,
)
#: Targets that are looked at together.
_BATCH = 2048


@dataclass(frozen=True)
class Clock:
    """What was found of a story's clock.

    Attributes
    ----------
    verdict : str
        One of `CONFIRMED`, `OTHER_LAG`, `OTHER_TR`, `NOT_CONFIRMED`, `TOO_SHORT`.
    listeners : int
    lag : float
        Seconds by which BOLD follows the words, at the highest squared correlation; for `OTHER_LAG`
        among all lags, else among `LAGS`.
    p : float
        Of the highest squared correlation among `LAGS`; NaN for `TOO_SHORT`.
    start, tr : float
        What fits instead of the configured start (`OTHER_LAG`) or TR
        (`OTHER_TR`), in seconds; else NaN.
    """

    verdict: str
    listeners: int
    lag: float = np.nan
    p: float = np.nan
    start: float = np.nan
    tr: float = np.nan

    @property
    def is_loud(self) -> bool:
        """Whether readers should be warned."""
        return self.verdict in (OTHER_LAG, OTHER_TR) or (
            self.verdict == NOT_CONFIRMED and self.listeners >= ENOUGH_LISTENERS
        )

    def said(self, story: str) -> str:
        """Return a sentence about the story's clock.

        It says what to look at where the clock is not confirmed.
        """
        people = f"{self.listeners} listener" + ("" if self.listeners == 1 else "s")
        possible = f"{PLAUSIBLE[0]:g} to {PLAUSIBLE[1]:g} s"
        if self.verdict == CONFIRMED:
            return (
                f"story {story}: clock confirmed: the BOLD of {people} follows the word "
                f"rate by {self.lag:.1f} s"
            )
        if self.verdict == TOO_SHORT:
            return (
                f"story {story}: clock not checked: the story is too short for {SHIFTS} circular "
                "shifts, or its words or BOLD do not vary"
            )
        if self.verdict == OTHER_LAG:
            return (
                f"story {story}: the BOLD of {people} follows the word rate "
                f"by {self.lag:.1f} s, where {possible} can be: words and scan are about "
                f"{abs(self.lag - USUAL_LAG):.0f} s apart. A start of about {self.start:.0f} s "
                "would fit (folders of tables: dataset.start, the time of row 0 on the words' "
                "clock; other datasets: the story's onset in the scan's events)"
            )
        if self.verdict == OTHER_TR:
            return (
                f"story {story}: words and rows run at different speeds. With a TR of {self.tr:g} "
                f"s the word rate explains the BOLD of {people} much better. Compare dataset.tr "
                "with the scanner's protocol and the header of the scans"
            )
        why = (
            (
                "A wrong TR (by 2 %, even), a wrong start and another story's words look "
                "like this: compare dataset.tr and dataset.start with the scanner's protocol. "
                "So do regions that do not follow words"
            )
            if self.is_loud
            else (
                f"With fewer than {ENOUGH_LISTENERS} listeners, or regions that do not follow "
                "words, this is no sign of a fault"
            )
        )
        return (
            f"story {story}: clock not confirmed: the BOLD of {people} does not follow the word "
            f"rate by {possible} more than by chance "
            f"(p = {self.p:.2f}). {why}"
        )


def check_clock(
    onsets: np.ndarray, bold: np.ndarray, start: float, first_row: int, tr: float, listeners: int
) -> Clock:
    """Compare the word rate with the mean BOLD of a story's listeners at many lags.

    Parameters
    ----------
    onsets : array of shape (n_words, )
        Seconds on the story's clock.
    bold : array of shape (n_rows, n_targets)
        Mean over single listeners, cleaned, in the story's rows. Targets without
        variance do not count.
    start : float
        Time of the scan's row 0 on the story's clock, in seconds.
    first_row : int
        The scan's row that is the first of `bold`.
    tr : float
        Seconds.
    listeners : int
        How many `bold` is the mean of.

    Returns
    -------
    Clock

    Notes
    -----
    The word rate at a lag is the number of words with their onset in the TR that lies so much
    before a row. The statistic is its squared Pearson correlation with BOLD, averaged over targets;
    lags are steps of about a second. Its maximum over `LAGS` is compared with the maxima after
    `SHIFTS` circular shifts of the word rate within the story, each by so much that its lags
    and the true ones do not overlap:
    p = (1 + shifts that reach it) / (1 + shifts). docs/methods/clock-check.md tells how often
    this is right and wrong.
    """
    n_rows, begin = len(bold), start + tr * first_row
    steps, step = _steps(tr), tr / _steps(tr)
    lags = _grid(*LAGS, step)
    bold = bold[:, np.ptp(bold, axis=0) > 0]
    rows = _rows_with_words(onsets, begin, n_rows, tr)
    rate = word_rate(onsets, begin + tr * rows.start, rows.stop - rows.start, tr)
    allowed = np.arange(len(lags), (rows.stop - rows.start) * steps - len(lags) + 1)
    if len(allowed) < SHIFTS or not bold.shape[1] or not np.ptp(rate):
        return Clock(TOO_SHORT, listeners)
    profile = lag_profile(rate, bold[rows])
    found, by_chance = profile[lags % len(profile)], _shifted_maxima(profile, lags, allowed)
    p = float((1 + (by_chance >= found.max()).sum()) / (1 + SHIFTS))
    lag = float(lags[int(found.argmax())] * step)
    plausible = p <= ALPHA and PLAUSIBLE[0] <= lag <= PLAUSIBLE[1]
    if listeners >= ENOUGH_LISTENERS:
        chance = None if plausible else float(by_chance.max())
        other = _better_tr(onsets, bold, start, first_row, tr, chance)
        if other is not None:
            return Clock(OTHER_TR, listeners, lag, p, tr=other)
    if plausible:
        return Clock(CONFIRMED, listeners, lag, p)
    elsewhere = _outstanding(profile, step)
    if elsewhere is not None and not PLAUSIBLE[0] <= elsewhere <= PLAUSIBLE[1]:
        return Clock(OTHER_LAG, listeners, elsewhere, p, start=start - (elsewhere - USUAL_LAG))
    return Clock(NOT_CONFIRMED, listeners, lag, p)


def clocks_of(scans: pd.DataFrame) -> Iterator[tuple[str, Clock]]:
    """Yield each story of a table of scans with its clock; scans that are left out come apart."""
    used = scans[scans["excluded"].isna() & scans["clock"].notna()]
    for story, rows in used.groupby("story", sort=True):
        one = rows.iloc[0]
        yield (
            str(story),
            Clock(
                str(one["clock"]),
                len(rows),
                *(float(one[name]) for name in ("clock_lag", "clock_p", "clock_start", "clock_tr")),
            ),
        )


def _rows_with_words(onsets: np.ndarray, begin: float, n_rows: int, tr: float) -> slice:
    """Return the rows from the first word to the last one.

    Silence behind the last word would, round the circle of rows, come before the first one,
    where BOLD rises from rest: a lag of a few seconds would be found at any TR.
    """
    rows = np.floor((onsets - begin) / tr + 1e-6)
    rows = rows[(rows >= 0) & (rows < n_rows)]
    return slice(int(rows.min()), int(rows.max()) + 1) if len(rows) else slice(0, 0)


def word_rate(onsets: np.ndarray, begin: float, n_rows: int, tr: float) -> np.ndarray:
    """Return the number of words in each row, for delays of parts of a TR.

    Parameters
    ----------
    onsets : array of shape (n_words, )
        Seconds.
    begin : float
        Time of the first row, in seconds on the same clock; words outside of the rows do not count.
    n_rows : int
    tr : float
        Seconds.

    Returns
    -------
    array of shape (n_steps, n_rows)
        Row `j` holds the rate when words come `j` steps (of ``tr / n_steps``, about a second)
        later, round the circle of the rows.
    """
    steps, length = _steps(tr), n_rows * tr
    within = onsets[(onsets >= begin) & (onsets < begin + length)] - begin
    delayed = [
        np.floor(((within + step * tr / steps) % length) / tr + 1e-6).astype(int) % n_rows
        for step in range(steps)
    ]
    return np.stack([np.bincount(rows, minlength=n_rows) for rows in delayed]).astype(float)


def lag_profile(rate: np.ndarray, bold: np.ndarray) -> np.ndarray:
    """Return the squared correlation of the word rate with BOLD at every lag round the circle.

    It is averaged over targets.

    Parameters
    ----------
    rate : array of shape (n_steps, n_rows)
        As `word_rate` returns it.
    bold : array of shape (n_rows, n_targets)
        Targets have variance.

    Returns
    -------
    array of shape (n_rows * n_steps, )
        At lags of 0, 1, 2, ... steps; the last ones are negative lags.
    """
    steps, n_rows = rate.shape
    spectrum = np.conj(scipy.fft.rfft(_scaled(rate)))
    total = np.zeros((n_rows, steps))
    for first in range(0, bold.shape[1], _BATCH):
        targets = scipy.fft.rfft(_scaled(bold[:, first : first + _BATCH].T))
        for step in range(steps):
            correlation = scipy.fft.irfft(targets * spectrum[step], n=n_rows) / n_rows
            total[:, step] += np.einsum("tr,tr->r", correlation, correlation)
    profile: np.ndarray = total.reshape(-1) / bold.shape[1]
    return profile


def _shifted_maxima(profile: np.ndarray, lags: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """Return the maximum over lags after each circular shift by a number of steps, (SHIFTS, )."""
    shifts = np.random.default_rng(0).choice(allowed, SHIFTS, replace=False)
    maxima: np.ndarray = profile[(lags[None, :] + shifts[:, None]) % len(profile)].max(axis=1)
    return maxima


def _better_tr(
    onsets: np.ndarray,
    bold: np.ndarray,
    start: float,
    first_row: int,
    tr: float,
    chance: float | None,
) -> float | None:
    """Return the TR at which the word rate explains much more of the BOLD, where there is one.

    Parameters
    ----------
    onsets, bold, start, first_row, tr
        As of `check_clock`.
    chance : float or None
        What circular shifts explain at most, where the configured TR has no plausible peak:
        chance has many TRs to choose from.
    """
    candidates = np.array([tr, *_candidate_trs(tr, tr * (first_row + len(bold)))])
    explained = _explained_at(candidates, onsets, bold, start, first_row)
    best = int(explained.argmax())
    to_beat = explained[0] if chance is None else max(explained[0], chance)
    if best and explained[best] > _BETTER_TR * to_beat:
        return _usual(float(candidates[best]))
    return None


def _explained_at(
    trs: np.ndarray, onsets: np.ndarray, bold: np.ndarray, start: float, first_row: int
) -> np.ndarray:
    """Return the highest squared correlation at plausible lags for each of some TRs.

    It is a mean over targets, and what it would be if rows followed each other at that TR.

    Rows that would lie before the first or behind the last word count as average: silence there
    would be a step that any drift resembles.
    """
    ordered = np.sort(onsets)
    lags = _grid(*PLAUSIBLE, 1.0)
    # (trs, lags, rows).
    times = start + trs[:, None, None] * (first_row + np.arange(len(bold))) - lags[None, :, None]
    counts = (
        np.searchsorted(ordered, times + trs[:, None, None]) - np.searchsorted(ordered, times)
    ).astype(float)
    during = (times >= ordered[0]) & (times <= ordered[-1])
    mean = (counts * during).sum(axis=-1, keepdims=True) / np.maximum(
        during.sum(axis=-1, keepdims=True), 1
    )
    rates = _scaled(np.where(during, counts - mean, 0.0).reshape(-1, len(bold)))
    total = np.zeros(len(rates))
    for first in range(0, bold.shape[1], _BATCH):
        correlation = rates @ _scaled(bold[:, first : first + _BATCH].T).T / len(bold)
        total += np.einsum("rt,rt->r", correlation, correlation)
    explained: np.ndarray = total.reshape(len(trs), -1).max(axis=1) / bold.shape[1]
    return explained


def _candidate_trs(tr: float, seconds: float) -> list[float]:
    """Return other TRs to try: those near by, and the usual ones.

    The near ones are so close that none between two would fit much better.
    """
    share = min(_TR_DRIFT / seconds, _TR_RANGE)
    count = int(_TR_RANGE / share)
    near = [
        tr * (1 + number * share)
        for number in range(-count, count + 1)
        if abs(number * share) >= _TR_LEAST
    ]
    return [*near, *(one for one in _USUAL_TRS if abs(one / tr - 1) > _TR_RANGE)]


def _usual(tr: float) -> float:
    """Return the usual TR that a TR found by the search cannot be told from.

    Where there is none it is the TR to 10 ms.
    """
    nearest = min(_USUAL_TRS, key=lambda one: abs(one / tr - 1))
    return nearest if abs(nearest / tr - 1) < _TR_LEAST else round(tr, 2)


def _outstanding(profile: np.ndarray, step: float) -> float | None:
    """Return the lag (s) of the highest peak among all lags, if it stands out."""
    n = len(profile)
    above = profile - np.median(profile)
    peak = int(above.argmax())
    distance = np.abs((np.arange(n) - peak + n // 2) % n - n // 2) * step
    lag = float((peak if peak <= n // 2 else peak - n) * step)
    stands_out = above[peak] >= _STANDS_OUT * above[distance > _PEAK_WIDTH].max()
    return lag if stands_out and abs(lag) <= FARTHEST else None


def _steps(tr: float) -> int:
    return max(1, round(tr))


def _grid(low: float, high: float, step: float) -> np.ndarray:
    """Return whole numbers of steps between two times."""
    return np.arange(int(np.ceil(low / step - 1e-6)), int(np.floor(high / step + 1e-6)) + 1)


def _scaled(values: np.ndarray) -> np.ndarray:
    """Return the values with mean 0 and standard deviation 1 over the last axis.

    They are in single precision, and all 0 where they do not vary.
    """
    centred = values - values.mean(axis=-1, keepdims=True)
    deviation = centred.std(axis=-1, keepdims=True)
    scaled: np.ndarray = (centred / np.where(deviation == 0, 1, deviation)).astype(np.float32)
    return scaled
