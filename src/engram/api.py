"""Engram from Python: open a finished study, score a model or an array, fit a nested ridge.

All of it is reached by `import engram` (``engram.load``, ``engram.brain_score``,
``engram.NestedRidge``). No job of the workflow imports this module.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engram.errors import EngramError
from engram.interactive import brain_scores, features
from engram.interactive import data as sources
from engram.interactive.brain_scores import BrainScores
from engram.interactive.nested_ridge import NestedRidge
from engram.interactive.results import Results
from engram.vocabulary import WORD_RATE

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["BrainScores", "EngramError", "NestedRidge", "Results", "brain_score", "load"]


def load(folder: str | Path, *, unfinished: bool = False) -> Results:
    """Open the results of a study that the workflow has run.

    Parameters
    ----------
    folder : path
        Of the results, such as ``results/alice``.
    unfinished : bool
        Open a study that is not finished as well, with what is there.

    Returns
    -------
    Results
        Nothing is read before it is asked for.

    Raises
    ------
    EngramError
        If there is no such folder, it holds no results, or the study is not finished: the message
        says which files are missing.

    Examples
    --------
    >>> study = engram.load("results/alice")  # doctest: +SKIP
    >>> study.scores.query("subject == 'average'")  # doctest: +SKIP
    >>> study.array("scores", model="gpt2")["r"].sel(layer=8)  # doctest: +SKIP
    """
    return Results(folder, unfinished=unfinished)


def brain_score(
    model: Any,
    data: str | Path | Mapping[str, Any] | None = None,
    *,
    tokenizer: Any = None,
    words: pd.DataFrame | Mapping[str, pd.DataFrame] | None = None,
    bold: Mapping[str, Any] | None = None,
    tr: float | None = None,
    start: float | Mapping[str, float] = 0.0,
    targets: pd.DataFrame | None = None,
    name: str | None = None,
    settings: Mapping[str, Any] | None = None,
    downloads: str | Path = "resources/downloads",
    progress: bool = True,
) -> BrainScores:
    """Score how well a model, or an array of features, predicts BOLD (the brain score R).

    It runs the functions of the workflow's jobs, with their defaults and checks, and gives their
    numbers. In one piece: most of it says what can be given.

    Parameters
    ----------
    model : str, path, mapping, model of transformers, array or DataFrame
        What predicts. A folder in the Hugging Face layout, or a hub id; ``"word-rate"``, the
        baseline; a mapping with the keys of a model in a study's YAML (``source``, ``revision``,
        ``reinitialised``, ...); or a loaded model, with `tokenizer`. Features are an array of shape
        (layer, word, unit), (word, unit), or (time, unit) with a row for each TR of the scans; or
        a DataFrame of the latter two shapes; with several stories, a mapping of stories to these.
    data : str, path or mapping, optional
        ``"alice"`` (27 listeners, six regions; fetched once, 4 MB), a folder of tables
        (docs/data/tables.md; needs `tr`), or a mapping with the keys of the section `dataset` of a
        study's YAML. None: `words` and `bold` are given.
    tokenizer : tokenizer of transformers, optional
        Of a loaded model.
    words : DataFrame, or mapping of str to DataFrame, optional
        Columns word, onset and offset (seconds on the story's clock), and language (a code such as
        zh), where it is not English; or that for each story.
    bold : mapping, optional
        Each listener's BOLD, of shape (time, target), cleaned of confounds; or that for each story.
        Columns of DataFrames are taken by their names, those of arrays in the order of targets.
        What is below 1/128 Hz is taken off, unless ``settings={"bold": {"high_pass": None}}``.
    tr : float, optional
        Repetition time in seconds: with arrays, and with a folder of tables.
    start : float, or mapping of str to float
        Time of the first row of BOLD on the story's clock, in seconds; or that for each story.
    targets : DataFrame, optional
        With arrays: columns target, hemisphere (L, R or B) and roi, a row for each target. None:
        all are in one region.
    name : str, optional
        What the model is called in tables and figures.
    settings : mapping, optional
        Sections of a study's YAML that differ from the defaults (config/README.md), such as
        ``{"encoding": {"folds": 4}}``.
    downloads : path
        Where models of the hub and Alice are kept: the workflow's folder, from the same working
        directory.
    progress : bool
        Whether to show bars of progress on stderr.

    Returns
    -------
    BrainScores

    Raises
    ------
    EngramError
        If data, model, features or settings are wrong or do not fit together; what a job of the
        workflow refuses is refused here.

    Examples
    --------
    >>> result = engram.brain_score("gpt2", data="alice")  # doctest: +SKIP
    >>> result.scores.sel(layer=8).mean("subject")  # doctest: +SKIP
    >>> mine = engram.brain_score(  # doctest: +SKIP
    ...     features, words=words, bold={"01": bold_1, "02": bold_2}, tr=1.5
    ... )
    """
    if isinstance(model, list | tuple) and any(isinstance(one, str | Path) for one in model):
        raise EngramError(
            f"{len(model)} models are given; one call scores one. Call brain_score for each, and "
            "compare: first.plot_layers(second)."
        )
    if not isinstance(settings, Mapping | None):
        raise EngramError(
            f"settings is {type(settings).__name__}; a mapping of sections is needed: "
            "settings={'encoding': {'folds': 4}}."
        )
    kind, name = _kind(model), None if name is None else str(name)
    if tokenizer is not None and kind != "loaded":
        raise EngramError(
            "tokenizer belongs to a model in memory; a model by its name or folder is read with "
            "its own, and features with none. Leave it out, or give the loaded model."
        )
    entry = _entry(model, name, kind)
    options = (entry, dict(settings or {}), Path(downloads))
    opened = _opened(data, words, bold, tr, start, targets, options)
    shown_as = name or _name(model, kind)
    with brain_scores.shown(progress), tempfile.TemporaryDirectory(prefix="engram-") as place:
        folder = Path(place)
        files = _features(opened, model, kind, tokenizer, entry, Path(downloads), folder, progress)
        return brain_scores.score(opened, shown_as, files, folder)


def _kind(model: Any) -> str:
    """Return what predicts: the `baseline`, a model by `source`, a `loaded` one, or `features`."""
    if isinstance(model, str) and model == WORD_RATE:
        return "baseline"
    if isinstance(model, str | Path) or (isinstance(model, Mapping) and "source" in model):
        return "source"
    return "loaded" if hasattr(model, "config") and hasattr(model, "forward") else "features"


def _name(model: Any, kind: str) -> str:
    """Return what a model is called that got no name."""
    if kind == "baseline":
        return WORD_RATE
    if kind == "source":
        return sources.name_of(sources.model_entry(model)["source"])
    if kind == "loaded":
        return sources.name_of(getattr(model.config, "name_or_path", "") or model.config.model_type)
    return "features"


def _entry(model: Any, name: str | None, kind: str) -> dict[str, Any]:
    """Return the section `models` of the study: the model, if it is known by its source."""
    return {name or _name(model, kind): sources.model_entry(model)} if kind == "source" else {}


def _opened(
    dataset: str | Path | Mapping[str, Any] | None,
    words: Any,
    bold: Any,
    tr: float | None,
    start: Any,
    targets: Any,
    options: tuple[dict[str, Any], dict[str, Any], Path],
) -> sources.Data:
    """Return the data, from where they are said to be."""
    if (dataset is None) != (words is not None and bold is not None):
        raise EngramError(
            "give either data ('alice', a folder of tables, or a section 'dataset'), or both "
            "words and bold."
        )
    if dataset is None:
        if tr is None:
            raise EngramError("bold needs tr, the time from one row to the next: tr=1.5.")
        return sources.of_arrays(words, bold, tr, start, targets, *options)
    if isinstance(dataset, Mapping):
        return sources.of_dataset(dataset, *options)
    if str(dataset) == "alice" and not Path(dataset).is_dir():
        return sources.of_dataset({"kind": "alice"}, *options)
    if not Path(dataset).is_dir():
        raise EngramError(
            f"data '{dataset}' is neither 'alice' nor a folder (looked for from {Path.cwd()}). "
            "Give 'alice', or a folder of tables (docs/data/tables.md)."
        )
    if tr is None:
        raise EngramError(
            f"data '{dataset}' is a folder of tables, which needs tr, the repetition time: tr=1.5."
        )
    section = {"kind": "table", "path": str(dataset), "tr": tr, "start": start}
    return sources.of_dataset(section, *options)


def _features(
    opened: sources.Data,
    model: Any,
    kind: str,
    tokenizer: Any,
    entry: Mapping[str, Any],
    downloads: Path,
    folder: Path,
    progress: bool,
) -> dict[str, brain_scores.StoryFiles]:
    """Write the features of all stories; a model that was loaded for it is gone afterwards."""
    if kind == "features":
        found = features.given(model, *features.sizes(opened), features.labels(opened))
        return brain_scores.write_features(opened, found, folder)
    reading = (
        features.read_by_object(opened, model, tokenizer)
        if kind == "loaded"
        else features.read_by_name(opened, next(iter(entry), WORD_RATE), downloads, progress)
    )
    with reading as read:
        return brain_scores.write_features(opened, read, folder)
