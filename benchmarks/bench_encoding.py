"""Encoding against what people use today: scikit-learn and himalaya as they come.

Both take a listener at a time; beside them, the bare matrix products.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import full_size
import numpy as np
from paired import interleaved, say, synchronized

from engram.encoding import ridge
from engram.encoding.correlation import pearson, standardize
from engram.encoding.folds import blocked_folds

ALPHAS = [10.0**power for power in range(-1, 9)]


@dataclass(frozen=True)
class Shape:
    """Of a group's data; the method's defaults otherwise."""

    listeners: int = 20
    targets: int = 5000
    rows: int = 300
    units: int = 768
    delays: int = 6
    folds: int = 5
    inner_folds: int = 5

    @property
    def features(self) -> int:
        """Units times delays."""
        return self.units * self.delays

    @property
    def outer(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """The outer folds of a story."""
        rows = np.arange(self.rows)
        return blocked_folds(0 * rows, rows, self.folds, self.delays)

    def inner(self, train: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return the inner folds of an outer fold's training rows."""
        return blocked_folds(0 * train, train, self.inner_folds, self.delays)


class Data:
    """Made data: features of falling strength that explain a part of slow BOLD.

    They lie in many directions, as those of language models do.
    """

    def __init__(self, shape: Shape, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        latent = rng.standard_normal((shape.rows, 64)) * np.arange(1, 65) ** -0.5
        self.shape = shape
        self.features = (
            latent @ rng.standard_normal((64, shape.features))
            + 0.3 * rng.standard_normal((shape.rows, shape.features))
        ).astype(np.float32)
        self.targets = np.empty((shape.rows, shape.listeners * shape.targets), dtype=np.float32)
        for listener in range(shape.listeners):
            noise = rng.standard_normal((shape.rows, shape.targets), dtype=np.float32)
            noise[1:] += 0.6 * noise[:-1]
            signal = (latent[:, :16] @ rng.standard_normal((16, shape.targets))).astype(np.float32)
            self.targets[:, self.of(listener)] = 0.3 * signal / signal.std() + noise / noise.std()
        self.story, self.position = np.zeros(shape.rows, int), np.arange(shape.rows)

    def of(self, listener: int) -> slice:
        """Return which columns are a listener's."""
        return slice(listener * self.shape.targets, (listener + 1) * self.shape.targets)


def ours(data: Data, backend: str, columns: slice | None = None) -> np.ndarray:
    """Return r (n_folds, n_targets) as Engram computes it: all listeners together."""
    options: dict[str, Any] = {
        "folds": data.shape.folds,
        "inner_folds": data.shape.inner_folds,
        "gap": data.shape.delays,
        "alphas": ALPHAS,
    }
    targets = data.targets if columns is None else data.targets[:, columns]
    return ridge.encode(
        data.features, targets, data.story, data.position, backend=backend, **options
    ).r[0]


def sklearn_ridgecv(data: Data, listeners: int) -> np.ndarray:
    """Return r by the lineage's protocol: RidgeCV (leave-one-out) for each listener and fold."""
    from sklearn.linear_model import RidgeCV
    from sklearn.preprocessing import StandardScaler

    r = np.zeros((data.shape.folds, listeners * data.shape.targets))
    for listener in range(listeners):
        targets = data.targets[:, data.of(listener)]
        for fold, (train, test) in enumerate(data.shape.outer):
            scaler = StandardScaler().fit(data.features[train])
            model = RidgeCV(alphas=ALPHAS, alpha_per_target=True).fit(
                scaler.transform(data.features[train]), targets[train]
            )
            r[fold, data.of(listener)] = pearson(
                standardize(targets[test]),
                model.predict(scaler.transform(data.features[test])) - model.intercept_,
            )
    return r


def sklearn_loop(data: Data, columns: slice) -> np.ndarray:
    """Return r by scikit-learn's Ridge with our folds, scaling and criterion, in float64.

    It is for agreement, not for time.
    """
    from sklearn.linear_model import Ridge
    from sklearn.preprocessing import StandardScaler

    features, targets = (
        data.features.astype(np.float64),
        data.targets[:, columns].astype(np.float64),
    )

    def predicted(train: np.ndarray, test: np.ndarray, alpha: float) -> np.ndarray:
        scaler = StandardScaler().fit(features[train])
        model = Ridge(alpha=alpha).fit(scaler.transform(features[train]), targets[train])
        # Without the mean, beside which the predictions of a large penalty would look constant.
        return model.predict(scaler.transform(features[test])) - model.intercept_

    r = np.zeros((data.shape.folds, targets.shape[1]))
    for fold, (train, test) in enumerate(data.shape.outer):
        found = [
            np.mean(
                [
                    pearson(
                        standardize(targets[train[held_out]]),
                        predicted(train[fit], train[held_out], alpha),
                    )
                    for fit, held_out in data.shape.inner(train)
                ],
                axis=0,
            )
            for alpha in ALPHAS
        ]
        best = np.argmax(found, axis=0)
        for index in np.unique(best):
            mine = best == index
            r[fold, mine] = pearson(
                standardize(targets[test]), predicted(train, test, ALPHAS[index])
            )[mine]
    return r


def himalaya_as_it_comes(data: Data, backend: str, listeners: int) -> np.ndarray:
    """Return r by himalaya's KernelRidgeCV with its defaults, for each listener and fold.

    Penalties are chosen by R2, and features are scaled once for each outer fold.
    """
    from himalaya.backend import set_backend
    from himalaya.kernel_ridge import KernelRidgeCV

    xp = set_backend(backend)
    r = np.zeros((data.shape.folds, listeners * data.shape.targets))
    for listener in range(listeners):
        targets = data.targets[:, data.of(listener)]
        for fold, (train, test) in enumerate(data.shape.outer):
            mean, scale = data.features[train].mean(0), data.features[train].std(0)
            train_x, test_x = (
                (xp.asarray((data.features[rows] - mean) / scale)) for rows in (train, test)
            )
            model = KernelRidgeCV(alphas=ALPHAS, kernel="linear", cv=data.shape.inner(train)).fit(
                train_x, xp.asarray(targets[train] - targets[train].mean(0))
            )
            r[fold, data.of(listener)] = pearson(
                standardize(targets[test]), xp.to_numpy(model.predict(test_x))
            )
    return r


def bare_products(data: Data, backend: str) -> Callable[[], None]:
    """Return the bound: the products of matrices with targets that any such scheme needs.

    They are taken all in one, in a batch size that suits the machine.
    """
    import torch

    device = "cuda" if backend == "torch_cuda" else "cpu"
    targets = torch.from_numpy(data.targets).to(device)
    shapes = []
    for train, test in data.shape.outer:
        shapes += [
            (len(ALPHAS) * len(held_out), len(fit)) for fit, held_out in data.shape.inner(train)
        ] + [(len(test), len(train))]
    matrices = [torch.randn(shape, device=device) for shape in shapes]
    n_targets, size = data.targets.shape[1], 4096 if device == "cpu" else data.targets.shape[1]

    def run() -> None:
        for matrix in matrices:
            for begin in range(0, n_targets, size):
                matrix @ targets[: matrix.shape[1], begin : begin + size]

    return run


def operations(shape: Shape) -> dict[str, float]:
    """Return how many additions and multiplications an encoding takes, in units of 1e9.

    Returns
    -------
    dict
        ``products`` with targets, which any such scheme needs; ``scores``: r of every prediction
        (two for each of the products with the target and with itself, one for the sum), with
        targets scaled for it; and what does not grow with targets: ``kernels``,
        ``decompositions`` (9 n^3 for n rows: Golub and Van Loan, Matrix Computations, 8.3) and
        ``matrices``, which turn targets into predictions under each penalty, or few targets into
        what all penalties share.
    """
    found = dict.fromkeys(("products", "scores", "kernels", "decompositions", "matrices"), 0.0)
    n_targets, n_features = shape.listeners * shape.targets, shape.features
    for train, test in shape.outer:
        sizes = [(len(fit), len(held_out), len(ALPHAS)) for fit, held_out in shape.inner(train)]
        for n, held_out, penalties in [*sizes, (len(train), len(test), 1)]:
            found["products"] += 2 * n * held_out * penalties * n_targets
            found["scores"] += (5 * penalties + 6) * held_out * n_targets
            found["kernels"] += 2 * n_features * n * ((n + 1) / 2 + held_out)
            found["decompositions"] += 9 * n**3
            # Whatever is less (`engram.encoding.hat_matrices.hat`).
            made = min(len(ALPHAS) * held_out, n_targets)
            found["matrices"] += 2 * n**2 * (held_out + made)
    return {name: count / 1e9 for name, count in found.items()}


def compare(
    shape: Shape, repeats: int, device: str, listeners_of: dict[str, int]
) -> dict[str, Any]:
    """Time all contenders on the same data, and hold their scores against each other.

    Parameters
    ----------
    shape : Shape
    repeats : int
    device : {"cpu", "cuda"}
    listeners_of : dict
        How many listeners the slow contenders do (``sklearn``, ``himalaya``); listeners are alike,
        and times are scaled to all of them.
    """
    say(f"encoding: {shape}")
    data = Data(shape)
    backend = "torch_cuda" if device == "cuda" else "torch"
    found: dict[str, np.ndarray] = {}
    n_sklearn, n_himalaya = (
        min(listeners_of[name], shape.listeners) for name in ("sklearn", "himalaya")
    )

    def keep(name: str, run: Callable[[], np.ndarray]) -> Callable[[], None]:
        def kept() -> None:
            found[name] = run()

        return synchronized(kept, device)

    contenders: dict[str, Callable[[], Any]] = {
        f"Engram ({backend})": keep("engram", lambda: ours(data, backend)),
        f"himalaya KernelRidgeCV, each listener ({backend})": keep(
            "himalaya", lambda: himalaya_as_it_comes(data, backend, n_himalaya)
        ),
        "himalaya KernelRidgeCV, each listener (numpy)": keep(
            "himalaya", lambda: himalaya_as_it_comes(data, "numpy", n_himalaya)
        ),
        "scikit-learn RidgeCV, each listener": keep(
            "sklearn", lambda: sklearn_ridgecv(data, n_sklearn)
        ),
        f"bare matrix products ({backend})": synchronized(bare_products(data, backend), device),
    }
    scale = {
        name: (
            shape.listeners
            / (
                n_sklearn
                if "scikit" in name
                else n_himalaya
                if "himalaya" in name
                else shape.listeners
            )
        )
        for name in contenders
    }
    times = interleaved(contenders, repeats, scale)
    some = slice(0, min(100, shape.targets))
    reference = sklearn_loop(data, some)
    return {
        "shape": vars(shape),
        "times": times,
        "agreement": {
            "targets": some.stop,
            "largest difference in r from scikit-learn with the same folds and criterion": float(
                np.abs(found["engram"][:, some] - reference).max()
            ),
            "mean r, Engram": float(found["engram"].mean()),
            "mean r, himalaya as it comes": float(found["himalaya"].mean()),
            "mean r, scikit-learn RidgeCV": float(found["sklearn"].mean()),
        },
    }


def scaling(base: Shape, device: str, repeats: int) -> list[dict[str, Any]]:
    """Time Engram along one dimension after the other.

    The form switches where features are no more than training rows.
    """
    backend = "torch_cuda" if device == "cuda" else "torch"
    axes: dict[str, list[int]] = {
        "listeners": [1, base.listeners, 4 * base.listeners],
        "targets": [base.targets // 10, base.targets // 3, base.targets],
        "units": [8, base.units // 8, base.units, 4 * base.units],
        "rows": [base.rows // 2, base.rows, 4 * base.rows],
    }
    rows = []
    for name, values in axes.items():
        for value in values:
            shape = replace(base, **{name: value})
            data = Data(shape)
            contenders: dict[str, Callable[[], Any]] = {
                "ours": partial(ours, data, backend),
                "bare": bare_products(data, backend),
            }
            rows.append(
                {"varied": name, "value": value, "form": _form(data)}
                | _times(contenders, repeats, device)
            )
    return rows + layers(base, device, repeats)


def layers(base: Shape, device: str, repeats: int) -> list[dict[str, Any]]:
    """Time a job of several layers, from its files to its result.

    BOLD is read and prepared once.
    """
    rows = []
    for value in (1, 4):
        with tempfile.TemporaryDirectory() as temporary:
            made = argparse.Namespace(
                listeners=base.listeners,
                vertices=base.targets,
                trs=base.rows,
                layers=value,
                units=base.units,
            )
            full_size.make(Path(temporary), made)
            # The method's defaults, as the job has.
            data = Data(replace(base, folds=5, inner_folds=5))
            once = bare_products(data, "torch_cuda" if device == "cuda" else "torch")
            contenders: dict[str, Callable[[], Any]] = {
                "ours": partial(full_size.score, Path(temporary), base.listeners),
                "bare": partial(_repeated, once, value),
            }
            rows.append(
                {"varied": "layers", "value": value, "form": _form(data)}
                | _times(contenders, repeats, device)
            )
    return rows


def _form(data: Data) -> str:
    return (
        "kernel"
        if data.shape.features > len(data.shape.inner(data.shape.outer[0][0])[0][0])
        else "primal"
    )


def _repeated(run: Callable[[], Any], times: int) -> None:
    for _ in range(times):
        run()


def _times(contenders: dict[str, Callable[[], Any]], repeats: int, device: str) -> dict[str, Any]:
    times = interleaved(
        {one: synchronized(run, device) for one, run in contenders.items()}, repeats
    )
    return {"seconds": times["ours"]["seconds"], "of bare": times["bare"]["ratio"]}
