"""Claims about tunings: that tuning a model to associate raises scores in some regions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from engram.datasets.roi_sets import members
from engram.statistics import significance
from engram.statistics.variant_effects import Effects, by_roi_set
from engram.statistics.yin2025.evidence import Evidence
from engram.statistics.yin2025.finding import Finding, analogue, judge
from engram.vocabulary import ASSOCIATION, TUNING_CONTROLS
from engram.wording import count


def tuning(regions: str, published: tuple[float, float]) -> Callable[[Evidence], Finding]:
    """Return what finds whether tuning raises scores in some regions by the published M."""

    def find(evidence: Evidence) -> Finding:
        model, reason = evidence.representative([name for name, _ in evidence.tunings])
        if model is None:
            return Finding(why="This study tunes no model.")
        name = next(name for key, name in evidence.tunings if key == model)
        effects = evidence.tunings[model, name]
        if regions == "medial temporal":
            effects = by_roi_set(effects)
            wanted = {"medial-temporal"}
        else:
            wanted = members(
                ["G_parietal_sup", "superiorparietal", "Superior Parietal Lobule"],
                {roi for _, roi, _ in effects.regions},
            )
        index = [number for number, (_, roi, _) in enumerate(effects.regions) if roi in wanted]
        if not index:
            return Finding(why=f"The targets of this study have no {regions} region.")
        found = _tuning_of(
            effects,
            index,
            f"{model}, {name}, {regions} regions of both hemispheres",
            published,
            evidence.seed,
        )
        return analogue(found, reason)

    return find


#: Published M, in percent: of medial temporal regions, and of superior parietal ones.
MEDIAL_TEMPORAL, SUPERIOR_PARIETAL = (2.0, 7.0), (50.0, 60.0)
_TOO_FEW = (
    f"There is no test with fewer than {significance.FEWEST_SEEDS} seeds of the tuning and of "
    "each control."
)


def _tuning_of(
    effects: Effects, index: list[int], label: str, published: tuple[float, float], seed: int
) -> Finding:
    sizes = np.array([effects.regions[number][2] for number in index], dtype=float)

    def mean(values: np.ndarray) -> np.ndarray:
        result: np.ndarray = values[effects.single][:, index] @ sizes / sizes.sum()
        return result

    original = mean(effects.original)
    by_seed = {
        kind: np.array([mean(effects.difference(name)).mean() for name in effects.of_kind(kind)])
        for kind in (ASSOCIATION, *TUNING_CONTROLS)
    }
    m = {kind: 100 * values / original.mean() for kind, values in by_seed.items()}
    tests = {
        kind: significance.seed_test(by_seed[ASSOCIATION], by_seed[kind])
        for kind in TUNING_CONTROLS
        if len(by_seed[kind])
    }
    counts = ", ".join(count(len(by_seed[kind]), f"{kind} seed") for kind in by_seed)
    n = f"{count(len(original), 'listener')}, {count(len(effects.r_stimulus), 'story')}, {counts}"
    if not tests:
        return Finding(f"{m[ASSOCIATION].mean():+.1f} %", n=n, why=_TOO_FEW)
    # Interval and p are of the same: what is beyond the control with the larger p.
    against = max(tests, key=lambda kind: (np.nan_to_num(tests[kind], nan=2), m[kind].mean()))
    p = tests[against]
    gain = mean(effects.mean_difference(ASSOCIATION) - effects.mean_difference(against))
    ratio = significance.ratio_interval(gain, original, seed)
    low, high = significance.widest(
        significance.difference_interval(m[ASSOCIATION], m[against]),
        (100 * ratio[0], 100 * ratio[1]),
    )
    test = (
        f"M in percent, minus that of {against} control tunings, {label}; M itself is "
        f"{m[ASSOCIATION].mean():+.1f} %; labels of seeds permuted against each kind of control, "
        "the larger p; interval over seeds (t) and over listeners (BCa), the wider end of either: "
        "generalises to other tunings, heard by other listeners, of these stories"
    )
    beyond = m[ASSOCIATION].mean() - m[against].mean()
    found = Finding(f"{beyond:+.1f} %", low, high, n, test, p)
    if np.isnan(p):
        return replace(found, why=_TOO_FEW)
    if original.mean() <= 0:
        return replace(found, why="R is not above 0 there, and M, a share of it, means nothing.")
    verdict, why = judge(low, high, p, published, direction=False)
    return replace(found, verdict=verdict, why=why)
