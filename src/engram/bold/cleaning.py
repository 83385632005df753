"""BOLD: clean a scan, cut it to the story, and add the average listener."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from engram.bold import clock, story_rows
from engram.datasets.protocols import Dataset
from engram.datasets.time_courses import refuse_constant, zscore
from engram.errors import EngramError
from engram.jobs.progress import progress
from engram.vocabulary import AVERAGE

logger = logging.getLogger(__name__)

#: Rows that confounds and drifts must leave free, at least: what they use up is lost to the brain,
#: and with none left only rounding remains.
FREE_ROWS = 10
#: Where less of a time course's deviation is left than this share, nothing but rounding errors is.
_ROUNDING = 1e-5
#: Millimetres beyond the middle from which a target lies in the other hemisphere.
_BEYOND = 2.0
#: The largest 16-bit number.
_LARGEST = 32767

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
        "(docs/methods.md). The same for all its scans."
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


def story_bold(
    dataset: Dataset,
    story: str,
    subjects: list[str],
    words: pd.DataFrame,
    *,
    confounds: bool,
    high_pass: float | None,
    targets: str,
    average: bool,
    trim: int,
    tail: float,
) -> tuple[xr.Dataset, pd.DataFrame]:
    """Read, check and clean the BOLD of all listeners of a story; cut it to the story's rows.

    Parameters
    ----------
    dataset : Dataset
    story : str
    subjects : list of str
    words : pandas.DataFrame
        The story's words, with onset and offset in seconds.
    confounds : bool
        Regress out the confounds that come with each scan.
    high_pass : float or None
        Cosine drift regressors below this frequency (Hz).
    targets : {"all", "roi"}
        `roi`: the mean time course over the targets of each region and hemisphere.
    average : bool
        Add the mean over listeners as one more listener, where there are two or more.
    trim, tail : int, float
        Rows dropped from the scan's start, and seconds kept after the last word.

    Returns
    -------
    bold : xarray.Dataset
        ``bold`` (subject, time, target), in standard deviations of each listener's time course,
        as 16-bit numbers of steps of 5e-4 (300 rows) that `engram.files.storage.open_dataset`
        or `xarray.decode_cf` makes float32; ``time`` is the beginning of each row on the story's
        clock, in seconds. Targets carry hemisphere, roi, and x, y, z where known.
    scans : pandas.DataFrame
        What was read: the columns of `SCAN_COLUMNS`, without those left out.

    Raises
    ------
    EngramError
        If a file is wrong, listeners have unequal numbers of TRs, or the story and the scans
        hardly overlap in time.
    """
    table = dataset.targets()
    _warn_of_sides(table, story)
    regions: dict[tuple[str, str], np.ndarray] = table.groupby(
        ["hemisphere", "roi"], sort=True
    ).indices
    # All listeners' rows lie on the first one's clock; another's clock may be a few seconds,
    # and so parts of a TR, off.
    row_0 = dataset.start(subjects[0], story) if subjects else 0.0
    onsets, offsets = words["onset"].to_numpy(), words["offset"].to_numpy()
    bold: np.ndarray | None = None
    total: np.ndarray | None = None
    scans: list[dict[str, object]] = []
    begin, end = 0, 0  # rows that all listeners have, counted on that clock
    with_average = average and len(subjects) > 1
    for number, subject in enumerate(progress(subjects, f"story {story}", "listener")):
        name = f"sub-{subject}, story {story}"
        raw, regressors = dataset.timeseries(subject, story), dataset.confounds(subject, story)
        if regressors is not None and len(regressors) != len(raw):
            raise EngramError(
                f"{name}: {len(raw)} rows of BOLD but {len(regressors)} rows of confounds. "
                "Both need a row for each TR."
            )
        shift = round((row_0 - dataset.start(subject, story)) / dataset.tr)
        start = row_0 - shift * dataset.tr
        rows = story_rows.kept_rows(onsets, offsets, start, dataset.tr, len(raw), trim, tail)
        share = _share_heard(rows, words, start, dataset.tr, len(raw), trim, name)
        flat = refuse_constant(
            raw[rows],
            table["target"].tolist(),
            name,
            subject,
            dataset.most_constant,
            " within the story",
        )
        cleaned = zscore(
            clean(raw, regressors if confounds else None, dataset.tr, high_pass, name)[rows]
        )
        cleaned[:, flat] = 0
        explained = "once confounds and drifts are regressed out"
        flat = refuse_constant(
            cleaned, table["target"].tolist(), name, subject, dataset.most_constant, f" {explained}"
        )
        if targets == "roi":
            cleaned = zscore(_region_means(cleaned, regions, name))
        scans.append(
            {
                "subject": subject,
                "story": story,
                "scan": dataset.scan_names(subject, story),
                "n_trs": len(raw),
                "n_targets": raw.shape[1],
                "n_constant": int(flat.sum()),
                "n_confounds": 0 if regressors is None else regressors.shape[1],
                "words_in_scan": share,
            }
        )
        first, last = rows.start - shift, rows.stop - shift
        # In memory once, as it will be written: a story of Narratives is gigabytes.
        if bold is None or total is None:
            begin, end, origin = first, last, first
            bold = np.zeros((len(subjects) + with_average, *cleaned.shape), dtype=np.int16)
            total = np.zeros(cleaned.shape, dtype=np.float32)
            # No z-score of n numbers is above the root of n.
            step = np.float32(np.sqrt(len(cleaned)) / _LARGEST)
        begin, end = max(begin, first), min(end, last)
        here, there = slice(begin - origin, end - origin), slice(begin - first, end - first)
        total[here] += cleaned[there]
        bold[number, here] = _in_steps(cleaned[there], step)
    if bold is None or total is None:
        raise EngramError(f"story {story} has no listeners.")
    listed = pd.DataFrame(scans).assign(n_rows=end - begin)
    _check_lengths(listed, dataset.slack_trs, story)
    if end - begin < 2:
        raise EngramError(
            f"story {story}: its listeners have no rows in common. Do the scans begin at very "
            "different times of the story?"
        )
    bold, total = bold[:, begin - origin : end - origin], total[begin - origin : end - origin]
    checked = clock.check_clock(onsets, total, row_0, begin, dataset.tr, len(subjects))
    logger.log(
        logging.WARNING if checked.is_loud and not dataset.simulated else logging.INFO,
        "%s",
        checked.said(story),
    )
    found = {
        "clock": checked.verdict,
        "clock_lag": checked.lag,
        "clock_p": checked.p,
        "clock_start": checked.start,
        "clock_tr": checked.tr,
    }
    listed = listed.assign(**found)[[name for name in SCAN_COLUMNS if name != "excluded"]]
    constant = listed["n_constant"].max()
    if constant:
        logger.warning(
            (
                "story %s: up to %d targets of a scan have no variance; they count as 0 "
                "(n_constant in scans.tsv)"
            ),
            story,
            constant,
        )
    heard = 100 * listed["words_in_scan"].min()
    if heard < 98:
        logger.warning(
            (
                "story %s: only %.0f %% of its words have their onset in the scan; "
                "is dataset.start right? (words_in_scan in scans.tsv)"
            ),
            story,
            heard,
        )
    vertices = vertex_map(table, regions if targets == "roi" else None)
    if targets == "roi":
        table = regions_table(table, regions)
    names = list(subjects)
    if with_average:
        bold[-1] = _in_steps(zscore(total), step)
        names.append(AVERAGE)
    times = row_0 + dataset.tr * np.arange(begin, end)
    logger.info(
        "story %s: %d listeners, %d rows (%.1f to %.1f s), %d targets",
        story,
        len(subjects),
        len(times),
        times[0],
        times[-1] + dataset.tr,
        len(table),
    )
    return to_dataset(
        bold, step, names, times, table, {"story": story, "tr": dataset.tr}
    ).assign_coords(vertices), listed


def _warn_of_sides(table: pd.DataFrame, story: str) -> None:
    """Warn of targets whose hemisphere is one and whose place is in the other.

    The coordinate x rises from left to right.
    """
    if "x" not in table:
        return
    beyond = table["x"].where(
        table["hemisphere"] == "L", -table["x"].where(table["hemisphere"] == "R")
    )
    wrong = table[beyond > _BEYOND]
    if len(wrong):
        target, side, x = wrong[["target", "hemisphere", "x"]].iloc[0]
        logger.warning(
            (
                "story %s: %d of %d targets lie in the other hemisphere by their x, "
                "which is below 0 on the left; the first is '%s' (hemisphere %s, x %g). "
                "Are hemispheres or signs swapped?"
            ),
            story,
            len(wrong),
            len(table),
            target,
            side,
            x,
        )


def _in_steps(values: np.ndarray, step: np.float32) -> np.ndarray:
    return np.rint(np.clip(values / step, -_LARGEST, _LARGEST))


def to_dataset(
    bold: np.ndarray,
    step: np.float32,
    subjects: Sequence[str],
    times: np.ndarray,
    targets: pd.DataFrame,
    attributes: dict[str, object],
) -> xr.Dataset:
    """Return BOLD (n_subjects, n_rows, n_targets), in numbers of steps.

    Its dimensions are named, and its targets described.
    """
    described = {
        name: ("target", targets[name].to_numpy())
        for name in targets.columns
        if name not in ("target", "vertex")
    }
    return xr.Dataset(
        {
            "bold": (
                ("subject", "time", "target"),
                bold,
                {"units": "standard deviations of each time course", "scale_factor": step},
            )
        },
        coords={
            "subject": list(subjects),
            "time": (
                "time",
                times,
                {"units": "s", "description": "Beginning of the TR on the story's clock"},
            ),
            "target": targets["target"].to_numpy(),
            **described,
        },
        attrs=attributes,
    )


def vertex_map(
    table: pd.DataFrame, regions: dict[tuple[str, str], np.ndarray] | None
) -> dict[str, Any]:
    """Return which vertex of the surface belongs to which target, for maps.

    There is nothing for datasets without a surface.

    Parameters
    ----------
    table : pandas.DataFrame
        The dataset's targets, one for each vertex.
    regions : dict or None
        Rows of the table by region, where every region is one target.

    Returns
    -------
    dict
        Variables with the dimension ``vertex``: its number, hemisphere and target (an index).
    """
    if "vertex" not in table.columns:
        return {}
    target = np.arange(len(table))
    for number, index in enumerate((regions or {}).values()):
        target[index] = number
    return {
        "vertex_number": (
            "vertex",
            table["vertex"].to_numpy(np.int32),
            {"description": "Vertex of its hemisphere's surface, from 0"},
        ),
        "vertex_hemisphere": ("vertex", table["hemisphere"].to_numpy(), {"description": "L or R"}),
        "vertex_target": (
            "vertex",
            target.astype(np.int32),
            {"description": "The target that the vertex belongs to, from 0"},
        ),
    }


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


def clean(
    raw: np.ndarray,
    confounds: np.ndarray | None,
    tr: float,
    high_pass: float | None,
    name: str = "a scan",
) -> np.ndarray:
    """Regress confounds and cosine drifts out of time courses and z-score them (nilearn).

    Parameters
    ----------
    raw : array of shape (n_trs, n_targets)
    confounds : array of shape (n_trs, n_confounds), optional
    tr : float
        Seconds.
    high_pass : float or None
        Hz; None: no drift regressors.
    name : str
        For messages.

    Returns
    -------
    array of shape (n_trs, n_targets)
        Mean 0 and standard deviation 1 over rows; 0 where confounds and drifts
        explain a time course wholly.

    Raises
    ------
    EngramError
        If confounds and drifts leave next to nothing of the time courses.
    """
    from nilearn import signal
    from nilearn.glm.first_level.design_matrix import create_cosine_drift

    regressors = np.zeros((len(raw), 0)) if confounds is None else confounds
    if high_pass is not None:
        # Drifts join the confounds here: asked for both, nilearn leaves its own cosines out
        # wherever a confound (such as slow head motion) resembles one of them.
        regressors = np.column_stack(
            [regressors, create_cosine_drift(high_pass, tr * np.arange(len(raw)))]
        )
    regressors = regressors[:, np.ptp(regressors, axis=0) > 0].astype(np.float64)
    rank = int(np.linalg.matrix_rank(zscore(regressors))) + 1 if regressors.shape[1] else 1
    if len(raw) - rank < FREE_ROWS:
        raise EngramError(
            f"{name}: {regressors.shape[1]} confounds and drifts leave {len(raw) - rank} "
            f"of {len(raw)} rows free, so that little but rounding errors would be scored. Keep "
            "the confounds that matter (six of motion, say), or write bold: {confounds: false}."
        )
    if rank > len(raw) / 2:
        logger.warning(
            (
                "%s: confounds and drifts use up %d of %d rows; fewer confounds would "
                "leave more of the brain"
            ),
            name,
            rank,
            len(raw),
        )
    with warnings.catch_warnings():
        # nilearn announces another scale for confounds, on which what they explain does not depend.
        warnings.filterwarnings("ignore", "From release 0.14", DeprecationWarning)
        left = signal.clean(
            raw.astype(np.float64),
            detrend=False,
            standardize=None,
            confounds=regressors if regressors.shape[1] else None,
            filter=False,
        )
    explained = left.std(0) <= _ROUNDING * raw.std(0, dtype=np.float64)
    cleaned: np.ndarray = signal.standardize_signal(left, standardize="zscore_sample")
    cleaned[:, explained] = 0
    return cleaned


def _region_means(
    values: np.ndarray, regions: dict[tuple[str, str], np.ndarray], name: str
) -> np.ndarray:
    """Return the mean time course of each region.

    Where its targets cancel each other it is 0, and that is warned of.
    """
    means: np.ndarray = np.stack([values[:, index].mean(-1) for index in regions.values()], axis=-1)
    cancelled = (means.std(0) <= _ROUNDING) & np.array(
        [bool(values[:, index].any()) for index in regions.values()]
    )
    if cancelled.any():
        names = [
            f"{hemisphere}-{roi}"
            for (hemisphere, roi), gone in zip(regions, cancelled, strict=True)
            if gone
        ]
        logger.warning(
            (
                "%s: the targets of %s cancel each other, so that the region's mean does "
                "not vary and counts as 0"
            ),
            name,
            ", ".join(names[:5]),
        )
        means[:, cancelled] = 0
    return means


def regions_table(table: pd.DataFrame, regions: dict[tuple[str, str], np.ndarray]) -> pd.DataFrame:
    """Return the table of targets when every region is one target.

    Its place is the mean place of its members.
    """
    rows = []
    for (hemisphere, roi), index in regions.items():
        place = {
            name: float(table[name].to_numpy()[index].mean())
            for name in ("x", "y", "z")
            if name in table.columns
        }
        rows.append(
            {"target": f"{hemisphere}-{roi}", "hemisphere": hemisphere, "roi": roi, **place}
        )
    return pd.DataFrame(rows)


def _check_lengths(scans: pd.DataFrame, slack: int, story: str) -> None:
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
            odd,
        )


def _share_heard(
    rows: slice, words: pd.DataFrame, start: float, tr: float, n_trs: int, trim: int, name: str
) -> float:
    """Return the share of words with their onset in the scan; refuse scans that miss the story."""
    end = start + n_trs * tr
    heard = float(((words["onset"] >= start) & (words["onset"] < end)).mean())
    if rows.stop - rows.start < 2 and heard >= 0.5 and trim:
        raise EngramError(
            f"{name}: encoding.trim drops the first {trim} of the scan's {n_trs} rows, "
            "which leaves fewer than two in the story. Write a smaller encoding.trim."
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
