"""Checks of a story's scans: they hold the story, and are of one length."""

from __future__ import annotations

import logging

import pandas as pd

from engram.errors import EngramError

logger = logging.getLogger(__name__)

#: Per cent of a story's words with their onset in a scan, below which readers are warned.
_FEW_WORDS = 98


def share_heard(
    rows: slice, words: pd.DataFrame, start: float, tr: float, n_trs: int, trim: int, name: str
) -> float:
    """Return the share of words with their onset in the scan; refuse scans that miss the story."""
    end = start + n_trs * tr
    heard = float(((words["onset"] >= start) & (words["onset"] < end)).mean())
    if rows.stop - rows.start < 2 and heard >= 0.5 and trim:
        raise EngramError(
            f"{name}: bold.trim drops the first {trim} of the scan's {n_trs} rows, "
            "which leaves fewer than two in the story. Write a smaller bold.trim."
        )
    if rows.stop - rows.start < 2 or heard < 0.5:
        begin = start / 1000
        in_milliseconds = (
            abs(start) > 50
            and ((words["onset"] >= begin) & (words["onset"] < begin + n_trs * tr)).mean() >= 0.5
        )
        found = (
            f"only {heard:.0%} of the words fall into the scan"
            if heard < 0.5
            else "fewer than two of the scan's rows fall into the story"
        )
        raise EngramError(
            (
                f"{name}: {found}. The words run from {words['onset'].min():.1f} "
                f"to {words['offset'].max():.1f} s, the scan's {n_trs} rows from {start:.1f} "
                f"to {end:.1f} s. Is dataset.start (the first row's time on the words' clock), "
                "dataset.tr, or the number of rows wrong?"
            )
            + (f" The start looks like milliseconds: write {begin:g}." if in_milliseconds else "")
        )
    return heard


def check_lengths(scans: pd.DataFrame, slack: int, story: str) -> None:
    """Refuse scans of unequal length.

    Where a few TRs of slack are allowed, say which were cut to the shortest.
    """
    counts = scans.set_index("subject")["n_trs"]
    usual = int(counts.mode().iloc[-1])
    odd = {str(subject): int(n) for subject, n in counts.items() if n != usual}
    if counts.max() - counts.min() > slack:
        raise EngramError(
            f"story {story}: listeners have unequal numbers of TRs. Most have {usual}; "
            f"these differ: {odd}. Cut the files to the same rows, or leave these listeners out "
            "(dataset: exclude: {subject: reason})."
        )
    if odd:
        logger.warning(
            "story %s: most scans have %d TRs; these differ: %s; all are cut to the shortest",
            story,
            usual,
            ", ".join(f"{n} of {subject}" for subject, n in odd.items()),
        )


def warn_of_losses(scans: pd.DataFrame, story: str) -> None:
    """Warn of targets without variance, and of words outside of the scans.

    Parameters
    ----------
    scans : pandas.DataFrame
        One row for each listener: n_constant, words_in_scan (`engram.bold.scans_table`).
    story : str
    """
    constant = scans["n_constant"].max()
    if constant:
        logger.warning(
            (
                "story %s: up to %d targets of a scan have no variance; they count as 0 "
                "(n_constant in scans.tsv)"
            ),
            story,
            constant,
        )
    heard = 100 * scans["words_in_scan"].min()
    if heard < _FEW_WORDS:
        logger.warning(
            (
                "story %s: only %.0f %% of its words have their onset in the scan; "
                "is dataset.start right? (words_in_scan in scans.tsv)"
            ),
            story,
            heard,
        )
