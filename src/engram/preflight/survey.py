"""What the data of a study hold, read before a run by the readers and checks of its jobs.

That is listeners, rows, targets, words and clock.

All faults are collected: a job stops at its first.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from engram.bold.clock import Clock, clocks_of
from engram.bold.story_bold import story_bold
from engram.datasets import readers
from engram.errors import EngramError
from engram.words import stories

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class StorySurvey:
    """What was found of a story.

    Attributes
    ----------
    story : str
    listeners : int
        In use.
    words, rows, targets : int
        Rows are those of the story, of the longest scan where BOLD cannot be cut to it;
        0 where they cannot be read.
    tr, start : float
        Seconds; the start is the first listener's.
    clock : Clock or None
        None where a fault is in the way.
    faults : tuple of str
        In the words of the jobs.
    sentences : str
        What sentence ends come from: dataset, punctuation or pseudo (a fixed number of words); ""
        where words cannot be read.
    timings : str
        A digest of the words and their onsets, equal where two stories' are; "" where they
        cannot be read.
    """

    story: str
    listeners: int
    words: int = 0
    rows: int = 0
    targets: int = 0
    tr: float = 0.0
    start: float = 0.0
    clock: Clock | None = None
    faults: tuple[str, ...] = ()
    sentences: str = ""
    timings: str = ""


def survey(
    story: str, folder: Path, words: Mapping[str, Any], scans: Mapping[str, Any]
) -> StorySurvey:
    """Read all tables of a story, and check its clock.

    Parameters
    ----------
    story : str
    folder : Path
        Where the raw files are.
    words, scans : mapping
        Parameters of the jobs `story` and `bold`.

    Returns
    -------
    StorySurvey
    """
    faults: list[str] = []
    table: pd.DataFrame | None = None
    listeners, rows, targets = list(scans["subjects"]), 0, 0
    with _noting(faults):
        table = stories.words_table(
            readers.open_words(words["dataset"], folder).words(story),
            words["stories"]["pseudo_sentence"],
            story,
            words["language"],
        )
    dataset = readers.open_dataset(scans["dataset"], folder)
    start = dataset.start(listeners[0], story)
    with _noting(faults):
        targets = len(dataset.targets())
    found: Clock | None = None
    beyond_scans: list[str] = []
    # Where all is well each scan is read once. The job's check ends at its first fault: to name
    # all, every scan is then read by itself.
    if table is not None and not faults:
        with _noting(beyond_scans):
            _, listed = story_bold(dataset, story, listeners, table, **scans["bold"])
            rows, found = (
                int(listed["n_rows"].max()),
                dict(clocks_of(listed.assign(excluded=None)))[story],
            )
    for subject in listeners if targets and found is None else ():
        with _noting(faults):
            rows = max(rows, len(dataset.timeseries(subject, story)))
            dataset.confounds(subject, story)
    faults = faults or beyond_scans
    return StorySurvey(
        story,
        len(listeners),
        0 if table is None else len(table),
        rows,
        targets,
        dataset.tr,
        start,
        found,
        tuple(dict.fromkeys(faults)),
        "" if table is None else str(table["sentence_source"].iloc[0]),
        "" if table is None else hashlib.sha256(_timings(table)).hexdigest(),
    )


def _timings(table: pd.DataFrame) -> bytes:
    return table[["word", "onset"]].to_csv(index=False).encode()


@contextmanager
def _noting(faults: list[str]) -> Iterator[None]:
    """Keep the message of an error, and go on: a job would stop there."""
    try:
        yield
    except EngramError as error:
        faults.append(str(error))


def survey_table(found: list[StorySurvey]) -> str:
    """Return a row for each story: listeners, words, rows, targets, TR, start, clock.

    Between the last two stands what its sentence ends come from.
    """
    width = max(5, *(len(one.story) for one in found)) + 2
    lines = [
        (
            f"{'story':<{width}}{'listeners':>9}{'words':>8}{'rows':>7}{'targets':>9}{'TR':>8}"
            f"{'start':>9}{'lag':>8}  {'sentences':<13}clock"
        )
    ]
    for one in found:
        lag = (
            "-" if one.clock is None or one.clock.lag != one.clock.lag else f"{one.clock.lag:.1f} s"
        )
        clock = "not checked: faults below" if one.clock is None else one.clock.verdict
        lines.append(
            f"{one.story:<{width}}{one.listeners:>9}{one.words:>8}{one.rows:>7}{one.targets:>9}"
            f"{f'{one.tr:g} s':>8}{f'{one.start:.1f} s':>9}{lag:>8}  "
            f"{one.sentences or '-':<13}{clock}"
        )
    return "\n".join(lines)
