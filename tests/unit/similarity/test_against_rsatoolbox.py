"""RSA against rsatoolbox 0.3.2: dissimilarities, their correlation, and noise ceilings.

rsatoolbox knows no lags, so here all pairs have the same one: they are centred together, which
makes the comparison Pearson's r. `by_rsatoolbox` made the figures; where it is installed
(`pip install rsatoolbox`; the tests do not need it) they are made anew.
"""

from __future__ import annotations

import importlib

import numpy as np
import pytest

from engram.similarity.ceiling import ceilings
from engram.similarity.dissimilarity import Pairs, comparable

#: Noise of four listeners about the same patterns.
NOISE = (0.5, 0.8, 1.1, 1.4)
#: The first dissimilarities of `a`, correlation of `a` with `b`, and both ceilings.
DISSIMILARITIES = [0.5417803765882959, 1.4945343318873898, 0.43538325837348957, 1.6247979305397116]
CORRELATION = 0.6632283600007347
LOWER, UPPER = 0.24148433726675425, 0.6063381997013707


def patterns() -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """Patterns of eight segments over six units: two that are alike, and four listeners."""
    rng = np.random.default_rng(5)
    a = np.round(rng.standard_normal((8, 6)), 2)
    b = np.round(a + 0.8 * rng.standard_normal((8, 6)), 2)
    return a, b, [np.round(a + noise * rng.standard_normal((8, 6)), 2) for noise in NOISE]


def ours() -> tuple[list[float], float, float, float]:
    a, b, listeners = patterns()
    first, second = np.triu_indices(8, 1)
    pairs = Pairs(first, second, np.zeros(len(first), dtype=int))
    of_a, of_b, *each = (pairs.dissimilarities(one) for one in (a, b, *listeners))
    r = comparable(of_a, pairs, None) @ comparable(of_b, pairs, None)
    shapes = np.stack([comparable(one, pairs, None) for one in each])[:, None]
    lower, upper = ceilings(shapes)
    return of_a[:4].tolist(), float(r), float(lower.mean()), float(upper.mean())


def by_rsatoolbox() -> tuple[list[float], float, float, float]:
    """Return the same by rsatoolbox."""
    data, inference, rdm = (
        importlib.import_module(f"rsatoolbox.{name}") for name in ("data", "inference", "rdm")
    )
    a, b, listeners = patterns()
    of_a, of_b, *each = (
        rdm.calc_rdm(data.Dataset(one), method="correlation") for one in (a, b, *listeners)
    )
    lower, upper = inference.boot_noise_ceiling(rdm.concat(each), method="corr")
    r = rdm.compare(of_a, of_b, method="corr")[0, 0]
    return of_a.dissimilarities[0, :4].tolist(), float(r), float(lower), float(upper)


def check(found: tuple[list[float], float, float, float]) -> None:
    dissimilarities, *others = found
    assert dissimilarities == pytest.approx(DISSIMILARITIES, abs=1e-12)
    assert others == pytest.approx([CORRELATION, LOWER, UPPER], abs=1e-12)


def test_figures_are_those_of_rsatoolbox() -> None:
    check(ours())


def test_rsatoolbox_still_gives_these_figures() -> None:
    pytest.importorskip("rsatoolbox", reason="rsatoolbox is not installed: its figures are kept")
    check(by_rsatoolbox())
