"""The key `words` of a dataset: which files a story's words come from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from engram.datasets.word_files import (
    WordFiles,
    source_files,
    stories_with_words,
    word_sources,
    words_about,
)
from engram.errors import EngramError
from engram.study.config.fields import Section


class Written(Section):
    words: WordFiles


def checked(words: Any) -> Any:
    return Written(words=words).words


def make(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("word\tonset\n")
    return folder


def test_a_path_with_story_in_it_is_every_storys(tmp_path: Path) -> None:
    folder = make(
        tmp_path, "grids/one_1.TextGrid", "grids/two-b_1.TextGrid", "grids/odd_name_1.TextGrid"
    )
    words = checked("grids/{story}_1.TextGrid")
    assert stories_with_words(words, folder) == ["odd-name", "one", "two-b"]
    assert word_sources(words, "one", folder) == [{"file": "grids/one_1.TextGrid"}]
    absolute = checked(f"{tmp_path}/grids/{{story}}_1.TextGrid")
    assert stories_with_words(absolute, Path("elsewhere")) == ["odd-name", "one", "two-b"]


def test_names_of_files_become_names_of_stories(tmp_path: Path) -> None:
    """Blanks, brackets and underscores are hyphens, as in the names of stimuli."""
    folder = make(
        tmp_path, "grids/The Fox (1).TextGrid", "grids/crow_v2.TextGrid", "texts/crow-v2.txt"
    )
    words = checked(
        {"{story}": {"file": "grids/{story}.TextGrid", "transcript": "texts/{story}.txt"}}
    )
    assert stories_with_words(words, folder) == ["The-Fox-1", "crow-v2"]
    assert word_sources(words, "crow-v2", folder) == [
        {"file": "grids/crow_v2.TextGrid", "transcript": "texts/crow-v2.txt"}
    ]
    words = checked("grids/{story}.TextGrid")
    assert word_sources(words, "The-Fox-1", folder) == [{"file": "grids/The Fox (1).TextGrid"}]
    make(tmp_path, "grids/crow v2.TextGrid")
    with pytest.raises(EngramError, match="'crow v2' and 'crow_v2'"):
        stories_with_words(words, folder)


def test_a_path_from_the_working_directory_is_recognised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path, "grids/one.TextGrid", "data/x.txt")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(EngramError, match="there is 'grids/one.TextGrid': write its whole path"):
        stories_with_words(checked("grids/{story}.TextGrid"), Path("data"))


def test_the_story_may_stand_in_folders_and_twice(tmp_path: Path) -> None:
    folder = make(tmp_path, "one/one.json", "two/two.json", "two/one.json")
    assert stories_with_words(checked("{story}/{story}.json"), folder) == ["one", "two"]


def test_a_story_may_have_files_of_its_own(tmp_path: Path) -> None:
    folder = make(tmp_path, "a.TextGrid", "b.TextGrid", "one.txt", "rest/two.csv")
    words = checked(
        {
            "one": [
                {"file": "a.TextGrid", "tier": 2, "transcript": "{story}.txt"},
                {"file": "b.TextGrid", "offset": 60},
            ],
            "{story}": {"file": "rest/{story}.csv", "columns": {"word": "token"}},
        }
    )
    assert stories_with_words(words, folder) == ["one", "two"]
    sources = word_sources(words, "one", folder)
    assert sources == [
        {"file": "a.TextGrid", "tier": "2", "transcript": "one.txt"},
        {"file": "b.TextGrid", "offset": 60.0},
    ]
    assert [Path(path).name for path in source_files(sources, folder)] == [
        "a.TextGrid",
        "one.txt",
        "b.TextGrid",
    ]
    assert word_sources(words, "two", folder) == [
        {"file": "rest/two.csv", "columns": {"word": "token"}}
    ]
    assert words_about(sources, folder) == 1.0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("one.TextGrid", "would be the words of every story"),
        (["a.TextGrid"], "belongs to a story"),
        (3, "a path with '{story}' in it"),
        ({"one": {"fil": "a"}}, "Extra inputs"),
        ({"one": []}, "at least 1 item"),
        ({"a_b": "a.json"}, "letters and digits"),
        ({"one": {"file": "{hemi}.json"}}, "except in '{story}'"),
        ({"one": {"file": "a", "format": "eaf"}}, "'textgrid', 'mfa'"),
        ({"one": {"file": "a", "columns": {"wrd": "x"}}}, "'word', 'onset'"),
    ],
)
def test_what_names_no_files_is_refused(words: Any, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        checked(words)


def test_files_that_are_not_there_are_refused(tmp_path: Path) -> None:
    with pytest.raises(EngramError, match="no file fits 'x/{story}.json'.*relative paths start"):
        stories_with_words(checked("x/{story}.json"), tmp_path)
    with pytest.raises(EngramError, match="story 'one' has no file '.*a.json'"):
        word_sources(checked({"one": "a.json"}), "one", tmp_path)
    with pytest.raises(EngramError, match="no file for story 'two'. It has: one"):
        word_sources(checked({"one": "a.json"}), "two", None)
    assert word_sources(checked({"one": "a.json"}), "one", None) == [{"file": "a.json"}]
