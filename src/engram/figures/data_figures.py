"""Figures of the data: whether words and BOLD are aligned, and where insertions fall."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from engram.figures import panels, style
from engram.figures.captions import data as captions
from engram.figures.style import GREY, MM, PAGE, Drawn, Palette
from engram.figures.time_courses import EXPECTED, Course, lagged

#: What a time course shows, in seconds, and how many stories have one; all have a curve by lag.
_STRETCH, _COURSES = 180.0, 3
#: Stories that the figure of insertions shows.
_SHOWN_STORIES = 8
#: Widths of the panels of stories and of all stories: on a phone either is legible by itself.
_WIDTHS = (1.5, 1)


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
    figure = style.new_figure(PAGE, max(55, 34 * len(shown) + 12) * MM)
    grid = figure.add_gridspec(len(shown), 2, width_ratios=_WIDTHS)
    for number, one in enumerate(shown):
        panel = figure.add_subplot(grid[number, 0])
        _time_course(panel, one, palette.text(one.story))
        if number == len(shown) - 1:
            panel.set_xlabel("seconds since the first row")
    panel = figure.add_subplot(grid[:, 1])
    few = len(courses) <= captions.MOST_NAMED_STORIES
    _curves_by_lag(panel, courses, palette, labelled=few)
    if len(courses) > 1 and few:
        panels.legend(figure, [panel])
    return Drawn(figure, captions.alignment(courses, len(shown)))


def _time_course(panel: Axes, one: Course, colour: str) -> None:
    """Draw the beginning of a story: words in each row as bars, BOLD as a line."""
    since = one.times - one.times[0]
    here = since < _STRETCH
    panel.bar(since[here], one.words[here], one.tr, align="edge", color=style.LIGHT, linewidth=0)
    panel.set_title(f"{one.story}, first {min(_STRETCH, since[-1] + one.tr):.0f} s")
    panel.set_ylabel("words in the TR", color=GREY)
    other = panel.twinx()
    other.plot(since[here] + one.tr / 2, one.bold[here], color=colour)
    other.spines["right"].set_visible(True)
    other.set_ylabel("BOLD (SD)", color=colour)


def _curves_by_lag(
    panel: Axes, courses: Sequence[Course], palette: Palette, labelled: bool
) -> None:
    """Draw each story's correlation of words and BOLD by lag."""
    panel.axvspan(*EXPECTED, color=style.LIGHT, linewidth=0)
    panel.axvline(0, color=style.INK, linewidth=0.5)
    panels.zero_line(panel)
    for one in courses:
        lags, r = lagged(one)
        label = one.story if labelled else None
        panel.plot(lags, r, marker="o", color=palette.text(one.story), label=label)
    panel.set(xlabel="lag of BOLD behind words (s)", ylabel="r of BOLD with words in the TR")
    panel.set_title("correlation by lag")


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
        What was inserted in each text (`engram.associations.text_tables.texts_table`).
    all_texts : sequence of str
        All texts of the study, and its tunings: for colours.
    """
    names = [name for name in all_texts if any(name == text for _, text in associations)]
    palette, shown = Palette(texts=all_texts), list(words)[:_SHOWN_STORIES]
    height = max(3.6 * len(names), 8)
    figure = style.new_figure(PAGE, max(58.0, (height + 10) * len(shown) + 22) * MM)
    grid = figure.add_gridspec(len(shown), 2, width_ratios=_WIDTHS)
    first = None
    for number, story in enumerate(shown):
        panel = figure.add_subplot(grid[number, 0], sharex=first)
        first = first or panel
        onset = words[story]["onset"].to_numpy() - words[story]["onset"].iloc[0]
        after = {
            name: associations[story, name]["after_word"].to_numpy(int)
            for name in names
            if (story, name) in associations
        }
        _strokes(panel, onset, after, names, palette)
        panel.set_title(f"{story}, {len(onset):,} words")
        panel.tick_params(labelbottom=number == len(shown) - 1)
    panel.set_xlabel("minutes since the first word")
    _distances(figure.add_subplot(grid[:, 1]), associations, names, palette)
    return Drawn(figure, captions.insertions(words, associations, texts, names, len(shown)))


def _strokes(
    panel: Axes,
    onset: np.ndarray,
    after: Mapping[str, np.ndarray],
    names: Sequence[str],
    palette: Palette,
) -> None:
    """Draw a story's insertions, a row for each text.

    Parameters
    ----------
    panel : Axes
    onset : array of shape (n_words, )
        Seconds since the first word.
    after : mapping
        Numbers of the words before insertions, by text.
    names : sequence of str
        All texts of the figure.
    palette : Palette
    """
    for row, name in enumerate(names):
        if name in after:
            panel.eventplot(
                onset[after[name]] / 60,
                lineoffsets=row,
                linelengths=0.7,
                colors=palette.text(name),
                linewidths=0.7,
            )
    panel.axvline(onset[-1] / 60, color=GREY, linewidth=0.5, linestyle=":")
    panel.set_yticks(range(len(names)), names)
    panel.set_ylim(len(names) - 0.4, -0.6)


def _distances(
    panel: Axes,
    associations: Mapping[tuple[str, str], pd.DataFrame],
    names: Sequence[str],
    palette: Palette,
) -> None:
    """Draw the cumulative distribution of each text's distances between insertions."""
    for name in names:
        gaps = [
            np.diff(table["after_word"].to_numpy(int))
            for (_, text), table in associations.items()
            if text == name
        ]
        values = np.concatenate(gaps)
        if len(values):
            panel.ecdf(values, color=palette.text(name), label=name)
    panel.set(xlabel="words between insertions", ylabel="share of gaps", ylim=(0, 1.02))
    panel.set_xlim(left=0)
    panel.set_title("distance of insertions")
