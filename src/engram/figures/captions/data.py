"""Captions of the figures of the data: alignment of words and BOLD, and insertions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from engram.figures.captions.common import Words
from engram.figures.time_courses import AUDITORY, EXPECTED, LAGS, Course, peak
from engram.wording import count, number, origin, span

#: More stories are not named one by one.
MOST_NAMED_STORIES = 6


def alignment(courses: Sequence[Course], n_shown: int) -> Words:
    """Return the words of the figure that checks the alignment of words and BOLD.

    Parameters
    ----------
    courses : sequence of Course
        One for each story.
    n_shown : int
        How many of them have a time course in the figure; all have a curve by lag.
    """
    found, n = _peaks(courses), sorted({one.n_listeners for one in courses})
    who = count(n[0], "listener") if len(n) == 1 else f"{n[0]} to {n[-1]} listeners"
    first = f"; the first {n_shown} of {len(courses)} stories" if len(courses) > n_shown else ""
    caption = (
        "Left: words with their onset in each TR (bars) and BOLD of the mean over "
        f"{who} (line), {_targets(courses)}{first}. "
        "Right: Pearson r of that BOLD with the number of words in each TR, by the lag of BOLD "
        f"behind words; grey: {EXPECTED[0]:.0f} to {EXPECTED[1]:.0f} s, where the haemodynamic "
        f"response peaks. {found or 'No correlation: words or BOLD do not vary. '}A peak "
        "before 0 s or far beyond 6 s means that clocks differ (dataset.start, trim). "
        "A visual check; no test uses it."
    )
    alt = (
        f"Time courses of words and BOLD of {count(n_shown, 'story')}, and curves of their "
        f"correlation by lag from {number(LAGS[0], 0)} to {number(LAGS[1], 0)} s. {found}"
    ).strip()
    return Words("Are words and BOLD aligned?", caption, alt)


def _peaks(courses: Sequence[Course]) -> str:
    """Return a sentence on the lags of the highest correlations; nothing where there is none."""
    peaks = [(one.story, *found) for one in courses if (found := peak(one)) is not None]
    if not peaks:
        return ""
    if len(peaks) > MOST_NAMED_STORIES:
        lags = [lag for _, lag, _ in peaks]
        return (
            f"The lag of the highest correlation is {span(lags, 1)} s "
            f"(median {number(float(np.median(lags)), 1)}) over {len(peaks)} stories. "
        )
    said = [f"{story} {number(r, 2)} at {number(lag, 1)} s" for story, lag, r in peaks]
    return f"Highest correlation: {'; '.join(said)}. "


def _targets(courses: Sequence[Course]) -> str:
    """Return over which targets BOLD is averaged."""
    if all(one.auditory for one in courses):
        return f"mean over auditory cortex (Destrieux: {', '.join(AUDITORY)})"
    return (
        "mean over all targets (which of them are auditory cortex is not known here, so a weak "
        "peak, or one elsewhere, need not mean a wrong alignment)"
    )


def insertions(
    words: Mapping[str, pd.DataFrame],
    associations: Mapping[tuple[str, str], pd.DataFrame],
    texts: pd.DataFrame,
    names: Sequence[str],
    n_shown: int,
) -> Words:
    """Return the words of the figure of insertions.

    Parameters
    ----------
    words : mapping
        Words tables, by story.
    associations : mapping
        Tables of associations (`engram.associations.association_files`), by story and text.
    texts : pandas.DataFrame
        What was inserted in each text (`engram.associations.text_tables.texts_table`).
    names : sequence of str
        Texts that have insertions.
    n_shown : int
        How many stories the figure shows.
    """
    said = " ".join(_text_insertions(words, associations, texts, name) for name in names)
    first = f" (the first {n_shown} are shown)" if len(words) > n_shown else ""
    caption = (
        f"Where insertions fall in {count(len(words), 'story')}{first}. "
        "Left: a stroke for each insertion, at the onset of the story word that it follows; "
        "dotted: the last word. "
        "Right: cumulative distribution of the distance between insertions, in story words. "
        f"{said} Control texts stand at the same places, "
        "except displaced ones. No test."
    )
    alt = (
        "Strokes along the time of each story, a row for each text, and curves of the "
        f"distance between insertions. {said}"
    )
    return Words("Where insertions fall", caption, alt)


def _text_insertions(
    words: Mapping[str, pd.DataFrame],
    associations: Mapping[tuple[str, str], pd.DataFrame],
    texts: pd.DataFrame,
    name: str,
) -> str:
    """Return a sentence on how many insertions a text has, by whom, and where."""
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
    annotators = [one for table in mine.values() for one in table["annotator"]]
    return (
        f"{name} ({origin(annotators)}): {count(total, 'insertion')}, "
        f"{count(inserted, 'word')} in all ({100 * inserted / n_words:.0f} per 100 words of the "
        f"story), {100 * at_ends / total:.0f} % at the end of a sentence."
    )


def _at_sentence_ends(words: pd.DataFrame, after: np.ndarray) -> int:
    """Return how many insertions follow the last word of a sentence."""
    sentence = words["sentence"].to_numpy()
    last = np.append(sentence[1:] != sentence[:-1], True)
    return int(last[after].sum())
