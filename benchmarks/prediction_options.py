"""What each option and each protocol of prediction scores on Alice, beside a null of its own.

Needs the finished scores of a study of Alice (its BOLD, words and a model's activations are read).
Every option is scored on the same BOLD, and on the same 19 circular shifts of it, by which all
options are compared: what an option adds to shifted BOLD it adds to noise. Noise BOLD, with the
autocorrelation of real BOLD and cleaned over the run as BOLD is, is scored too: it would notice
features that know the run (docs/methods/leaks.md).

    python benchmarks/prediction_options.py results/alice SmolLM2-135M-Instruct \
        --output docs/prediction-options.tsv
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from engram.bold.cleaning import clean
from engram.encoding.circular_shift import drawn_shifts, null_scores
from engram.encoding.group import Group, open_group
from engram.features.layers import reported_layer
from engram.files import storage
from engram.statistics import significance
from engram.study.config.encoding import Encoding
from engram.study.config.protocols import PROTOCOLS, described
from engram.vocabulary import AVERAGE

SHIFTS, NOISE, SEED = 19, 5, 0
#: Layers that are scored together in one row.
TOGETHER = (8, 14, 20)
FROM_10_000 = [10.0**power for power in range(4, 9)]
#: By name: protocol, and keys of `encoding`.
OPTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "default": ("engram", {}),
    "penalty: listeners": ("engram", {"penalty": "listeners"}),
    "trend: runs": ("engram", {"trend": "runs"}),
    "penalty: listeners, trend: runs": ("engram", {"penalty": "listeners", "trend": "runs"}),
    "alphas from 10^4": ("engram", {"alphas": FROM_10_000}),
    "learn_from: listener+others": ("engram", {"learn_from": "listener+others"}),
    "layers 8, 14 and 20 together": ("engram", {}),
    "components: 20": ("engram", {"components": 20}),
    **{f"protocol: {name}": (name, {}) for name in PROTOCOLS if name not in ("engram",)},
}
TABLE = (
    "R of SmolLM2-135M-Instruct on Alice under options and protocols of prediction, each beside "
    "its own null: the same 19 circular shifts of BOLD for all. Means over regions and single "
    "listeners; made by benchmarks/prediction_options.py."
)
COLUMNS = {
    "option": "What differs from the default.",
    "rules": "Protocol, and a digest of all rules of prediction.",
    "layer": "Layer, or layers whose units are scored together.",
    "average": "R of the average listener, mean over regions.",
    "R": "R of single listeners, mean over listeners and regions.",
    "shifted": "The same on circularly shifted BOLD, mean over shifts.",
    "noise": "R on noise BOLD that was cleaned over the run, mean over draws and regions.",
    "R_minus_shifted": "R minus that of shifted BOLD.",
    "gain": "R minus shifted, minus the same of the default.",
    "low": (
        "95 % bootstrap interval (BCa) of the gain over listeners; n/a where these depend on each "
        "other (learn_from)."
    ),
    "high": "Its upper end.",
    "gain_percent": "The gain in percent of the default's R minus shifted.",
    "region_low": "The smallest gain of a region.",
    "region_high": "The largest gain of a region.",
    "seconds": "Time of one core for the whole row.",
}


def files(results: Path, model: str) -> tuple[list[str], list[str], list[str]]:
    """Return the activations, BOLD and words of Alice."""
    return (
        [str(results / f"activations/story-alice_model-{model}_text-original_activations.nc")],
        [str(results / "bold/story-alice_bold.nc")],
        [str(results / "stories/story-alice_words.tsv")],
    )


def vectors_at(layers: Sequence[int], activations: Any) -> np.ndarray:
    """Return the word vectors of layers, side by side: (n_words, n_units)."""
    return np.concatenate([activations["activation"][layer].values for layer in layers], axis=1)


def noise_bold(n_rows: int, tr: float, n_targets: int, seed: int) -> np.ndarray:
    """Return noise with the autocorrelation of listeners and slow drifts, cleaned over the run."""
    rng = np.random.default_rng([seed, 5])
    raw = rng.standard_normal((n_rows + 3, n_targets))
    raw = raw[3:] + 0.7 * raw[2:-1] + 0.3 * raw[1:-2] + 0.1 * raw[:-3]
    raw += 0.1 * rng.standard_normal(raw.shape).cumsum(0)
    return clean(raw, None, tr, 1 / 128).astype(np.float32)


def scores(
    paths: tuple[list[str], list[str], list[str]], layers: Sequence[int], encoding: Encoding
) -> dict[str, np.ndarray]:
    """Return R of everybody, on shifts and on noise, by region.

    Returns
    -------
    dict
        ``R`` (n_listeners, n_regions), ``average`` (n_regions, ), ``shifted`` (n_listeners,
        n_regions; mean over shifts), ``noise`` (n_regions, ).
    """
    settings = {**encoding.model_dump(), "backend": "torch"}
    people = storage.open_dataset(paths[1][0])["subject"].values.tolist()
    read, everybody = open_group(*paths, people, "all", **settings)
    features = everybody.features([vectors_at(layers, read[0])])
    r = everybody.by_listener(
        everybody.score_features(features, everybody.targets, everybody.others)
    ).mean((0, 1))
    singles = [name for name in people if name != AVERAGE]
    group = Group(everybody.stories, singles, **settings)
    n_rows = len(group.row_story)
    shifts = drawn_shifts("alice", n_rows, group.tr, SHIFTS, SEED)[:, None]
    shifted = null_scores(group, features, shifts)
    noise = []
    for draw in range(NOISE):
        bold = noise_bold(n_rows, group.tr, int(np.prod(group.shape)), draw)
        others = None
        if encoding.learn_from != "listener":
            each = bold.reshape(n_rows, *group.shape)
            others = ((each.sum(1, keepdims=True) - each) / (group.shape[0] - 1)).reshape(
                bold.shape
            )
        noise.append(group.by_listener(group.score_features(features, bold, others)).mean((0, 1)))
    return {
        "R": r[[people.index(name) for name in singles]],
        "average": r[people.index(AVERAGE)],
        "shifted": shifted.mean(0),
        "noise": np.mean(noise, axis=(0, 1)),
    }


def row(
    name: str, found: dict[str, np.ndarray], default: dict[str, np.ndarray], dependent: bool
) -> dict[str, Any]:
    """Return a row of the table: an option beside the default, each less its own null."""
    mine, usual = (one["R"] - one["shifted"] for one in (found, default))
    gain = (mine - usual).mean(1)
    tested = name != "default" and not dependent
    low, high = significance.interval(gain, SEED) if tested else (np.nan, np.nan)
    by_region = (mine - usual).mean(0)
    return {
        "option": name,
        "average": found["average"].mean(),
        "R": found["R"].mean(),
        "shifted": found["shifted"].mean(),
        "noise": found["noise"].mean(),
        "R_minus_shifted": mine.mean(),
        "gain": gain.mean(),
        "low": low,
        "high": high,
        "gain_percent": 100 * gain.mean() / usual.mean(),
        "region_low": by_region.min(),
        "region_high": by_region.max(),
    }


def kept(folder: Path, name: str, make: Callable[[], dict[str, np.ndarray]]) -> dict[str, Any]:
    """Return the scores of an option, and keep them in a file, so that they are made once."""
    path = folder / f"{name.replace(':', '').replace(' ', '-').replace('^', '')}.npz"
    if not path.exists():
        start = time.process_time()
        made: dict[str, Any] = {**make()}
        made["seconds"] = time.process_time() - start
        folder.mkdir(parents=True, exist_ok=True)
        np.savez(path, **made)
    return dict(np.load(path))


def options_table(
    results: Path, model: str, folder: Path, only: Sequence[str] = ()
) -> pd.DataFrame:
    """Return what each option scores (the columns of `COLUMNS`).

    Parameters
    ----------
    results : path
    model : str
    folder : path
        Where scores of options are kept.
    only : sequence of str
        Options to score; all if there are none.
    """
    paths = files(results, model)
    depth = storage.open_dataset(paths[0][0]).sizes["layer"] - 1
    rows: list[dict[str, Any]] = []
    default: dict[str, np.ndarray] = {}
    done: list[tuple[dict[str, np.ndarray], tuple[Sequence[int], Encoding]]] = []
    for name, (protocol, keys) in OPTIONS.items():
        if only and name not in only:
            continue
        encoding = Encoding.model_validate({**PROTOCOLS[protocol], **keys})
        layers = TOGETHER if name.startswith("layers") else (reported_layer(depth, None),)
        rules = (layers, encoding)
        made = [one for one, before in done if before == rules]  # yin2025 states the default
        found = made[0] if made else kept(folder, name, partial(scores, paths, layers, encoding))
        done.append((found, rules))
        default = default or found
        rows.append(
            {
                **row(name, found, default, encoding.learn_from != "listener"),
                "rules": described(protocol, encoding),
                "layer": "+".join(map(str, layers)),
                "seconds": float(found["seconds"]),
            }
        )
        print({key: rows[-1][key] for key in ("option", "R", "shifted", "noise", "gain")})
    return pd.DataFrame(rows)[list(COLUMNS)].round(5)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("results", type=Path, help="results of a study of Alice")
    parser.add_argument("model", help="its model")
    parser.add_argument("--only", nargs="*", default=(), help="options to score; default: all")
    parser.add_argument("--keep", type=Path, default=Path("build/prediction-options"))
    parser.add_argument("--output", type=Path, default=Path("docs/prediction-options.tsv"))
    arguments = parser.parse_args()
    table = options_table(arguments.results, arguments.model, arguments.keep, arguments.only)
    print(table.to_string(index=False))
    if not arguments.only:
        storage.write_table(arguments.output, table, TABLE, COLUMNS)
