"""Folds by story as a table: which stories of which listener were tested, and which taught."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

import pandas as pd

from engram.statistics import columns

logger = logging.getLogger(__name__)

FOLDS = (
    "Folds by story (encoding.folds): what each story was for each listener. A tested story is "
    "predicted from other stories that the listener heard."
)
FOLDS_COLUMNS = {
    **columns.SUBJECT,
    "story": "Story.",
    "role": (
        "tested: predicted from others, and in scores; taught: learned from alone; not heard; "
        "not scored: heard, by a listener of whom no story is tested."
    ),
    "n_other_stories": "Other stories that the listener heard, where the story is tested.",
}


def folds_table(
    heard: Mapping[str, Sequence[str]], stories: Sequence[str], test: Sequence[str] | None
) -> pd.DataFrame:
    """Return what each story was for each listener.

    Parameters
    ----------
    heard : mapping
        The stories that each listener heard.
    stories : sequence of str
        All stories of the study.
    test : sequence of str, optional
        The stories that are tested; None: all.

    Returns
    -------
    pandas.DataFrame
        The columns of `FOLDS_COLUMNS`.
    """
    tested = set(stories if test is None else test)
    rows = []
    for subject, mine in heard.items():
        is_scored = bool(tested & set(mine))
        if test is not None and (lacking := [story for story in test if story not in mine]):
            logger.warning(
                "listener %s did not hear %s, and is not scored there", subject, ", ".join(lacking)
            )
        for story in stories:
            role = "not heard"
            if story in mine:
                role = "tested" if story in tested else "taught" if is_scored else "not scored"
            others = len(set(mine) - (tested if test is not None else {story}))
            rows.append(
                {
                    "subject": subject,
                    "story": story,
                    "role": role,
                    "n_other_stories": others if role == "tested" else None,
                }
            )
    return pd.DataFrame(rows, columns=list(FOLDS_COLUMNS)).astype({"n_other_stories": "Int64"})
