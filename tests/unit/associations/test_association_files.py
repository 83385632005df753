"""Files of associations: they come back as they were written, and wrong lines are named."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT, story_words

from engram.associations import association_files, control_texts, text_tables
from engram.associations.association_files import Association
from engram.associations.insertions import insertions_of
from engram.associations.random_texts import Made
from engram.associations.word_counts import SourceCounts
from engram.errors import EngramError
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
        "associations": Made(insertions),
        **{
            f"shuffled-{k}": Made(control_texts.shuffled_text(insertions, np.random.default_rng(k)))
            for k in range(39)
        },
    }
    table = text_tables.texts_table("s", name, words, texts, SourceCounts(words, {}))
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
