"""Noise ceilings of RSA: how alike the dissimilarities of a story's listeners are.

Lower: each listener with the mean of the others; upper: with the mean of all, the listener included
(Nili et al. 2014). A perfect model of what listeners share lies between them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from engram.decoding.comparison import ceiling_dataset
from engram.decoding.segments import segment_rows
from engram.decoding.target_sets import target_sets
from engram.encoding import timing
from engram.encoding.story_data import load_story, with_regions_as_targets
from engram.similarity.scoring import brain_dissimilarities, story_pairs, word_counts
from engram.vocabulary import AVERAGE, FEWEST_LISTENERS


def rsa_ceiling(
    bold: str,
    words: str,
    targets: str,
    *,
    seconds: float,
    sets: Sequence[str],
    longest_delay: float,
    delays: Sequence[int] | None,
    words_to_trs: str,
) -> xr.Dataset:
    """Return the noise ceilings of a story's single listeners.

    Parameters
    ----------
    bold, words : path
    targets, seconds, sets
        As `engram.similarity.scoring.score_similarity` takes them.
    longest_delay, delays, words_to_trs
        Of the section `encoding`.

    Returns
    -------
    xarray.Dataset
        ``ceiling_lower`` and ``ceiling_upper`` (story, subject, set); NaN with fewer than four
        listeners.
    """
    story = load_story(bold, words)
    if targets == "roi":
        story = with_regions_as_targets(story)
    fir = timing.fir_delays(story.tr, longest_delay, delays)
    found = target_sets(story.target_coordinates, sets)
    pairs = story_pairs(story, seconds, timing.fold_gap(fir, words_to_trs))
    people = [one for one in story.bold["subject"].values.tolist() if one != AVERAGE]
    length, counts = segment_rows(seconds, story.tr), word_counts(story)
    each = np.stack(
        [brain_dissimilarities(story, one, found, length, fir, pairs, counts) for one in people]
    )
    lower, upper = ceilings(each)
    if len(people) < FEWEST_LISTENERS:
        lower, upper = (np.full_like(one, np.nan) for one in (lower, upper))
    return ceiling_dataset(
        {"ceiling_lower": lower[None], "ceiling_upper": upper[None]},
        [story.name],
        people,
        list(found),
        "Pearson r",
        {"story": story.name},
    )


def ceilings(each: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how each listener correlates with the others' mean and with everybody's.

    Parameters
    ----------
    each : array of shape (n_subjects, n_sets, n_pairs)
        As `engram.similarity.dissimilarity.comparable` returns them: with a length of 1.

    Returns
    -------
    lower, upper : arrays of shape (n_subjects, n_sets)
    """
    whole = each.sum(0)
    upper = (each * whole).sum(-1) / np.sqrt((whole**2).sum(-1))
    others = whole - each
    length = np.sqrt((others**2).sum(-1))
    lower = (each * others).sum(-1) / np.where(length > 0, length, 1)
    return lower, upper
