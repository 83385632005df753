"""A model reads the same stretch of story in every text, with its insertions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from conftest import MODELS, story_words

from engram.associations import text_reading, text_tables
from engram.associations.insertions import inserted_rows, with_insertions
from engram.encoding import variant_scoring
from engram.encoding.group import Group
from engram.encoding.story_data import StoryData
from engram.errors import EngramError
from engram.features.language_models import activations
from engram.features.language_models.reader import Reader
from engram.features.language_models.tokens import tokenize

WORDS = story_words(300)

READING: dict[str, Any] = {
    "mode": "strided",
    "context": None,
    "stride": None,
    "pooling": "last",
    "batch_tokens": 4096,
}


def timed(words: list[str]) -> pd.DataFrame:
    onsets = np.arange(len(words)) * 0.4
    return pd.DataFrame({"word": words, "onset": onsets, "offset": onsets + 0.3})


def read(
    words: list[str],
    texts: dict[str, dict[int, str]],
    reader: Reader,
    alignment: str = "context",
    layer: int | None = None,
    room: float = 0.75,
    layers: str = "all",
) -> xr.Dataset:
    return text_reading.read_texts(
        timed(words),
        texts,
        text_reading.ModelReading(words, reader, **READING, room=room),
        alignment=alignment,
        layer=layer,
        layers=layers,
    )


@pytest.fixture(scope="module", params=["gpt2-tiny", "llama-tiny"])
def reader(request: pytest.FixtureRequest) -> Reader:
    return activations.load(MODELS / request.param)


@pytest.mark.slow
def test_every_text_reads_the_same_story(reader: Reader) -> None:
    """An insertion of nothing changes nothing.

    Embeddings of the story's words are the same in every text; later layers feel an
    insertion only behind it.
    """
    words = story_words(400)
    insertions = dict.fromkeys(range(20, 380, 25), "like the old bell at home")
    late = {350: "like the old bell at home"}
    texts: dict[str, dict[int, str]] = {
        "original": {},
        "associations": insertions,
        "nothing": {},
        "late": late,
    }
    data = read(words, texts, reader)
    assert data["all_layers"].shape[:3] == (2, 7, 400) and data.attrs["reported_layer"] == 4
    reported = data["reported"].values
    np.testing.assert_array_equal(reported[0], reported[2])  # F is exactly 0
    np.testing.assert_array_equal(reported[0], data["all_layers"].values[0, 4])
    np.testing.assert_allclose(reported[0, :351], reported[3, :351], atol=1e-4)
    assert np.abs(reported[0, 351:] - reported[3, 351:]).max() > 1e-2
    if reader.model.config.model_type == "llama":  # rotary: no positions in the embeddings
        np.testing.assert_array_equal(
            data["all_layers"].values[0, 0], data["all_layers"].values[1, 0]
        )
    else:
        assert (
            np.abs(data["all_layers"].values[0, 0] - data["all_layers"].values[1, 0]).max() > 1e-3
        )


@pytest.mark.parametrize("alignment", ["context", "anchor", "interpolate"])
def test_f_at_the_reported_layer_alone_is_that_of_all_layers(
    reader: Reader, alignment: str
) -> None:
    words = story_words(60)
    texts: dict[str, dict[int, str]] = {
        "original": {},
        "associations": {30: "like bells", 50: "at home"},
        "random-1": {30: "so it goes", 50: "far off"},
    }
    every = read(words, texts, reader, alignment=alignment)
    one = read(words, texts, reader, alignment=alignment, layers="reported")
    assert one["layer"].values.tolist() == [4] and one.sizes["layer_variant"] == 2
    for name in ("reported", "reported_inserted", "row_onset", "layer_row_variant"):
        np.testing.assert_allclose(one[name].values, every[name].values, atol=1e-5)
    np.testing.assert_allclose(
        one["all_layers"].values, every["all_layers"].values[:, [4]], atol=1e-5
    )


def test_anchored_vectors_are_means_with_the_insertion(reader: Reader) -> None:
    words = story_words(60)
    texts: dict[str, dict[int, str]] = {"original": {}, "associations": {30: "like bells"}}
    context, anchor = (
        read(words, texts, reader, alignment=how, layer=3) for how in ("context", "anchor")
    )
    differ = (
        np.abs(context["all_layers"].values[1] - anchor["all_layers"].values[1]).max(axis=(0, 2))
        > 1e-6
    )
    assert np.flatnonzero(differ).tolist() == [30]
    np.testing.assert_array_equal(context["all_layers"].values[0], anchor["all_layers"].values[0])


@pytest.mark.parametrize(("stride", "first"), [(1, 22), (4, 20)])
def test_in_an_encoder_with_a_stride_earlier_words_know_an_insertion(
    encoder_folder: Path, stride: int, first: int
) -> None:
    """An encoder reads an insertion along with the word before it; words 20 to 23 are a window."""
    reader = activations.load(encoder_folder)
    words = [word.strip('.,"') for word in story_words(40)]
    texts: dict[str, dict[int, str]] = {"original": {}, "associations": {22: "bells"}}
    reading = text_reading.ModelReading(words, reader, **READING, room=0.5, encoder_stride=stride)
    data = text_reading.read_texts(timed(words), texts, reading, alignment="context", layer=None)
    plain, associated = data["all_layers"].values
    moved = np.abs(plain - associated).max(axis=(0, 2)) > 1e-4
    assert np.flatnonzero(moved)[0] == first


def test_too_little_room_is_said(reader: Reader) -> None:
    texts: dict[str, dict[int, str]] = {
        "original": {},
        "associations": dict.fromkeys(
            range(0, 200, 4), "like the very old bell of the church at home"
        ),
    }
    with pytest.raises(EngramError, match=r"Leave more room for them \(association_effect: "):
        read(story_words(300), texts, reader, room=0.1)


def test_additive_rows_are_the_inserted_words_at_their_times(reader: Reader) -> None:
    """The story's own rows are as under `context`.

    Inserted words come beside, with vectors of the text as it was read.
    """
    words = story_words(60)
    texts: dict[str, dict[int, str]] = {
        "original": {},
        "associations": {30: "like bells", 59: "far off"},
        "random-01": {30: "so it goes"},
    }
    data = {
        how: read(words, texts, reader, alignment=how, layer=3)
        for how in ("context", "anchor-additive", "interpolate")
    }
    for how in ("anchor-additive", "interpolate"):
        np.testing.assert_array_equal(
            data[how]["all_layers"].values, data["context"]["all_layers"].values
        )
        np.testing.assert_array_equal(
            data[how]["reported"].values, data["context"]["reported"].values
        )
        assert data[how]["row_variant"].values.tolist() == [1, 1, 1, 1, 2, 2, 2]
        np.testing.assert_array_equal(
            data[how]["reported_inserted"].values[:4], data[how]["all_layers_inserted"].values[3]
        )
    assert data["context"].sizes["row"] == 0
    # Words begin every 0.4 s and last 0.3 s; the story ends with its last word.
    np.testing.assert_allclose(
        data["anchor-additive"]["row_onset"].values, [12.0, 12.0, 23.6, 23.6, 12.0, 12.0, 12.0]
    )
    np.testing.assert_allclose(
        data["interpolate"]["row_onset"].values,
        [12 + 0.4 / 3, 12 + 0.8 / 3, 23.7, 23.8, 12.1, 12.2, 12.3],
    )
    # "far off" is behind everything else: the model reads it as the end of the text.
    text = with_insertions(words, texts["associations"])
    read_alone = text_reading.ModelReading(words, reader, **READING, room=0.75)
    (whole,) = read_alone([text_reading.Wanted("associations", text)])
    np.testing.assert_array_equal(
        whole[:, -2:], data["interpolate"]["all_layers_inserted"].values[:, 2:]
    )


def test_tokens_are_those_of_the_whole_text(reader: Reader) -> None:
    """Also where words stand in two windows."""
    words, inserted = story_words(120), "like the old bell"
    data = read(words, {"original": {}, "associations": {5: inserted}}, reader)
    tokens = [len(tokenize(one, reader.tokenizer).ids) for one in (words, ["a", *inserted.split()])]
    alone = len(tokenize(["a"], reader.tokenizer).ids)
    assert data["tokens"].values.tolist() == [tokens[0], sum(tokens) - alone]


def test_rows_table_says_which_words_are_rows() -> None:
    table = text_tables.rows_table(
        "s", "a", timed(["one", "two"]), {"original": {}, "associations": {0: "x y"}}, "interpolate"
    )
    assert table[["variant", "after_word", "word"]].to_numpy().tolist() == [
        ["associations", 0, "x"],
        ["associations", 0, "y"],
    ]
    assert text_tables.rows_table(
        "s", "a", timed(["one", "two"]), {"original": {}, "associations": {0: "x y"}}, "context"
    ).empty


@pytest.mark.parametrize(
    ("alignment", "more"),
    [("context", 0), ("anchor", 0), ("anchor-additive", 2), ("interpolate", 2)],
)
def test_f_of_the_word_rate_is_what_rows_alone_do(alignment: str, more: int) -> None:
    """Scored as any model: one unit that is 1 for every row, the story's or inserted."""
    words = timed(story_words(900))
    texts: dict[str, dict[int, str]] = {
        "original": {},
        "associations": dict.fromkeys(range(5, 895, 9), "x y"),
    }
    data = text_reading.read_texts(
        words, texts, text_reading.WordRateReading(), alignment=alignment, layer=None
    )
    assert data.sizes["row"] == more * 99 and data.attrs["words_to_trs"] == "sum"
    rng = np.random.default_rng(0)
    times = np.arange(245) * 1.5
    bold = xr.DataArray(
        rng.standard_normal((2, 245, 3)).astype(np.float32),
        dims=("subject", "time", "target"),
        coords={"subject": ["1", "2"]},
    )
    coordinates = {
        "hemisphere": (("target",), np.array(["L"] * 3)),
        "roi": (("target",), np.array(["a", "b", "c"])),
    }
    story = StoryData("s", 1.5, words["onset"].to_numpy(), times, bold, coordinates)
    options: dict[str, Any] = {
        "longest_delay": 6.0,
        "delays": None,
        "folds": 3,
        "inner_folds": 3,
        "alphas": [1.0, 100.0],
        "alpha_by": "r",
        "backend": "numpy",
    }
    group = Group([story], ["1", "2"], words_to_trs="sum", **options)
    scores = variant_scoring.score_variants([data], group)
    rows = inserted_rows(words, texts["associations"], alignment)
    count = np.concatenate([np.ones(900), np.ones(len(rows))])[:, None]
    expected: list[np.ndarray] = []
    group.each_part(
        1,
        1,
        lambda part: expected.append(
            group.by_listener(
                group.score_vectors(part, [count], None, [rows["onset"].to_numpy()])
            ).mean(1)
        ),
    )
    np.testing.assert_array_equal([scores["r_kind"].values[1]], expected)
    # A target in each region.
    np.testing.assert_allclose(scores["r"].values, scores["r_kind"].values, atol=1e-6)
    assert (np.abs(scores["r"].values[1] - scores["r"].values[0]).max() > 1e-3) == (more > 0)
