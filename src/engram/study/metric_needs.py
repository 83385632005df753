"""What identification and similarity take: memory and seconds, from numbers of rows and targets."""

from __future__ import annotations

from engram.decoding.from_bold import IN_MEMORY
from engram.study.config.study import Study

#: Products of numbers that are added up in a second, in what is no regression.
_PRODUCTS = 1e9


def decoding(
    study: Study,
    people: int,
    rows: float,
    values: float,
    layers: int,
    units: float,
    seconds_of_value: float,
    decomposed: float,
) -> tuple[float, float]:
    """Return bytes and seconds of identification: all layers, and one layer on shifted BOLD.

    In the decoding direction embeddings of all layers are in memory, and for a fold their products
    over rows, or those of many shifts.

    Parameters
    ----------
    study : Study
    people : int
        Listeners of the group.
    rows, values : float
        Rows, and numbers of a listener's BOLD.
    layers, units : int
        Of the model.
    seconds_of_value : float
        Seconds that a regression takes for each number of BOLD.
    decomposed : float
        Seconds of the decompositions of a layer.
    """
    layers = layers if study.decoding.layers == "all" else 1
    shifts = study.decoding.shifts
    tried = layers + 1 + shifts
    seconds = (
        tried * people * values * seconds_of_value
        + (layers + 1) * decomposed
        + people * _folds(study) * rows**2 * tried / _PRODUCTS
    )
    products = 12 * (layers * rows**2 + min(shifts * rows**2, IN_MEMORY)) + 8 * IN_MEMORY
    return 24 * people * values + 4 * layers * rows * units + products, seconds


def similarity(
    study: Study,
    tr: float,
    people: int,
    rows: float,
    values: float,
    layers: int,
    units: float,
) -> tuple[float, float]:
    """Return bytes and seconds of similarity: products of features over rows, by layer.

    The parameters are those of `decoding`.
    """
    layers = layers if study.similarity.layers == "all" else 1
    delays = len(study.encoding.delays or range(int(study.encoding.longest_delay / tr)))
    features = units * delays * rows
    seconds = (
        (layers + 1) * _folds(study) * features * rows
        + people * values * rows * (layers + study.similarity.shifts)
    ) / _PRODUCTS
    products = _folds(study) * rows**2 * 4
    pairs = pair_bytes(study, tr, people, rows)
    return 24 * values + 20 * features + pairs + products + 8 * IN_MEMORY, seconds


def pair_bytes(study: Study, tr: float, people: int, rows: float) -> float:
    """Return the bytes of the dissimilarities of a story's pairs of segments, of all listeners."""
    return float((rows * tr / study.similarity.seconds) ** 2 * 8 * 12 * people)


def _folds(study: Study) -> int:
    """Return how many folds there are; RSA alone has whole stories, and uses none."""
    folds = study.encoding.folds
    return folds if isinstance(folds, int) else 1
