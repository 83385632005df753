"""Figures of the data: whether words and BOLD are aligned, and where insertions fall."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.figure import Figure

from engram.datasets.roi_sets import members
from engram.encoding import timing
from engram.figures import style
from engram.figures.style import GREY, MM, PAGE, Drawn, Palette, count, listed
from engram.vocabulary import AVERAGE

#: Destrieux's labels of auditory cortex: Heschl's gyrus and sulcus, and the plane behind them.
AUDITORY = ("G_temp_sup-G_T_transv", "S_temporal_transverse", "G_temp_sup-Plan_tempo")
#: Lags of BOLD behind words, in seconds; the haemodynamic response peaks 4 to 6 s after its cause.
_LAGS, _EXPECTED = (-9.0, 18.0), (4.0, 6.0)
#: What a time course shows, in seconds, and how many stories have one; all have a curve by lag.
_STRETCH, _COURSES = 180.0, 3
#: More stories are not told one by one.
_LISTED_STORIES = 6
#: Stories that the figure of insertions shows.
_SHOWN_STORIES = 8


@dataclass(frozen=True)
class Course:
    """A story's words and BOLD, row by row.

    Attributes
    ----------
    story : str
    tr : float
        Seconds.
    times : array of shape (n_rows, )
        Beginning of each row, seconds on the story's clock.
    words : array of shape (n_rows, )
        Words with their onset in the row.
    bold : array of shape (n_rows, )
        Mean over targets of the average listener, in standard deviations.
    n_listeners, n_targets : int
        Behind the mean.
    auditory : bool
        Whether the targets are auditory cortex, or all there are.
    """

    story: str
    tr: float
    times: np.ndarray
    words: np.ndarray
    bold: np.ndarray
    n_listeners: int
    n_targets: int
    auditory: bool


def course(dataset: xr.Dataset, onsets: np.ndarray) -> Course:
    """Return a story's words and BOLD, row by row.

    Parameters
    ----------
    dataset : xarray.Dataset
        As `engram.bold.story_bold.story_bold` returns it.
    onsets : array of shape (n_words, )
        Seconds on the story's clock.
    """
    regions = dataset["roi"].values
    auditory = np.isin(regions, list(members(AUDITORY, set(regions))))
    index = np.flatnonzero(auditory) if auditory.any() else np.arange(len(regions))
    subjects = dataset["subject"].values
    whom = (
        dataset["bold"].sel(subject=AVERAGE)
        if AVERAGE in subjects
        else dataset["bold"].mean("subject")
    )
    mean = whom.isel(target=index).mean("target").values.astype(float)
    times, tr = dataset["time"].values, float(dataset.attrs["tr"])
    words = timing.delayed_features(np.ones((len(onsets), 1)), onsets, times, tr, [0])[:, 0]
    return Course(
        str(dataset.attrs["story"]),
        tr,
        times,
        words,
        mean,
        int((subjects != AVERAGE).sum()),
        len(index),
        bool(auditory.any()),
    )


def lagged(one: Course) -> tuple[np.ndarray, np.ndarray]:
    """Return lags in seconds and the correlation of BOLD with the words so much earlier.

    Both are (n_lags, ). The correlation is NaN where either is constant.
    """
    rows = np.arange(int(np.ceil(_LAGS[0] / one.tr)), int(np.floor(_LAGS[1] / one.tr)) + 1)
    rows = rows[np.abs(rows) < len(one.words) - 2]
    found = []
    for lag in rows.tolist():
        words = one.words[max(0, -lag) : len(one.words) - max(0, lag)]
        bold = one.bold[max(0, lag) : len(one.bold) - max(0, -lag)]
        found.append(np.corrcoef(words, bold)[0, 1] if np.ptp(words) and np.ptp(bold) else np.nan)
    return rows * one.tr, np.array(found)


@style.styled
def alignment(courses: Sequence[Course]) -> Drawn:
    """Draw words in each row beside BOLD of auditory cortex, and their correlation by lag.

    Parameters
    ----------
    courses : sequence of Course
        One for each story.
    """
    shown = courses[:_COURSES]
    palette = Palette(texts=[one.story for one in courses])
    figure = Figure(figsize=(PAGE, max(55, 34 * len(shown) + 12) * MM))
    grid = figure.add_gridspec(len(shown), 2, width_ratios=[2.2, 1])
    for number, one in enumerate(shown):
        panel = figure.add_subplot(grid[number, 0])
        since = one.times - one.times[0]
        here = since < _STRETCH
        panel.bar(
            since[here], one.words[here], one.tr, align="edge", color=style.LIGHT, linewidth=0
        )
        panel.set_title(f"{one.story}, first {min(_STRETCH, since[-1] + one.tr):.0f} s")
        panel.set_ylabel("words in the TR", color=GREY)
        other = panel.twinx()
        other.plot(since[here] + one.tr / 2, one.bold[here], color=palette.text(one.story))
        other.spines["right"].set_visible(True)
        other.set_ylabel("BOLD (SD)", color=palette.text(one.story))
        if number == len(shown) - 1:
            panel.set_xlabel("seconds since the first row")
    panel = figure.add_subplot(grid[:, 1])
    panel.axvspan(*_EXPECTED, color=style.LIGHT, linewidth=0)
    panel.axvline(0, color=style.INK, linewidth=0.5)
    style.zero_line(panel)
    peaks, words = [], []
    for one in courses:
        lags, r = lagged(one)
        panel.plot(
            lags,
            r,
            marker="o",
            color=palette.text(one.story),
            label=one.story if len(courses) <= _LISTED_STORIES else None,
        )
        if np.isfinite(r).any():
            best = int(np.nanargmax(r))
            peaks.append(lags[best])
            words.append(f"{one.story} {r[best]:.2f} at {lags[best]:.1f} s")
    panel.set(xlabel="lag of BOLD behind words (s)", ylabel="r of BOLD with words in the TR")
    panel.set_title("correlation by lag")
    if 1 < len(courses) <= _LISTED_STORIES:
        style.legend(figure, [panel])
    auditory = sum(one.auditory for one in courses)
    where = (
        f"mean over auditory cortex (Destrieux: {', '.join(AUDITORY)})"
        if auditory == len(courses)
        else (
            "mean over all targets, since the study has no Destrieux labels of auditory cortex, "
            "so that a weak peak, or one elsewhere, need not mean a wrong alignment"
        )
    )
    found = f"Highest correlation: {'; '.join(words)}. " if words else ""
    if len(words) > _LISTED_STORIES:
        found = (
            f"The lag of the highest correlation is {min(peaks):.1f} to {max(peaks):.1f} s "
            f"(median {np.median(peaks):.1f}) over {len(peaks)} stories. "
        )
    n = sorted({one.n_listeners for one in courses})
    who = count(n[0], "listener") if len(n) == 1 else f"{n[0]} to {n[-1]} listeners"
    caption = (
        "Are words and BOLD aligned? Left: words with their onset in each TR (bars) and "
        "BOLD of the mean over "
        f"{who} (line), {where}"
        f"{f'; the first {len(shown)} of {len(courses)} stories' if len(courses) > len(shown) else ''}. "  # noqa: E501
        "Right: Pearson r of that BOLD with the number of words in the TR so many seconds "
        f"before; grey: {_EXPECTED[0]:.0f} to {_EXPECTED[1]:.0f} s, where the haemodynamic "
        f"response peaks. {found or 'No correlation: words or BOLD do not vary. '}A peak "
        "before 0 s or far beyond 6 s means that clocks differ (dataset.start, trim). "
        "A check by eye, in no test."
    )
    lags_shown = f"from {_LAGS[0]:.0f} to {_LAGS[1]:.0f} s"
    alt = (
        f"Time courses of words and BOLD of {count(len(shown), 'story')}, and curves of their "
        f"correlation by lag {lags_shown}. {found}"
    ).strip()
    return Drawn(figure, "Are words and BOLD aligned?", caption, alt)


@style.styled
def insertions(
    words: Mapping[str, pd.DataFrame],
    associations: Mapping[tuple[str, str], pd.DataFrame],
    texts: pd.DataFrame,
    all_texts: Sequence[str],
) -> Drawn:
    """Draw where in the stories insertions fall, and how far they are from each other.

    Parameters
    ----------
    words : mapping
        Words tables, by story.
    associations : mapping
        Tables of associations (`engram.associations.association_files`), by story and text.
    texts : pandas.DataFrame
        What was inserted in each text (`engram.associations.text_reading.texts_table`).
    all_texts : sequence of str
        All texts of the study, and its tunings: for colours.
    """
    names = [name for name in all_texts if any(name == text for _, text in associations)]
    palette, shown = Palette(texts=all_texts), list(words)[:_SHOWN_STORIES]
    height = max(3.6 * len(names), 8)
    figure = Figure(figsize=(PAGE, max(58.0, (height + 10) * len(shown) + 22) * MM))
    grid = figure.add_gridspec(len(shown), 2, width_ratios=[2.2, 1])
    first = None
    for number, story in enumerate(shown):
        panel = figure.add_subplot(grid[number, 0], sharex=first)
        first = first or panel
        onset = words[story]["onset"].to_numpy() - words[story]["onset"].iloc[0]
        for row, name in enumerate(names):
            if (story, name) in associations:
                panel.eventplot(
                    onset[associations[story, name]["after_word"].to_numpy(int)] / 60,
                    lineoffsets=row,
                    linelengths=0.7,
                    colors=palette.text(name),
                    linewidths=0.7,
                )
        panel.axvline(onset[-1] / 60, color=GREY, linewidth=0.5, linestyle=":")
        panel.set_yticks(range(len(names)), names)
        panel.set_ylim(len(names) - 0.4, -0.6)
        panel.set_title(f"{story}, {len(onset):,} words")
        panel.tick_params(labelbottom=number == len(shown) - 1)
    panel.set_xlabel("minutes since the first word")
    gaps = figure.add_subplot(grid[:, 1])
    between = {
        name: np.concatenate(
            [
                np.diff(table["after_word"].to_numpy(int))
                for (_, text), table in associations.items()
                if text == name
            ]
        )
        for name in names
    }
    for name, values in between.items():
        if len(values):
            gaps.ecdf(values, color=palette.text(name), label=name)
    gaps.set(xlabel="words between insertions", ylabel="share of gaps", ylim=(0, 1.02))
    gaps.set_xlim(left=0)
    gaps.set_title("distance of insertions")
    caption = (
        f"Where insertions fall in {count(len(words), 'story')}"
        f"{f' (the first {len(shown)} are shown)' if len(words) > len(shown) else ''}. "
        "Left: a stroke for each insertion, at the onset of the story word that it follows; "
        "dotted: the last word. "
        "Right: cumulative distribution of the distance between insertions, in story words. "
        f"{_numbers(words, associations, texts, names)} Control texts stand at the same places, "
        "except displaced ones. No test."
    )
    return Drawn(
        figure,
        "Where insertions fall",
        caption,
        (
            "Strokes along the time of each story, a row for each text, and curves of the "
            "distance between insertions. "
            f"{_numbers(words, associations, texts, names)}"
        ),
    )


def _numbers(
    words: Mapping[str, pd.DataFrame],
    associations: Mapping[tuple[str, str], pd.DataFrame],
    texts: pd.DataFrame,
    names: Sequence[str],
) -> str:
    said = []
    for name in names:
        mine = {story: table for (story, text), table in associations.items() if text == name}
        total = sum(map(len, mine.values()))
        n_words = sum(len(words[story]) for story in mine)
        at_ends = sum(
            _at_sentence_ends(words[story], table["after_word"].to_numpy(int))
            for story, table in mine.items()
        )
        inserted = int(
            texts.loc[
                (texts["text"] == name) & (texts["variant"] == "associations"), "inserted_words"
            ].sum()
        )
        annotators = sorted({one for table in mine.values() for one in table["annotator"]})
        said.append(
            f"{name} (written by: {listed(annotators)}): {count(total, 'insertion')} "
            f"of {count(inserted, 'word')}, {100 * inserted / n_words:.0f} inserted words for 100 "
            f"of the story, {100 * at_ends / total:.0f} % at the end of a sentence."
        )
    return " ".join(said)


def _at_sentence_ends(words: pd.DataFrame, after: np.ndarray) -> int:
    sentence = words["sentence"].to_numpy()
    last = np.append(sentence[1:] != sentence[:-1], True)
    return int(last[after].sum())
