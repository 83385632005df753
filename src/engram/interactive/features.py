"""Features of stories' words: read by a model, or given as arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from engram.errors import EngramError
from engram.features.language_models import activations
from engram.features.language_models.reader import Reader, reader_of, text_part
from engram.features.vectors import to_dataset, together
from engram.features.word_rate import word_rate
from engram.interactive.arrays import ArrayDataset, as_numbers, by_name, refuse_disorder
from engram.interactive.data import Data, model_folder
from engram.study.stages import features as stage
from engram.study.stages.shared import section
from engram.vocabulary import WORD_RATE
from engram.words.language import language_of

#: Returns the activations of the words of a story, given its words table.
Read = Callable[[pd.DataFrame], xr.Dataset]


@contextmanager
def read_by_name(data: Data, name: str, downloads: Path, progress: bool) -> Iterator[Read]:
    """Give what reads a story with a model of the study, as the workflow's job does."""
    if name == WORD_RATE:
        yield lambda words: word_rate(len(words))
        return
    config = stage.depends_on(data.study, data.plan, name)
    folder = model_folder(data, name, downloads)
    with _bars_of_weights(progress):
        reader, options = activations.load_configured(folder, config)
    layers = config["model"].get("layers_together")
    yield lambda words: together(_story_activations(words, reader, options), layers)


@contextmanager
def _bars_of_weights(progress: bool) -> Iterator[None]:
    """Let transformers show bars while it loads weights, or not."""
    from transformers.utils import logging as bars

    if progress or not bars.is_progress_bar_enabled():
        yield
        return
    bars.disable_progress_bar()
    try:
        yield
    finally:
        bars.enable_progress_bar()


@contextmanager
def read_by_object(data: Data, model: Any, tokenizer: Any) -> Iterator[Read]:
    """Give what reads a story with a model of transformers that is in memory.

    The model is left as it was: in training mode, or with its cache, if it had these.
    """
    if tokenizer is None:
        raise EngramError(
            "a model in memory needs its tokenizer: brain_score(model, tokenizer=tokenizer)."
        )
    if not hasattr(tokenizer, "all_special_ids"):
        raise EngramError(
            f"tokenizer is {type(tokenizer).__name__}; a tokenizer of transformers is needed: "
            "AutoTokenizer.from_pretrained('gpt2')."
        )
    options = activations.reading_options(section(data.study, "activations"))
    training, cache = model.training, getattr(model.config, "use_cache", None)
    try:
        reader = _reader(model.eval(), tokenizer)
        yield lambda words: _story_activations(words, reader, options)
    finally:
        model.train(training)
        if cache is not None:
            model.config.use_cache = cache


def _story_activations(
    words: pd.DataFrame, reader: Reader, options: Mapping[str, Any]
) -> xr.Dataset:
    """Return the activations of a story; its language says how its words are written as text."""
    return activations.story_activations(
        words["word"].tolist(), reader, language=language_of(words), **options
    )


def _reader(model: Any, tokenizer: Any) -> Reader:
    if getattr(model.config, "is_encoder_decoder", False):
        raise EngramError(
            f"the model ({model.config.model_type}) has an encoder and a decoder; give a causal "
            "model or an encoder."
        )
    # An adapter of peft is inside the layers of the model that it wraps.
    whole = model.get_base_model() if hasattr(model, "peft_config") else model
    headless = text_part(whole.base_model, whole.base_model.config)
    return reader_of(headless, tokenizer, str(headless.dtype).removeprefix("torch."))


def sizes(data: Data) -> tuple[dict[str, int], dict[str, int]]:
    """Return the words of each story, and the rows of its scans."""
    stories, listeners = data.plan.stories, data.plan.listeners
    words = {story: len(data.words(story).words(story)) for story in stories}
    rows = {
        story: len(data.scans(story).timeseries(listeners(story)[0], story)) for story in stories
    }
    return words, rows


def labels(data: Data) -> dict[str, pd.Index]:
    """Return the index that the words of each story were given with; none, if read from files."""
    read = {story: data.words(story) for story in data.plan.stories}
    return {
        story: one.labels(story) for story, one in read.items() if isinstance(one, ArrayDataset)
    }


@dataclass(frozen=True)
class Given:
    """Features that are arrays.

    Attributes
    ----------
    by_time : bool
        Whether they have a vector for each row of a scan, and not for each word.
    activations : dict of xarray.Dataset
        By story.
    """

    by_time: bool
    activations: dict[str, xr.Dataset]


def given(
    features: Any,
    n_words: Mapping[str, int],
    n_rows: Mapping[str, int],
    word_labels: Mapping[str, pd.Index] | None = None,
) -> Given:
    """Return features that are arrays, for each story.

    Parameters
    ----------
    features : array, DataFrame, or mapping of str to these
        Of the one story, or of each.
    n_words, n_rows : mapping of str to int
        Words of each story, and rows of its scans.
    word_labels : mapping of str to pandas.Index, optional
        The index of each story's words, which that of features by word must not contradict.

    Raises
    ------
    EngramError
        If they do not belong to these stories.
    """
    of_stories = by_name(features, "features") if isinstance(features, Mapping) else {}
    if not isinstance(features, Mapping):
        if len(n_words) != 1:
            raise EngramError(
                f"the data have the stories {sorted(n_words)}. Give the features of each: "
                f"{{'{min(n_words)}': array, ...}}."
            )
        of_stories = {next(iter(n_words)): features}
    if set(of_stories) != set(n_words):
        raise EngramError(
            f"features are of the stories {sorted(of_stories)}, and the data of {sorted(n_words)}."
        )
    for story, values in of_stories.items():
        if isinstance(values, pd.DataFrame):
            _check_labels(story, values, (word_labels or {}).get(story))
    found = {
        story: _of_story(story, values, n_words[story], n_rows[story])
        for story, values in of_stories.items()
    }
    by = {kind for kind, _ in found.values()}
    units = {values.shape[::2] for _, values in found.values()}
    if len(by) > 1 or len(units) > 1:
        shapes = {story: values.shape for story, (_, values) in found.items()}
        raise EngramError(
            "features of all stories have the same layers and units, and are all by word or all "
            f"by time; their shapes are {shapes}."
        )
    return Given(
        by == {"time"}, {story: to_dataset(values) for story, (_, values) in found.items()}
    )


def _check_labels(story: str, frame: pd.DataFrame, words: pd.Index | None) -> None:
    """Refuse rows in another order than words, or than time."""
    index = frame.index
    if words is not None and index.equals(words):
        return
    if (
        words is not None
        and len(index) == len(words)
        and not index.symmetric_difference(words).size
    ):
        raise EngramError(
            f"features of {story} have the index of the words in another order, so that it is not "
            "known which word a row is of. Sort both alike (features.loc[words.index]), or drop "
            "both indices (DataFrame.reset_index(drop=True))."
        )
    refuse_disorder(frame, f"features of {story}")


def _of_story(story: str, values: Any, n_words: int, n_rows: int) -> tuple[str, np.ndarray]:
    """Return whether features are by word or by time, and their values (layer, row, unit)."""
    if isinstance(values, pd.DataFrame):
        text = [str(name) for name in values if values[name].dtype.kind not in "fiub"]
        if text:
            raise EngramError(
                f"features of {story}: the columns {text} are no numbers. Give units alone."
            )
    try:
        array = as_numbers(values).astype(np.float32)
    except (TypeError, ValueError) as error:
        raise EngramError(
            f"features of {story} are no array of numbers ({error}). A model is a folder, a hub "
            "id, or a model of transformers with its tokenizer."
        ) from None
    if array.ndim == 2:
        array = array[None]
    if array.ndim != 3 or 0 in array.shape:
        raise EngramError(
            f"features of {story} have the shape {np.shape(values)}; (layer, word, unit), (word, "
            "unit) or (time, unit) is needed."
        )
    if not np.isfinite(array).all():
        where = np.argwhere(~np.isfinite(array))[0].tolist()
        raise EngramError(
            f"features of {story} have a missing or infinite value at {where} (layer, row, unit)."
        )
    rows = array.shape[1]
    if n_words == n_rows == rows:
        raise EngramError(
            f"{story} has {n_words} words and as many rows of BOLD, so that features of {rows} "
            "rows could be of either. Leave a row of BOLD out at the end."
        )
    if rows not in (n_words, n_rows):
        raise EngramError(
            f"features of {story} have {rows} rows; the story has {n_words} words, and its scans "
            f"{n_rows} rows. One of both is needed."
        )
    return ("word" if rows == n_words else "time"), array
