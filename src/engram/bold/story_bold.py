"""BOLD of a story: every listener's scan is read, checked, cleaned and cut to the story."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from engram.bold import clock, story_rows
from engram.bold.cleaning import clean
from engram.bold.packing import PackedBold, to_dataset
from engram.bold.repeats import repeated_bold
from engram.bold.scan_checks import check_lengths, share_heard, warn_of_losses
from engram.bold.scans_table import SCAN_COLUMNS
from engram.bold.targets import region_means, regions_table, vertex_map, warn_of_sides
from engram.datasets.protocols import Dataset
from engram.datasets.time_courses import refuse_constant, zscore
from engram.errors import EngramError
from engram.jobs.progress import progress
from engram.vocabulary import AVERAGE

logger = logging.getLogger(__name__)

#: Rows of the table of targets, by hemisphere and region.
Regions = dict[tuple[str, str], np.ndarray]


@dataclass(frozen=True)
class _Options:
    """How scans are cleaned and cut: the parameters of `story_bold`."""

    confounds: bool
    high_pass: float | None
    in_regions: bool
    average: bool
    trim: int
    tail: float


@dataclass(frozen=True)
class _Scan:
    """One listener's BOLD in the story.

    Attributes
    ----------
    values : array of shape (n_rows, n_targets)
        Cleaned, z-scored; targets are regions where the study asks for their means.
    rows : slice
        Which rows these are, counted on the first listener's clock.
    row : dict
        What was read, for the table of scans.
    """

    values: np.ndarray
    rows: slice
    row: dict[str, object]


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
    confounds, high_pass : bool, float or None
        Regress out the confounds of each scan, and cosine drifts below this frequency (Hz).
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
        clock, in seconds. Targets carry hemisphere, roi, and x, y, z where known. ``repeats``
        (repeat, time, target) where one listener heard the story several times.
    scans : pandas.DataFrame
        The scans in use, with the columns of `engram.bold.scans_table.SCAN_COLUMNS`.

    Raises
    ------
    EngramError
        If a file is wrong, listeners have unequal numbers of TRs, or the story and the scans
        hardly overlap in time.
    """
    if not subjects:
        raise EngramError(f"story {story} has no listeners.")
    options = _Options(confounds, high_pass, targets == "roi", average, trim, tail)
    table = dataset.targets()
    warn_of_sides(table, story)
    packed, scans = _pack_listeners(dataset, story, subjects, words, table, options)
    scans = scans.assign(**_checked_clock(dataset, story, subjects, words, packed))
    warn_of_losses(scans, story)
    return (
        _described(dataset, story, subjects, table, packed, options),
        scans[[name for name in SCAN_COLUMNS if name != "excluded"]],
    )


def _regions(table: pd.DataFrame) -> Regions:
    regions: Regions = table.groupby(["hemisphere", "roi"], sort=True).indices
    return regions


def _pack_listeners(
    dataset: Dataset,
    story: str,
    subjects: Sequence[str],
    words: pd.DataFrame,
    table: pd.DataFrame,
    options: _Options,
) -> tuple[PackedBold, pd.DataFrame]:
    """Return all listeners' BOLD in their common rows, and what was read of each."""
    # All listeners' rows lie on the first one's clock; another's clock may be a few seconds,
    # and so parts of a TR, off.
    row_0 = dataset.start(subjects[0], story)
    packed: PackedBold | None = None
    listed = []
    for number, subject in enumerate(progress(subjects, f"story {story}", "listener")):
        scan = _clean_scan(dataset, story, subject, words, table, options, row_0)
        if packed is None:
            with_average = options.average and len(subjects) > 1
            packed = PackedBold(len(subjects), with_average, scan.rows, scan.values.shape[1])
        packed.add(number, scan.values, scan.rows)
        listed.append(scan.row)
    assert packed is not None
    scans = pd.DataFrame(listed).assign(n_rows=packed.end - packed.begin)
    check_lengths(scans, dataset.slack_trs, story)
    if packed.end - packed.begin < 2:
        raise EngramError(
            f"story {story}: its listeners have no rows in common. Do the scans begin at very "
            "different times of the story?"
        )
    return packed, scans


def _clean_scan(
    dataset: Dataset,
    story: str,
    subject: str,
    words: pd.DataFrame,
    table: pd.DataFrame,
    options: _Options,
    row_0: float,
) -> _Scan:
    """Read one listener's scan, clean it, and cut it to the story."""
    name, targets = f"sub-{subject}, story {story}", table["target"].tolist()
    raw, regressors = dataset.timeseries(subject, story), dataset.confounds(subject, story)
    if regressors is not None and len(regressors) != len(raw):
        raise EngramError(
            f"{name}: {len(raw)} rows of BOLD but {len(regressors)} rows of confounds. "
            "Both need a row for each TR."
        )
    shift = round((row_0 - dataset.start(subject, story)) / dataset.tr)
    start = row_0 - shift * dataset.tr
    onsets, offsets = words["onset"].to_numpy(), words["offset"].to_numpy()
    rows = story_rows.kept_rows(
        onsets, offsets, start, dataset.tr, len(raw), options.trim, options.tail
    )
    share = share_heard(rows, words, start, dataset.tr, len(raw), options.trim, name)
    flat = refuse_constant(
        raw[rows], targets, name, subject, dataset.most_constant, " within the story"
    )
    used = regressors if options.confounds else None
    cleaned = zscore(clean(raw, used, dataset.tr, options.high_pass, name)[rows])
    cleaned[:, flat] = 0
    explained = " once confounds and drifts are regressed out"
    flat = refuse_constant(cleaned, targets, name, subject, dataset.most_constant, explained)
    if options.in_regions:
        cleaned = zscore(region_means(cleaned, _regions(table), name))
    row: dict[str, object] = {
        "subject": subject,
        "story": story,
        "scan": dataset.scan_names(subject, story),
        "n_trs": len(raw),
        "n_targets": raw.shape[1],
        "n_constant": int(flat.sum()),
        "n_confounds": 0 if regressors is None else regressors.shape[1],
        "words_in_scan": share,
    }
    return _Scan(cleaned, slice(rows.start - shift, rows.stop - shift), row)


def _checked_clock(
    dataset: Dataset, story: str, subjects: Sequence[str], words: pd.DataFrame, packed: PackedBold
) -> dict[str, object]:
    """Check the story's clock, say what was found, and return it as columns of the scans."""
    checked = clock.check_clock(
        words["onset"].to_numpy(),
        packed.total(),
        dataset.start(subjects[0], story),
        packed.begin,
        dataset.tr,
        len(subjects),
    )
    logger.log(
        logging.WARNING if checked.is_loud and not dataset.simulated else logging.INFO,
        "%s",
        checked.said(story),
    )
    return {
        "clock": checked.verdict,
        "clock_lag": checked.lag,
        "clock_p": checked.p,
        "clock_start": checked.start,
        "clock_tr": checked.tr,
    }


def _described(
    dataset: Dataset,
    story: str,
    subjects: Sequence[str],
    table: pd.DataFrame,
    packed: PackedBold,
    options: _Options,
) -> xr.Dataset:
    """Return the packed BOLD with its listeners, times and targets, and repeats if there are."""
    regions = _regions(table) if options.in_regions else None
    shown = table if regions is None else regions_table(table, regions)
    times = dataset.start(subjects[0], story) + dataset.tr * np.arange(packed.begin, packed.end)
    logger.info(
        "story %s: %d listeners, %d rows (%.1f to %.1f s), %d targets",
        story,
        len(subjects),
        len(times),
        times[0],
        times[-1] + dataset.tr,
        len(shown),
    )
    names = [*subjects, *([AVERAGE] if packed.has_average else [])]
    bold = to_dataset(
        packed.packed(), packed.step, names, times, shown, {"story": story, "tr": dataset.tr}
    ).assign_coords(vertex_map(table, regions))
    rows = slice(packed.begin, packed.end)
    repeats = repeated_bold(dataset, story, subjects[0], rows, options.high_pass, regions)
    return bold if repeats is None else bold.assign(repeats=repeats)
