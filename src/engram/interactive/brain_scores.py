"""Brain scores of one model or array, made by the functions of the workflow's jobs.

Files lie in a folder that goes again: so the memory is that of the jobs, and so are the last
digits, which the workflow's files round (scores are kept in steps of 3e-5).
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from engram.bold import scans_table
from engram.bold.story_bold import story_bold
from engram.encoding import ceiling, layer_scoring, memory
from engram.errors import EngramError
from engram.features.layers import reported_layer
from engram.files import storage
from engram.interactive import plots
from engram.interactive.data import STUDY, Data
from engram.interactive.features import Given, Read
from engram.interactive.plots import Plot
from engram.statistics import score_tables
from engram.study.stages import bold as bold_stage
from engram.study.stages import ceilings as ceiling_stage
from engram.study.stages import encoding as encoding_stage
from engram.study.stages import stories as story_stage
from engram.study.stages import tables as table_stage
from engram.vocabulary import AVERAGE, ORIGINAL
from engram.words import stories


@dataclass(frozen=True)
class BrainScores:
    """Brain scores R of a model on every target of every listener.

    Attributes
    ----------
    name : str
        The model's.
    scores : xarray.DataArray of shape (subject, layer, target)
        R: Pearson r of predicted and measured BOLD, mean over test folds, then stories. `subject`
        is the listener; ``average`` is the average listener. Coordinates of targets: hemisphere,
        roi, and x, y, z where known.
    ceilings : xarray.DataArray of shape (subject, target)
        What a perfect model would reach, mean over stories; NaN with fewer than four listeners.
    layer : int
        The reported layer, fixed before scores are seen: two thirds of the depth, unless
        ``settings={"reported_layer": ...}`` says otherwise.
    table, ceiling_table, scans : pandas.DataFrame
        The same by region, as the workflow's `tables/scores.tsv` and `tables/ceilings.tsv`, and
        its `scans.tsv` with the clock check.
    settings : dict
        How BOLD was cleaned and predicted: the sections `bold` and `encoding` of a configuration.
    """

    name: str
    scores: xr.DataArray
    ceilings: xr.DataArray
    layer: int
    table: pd.DataFrame
    ceiling_table: pd.DataFrame
    scans: pd.DataFrame
    settings: dict[str, Any]

    def to_frame(self) -> pd.DataFrame:
        """Return R by listener, layer and region, with ceilings, as `tables/scores.tsv` has them.

        Returns
        -------
        pandas.DataFrame
            A row for each subject, layer and region; the columns of
            `engram.statistics.score_tables.SCORES_COLUMNS`, among them score (Pearson r),
            ceiling and normalized.

        Examples
        --------
        >>> frame = result.to_frame()  # doctest: +SKIP
        >>> frame.groupby(["model", "layer"])["score"].mean()  # doctest: +SKIP
        """
        return self.table.copy()

    def plot_layers(self, *others: BrainScores) -> Plot:
        """Draw R by layer, of these scores and others.

        Parameters
        ----------
        *others : BrainScores
            Of other models on the same data.

        Raises
        ------
        EngramError
            If two of them have the same name.
        """
        every = [self, *others]
        names = [one.name for one in every]
        if len(set(names)) < len(names):
            raise EngramError(
                f"the models are called {names}. Give each a name of its own: "
                "brain_score(..., name='mine')."
            )
        table = pd.concat([one.table for one in every], ignore_index=True)
        return plots.drawn("layers", table, self.ceiling_table, names)

    def __repr__(self) -> str:
        sizes = self.scores.sizes
        single = [name for name in self.scores["subject"].values if name != AVERAGE]
        shown = self.scores.sel(layer=self.layer, subject=single or [AVERAGE])
        return (
            f"<BrainScores of {self.name}: {len(single)} single listeners, {sizes['layer']} "
            f"layer{'s' if sizes['layer'] > 1 else ''}, {sizes['target']} targets; "
            f"mean R at layer {self.layer}: {float(shown.mean()):.4f}>"
        )


def write_features(data: Data, features: Read | Given, folder: Path) -> dict[str, StoryFiles]:
    """Write words and features of all stories; return where each story's files lie.

    Parameters
    ----------
    data : Data
    features : callable or Given
        What reads words, or the features themselves.
    folder : Path
        For files that go again.
    """
    files = {}
    for number, story in enumerate(data.plan.stories):
        place = StoryFiles.of(folder, number)
        words = _write_words(data, story, place.words)
        files[story] = _write_features(data, story, words, features, place)
    return files


def score(data: Data, name: str, files: Mapping[str, StoryFiles], folder: Path) -> BrainScores:
    """Score the features of stories (`write_features`) on the listeners of the data.

    Parameters
    ----------
    data : Data
    name : str
        The model's.
    files : mapping of str to StoryFiles
    folder : Path
        For files that go again.
    """
    scans = []
    for story, place in files.items():
        scans.append(_write_bold(data, story, place))
        _write_ceilings(data, story, place)
    written = {}
    for number, (group, members) in enumerate(data.plan.groups.items()):
        config = encoding_stage.depends_on(data.study, data.plan, group)
        of_group = [files[story] for story in members.stories]
        result = layer_scoring.score_layers(
            [str(one.activations) for one in of_group],
            [str(one.bold) for one in of_group],
            [str(one.heard) for one in of_group],
            config["subjects"],
            memory=memory.available(),
            **config["encoding"],
        )
        written[group] = folder / f"scores-{number}.nc"
        storage.write_dataset(written[group], result)
    return _collected(data, name, files, written, scans_table.scans_table(scans))


@dataclass(frozen=True)
class StoryFiles:
    """Where a story's files lie; `heard` are its words, or its rows for features by time."""

    words: Path
    heard: Path
    activations: Path
    bold: Path
    ceiling: Path

    @classmethod
    def of(cls, folder: Path, number: int) -> StoryFiles:
        """Return the places of a story's files."""
        names = ("words.tsv", "words.tsv", "activations.nc", "bold.nc", "ceiling.nc")
        return cls(*(folder / f"story-{number}_{name}" for name in names))

    def with_rows(self) -> StoryFiles:
        """Return the same with rows of BOLD in the place of words."""
        rows = self.words.with_name(self.words.name.replace("words", "rows"))
        return StoryFiles(self.words, rows, self.activations, self.bold, self.ceiling)


def _write_words(data: Data, story: str, path: Path) -> pd.DataFrame:
    config = story_stage.depends_on(data.study, data.plan, story)
    words = data.words(story).words(story)
    more: dict[str, Any] = {name: config[name] for name in ("language",) if name in config}
    table = stories.words_table(words, config["stories"]["pseudo_sentence"], story, **more)
    _write(path, table)
    return storage.read_words(path)


def _write(path: Path, table: pd.DataFrame) -> None:
    storage.write_table(path, table, "", dict.fromkeys(table.columns, ""), digits=10)


def _write_features(
    data: Data, story: str, words: pd.DataFrame, features: Read | Given, place: StoryFiles
) -> StoryFiles:
    """Write the features of a story; return its places, with rows where features are by time."""
    if not isinstance(features, Given):
        storage.write_dataset(place.activations, features(words))
        return place
    read = features.activations[story]
    storage.write_dataset(place.activations, read)
    if not features.by_time:
        return place
    place = place.with_rows()
    dataset = data.scans(story)
    centres = np.arange(read.sizes["word"]) + 0.5  # each in its own row
    onset = dataset.start(data.plan.listeners(story)[0], story) + dataset.tr * centres
    _write(place.heard, pd.DataFrame({"word": "row", "onset": onset}))
    return place


def _write_bold(data: Data, story: str, place: StoryFiles) -> pd.DataFrame:
    config = bold_stage.depends_on(data.study, data.plan, story)
    words = storage.read_words(place.words)
    result, scans = story_bold(
        data.scans(story), story, config["subjects"], words, **config["bold"]
    )
    storage.write_dataset(place.bold, result)
    return scans


def _write_ceilings(data: Data, story: str, place: StoryFiles) -> None:
    config = ceiling_stage.depends_on(data.study, data.plan)
    with storage.open_dataset(place.bold) as dataset:
        result = ceiling.of_dataset(
            dataset, halves=config["halves"], seed=config["seed"], **config["rows"]
        )
    storage.write_dataset(place.ceiling, result)


def _collected(
    data: Data,
    name: str,
    files: Mapping[str, StoryFiles],
    written: Mapping[str, Path],
    scans: pd.DataFrame,
) -> BrainScores:
    study, plan = data.study, data.plan
    ceiling_files = [str(one.ceiling) for one in files.values()]
    stories_of = table_stage.depends_on(study, plan)["stories"]
    table = score_tables.scores_table(
        STUDY,
        [(group, name, ORIGINAL) for group in written],
        [str(path) for path in written.values()],
        ceiling_files,
        stories_of,
        study.ceiling.floor,
    )
    parts, bounds = [], []
    for group, path in written.items():
        with storage.open_dataset(path) as dataset:
            r = dataset["r"].mean("story").transpose("subject", "layer", "target").load()
        parts.append(r.rename("score").assign_attrs(units="Pearson r"))
        bounds.append(_bounds(parts[-1], [files[story].ceiling for story in stories_of[group]]))
    scores = xr.concat(parts, "subject")
    return BrainScores(
        name,
        scores,
        xr.concat(bounds, "subject"),
        reported_layer(scores.sizes["layer"] - 1, study.reported_layer),
        table,
        score_tables.ceilings_table(STUDY, ceiling_files),
        scans,
        {"bold": study.bold.model_dump(), "encoding": encoding_stage.settings(study)},
    )


def _bounds(scores: xr.DataArray, ceiling_files: list[Path]) -> xr.DataArray:
    """Return what a perfect model of each listener of a group reaches, of the shape of scores."""
    found = np.zeros((scores.sizes["subject"], scores.sizes["target"]))
    for path in ceiling_files:
        with storage.open_dataset(path) as dataset:
            for number, subject in enumerate(scores["subject"].values):
                one = dataset["average"] if subject == AVERAGE else dataset["single"]
                mine = one if subject == AVERAGE else one.sel(subject=subject)
                found[number] += mine.values / len(ceiling_files)
    return scores.isel(layer=0, drop=True).copy(data=found).rename("ceiling")


@contextmanager
def shown(progress: bool) -> Iterator[None]:
    """Show bars of progress on stderr, or none; warnings are said in either case."""
    if progress:
        yield
        return
    logger = logging.getLogger("engram")
    # Bars go to the stream of the first handler.
    with Path(os.devnull).open("w") as nowhere:
        silent, said = logging.StreamHandler(nowhere), logging.StreamHandler(sys.stderr)
        silent.setLevel(logging.CRITICAL)
        said.setLevel(logging.WARNING)
        more = [silent] if logger.handlers else [silent, said]
        before = logger.handlers[:]
        logger.handlers[:] = [*more, *before]
        try:
            yield
        finally:
            logger.handlers[:] = before
