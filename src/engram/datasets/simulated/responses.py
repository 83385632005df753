"""Responses of simulated listeners: what a story evokes in every target, and noise."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from engram.associations.insertions import with_insertions
from engram.datasets.simulated.planted import PLANTED
from engram.datasets.time_courses import zscore

#: Words, heard or thought, over which a thought decays to 1/e.
_SPAN = 12.0
#: Principal components that drive a region: few, and so such as other models have too.
_COMPONENTS = 2
#: How much the weights of a target differ from those of its region, in the
#: latter's standard deviations.
_SCATTER = 0.5
#: Autocorrelation of the noise from one TR to the next.
_NOISE_AR = 0.4


def thought(
    words: Sequence[str], insertions: Mapping[int, str], embed: Callable[[str], np.ndarray]
) -> np.ndarray:
    """Return what associations leave in mind at each word of a story.

    It is the sum of the embeddings of the words thought so far, older ones decayed. The words that
    are heard are no part of it, but time passes with them.

    Parameters
    ----------
    words : sequence of str
    insertions : mapping
        Associations, by the index of the word that brings them up.
    embed : callable
        Gives a word's vector.

    Returns
    -------
    array of shape (n_words, n_units)
    """
    text = with_insertions(words, insertions)
    inserted = set(text.inserted.tolist())
    decay, mind = np.exp(-1 / _SPAN), np.zeros_like(embed(text.words[0]))
    course = np.empty((len(text.words), len(mind)))
    for index, word in enumerate(text.words):
        mind = decay * mind + (embed(word) if index in inserted else 0)
        course[index] = mind
    return course[text.place]


def components(stories: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return the first principal components of all stories' word vectors together, standardised.

    There is one array of shape (n_words, 2) for each story.
    """
    together = np.concatenate(stories)
    centre = together.mean(0)  # without the mean, so that the rate of words has no part in it
    _, _, axes = np.linalg.svd(together - centre, full_matrices=False)
    scale = ((together - centre) @ axes[:_COMPONENTS].T).std(0)
    return [(one - centre) @ axes[:_COMPONENTS].T / scale for one in stories]


def responses(
    onsets: np.ndarray,
    drives: Mapping[str, np.ndarray],
    n_trs: int,
    tr: float,
    regions: Sequence[tuple[str, str]],
    seed: int,
    story_seed: int,
) -> np.ndarray:
    """Return what the story evokes in every target of everybody, before noise.

    Parameters
    ----------
    onsets : array of shape (n_words, )
        Seconds from the beginning of the first row.
    drives : mapping
        language, tuning, association: arrays of shape (n_words, 2) (`components`).
    n_trs, tr : int, float
    regions : sequence of (hemisphere, roi)
        Of each target; `PLANTED` says what drives them.
    seed : int
        Of the wiring of regions and targets, which is the same for all stories.
    story_seed : int
        Of the part of the response that no model has.

    Returns
    -------
    array of shape (n_trs, n_targets)
        Standardised; 0 where the story evokes nothing.
    """
    from nilearn.glm.first_level import glover_hrf

    hrf = glover_hrf(tr, oversampling=1)
    row = np.clip(np.floor(onsets / tr).astype(int), 0, n_trs - 1)
    events = {kind: _by_row(values, row, n_trs) for kind, values in drives.items()}
    events["word rate"] = _by_row(np.ones((len(row), 1)), row, n_trs)
    signals = np.zeros((n_trs, len(regions)))
    for region in dict.fromkeys(regions):
        kind = PLANTED[region[1]]
        mine = [index for index, one in enumerate(regions) if one == region]
        name = " ".join(region).encode()
        wiring = np.random.default_rng([seed, *name])
        own = np.random.default_rng([seed, story_seed, *name])
        mine_alone = own.standard_normal((n_trs, _COMPONENTS))
        driving = mine_alone if kind == "stimulus" else events.get(kind, np.zeros((n_trs, 1)))
        course = np.apply_along_axis(lambda column: np.convolve(column, hrf)[:n_trs], 0, driving)
        n_units = course.shape[1]
        weights = wiring.standard_normal((n_units, 1)) + _SCATTER * wiring.standard_normal(
            (n_units, len(mine))
        )
        # The one course of the word rate has one sign.
        signals[:, mine] = course @ (weights if n_units > 1 else np.ones((1, len(mine))))
    return zscore(signals)


def _by_row(values: np.ndarray, row: np.ndarray, n_trs: int) -> np.ndarray:
    """Return the sum of the words' values in each row, of shape (n_trs, n_units)."""
    events = np.zeros((n_trs, values.shape[1]))
    np.add.at(events, row, values)
    return events


def noise(n_trs: int, n_targets: int, rng: np.random.Generator) -> np.ndarray:
    """Return autocorrelated noise of standard deviation 1, of shape (n_trs, n_targets)."""
    from scipy.signal import lfilter

    white = rng.standard_normal((n_trs + 50, n_targets))
    return zscore(lfilter([1.0], [1.0, -_NOISE_AR], white, axis=0)[50:])


def listen(response: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """Return one listener's BOLD: the response, with the given share of the variance, and noise."""
    bold: np.ndarray = np.sqrt(share) * response + np.sqrt(1 - share) * noise(
        response.shape[0], response.shape[1], rng
    )
    return bold
