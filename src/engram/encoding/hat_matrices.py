"""What turns training targets into predictions, for every ridge penalty, from one decomposition.

The smaller of two forms is decomposed: the kernel of the training rows, or their features. Either
way, predictions under a penalty are ``(left * weights) @ right @ targets``: penalties have weights
of their own, and nothing else. The product of the first two is taken first where there are many
targets, that of the last two where there are few, or few features: whatever is less to compute.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from engram.encoding.backends import Arrays


@dataclass(frozen=True)
class Decomposition:
    """Training rows, decomposed, and what is predicted, seen from their axes.

    Attributes
    ----------
    left : array or Tensor of shape (n_predicted, n_axes)
    right : array or Tensor of shape (n_axes, n_train)
    squares : array or Tensor of shape (n_axes, )
        Squared singular values of the training features.
    gains : array or Tensor of shape (n_axes, )
        By which ``1 / (squares + penalty)`` is multiplied.
    """

    left: Any
    right: Any
    squares: Any
    gains: Any

    def centred(self) -> Decomposition:
        """Return what takes the training targets' mean off by itself."""
        return replace(self, right=self.right - self.right.mean(-1)[:, None])

    def matrices(self, alphas: Sequence[float]) -> Iterator[Any]:
        """Yield the matrix of each penalty: (n_predicted, n_train), in float64."""
        for left in self.lefts(alphas):
            yield left @ self.right

    def lefts(self, alphas: Sequence[float]) -> Iterator[Any]:
        """Yield what `right` is multiplied with under each penalty: (n_predicted, n_axes)."""
        for alpha in alphas:
            yield self.left * (self.gains / (self.squares + alpha))


@dataclass(frozen=True)
class Hat:
    """What turns BOLD of training rows into predictions of held-out rows, in float32.

    Predictions are deviations from the training targets' mean, which is taken off here.

    Attributes
    ----------
    left : array or Tensor of shape (n_alphas, n_held_out, n_train) or (..., n_axes)
    right : array or Tensor of shape (n_axes, n_train), or None
        What targets are multiplied with first. None: it is in `left`.
    """

    left: Any
    right: Any

    def at_chosen(self, penalties: np.ndarray, targets: Any, xp: Arrays) -> Any:
        """Return predictions (n_held_out, n_targets) of each target under its own penalty.

        Targets are put in the order of their penalties: each penalty takes one product.
        """
        order = np.argsort(penalties, kind="stable")
        seen = xp.take(self._seen(targets), order, axis=1)
        some, begins = np.unique(penalties[order], return_index=True)
        ends = [*begins[1:], len(order)]
        predictions = xp.zeros((self.left.shape[1], len(order)), dtype=xp.float32)
        for penalty, begin, end in zip(some, begins, ends, strict=True):
            predictions[:, begin:end] = self.left[int(penalty)] @ seen[:, begin:end]
        return xp.take(predictions, np.argsort(order), axis=1)

    def at_each(self, targets: Any) -> Any:
        """Return predictions (n_alphas, n_held_out, n_targets) under every penalty."""
        return self.left @ self._seen(targets)

    def _seen(self, targets: Any) -> Any:
        return targets if self.right is None else self.right @ targets


def hat(
    parts: Decomposition, alphas: Sequence[float], n_targets: int, each: bool, xp: Arrays
) -> Hat:
    """Return what predicts so many targets at the least cost.

    Parameters
    ----------
    parts : Decomposition
    alphas : sequence of float
    n_targets : int
    each : bool
        Whether each target is predicted under all penalties, or under one.
    xp : engram.encoding.backends.Arrays
    """
    parts = parts.centred()
    (n_held_out, n_axes), n_train = parts.left.shape, parts.right.shape[1]
    rows = n_held_out * (len(alphas) if each else 1)
    at_first = n_targets * n_axes * (n_train + rows)
    at_last = len(alphas) * n_held_out * n_axes * n_train + n_targets * n_train * rows
    if at_first < at_last:
        made, right = parts.lefts(alphas), xp.asarray(parts.right, dtype=xp.float32)
    else:
        made, right = parts.matrices(alphas), None
    # One penalty at a time: long stories and wide models make them large.
    return Hat(xp.stack([xp.asarray(one, dtype=xp.float32) for one in made]), right)


def decomposed(rows: Any, n_train: int, xp: Arrays, units: bool = False) -> Decomposition:
    """Decompose the training rows of a fold, for predictions of the rows behind them.

    Parameters
    ----------
    rows : array or Tensor of shape (n_train + n_test, n_features)
        Prepared features in float64, training rows first.
    n_train : int
    xp : engram.encoding.backends.Arrays
    units : bool
        What is predicted are the unit vectors of the features instead of rows: the matrices are
        then what turns targets into weights.

    Returns
    -------
    Decomposition
    """
    train, test = rows[:n_train], rows[n_train:]
    if rows.shape[1] > n_train:
        kernel = kernel_of([rows], len(rows), n_train, xp)
        return kernel_decomposed(kernel, xp, train.T if units else None)
    vectors, values, features = xp.svd(train)
    left = features.T if units else test @ features.T
    return Decomposition(left, vectors.T, values**2, values)


def kernel_decomposed(kernel: Any, xp: Arrays, predicted: Any = None) -> Decomposition:
    """Decompose a fold by its kernel.

    Parameters
    ----------
    kernel : array or Tensor of shape (n_train + n_test, n_train)
        As `kernel_of` returns it.
    xp : engram.encoding.backends.Arrays
    predicted : array or Tensor of shape (n_predicted, n_train), optional
        What is predicted, seen from the training rows; default: the rows behind them.
    """
    n_train = kernel.shape[1]
    values, vectors = xp.eigh(kernel[:n_train])
    values = values * (values > 0)  # what is below 0 is rounding
    left = (kernel[n_train:] if predicted is None else predicted) @ vectors
    return Decomposition(left, vectors.T, values, values * 0 + 1)


def kernel_of(blocks: Iterable[Any], n_rows: int, n_train: int, xp: Arrays) -> Any:
    """Return products of all rows with training rows.

    Parameters
    ----------
    blocks : iterable of arrays or Tensors of shape (n_rows, some)
        Prepared features in float64, training rows first: some columns in each.
    n_rows, n_train : int
    xp : engram.encoding.backends.Arrays

    Returns
    -------
    array or Tensor of shape (n_rows, n_train)
    """
    kernel = xp.zeros((n_rows, n_rows), dtype=xp.float64)
    for rows in blocks:
        xp.add_square(kernel, rows)
    return kernel[:, :n_train]
