"""The table of a study's scans: what was read of each, and why others are left out."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import pandas as pd

logger = logging.getLogger(__name__)

SCANS = "Every scan of the study, those left out included."
SCAN_COLUMNS = {
    "subject": "Listener.",
    "story": "Story heard in this scan.",
    "scan": "Names of the scans (runs) that were read; several are averaged.",
    "n_trs": "Rows (TRs) of the time course as read.",
    "n_rows": "Rows kept: those of the story.",
    "n_targets": "Targets (vertices, parcels or regions) as read.",
    "n_constant": (
        "Targets without variance in the story's rows of this scan, as read (outside of the field "
        "of view, say) or as cleaned; they count as 0."
    ),
    "n_confounds": "Confound time courses that came with the scan.",
    "words_in_scan": "Share of the story's words whose onset is in the scan.",
    "clock": (
        "Clock check of the story: confirmed, not confirmed, other lag, other TR, or too short "
        "(docs/methods/clock-check.md). The same for all its scans."
    ),
    "clock_lag": (
        "Seconds by which the listeners' mean BOLD follows the word rate, where "
        "they go together best."
    ),
    "clock_p": (
        "p of the highest squared correlation among lags from -20 to 30 s, against circular "
        "shifts of the word rate."
    ),
    "clock_start": "Other lag: the time of row 0 on the words' clock, in seconds, that would fit.",
    "clock_tr": "Other TR: the TR, in seconds, that would fit.",
    "excluded": "Why the scan is left out; n/a for scans in use.",
}


def left_out_scans(story: str, excluded: Sequence[tuple[str, str, str]]) -> pd.DataFrame:
    """Return the rows of a story's scans that are left out, and warn of each.

    Parameters
    ----------
    story : str
    excluded : sequence of (subject, scan, reason)
    """
    for _, scan, reason in excluded:
        logger.warning("%s, story %s is left out: %s", scan, story, reason)
    return pd.DataFrame(
        [
            {"subject": subject, "story": story, "scan": scan, "excluded": reason}
            for subject, scan, reason in excluded
        ]
    )


def scans_table(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return one table of scans (the columns of `SCAN_COLUMNS`), sorted by story and listener."""
    table = pd.concat(
        [part.reindex(columns=list(SCAN_COLUMNS)).astype(object) for part in parts if len(part)]
    )
    table = table.sort_values(["story", "subject", "scan"], ignore_index=True)
    numbers = dict.fromkeys(
        ("words_in_scan", "clock_lag", "clock_p", "clock_start", "clock_tr"), float
    )
    return table.astype({name: "Int64" for name in SCAN_COLUMNS if name.startswith("n_")} | numbers)
