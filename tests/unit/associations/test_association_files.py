"""Files of associations, texts with associations and control texts, and how models read them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from conftest import MODELS, ROOT, story_words
from hypothesis import given, settings
from hypothesis import strategies as st

from engram.associations import association_files, control_texts, text_reading, text_tables
from engram.associations.association_files import Association
from engram.associations.insertions import inserted_rows, insertions_of, with_insertions
from engram.encoding import variant_scoring
from engram.encoding.group import Group
from engram.encoding.story_data import StoryData
from engram.errors import EngramError
from engram.features.language_models import activations
from engram.features.language_models.reader import Reader
from engram.paths import ASSOCIATIONS, TEXTS
from engram.words import stories

WORDS = story_words(300)
FILES = sorted(ASSOCIATIONS.glob("*.tsv"))


def found(places: list[int], granularity: str = "word") -> list[Association]:
    return [
        Association(place, f"like thing{place} of old", granularity, "language model")
        for place in places
    ]


def test_files_come_back_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "story-x_associations-y.tsv"
    written = found([3, 10, 20])
    association_files.write_associations(path, written, {"by": "a test"})
    assert association_files.read_associations(path, 300) == written
    assert json.loads(path.with_suffix(".json").read_text())["Made"] == {"by": "a test"}
    assert association_files.written_by([str(path)]) == "language model"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("300\ttext\tword\tmanual", "line 3: after_word is 300; the story has the words 0 to 299"),
        ("3\ttext\tword\tmanual", "line 3: after_word is 3, behind 5 in the line before"),
        ("5\ttext\tword\tmanual", "line 3: after_word is 5, behind 5"),
        ("x\ttext\tword\tmanual", "line 3: after_word is 'x'"),
        ("-1\ttext\tword\tmanual", "line 3: after_word is '-1'"),
        ("9\t  \tword\tmanual", "line 3: the text is empty"),
        ("9\ttext\tphrase\tmanual", "line 3: granularity is 'phrase'. Allowed: word or sentence"),
        ("9\ttext\tword\t", "line 3: no annotator"),
    ],
)
def test_wrong_lines_are_named(line: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_text(f"after_word\ttext\tgranularity\tannotator\n5\tone\tword\tmanual\n{line}\n")
    with pytest.raises(EngramError, match=re.escape(message)):
        association_files.read_associations(path, 300)


def test_a_missing_column_or_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(EngramError, match="is not there"):
        association_files.read_associations(tmp_path / "none.tsv", 10)
    (tmp_path / "a.tsv").write_text("after_word\ttext\n1\tx\n")
    with pytest.raises(EngramError, match="granularity"):
        association_files.read_associations(tmp_path / "a.tsv", 10)


def test_manual_is_reserved_for_people(tmp_path: Path) -> None:
    with pytest.raises(EngramError, match="says that people wrote it"):
        association_files.check_name("word-manual", found([1]), tmp_path)
    association_files.check_name("word-manual", [Association(1, "x", "word", "manual")], tmp_path)
    with pytest.raises(EngramError, match="no associations"):
        association_files.check_name("word", [], tmp_path)


insertions_strategy = st.dictionaries(
    st.integers(0, 298),
    st.lists(
        st.sampled_from(["like", "a", "bell", "Yes.", "don't", "sea,"]), min_size=1, max_size=6
    ),
    max_size=30,
)


@settings(max_examples=30, deadline=None)
@given(insertions_strategy)
def test_the_storys_words_keep_their_order(insertions: dict[int, list[str]]) -> None:
    text = with_insertions(WORDS, {place: " ".join(words) for place, words in insertions.items()})
    assert [text.words[place] for place in text.place] == WORDS
    assert len(text.words) == len(WORDS) + sum(map(len, insertions.values()))
    for place, words in insertions.items():
        assert text.words[text.place[place] + 1 : text.place[place] + 1 + len(words)] == words


@settings(max_examples=30, deadline=None)
@given(st.sets(st.integers(0, 298), min_size=6, max_size=30), st.integers(0, 10**6))
def test_controls_hold_what_they_should(places: set[int], seed: int) -> None:
    insertions = {
        place: " ".join(["word"] * (1 + place % 4)) + f" x{place}" for place in sorted(places)
    }
    pool = ["one", "two of three", "a b c d", "some other thing that is long"]
    rng = np.random.default_rng(seed)
    random = control_texts.random_text(insertions, pool, rng)
    repeat = control_texts.repeated_text(insertions, WORDS, rng)
    shuffled = control_texts.shuffled_text(insertions, rng)
    order = list(insertions)
    for made in (random, repeat, shuffled):
        assert list(made) == order
    assert [len(random[place].split()) for place in order] == [
        len(insertions[place].split()) for place in order
    ]
    for place, text in repeat.items():  # what was heard before, in one piece
        wanted = text.split()
        assert any(
            WORDS[begin : begin + len(wanted)] == wanted for begin in range(place + 2 - len(wanted))
        )
    assert sorted(shuffled.values()) == sorted(insertions.values())
    for index, place in enumerate(order):
        assert (
            abs(order.index(int(shuffled[place].split("x")[1])) - index)
            >= control_texts.SHUFFLED_BY
        )


def test_displaced_texts_stand_far_from_every_original_place() -> None:
    insertions = {place: f"x{place}" for place in (10, 12, 15, 18)}
    made = control_texts.displaced_text(insertions, range(0, 299), np.random.default_rng(0))
    assert sorted(made.values()) == sorted(insertions.values())
    assert all(
        abs(place - original) >= control_texts.DISPLACED_BY
        for place in made
        for original in insertions
    )
    # No place is 20 words from all of these: then from its own.
    dense = {place: f"x{place}" for place in range(5, 295, 15)}
    made = control_texts.displaced_text(dense, range(0, 299), np.random.default_rng(0))
    assert all(
        abs(place - int(text[1:])) >= control_texts.DISPLACED_BY and place not in dense
        for place, text in made.items()
    )
    with pytest.raises(EngramError, match="cannot be displaced"):
        control_texts.displaced_text({1: "a", 2: "b"}, [1, 2, 3], np.random.default_rng(0))


def test_too_few_insertions_cannot_be_shuffled() -> None:
    with pytest.raises(EngramError, match="too few to be shuffled"):
        control_texts.shuffled_text({1: "a", 2: "b"}, np.random.default_rng(0))


def test_foresight_counts_what_comes_soon_for_the_first_time() -> None:
    words = ["the", "cat", *["filler"] * 50, "dogs", *["filler"] * 200, "whale"]
    common = frozenset({"a", "like"})
    # dog comes; the cat was, the whale is far.
    assert text_tables.foresight(words, {1: "like a dog", 5: "a whale and cats"}, common) == (
        4,
        1,
    )


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
) -> xr.Dataset:
    return text_reading.read_texts(
        timed(words),
        texts,
        text_reading.text_reader(words, reader, **READING, room=room),
        alignment=alignment,
        layer=layer,
    )


@pytest.fixture(scope="module", params=["gpt2-tiny", "llama-tiny"])
def reader(request: pytest.FixtureRequest) -> Reader:
    return activations.load(MODELS / request.param)


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
    assert data["whole"].shape[:3] == (2, 7, 400) and data.attrs["reported_layer"] == 4
    reported = data["reported"].values
    np.testing.assert_array_equal(reported[0], reported[2])  # F is exactly 0
    np.testing.assert_array_equal(reported[0], data["whole"].values[0, 4])
    np.testing.assert_allclose(reported[0, :351], reported[3, :351], atol=1e-4)
    assert np.abs(reported[0, 351:] - reported[3, 351:]).max() > 1e-2
    if reader.model.config.model_type == "llama":  # rotary: no positions in the embeddings
        np.testing.assert_array_equal(data["whole"].values[0, 0], data["whole"].values[1, 0])
    else:
        assert np.abs(data["whole"].values[0, 0] - data["whole"].values[1, 0]).max() > 1e-3


def test_anchored_vectors_are_means_with_the_insertion(reader: Reader) -> None:
    words = story_words(60)
    texts: dict[str, dict[int, str]] = {"original": {}, "associations": {30: "like bells"}}
    context, anchor = (
        read(words, texts, reader, alignment=how, layer=3) for how in ("context", "anchor")
    )
    differ = np.abs(context["whole"].values[1] - anchor["whole"].values[1]).max(axis=(0, 2)) > 1e-6
    assert np.flatnonzero(differ).tolist() == [30]
    np.testing.assert_array_equal(context["whole"].values[0], anchor["whole"].values[0])


def test_too_little_room_is_said(reader: Reader) -> None:
    texts: dict[str, dict[int, str]] = {
        "original": {},
        "associations": dict.fromkeys(
            range(0, 200, 4), "like the very old bell of the church at home"
        ),
    }
    with pytest.raises(EngramError, match=r"Leave more room for them \(associating: \{room:"):
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
        np.testing.assert_array_equal(data[how]["whole"].values, data["context"]["whole"].values)
        np.testing.assert_array_equal(
            data[how]["reported"].values, data["context"]["reported"].values
        )
        assert data[how]["row_variant"].values.tolist() == [1, 1, 1, 1, 2, 2, 2]
        np.testing.assert_array_equal(
            data[how]["reported_inserted"].values[:4], data[how]["whole_inserted"].values[3]
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
    whole = text_reading.text_reader(words, reader, **READING, room=0.75)("associations", text)
    np.testing.assert_array_equal(
        whole[:, -2:], data["interpolate"]["whole_inserted"].values[:, 2:]
    )


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
        words, texts, text_reading.count_words, alignment=alignment, layer=None
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


# ---------------------------------------------------------------- the texts that the project ships
def shipped_story(path: Path) -> tuple[list[str], list[int]] | None:
    name = path.name.split("_")[0].removeprefix("story-")
    if name == "alice":
        return None  # its words are not the project's
    words = (TEXTS / f"{name}.txt").read_text().split()
    table = stories.words_table(
        pd.DataFrame(
            {
                "word": words,
                "onset": np.arange(len(words)),
                "offset": np.arange(len(words)) + 0.5,
                "sentence_end": pd.NA,
            }
        ),
        15,
        name,
    )
    return words, table["sentence"].astype(int).tolist()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_shipped_texts_are_what_their_names_say(path: Path) -> None:
    story = shipped_story(path)
    mine = association_files.read_associations(path, 2101 if story is None else len(story[0]))
    name = path.stem.split("_associations-")[1]
    assert {one.granularity for one in mine} == {name.split("-")[0]} and {
        one.annotator for one in mine
    } == {"language model"}
    made = json.loads(path.with_suffix(".json").read_text())["Made"]
    assert "language model" in made["by"] and made["licence"] == "CC0-1.0"
    assert len({one.text for one in mine}) == len(mine)
    if story is None:
        return
    words, sentence = story
    if name.startswith("sentence"):
        assert all(sentence[one.after_word] != sentence[one.after_word + 1] for one in mine)
    insertions = insertions_of(mine)
    texts = {
        "associations": insertions,
        **{
            f"shuffled-{k}": control_texts.shuffled_text(insertions, np.random.default_rng(k))
            for k in range(39)
        },
    }
    table = text_tables.texts_table("s", name, words, texts)
    share = (table["ahead"] / table["content_words"]).to_numpy()
    assert share[0] <= np.quantile(share[1:], 0.95)  # no foresight


def test_every_shipped_story_has_the_four_texts() -> None:
    names = {path.name for path in (ROOT / "resources" / "associations").glob("*.tsv")}
    four = [
        f"{granularity}-{when}"
        for granularity in ("word", "sentence")
        for when in ("judged", "periodic")
    ]
    assert names == {
        f"story-{story}_associations-{name}.tsv"
        for story in ("alice", "lighthouse", "market")
        for name in four
    }
