"""The nested ridge regression of the encoding as an estimator of scikit-learn's kind."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from engram.encoding import ridge, weights
from engram.encoding.correlation import pearson, standardize
from engram.encoding.preparation import Preparation
from engram.errors import EngramError

BACKENDS = ("torch", "torch_cuda", "numpy")
#: The penalties that an encoding chooses from.
ALPHAS = tuple(10.0**power for power in range(-1, 9))


class NestedRidge(MultiOutputMixin, RegressorMixin, BaseEstimator):
    """Ridge regression with a penalty for each target, chosen in contiguous folds with a gap.

    It is the regression of the encoding (same folds, same solver), for features and targets of your
    own: rows are in the order of time, since neighbours are alike. Delays are yours to make.

    Parameters
    ----------
    alphas : sequence of float
        Penalties to choose from.
    folds : int
        Contiguous test blocks of `cross_validate`.
    inner_folds : int
        Contiguous validation blocks that choose the penalties.
    gap : int
        Rows on either side of a held-out block that no regression learns from: as many as features
        reach back (the longest delay).
    alpha_by : {"r", "mse"}
        Penalties are chosen by the highest mean Pearson r, or the lowest mean squared error.
    scaling : {"variance", "none"}
        Whether features get a variance of 1 by the training rows; they are centred either way.
    backend : {"torch", "torch_cuda", "numpy"}
        The library that computes (`engram.encoding.backends`).

    Attributes
    ----------
    coef_ : array of shape (n_features, ) or (n_targets, n_features)
        Weights of the features as given.
    intercept_ : float or array of shape (n_targets, )
    alpha_ : float or array of shape (n_targets, )
        The penalties that were chosen.
    n_features_in_ : int

    Examples
    --------
    >>> import numpy as np
    >>> import engram
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((200, 10))
    >>> Y = X @ rng.standard_normal((10, 3)) + rng.standard_normal((200, 3))
    >>> r = engram.NestedRidge(gap=2).cross_validate(X, Y)
    >>> r.shape
    (5, 3)
    >>> bool((r > 0.8).all())
    True
    """

    def __init__(
        self,
        alphas: Sequence[float] = ALPHAS,
        *,
        folds: int = 5,
        inner_folds: int = 5,
        gap: int = 0,
        alpha_by: str = "r",
        scaling: str = "variance",
        backend: str = "torch",
    ) -> None:
        self.alphas = alphas
        self.folds = folds
        self.inner_folds = inner_folds
        self.gap = gap
        self.alpha_by = alpha_by
        self.scaling = scaling
        self.backend = backend

    def fit(self, X: Any, y: Any, stories: Any = None) -> NestedRidge:  # noqa: N803
        """Choose penalties in inner folds, and fit all rows.

        Parameters
        ----------
        X : array of shape (n_rows, n_features)
        y : array of shape (n_rows, ) or (n_rows, n_targets)
        stories : array of shape (n_rows, ), optional
            Which story, or run, each row is of; rows of a story stand together. None: one.

        Returns
        -------
        NestedRidge
            Itself.

        Raises
        ------
        EngramError
            If there are too few rows for the folds and their gaps.
        """
        features, targets, story, position = self._data(X, y, stories)
        wide = targets.reshape(len(targets), -1)
        scale = _deviations(wide)
        fitted = weights.fit(features, wide / scale, story, position, **self._inner())
        coefficients, intercept = fitted.coefficients * scale, fitted.intercept * scale
        flat = targets.ndim == 1
        alphas = np.asarray(self.alphas, dtype=float)[fitted.alpha]
        self.coef_: np.ndarray = coefficients[:, 0] if flat else coefficients.T
        self.intercept_: Any = float(intercept[0]) if flat else intercept
        self.alpha_: Any = float(alphas[0]) if flat else alphas
        return self

    def predict(self, X: Any) -> np.ndarray:  # noqa: N803
        """Return predictions.

        Parameters
        ----------
        X : array of shape (n_rows, n_features)

        Returns
        -------
        array of shape (n_rows, ) or (n_rows, n_targets)
        """
        check_is_fitted(self)
        features = validate_data(self, X, reset=False, dtype=np.float64)
        predicted: np.ndarray = features @ self.coef_.T + self.intercept_
        return predicted

    def score(self, X: Any, y: Any, sample_weight: None = None) -> float:  # noqa: N803
        """Return Pearson r of predicted and given targets, mean over targets.

        Parameters
        ----------
        X : array of shape (n_rows, n_features)
            Rows that were not fitted.
        y : array of shape (n_rows, ) or (n_rows, n_targets)
        sample_weight : None
            Rows count alike; it is there since scikit-learn hands it on.

        Returns
        -------
        float
            A constant prediction scores 0.
        """
        if sample_weight is not None:
            raise EngramError("NestedRidge.score takes no sample_weight: rows count alike.")
        predicted = self.predict(X)
        given = np.asarray(y, dtype=float)
        if given.reshape(len(given), -1).shape != predicted.reshape(len(predicted), -1).shape:
            raise EngramError(
                f"y has the shape {given.shape}, and predictions {predicted.shape}: a row for each "
                "row of X and a column for each target are needed."
            )
        given = given.reshape(len(given), -1)
        # A mean that is large beside the deviations would make them look constant.
        deviations = (predicted - self.intercept_).reshape(len(predicted), -1)
        deviations -= deviations.mean(0)
        return float(np.mean(pearson(standardize(given), deviations)))

    def cross_validate(self, X: Any, y: Any, stories: Any = None) -> np.ndarray:  # noqa: N803
        """Return scores of rows that were held out, with penalties chosen anew in each fold.

        It is the encoding's brain score; nothing that was fitted before is used.

        Parameters
        ----------
        X : array of shape (n_rows, n_features)
        y : array of shape (n_rows, ) or (n_rows, n_targets)
        stories : array of shape (n_rows, ), optional
            As in `fit`; each is cut into `folds` blocks.

        Returns
        -------
        array of shape (n_folds, n_targets), or (n_stories, n_folds, n_targets) with `stories`
            Pearson r. Its mean over folds (then stories) is the score that tables have.

        Raises
        ------
        EngramError
            As `fit` does.
        """
        features, targets, story, position = self._data(X, y, stories)
        options = self._inner()
        scaling = options.pop("scaling")
        wide = targets.reshape(len(targets), -1)
        found = ridge.encode(
            (features - features.mean(0)).astype(np.float32),
            (wide - wide.mean(0)) / _deviations(wide),
            story,
            position,
            folds=self.folds,
            preparation=Preparation(scaling=scaling),
            **options,
        )
        return found.r[0] if stories is None else found.r

    def _inner(self) -> dict[str, Any]:
        """Return how penalties are chosen."""
        self._check_options()
        names = ("inner_folds", "gap", "alphas", "alpha_by", "scaling", "backend")
        return {name: getattr(self, name) for name in names}

    def _check_options(self) -> None:
        """Refuse options that cannot be; scikit-learn's rule is not to look at them before."""
        if self.alpha_by not in ("r", "mse") or self.scaling not in ("variance", "none"):
            raise EngramError(
                f"alpha_by is '{self.alpha_by}' (r or mse), scaling is '{self.scaling}' (variance "
                "or none)."
            )
        if self.backend not in BACKENDS:
            raise EngramError(f"backend is '{self.backend}'; there are {', '.join(BACKENDS)}.")
        for name, least in (("folds", 2), ("inner_folds", 2), ("gap", 0)):
            value = getattr(self, name)
            if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
                raise EngramError(f"{name} is {value!r}; a whole number from {least} is needed.")
        try:
            alphas = np.asarray(self.alphas, dtype=float)
        except (TypeError, ValueError):
            alphas = np.empty(0)
        if alphas.ndim != 1 or not len(alphas) or not (np.isfinite(alphas) & (alphas > 0)).all():
            raise EngramError(
                f"alphas is {self.alphas!r}; penalties above 0 are needed, such as [0.1, 10, 1000]."
            )

    def _data(
        self,
        X: Any,  # noqa: N803
        y: Any,
        stories: Any,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return features, targets, and of each row its story and its place there."""
        features, targets = validate_data(
            self, X, y, multi_output=True, y_numeric=True, dtype=np.float64, ensure_min_samples=2
        )
        if stories is None:
            story = np.zeros(len(features), dtype=int)
        else:
            names = np.asarray(stories)
            if pd.isna(names).any():
                raise EngramError("stories has missing values; each row is of a story.")
            if names.shape != (len(features),):
                raise EngramError(
                    f"stories has the shape {names.shape}; each of the {len(features)} rows has a "
                    "story."
                )
            changes = np.flatnonzero(names[1:] != names[:-1]) + 1
            story = np.searchsorted(changes, np.arange(len(names)), side="right")
            if len(changes) + 1 != len(np.unique(names)):
                raise EngramError("the rows of a story stand together, in the order of time.")
        begins = np.searchsorted(story, story, side="left")
        return features, targets, story, np.arange(len(features)) - begins


def _deviations(targets: np.ndarray) -> np.ndarray:
    """Return the standard deviations of targets, 1 where there is none.

    Targets are brought to one scale before, since squares of very large or very small ones leave
    the range of single precision. Neither penalties nor r depend on it.
    """
    # By the largest first, whose square may be beyond double precision as well.
    largest = np.abs(targets).max(0)
    largest = np.where(largest > 0, largest, 1)
    found: np.ndarray = (targets / largest).std(0) * largest
    return np.where(found > 0, found, 1)
