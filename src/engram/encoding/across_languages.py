"""An encoder that is fitted on listeners of one language, tested on those of another.

Both groups heard the same story, section by section, each in its own language; durations and clocks
differ, and what a section is about does not. Features are of each text in its own language, from a
space that both share, such as a layer of a multilingual model. For each section the encoder learns
from the other sections of one language, by their average listener, with penalties chosen across
them, and predicts the BOLD of that section in the other language from the text in that language.
So neither the listeners nor what was heard in a tested section taught the encoder.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xarray as xr

from engram.bold.regions import region_coordinates
from engram.encoding import circular_shift, predictions, scores
from engram.encoding.correlation import pearson, standardize
from engram.encoding.group import Group, open_group
from engram.encoding.story_data import StoryData
from engram.errors import EngramError
from engram.features.layers import reported_layer
from engram.jobs.progress import progress
from engram.vocabulary import AVERAGE

#: Fewest sections: one is tested, and penalties are chosen across two.
FEWEST_SECTIONS = 3
#: How BOLD is predicted here whatever a study says: weights are learned from an average listener.
_OWN = {"learn_from": "listener", "penalty": "target"}
#: What tells sections of the language that teaches from those that are tested.
_TAUGHT = "-taught"


@dataclass(frozen=True)
class Side:
    """One language: its sections in order, with listeners and word vectors of one layer.

    Attributes
    ----------
    stories : list of StoryData
    subjects : list of str
        Single listeners, who heard all sections.
    vectors : list of arrays of shape (n_words, n_units)
    layer : int
    how : str or None
        As `engram.encoding.group.Group.how_for` returns it.
    """

    stories: list[StoryData]
    subjects: list[str]
    vectors: list[np.ndarray]
    layer: int
    how: str | None

    @classmethod
    def of_files(
        cls,
        activations: Sequence[str],
        bold: Sequence[str],
        words: Sequence[str],
        subjects: Sequence[str],
        targets: str,
        layer: int | None,
        **options: Any,
    ) -> Side:
        """Open the files of a language; parameters are those of `open_group`."""
        single = [one for one in subjects if one != AVERAGE]
        read, group = open_group(activations, bold, words, single, targets, **{**options, **_OWN})
        reported = reported_layer(read[0].sizes["layer"] - 1, layer)
        vectors = [one["activation"][reported].values for one in read]
        return cls(list(group.stories), single, vectors, reported, group.how_for(read[0]))

    @property
    def names(self) -> list[str]:
        """Names of the sections."""
        return [one.name for one in self.stories]

    def mean(self, place: int) -> xr.DataArray:
        """Return the mean BOLD of a section's listeners, as that of the average listener."""
        bold = self.stories[place].bold.sel(subject=self.subjects)
        return bold.mean("subject").expand_dims(subject=[AVERAGE])


def check(taught: Side, tested: Side) -> None:
    """Raise `EngramError` where nothing can be transferred from one to the other."""
    if both := sorted(set(taught.subjects) & set(tested.subjects)):
        raise EngramError(
            f"listeners of both studies: {', '.join(both[:3])}. An encoder is tested on people who "
            "did not teach it: name studies of different listeners."
        )
    if taught.names != tested.names:
        raise EngramError(
            f"the sections differ: {', '.join(taught.names)} and {', '.join(tested.names)}. Both "
            "studies need the same ones (dataset: stories), which correspond by name."
        )
    if len(taught.names) < FEWEST_SECTIONS:
        raise EngramError(
            f"there are {len(taught.names)} sections; {FEWEST_SECTIONS} are needed: one is tested, "
            "and penalties are chosen across two."
        )
    units = taught.vectors[0].shape[1], tested.vectors[0].shape[1]
    if units[0] != units[1] or taught.layer != tested.layer:
        raise EngramError(
            f"the feature space has {units[0]} units at layer {taught.layer} in one study, and "
            f"{units[1]} at layer {tested.layer} in the other. Both need the same space, such as a "
            "layer of a multilingual model."
        )
    if taught.stories[0].tr != tested.stories[0].tr:
        raise EngramError(
            f"TRs are {taught.stories[0].tr:g} and {tested.stories[0].tr:g} s: an encoder with "
            "delays in rows does not transfer between them."
        )


def transferred(taught: Side, tested: Side, number: int, seed: int, **options: Any) -> xr.Dataset:
    """Test an encoder that is fitted on one language on the other's listeners.

    Parameters
    ----------
    taught, tested : Side
        With the same targets.
    number, seed : int
        Of circular shifts.
    **options
        The section `encoding`; folds are by story.

    Returns
    -------
    xarray.Dataset
        ``r`` (story, subject, region), Pearson; ``r_within``, the same by an encoder that is
        fitted on the other listeners of the tested language; ``r_shifted`` (shift, region), mean
        over sections and listeners, of BOLD that was shifted in time: it taught nothing, so
        nothing is fitted anew.
    """
    check(taught, tested)
    own = Group(tested.stories, tested.subjects, **{**options, **_OWN})
    regions, single = scores.regions_of_targets(own), tested.subjects
    shifts = circular_shift.group_shifts(own, number, seed)
    r, null = [], []
    for place in progress(range(len(tested.stories)), "sections", "section"):
        guess = _predicted(taught, tested, place, options)
        bold = tested.stories[place].bold.sel(subject=single).values
        r.append([pearson(standardize(one), guess) for one in bold])
        null.append([_mean_r(bold, guess, shift) for shift in shifts[:, place]])
    everywhere = np.array(r)
    return xr.Dataset(
        {
            "r": scores.pearson_r(
                ("story", "subject", "region"), scores.region_means(everywhere, regions)
            ),
            "r_within": scores.pearson_r(
                ("story", "subject", "region"),
                scores.region_means(_within(tested, options), regions),
            ),
            "r_shifted": scores.pearson_r(
                ("shift", "region"),
                scores.region_means(
                    np.array(null).reshape(len(r), -1, everywhere.shape[-1]).mean(0), regions
                ),
            ),
        },
        coords={
            "story": tested.names,
            "subject": single,
            "allowed": (
                "story",
                [len(circular_shift.allowed_shifts(len(s.times), s.tr)) for s in tested.stories],
            ),
            **region_coordinates(regions),
        },
        attrs={**scores.attributes(own), "reported_layer": tested.layer},
    )


def _mean_r(bold: np.ndarray, guess: np.ndarray, shift: int) -> np.ndarray:
    """Return r of BOLD that is shifted by some rows, mean over listeners: (n_targets, )."""
    moved = np.roll(bold, shift, axis=1)
    return np.mean([pearson(standardize(one), guess) for one in moved], axis=0)


def _by_story(name: str) -> dict[str, Any]:
    return {"by": "story", "n": None, "test": [name]}


def _predicted(taught: Side, tested: Side, place: int, options: Mapping[str, Any]) -> np.ndarray:
    """Return the predicted BOLD of a section by what others taught: (n_rows, n_targets)."""
    others = [number for number in range(len(taught.stories)) if number != place]
    stories = [
        replace(one, name=one.name + _TAUGHT, bold=taught.mean(number))
        for number in others
        for one in [taught.stories[number]]
    ]
    stories.append(replace(tested.stories[place], bold=tested.mean(place)))
    folds = _by_story(tested.stories[place].name)
    group = Group(stories, [AVERAGE], **{**options, **_OWN, "folds": folds})
    vectors = [*(taught.vectors[number] for number in others), tested.vectors[place]]
    features = group.features(vectors, taught.how)
    (held,) = predictions.of_targets(group, features, group.targets)
    result = np.empty((len(held.rows), group.shape[1]))

    def take(columns: np.ndarray, guess: np.ndarray, _: np.ndarray) -> None:
        result[:, columns] = guess

    held.each(take)
    return result


def _within(tested: Side, options: Mapping[str, Any]) -> np.ndarray:
    """Return r by an encoder of the tested language, by others: (n_sections, n_subjects, targets).

    Each section is predicted for each listener by what the others' mean taught in other sections.
    """
    folds = {"by": "story", "n": None, "test": None}
    how = {**options, **_OWN, "learn_from": "others", "folds": folds}
    group = Group(tested.stories, tested.subjects, **how)
    features = group.features(tested.vectors, tested.how)
    return group.by_listener(group.score_features(features, group.targets, group.others))[:, 0]
