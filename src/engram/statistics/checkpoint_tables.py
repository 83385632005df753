"""Tables of series of checkpoints: R by training step, and where it changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import permutations
from math import factorial

import numpy as np
import pandas as pd

from engram.statistics import columns, significance
from engram.statistics.reported_scores import Reported, read_reported

#: Resamples of listeners, and permutations of steps beyond which some are drawn.
_RESAMPLES, _PERMUTATIONS = 1000, 999
#: Fewest checkpoints in which a change is looked for.
_FEWEST = 4
#: What stands in the place of a region for the mean over all of them.
ALL = "all"

CHECKPOINTS = (
    "R of the checkpoints of a series at their reported layer, by training step and region; roi "
    f"'{ALL}' is the mean over regions. Intervals are over listeners and hold for these "
    "stories and this training."
)
CHECKPOINTS_COLUMNS = {
    "series": "Name of the series.",
    "model": "Name of the checkpoint.",
    "step": "Training steps.",
    **columns.FIXED_LAYER,
    **columns.PLACE,
    **columns.N_LISTENERS,
    "score": "Brain score R, mean over stories and listeners.",
    **columns.interval("low", "high"),
    "twin": "R of the re-initialised twin of the series; n/a where there is none.",
}

CHANGES = (
    "Where in training R changes: the two neighbouring checkpoints between which a series is best "
    "cut into two parts of constant R (least squares over checkpoints; mean over listeners). "
    "The test asks whether R goes with the order of checkpoints at all; one training is one "
    "draw, so that it generalises to no other training."
)
CHANGES_COLUMNS = {
    "series": "Name of the series.",
    **columns.PLACE,
    "n_checkpoints": "Checkpoints.",
    **columns.N_LISTENERS,
    "last_before": "Step of the last checkpoint before the change.",
    "first_after": "Step of the first checkpoint after it.",
    "low": (
        "First step after the change, 2.5th percentile over resamples of listeners (bootstrap); "
        "n/a with fewer than three listeners."
    ),
    "high": "Its 97.5th percentile.",
    "score_before": "Mean R before the change.",
    "score_after": "Mean R after it.",
    "n_permutations": "Orders of checkpoints: all others, or 999 drawn.",
    "p": (
        "One-sided p: (1 + orders whose best cut explains as much) / (1 + orders); n/a with fewer "
        f"than {_FEWEST} checkpoints, or where one has no R."
    ),
}


def checkpoints_table(
    files: Mapping[str, Sequence[str]],
    series: Mapping[str, Sequence[tuple[int, str]]],
    twins: Mapping[str, str],
    layer: int | None,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return R by step, and where it changes (`CHECKPOINTS_COLUMNS`, `CHANGES_COLUMNS`).

    Parameters
    ----------
    files : mapping
        Scores of each checkpoint (`engram.encoding.layer_scoring.score_layers`), of all groups.
    series : mapping
        Steps and names of the checkpoints of each series, in rising order.
    twins : mapping
        The re-initialised twin of each series that has one.
    layer : int or None
        The layer to report (`engram.features.layers.reported_layer`).
    seed : int
        Of resamples and permutations.
    """
    rows: list[dict[str, object]] = []
    changes: list[dict[str, object]] = []
    for name, members in series.items():
        read = {model: read_reported(files[model], layer) for _, model in members}
        steps = np.array([step for step, _ in members])
        twin = [read_reported(files[twins[name]], layer)] if name in twins else []
        for place, r in _by_place([*read.values(), *twin]):
            r, of_twin = r[: len(members)], float(r[-1].mean()) if twin else np.nan
            for (step, model), values in zip(members, r, strict=True):
                low, high = significance.interval(values, seed)
                about = {"series": name, "model": model, "step": step, "layer": read[model].layer}
                found = {"n_listeners": len(values), "score": float(values.mean())}
                rows.append({**about, **place, **found, "low": low, "high": high, "twin": of_twin})
            changes.append({"series": name, **place, **change(steps, r, seed)})
    return (
        pd.DataFrame(rows, columns=list(CHECKPOINTS_COLUMNS)),
        pd.DataFrame(changes, columns=list(CHANGES_COLUMNS)),
    )


def _by_place(read: Sequence[Reported]) -> Iterator[tuple[dict[str, str], np.ndarray]]:
    """Yield each region, and their mean, with R of each checkpoint: (n_steps, n_listeners)."""
    regions = read[0].regions
    weights = np.ones(len(regions))
    yield {"hemisphere": "B", "roi": ALL}, np.stack([one.listeners(weights) for one in read])
    for number, (side, roi, _) in enumerate(regions):
        mine = np.eye(len(regions))[number]
        yield {"hemisphere": side, "roi": roi}, np.stack([one.listeners(mine) for one in read])


def change(steps: np.ndarray, r: np.ndarray, seed: int) -> dict[str, object]:
    """Return where a series changes.

    Parameters
    ----------
    steps : array of shape (n_steps, )
        Rising.
    r : array of shape (n_steps, n_listeners)
        R of each checkpoint.
    seed : int
    """
    n_steps, n_listeners = r.shape
    result: dict[str, object] = {"n_checkpoints": n_steps, "n_listeners": n_listeners}
    if n_steps < _FEWEST or not np.isfinite(r).all():
        return result | {"n_permutations": 0}
    # Sorted: the bootstrap draws by place, and the order of listeners means nothing.
    r = r[:, np.lexsort(r)]
    mean = r.mean(1)
    cuts = explained(mean[None])[0]
    first = int(cuts.argmax()) + 1
    drawn = np.random.default_rng(seed).integers(n_listeners, size=(_RESAMPLES, n_listeners))
    resampled = explained(r[:, drawn].mean(2).T).argmax(1) + 1
    low, high = np.percentile(steps[resampled], [2.5, 97.5], method="nearest")
    resamples = {"low": int(low), "high": int(high)} if n_listeners >= 3 else {}
    null = explained(mean[_orders(n_steps, seed)]).max(1)
    return result | {
        "last_before": int(steps[first - 1]),
        "first_after": int(steps[first]),
        **resamples,
        "score_before": float(mean[:first].mean()),
        "score_after": float(mean[first:].mean()),
        "n_permutations": len(null),
        "p": significance.text_test(float(cuts.max()) - 1e-12, null),
    }


def explained(r: np.ndarray) -> np.ndarray:
    """Return how much of the sum of squares each cut into two constant parts explains.

    Parameters
    ----------
    r : array of shape (n_series, n_steps)

    Returns
    -------
    array of shape (n_series, n_steps - 1)
        Of the cut before step 1, 2, ...
    """
    n_steps = r.shape[1]
    before = np.arange(1, n_steps)
    sums = np.cumsum(r - r.mean(1, keepdims=True), axis=1)[:, :-1]
    # With deviations from the mean, both parts' sums are the same but for their sign.
    return np.asarray(sums**2 * n_steps / (before * (n_steps - before)))


def _orders(number: int, seed: int) -> np.ndarray:
    """Return orders of checkpoints: all but the true one, or some that are drawn."""
    if factorial(number) <= _PERMUTATIONS:
        return np.array(list(permutations(range(number))))[1:]
    rng = np.random.default_rng(seed)
    return rng.permuted(np.tile(np.arange(number), (_PERMUTATIONS, 1)), axis=1)
