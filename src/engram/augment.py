"""A model reads a story with associations written into it, and the control texts: activations of the story's own words.

Windows are planned in words of the story, with room for insertions, so that for every word all texts read the same
stretch of story. F at layer 0 is then exactly 0 for a model without learned positions.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from engram import associations
from engram.activations import Reader, plan_windows, word_vectors
from engram.associations import Association, Text
from engram.errors import EngramError
from engram.paths import COMMON_WORDS
from engram.tables import reported_layer
from engram.tokens import tokenize
from engram.windows import Window

logger = logging.getLogger(__name__)

ORIGINAL_TEXT, AUGMENTED_TEXT = "original", "augmented"
#: What each kind of control holds fast, in the order of tables and figures.
CONTROLS = ("random", "shuffled", "displaced", "repeat")
TEXTS = "The texts that a model read of a story, one of them its own."
TEXTS_COLUMNS = {
    "story": "Story.",
    "augmentation": "Name of the associations.",
    "text": "original, augmented, or a control and its number.",
    "insertions": "Texts inserted.",
    "inserted_words": "Words inserted.",
    "content_words": "Inserted words with content (not articles, pronouns, prepositions and the like).",
    "ahead": "Content words that first occur in the story within the next 100 words: foresight, where it is more than the shuffled texts'.",
}


def control_texts(
    story_words: Sequence[str], sentence: Sequence[int], found: Sequence[Association], pool: Sequence[str], counts: Mapping[str, int], seed: int
) -> dict[str, dict[int, str]]:
    """Return the insertions of every control text, by its name.

    Parameters
    ----------
    story_words : sequence of str
    sentence : sequence of int
        Index of each word's sentence.
    found : sequence of Association
    pool : sequence of str
        Texts of other stories' associations, for `random`.
    counts : mapping
        How many texts of each kind.
    seed : int
    """
    insertions = associations.insertions_of(found)
    ends = [index for index in range(len(story_words) - 1) if sentence[index] != sentence[index + 1]]
    at_ends = found[0].granularity == "sentence"
    boundaries = ends if at_ends else sorted(set(range(len(story_words) - 1)) - set(ends))
    texts: dict[str, dict[int, str]] = {}
    for kind in CONTROLS:
        for number in range(1, counts[kind] + 1):
            rng = np.random.default_rng([seed, CONTROLS.index(kind), number])
            if kind == "random":
                made = associations.random_text(insertions, pool, rng)
            elif kind == "shuffled":
                made = associations.shuffled_text(insertions, rng)
            elif kind == "displaced":
                made = associations.displaced_text(insertions, boundaries, rng)
            else:
                made = associations.repeated_text(insertions, story_words, rng)
            texts[f"{kind}-{number:02d}"] = made
    return texts


def texts_table(story: str, name: str, words: Sequence[str], texts: Mapping[str, Mapping[int, str]]) -> pd.DataFrame:
    """Return what was inserted in each text (the columns of `TEXTS_COLUMNS`)."""
    common = frozenset(line for line in COMMON_WORDS.read_text(encoding="utf-8").split("\n") if line and not line.startswith("#"))
    rows = []
    for text, insertions in texts.items():
        content, ahead = associations.foresight(words, insertions, common)
        inserted = sum(len(one.split()) for one in insertions.values())
        rows.append((story, name, text, len(insertions), inserted, content, ahead))
    return pd.DataFrame(rows, columns=list(TEXTS_COLUMNS))


def read_texts(
    words: Sequence[str],
    texts: Mapping[str, Mapping[int, str]],
    reader: Reader,
    *,
    mode: str,
    context: int | None,
    stride: int | None,
    pooling: str,
    batch_tokens: int,
    room: float,
    alignment: str,
    layer: int | None,
) -> xr.Dataset:
    """Return the activations of the story's words in every text.

    Parameters
    ----------
    words : sequence of str
        The story.
    texts : mapping
        Insertions by name; the first two are the original and the augmented text.
    reader : Reader
    mode, context, stride, pooling, batch_tokens
        The `activations` section.
    room : float
        How much longer than the story a text may be within a window.
    alignment : {"context", "anchor"}
        `anchor`: the vector of a word with an insertion is the mean of its own and its insertion's.
    layer : int or None
        The layer to report (`engram.tables.reported_layer`), the only one that is kept of controls.

    Returns
    -------
    xarray.Dataset
        ``whole`` (version, layer, word, unit): the original and the augmented text; ``reported`` (text, word, unit): all
        texts, at the reported layer; float32.
    """
    frame = len(reader.prefix) + len(reader.suffix)
    tokens = context if context is not None else min(1024, reader.limit)
    fit = int((tokens - frame) / (1 + room))
    windows = plan_windows(
        tokenize(words, reader.tokenizer), reader, mode=mode, context=fit + frame, stride=None if stride is None else int(stride / (1 + room))
    )
    whole, reported = [], []
    depth = 0
    for number, (name, insertions) in enumerate(texts.items()):
        text = associations.augmented(words, insertions)
        vectors = _story_vectors(text, windows, reader, tokens - frame, room, name, alignment, pooling, batch_tokens)
        depth = reported_layer(len(vectors) - 1, layer)
        if number < 2:
            whole.append(vectors)
        reported.append(vectors[depth])
    description = {"units": "arbitrary", "description": "A vector for each word of the story; layer 0 is the embeddings"}
    return xr.Dataset(
        {
            "whole": (("version", "layer", "word", "unit"), np.stack(whole), description),
            "reported": (("text", "word", "unit"), np.stack(reported), description),
        },
        coords={"version": list(texts)[:2], "text": list(texts), "layer": np.arange(whole[0].shape[0])},
        attrs={"reported_layer": depth},
    )


def _story_vectors(
    text: Text, windows: Sequence[Window], reader: Reader, limit: int, room: float, name: str, alignment: str, pooling: str, batch_tokens: int
) -> np.ndarray:
    """Return the vectors of the story's words in a text: (n_layers, n_story_words, n_units)."""
    tokenized = tokenize(text.words, reader.tokenizer)
    # In this text a word begins where it stands, and takes the insertion behind it along.
    borders = np.append(text.place, len(text.words))
    mine = [Window(*(int(borders[word]) for word in (window.begin, window.read, window.end))) for window in windows]
    longest = max(int(tokenized.first[window.end] - tokenized.first[window.begin]) for window in mine)
    if longest > limit:
        raise EngramError(
            f"text {name}: a window takes {longest} tokens with its insertions, more than the {limit} there are. Leave more room for them "
            f"(associating: {{room: {np.ceil(10 * (longest / limit * (1 + room) - 1)) / 10 + 0.1:.1f}}}), or give a longer activations.context."
        )
    vectors = word_vectors(tokenized, mine, reader, pooling=pooling, batch_tokens=batch_tokens)
    own: np.ndarray = vectors[:, text.place]
    if alignment == "anchor":
        for word, (begin, end) in enumerate(zip(borders[:-1] + 1, borders[1:], strict=True)):
            if end > begin:
                own[:, word] = (own[:, word] + vectors[:, begin:end].mean(1)) / 2
    return own


def score_texts(activations: Sequence[str], group: Any) -> xr.Dataset:
    """Score every text of an augmentation on every target of a group of listeners.

    Parameters
    ----------
    activations : sequence of paths
        As `read_texts` made them, one for each story of the group, in its order.
    group : engram.encoding.Group

    Returns
    -------
    xarray.Dataset
        ``r`` (text, story, subject, target) at the reported layer, and ``r_layer`` (version, layer, story, subject, target) of the
        original and the augmented text; Pearson, mean over folds.
    """
    from engram import storage
    from engram.jobs import progress

    read = [storage.open_dataset(path) for path in activations]
    texts = read[0]["text"].values.tolist()
    shape = (len(group.stories), *group.shape)
    r = np.empty((len(texts), *shape), dtype=np.float32)
    for number in progress(range(len(texts)), "texts", "text"):
        r[number] = group.by_story(group.score([one["reported"][number].values for one in read])).mean(1)
    n_layers = read[0].sizes["layer"]
    r_layer = np.empty((2, n_layers, *shape), dtype=np.float32)
    reported = int(read[0].attrs["reported_layer"])
    for layer in progress(range(n_layers), "layers", "layer"):
        for version in range(2):
            if layer == reported:
                r_layer[version, layer] = r[version]
                continue
            r_layer[version, layer] = group.by_story(group.score([one["whole"][version, layer].values for one in read])).mean(1)
    units = {"units": "Pearson r"}
    return xr.Dataset(
        {
            "r": (
                ("text", "story", "subject", "target"),
                r,
                {**units, "description": "Brain score at the reported layer, mean over test blocks"},
                storage.packed(1.0),
            ),
            "r_layer": (("version", "layer", "story", "subject", "target"), r_layer, {**units, "description": "The same at every layer"}, storage.packed(1.0)),
        },
        coords={"text": texts, "version": texts[:2], "layer": np.arange(n_layers), **group.coordinates()},
        attrs={**group.attributes(), "reported_layer": reported},
    )
