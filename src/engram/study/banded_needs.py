"""What banded ridge regression takes: the nuisance control and variance partitions."""

from __future__ import annotations

from engram.study.config.study import Study

#: Seconds of a decomposition for a study of so many rows (measured on Alice).
_SECONDS, _ROWS = 0.015, 362.0
#: Decompositions that the nuisance control makes of a model.
NUISANCE = 400
#: Weights of bands that all sets of so many groups try (`engram.encoding.partitions.shares_of`).
CANDIDATES = {2: 7, 3: 37}


def solved(study: Study, rows: float, values: float, decompositions: float) -> tuple[float, float]:
    """Return the bytes and seconds of decompositions of kernels, beside what each job takes.

    Parameters
    ----------
    study : Study
    rows : float
        Of BOLD.
    values : float
        Rows x targets x listeners.
    decompositions : float
    """
    seconds = decompositions * (
        _SECONDS * (rows / _ROWS) ** 3 + len(study.encoding.alphas) * values * rows / 5e10
    )
    return 12 * 8 * rows**2 + 24 * values, seconds
