"""R by window: which minutes of a story are predicted, beside what listeners share in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
import xarray as xr

from engram.decoding.target_sets import ALL, HEMISPHERES, ROI_SETS, target_sets
from engram.files import storage
from engram.statistics import chance_table, columns, maximum_statistic, significance

TIME_RESOLVED = (
    "R in windows of each story at each model's reported layer, by set of targets: which minutes "
    "are predicted. Test blocks are cut into equal windows, and each is predicted by what was "
    "learned outside of its block. R of a short window is noisier than that of a block, and means "
    "over windows differ from R. Beside it the correlation of listeners with the mean of the "
    "others in the same window, and R when BOLD is shifted in time within each story, by 20 s or "
    "more and by the same distance for all listeners, everything fitted anew. Corrected over the "
    "windows of a model and set by the maximum statistic; the test generalises to other BOLD of "
    "these listeners with these stories."
)
TIME_RESOLVED_COLUMNS = {
    "model": "Model or baseline.",
    **columns.FIXED_LAYER,
    "set": "Set of targets: 'all', 'left', 'right', or an ROI set of resources/roi_sets.tsv.",
    "n_targets": (
        "Targets that were scored; a region counts as one where its mean time course was "
        "(`chance: {targets: roi}`)."
    ),
    "story": "Story.",
    "begin": "Beginning of the window, seconds on the story's clock.",
    "end": "Its end.",
    **columns.N_LISTENERS,
    "score": "R in the window, mean over the set's targets, then listeners.",
    **columns.interval("low", "high"),
    "others": (
        "Inter-subject correlation: of listeners with the mean of the others, mean over targets, "
        "then listeners; n/a with fewer than four listeners."
    ),
    "null_mean": "Mean R over shifts.",
    "null_95": "Their 95th percentile.",
    "n_shifts": "Shifts: `chance: {shifts: ...}`, or all that a single story allows.",
    "p": (
        "One-sided p: (1 + shifts whose R reaches this one) / (1 + shifts); n/a where a story is "
        "too short to be shifted."
    ),
    **columns.maximum("p", "the windows of this model and set", "shifts"),
}


def time_resolved_table(files: Mapping[str, Sequence[str]], seed: int) -> pd.DataFrame:
    """Return R by window (the columns of `TIME_RESOLVED_COLUMNS`).

    Parameters
    ----------
    files : mapping
        By model, as `engram.encoding.circular_shift.score_shifted` made them with windows, of all
        groups.
    seed : int
        Of the bootstrap.
    """
    rows = []
    for model, paths in files.items():
        read = [storage.open_dataset(path).load() for path in paths]
        for name, is_in in _sets(read[0]).items():
            weights = is_in * read[0]["region_targets"].values
            of_set = {
                "model": model,
                "layer": int(read[0].attrs["reported_layer"]),
                "set": name,
                "n_targets": int(weights.sum()),
            }
            rows += [of_set | row for row in _windows(read, weights / weights.sum(), seed)]
    return pd.DataFrame(rows, columns=list(TIME_RESOLVED_COLUMNS))


def _sets(results: xr.Dataset) -> dict[str, np.ndarray]:
    """Return which regions are in each set."""
    places = {name: ("region", results[f"region_{name}"].values) for name in ("hemisphere", "roi")}
    return target_sets(places, [ALL, HEMISPHERES, ROI_SETS])


def _count_shifts(read: Sequence[xr.Dataset]) -> int:
    """Return how many draws there are: none comes twice for listeners of a single story."""
    together: dict[str, int] = {}
    allowed: dict[str, int] = {}
    for one in read:
        names = one["story"].values.tolist()
        for name, number in zip(names, one["allowed"].values.tolist(), strict=True):
            together[name] = max(together.get(name, 0), len(names))
            allowed[name] = number
    alone = [allowed[name] for name, number in together.items() if number == 1]
    return min([chance_table.count_shifts(read), *alone])


def _windows(
    read: Sequence[xr.Dataset], weights: np.ndarray, seed: int
) -> Iterator[dict[str, object]]:
    """Yield a row for each window of every story, regions by weight, all groups together."""
    # Windows of a story are the same in all groups that heard it.
    found: dict[tuple[str, float, float], list[tuple[np.ndarray, np.ndarray, np.ndarray]]] = {}
    n_shifts = _count_shifts(read)
    for one in read:
        places = zip(
            *(one[f"window_{name}"].values.tolist() for name in ("story", "begin", "end")),
            strict=True,
        )
        r, others, null = (
            one[name].values @ weights for name in ("r_window", "others_window", "r_window_shifted")
        )
        for number, place in enumerate(places):
            found.setdefault(place, []).append((r[number], others[number], null[:n_shifts, number]))
    scores = [np.concatenate([r for r, _, _ in parts]) for parts in found.values()]
    null = np.stack(
        [
            np.asarray(sum(len(r) * draws for r, _, draws in parts)) / len(values)
            for parts, values in zip(found.values(), scores, strict=True)
        ],
        axis=1,
    )
    means = np.array([values.mean() for values in scores])
    p_corrected = (
        maximum_statistic.corrected_p(means, null) if n_shifts > 1 else np.full(len(means), np.nan)
    )
    for at, (place, parts) in enumerate(found.items()):
        low, high = significance.interval(scores[at], seed)
        against = chance_table.against(float(means[at]), null[:, at])
        yield {
            **dict(zip(("story", "begin", "end"), place, strict=True)),
            "n_listeners": len(scores[at]),
            "score": means[at],
            "low": low,
            "high": high,
            "others": np.concatenate([others for _, others, _ in parts]).mean(),
            **{name: against[name] for name in ("null_mean", "null_95", "p")},
            "n_shifts": n_shifts,
            "p_corrected": p_corrected[at],
        }
