"""Cleaning: confounds and cosine drifts are regressed out of a scan's time courses."""

from __future__ import annotations

import logging
import warnings

import numpy as np

from engram.datasets.time_courses import zscore
from engram.errors import EngramError

logger = logging.getLogger(__name__)

#: Rows that confounds and drifts must leave free, at least: what they use up is lost to the brain,
#: and with none left only rounding remains.
FREE_ROWS = 10
#: Where less of a time course's deviation is left than this share, nothing but rounding errors is.
ROUNDING = 1e-5


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

    regressors = _regressors(confounds, len(raw), tr, high_pass)
    _check_free_rows(regressors, name)
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
    explained = left.std(0) <= ROUNDING * raw.std(0, dtype=np.float64)
    cleaned: np.ndarray = signal.standardize_signal(left, standardize="zscore_sample")
    cleaned[:, explained] = 0
    return cleaned


def _regressors(
    confounds: np.ndarray | None, n_trs: int, tr: float, high_pass: float | None
) -> np.ndarray:
    """Return confounds and cosine drifts that vary, of shape (n_trs, n_regressors)."""
    from nilearn.glm.first_level.design_matrix import create_cosine_drift

    regressors = np.zeros((n_trs, 0)) if confounds is None else confounds
    if high_pass is not None:
        # Drifts join the confounds here: asked for both, nilearn leaves its own cosines out
        # wherever a confound (such as slow head motion) resembles one of them.
        drifts = create_cosine_drift(high_pass, tr * np.arange(n_trs))
        regressors = np.column_stack([regressors, drifts])
    varying: np.ndarray = regressors[:, np.ptp(regressors, axis=0) > 0].astype(np.float64)
    return varying


def _check_free_rows(regressors: np.ndarray, name: str) -> None:
    """Refuse regressors that leave hardly a row free; warn of those that leave less than half."""
    n_trs, n_regressors = regressors.shape
    rank = int(np.linalg.matrix_rank(zscore(regressors))) + 1 if n_regressors else 1
    if n_trs - rank < FREE_ROWS:
        raise EngramError(
            f"{name}: {n_regressors} confounds and drifts leave {n_trs - rank} "
            f"of {n_trs} rows free, so that little but rounding errors would be scored. Keep "
            "the confounds that matter (six of motion, say), or write bold: {confounds: false}."
        )
    if rank > n_trs / 2:
        logger.warning(
            (
                "%s: confounds and drifts use up %d of %d rows; fewer confounds would "
                "leave more of the brain"
            ),
            name,
            rank,
            n_trs,
        )
