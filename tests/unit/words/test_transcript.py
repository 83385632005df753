"""Words get the punctuation and case of a transcript; what differs is listed."""

from __future__ import annotations

import logging
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engram.errors import EngramError
from engram.words.timings.transcript import punctuate, written_words


def aligned(words: list[str]) -> pd.DataFrame:
    """Return words of half a second, one a second."""
    onset = pd.Series(range(len(words)), dtype=float)
    return pd.DataFrame({"word": words, "onset": onset, "offset": onset + 0.5})


def written(folder: Path, words: list[str], text: str) -> list[tuple[str, float, float]]:
    path = folder / "text.txt"
    path.write_text(text, encoding="utf-8")
    found = written_words(aligned(words), path, Path("a.TextGrid"))
    return list(found[["word", "onset", "offset"]].itertuples(index=False, name=None))


def texts(folder: Path, words: str, text: str) -> list[str]:
    return [word for word, *_ in written(folder, words.split(), text)]


def test_punctuation_and_case_come_back(tmp_path: Path) -> None:
    assert texts(tmp_path, "so i went to st johns", "“So — I went, to St. John's!”") == [
        "“So —",
        "I",
        "went,",
        "to",
        "St.",
        "John's!”",
    ]


def test_parts_of_a_word_are_joined(tmp_path: Path) -> None:
    found = written(
        tmp_path, ["don", "t", "you", "well", "known", "thing"], "Don’t you, well-known thing?"
    )
    assert found == [
        ("Don’t", 0.0, 1.5),
        ("you,", 2.0, 2.5),
        ("well-known", 3.0, 4.5),
        ("thing?", 5.0, 5.5),
    ]


def test_a_row_may_be_several_words(tmp_path: Path) -> None:
    words = ["the", "twenty one", "time—well", "gonna", "end"]
    text = "The twenty-one; time — well... going to end."
    assert [word for word, *_ in written(tmp_path, words, text)] == [
        "The",
        "twenty-one;",
        "time — well...",
        "gonna",
        "end.",
    ]


def test_words_on_either_side_of_a_dash_stay_two(tmp_path: Path) -> None:
    found = written(tmp_path, ["a", "time", "well", "yes"], "A time—well... yes")
    assert [word for word, *_ in found] == ["A", "time—", "well...", "yes"]


def test_unknown_words_are_the_transcripts(tmp_path: Path) -> None:
    words = ["on", "asteroid", "<unk>", "the", "<unk>", "said", "<UNK>", "so"]
    text = "On asteroid B-612 the Turkish astronomer said: hear, hear; so?"
    assert [word for word, *_ in written(tmp_path, words, text)] == [
        "On",
        "asteroid",
        "B-612",
        "the",
        "Turkish astronomer",
        "said:",
        "hear, hear;",
        "so?",
    ]


def test_scripts_without_blanks_are_compared_by_letters(tmp_path: Path) -> None:
    words = ["我", "还", "小王子", "说", "B612", "号"]
    assert [word for word, *_ in written(tmp_path, words, "我还「小王子」说：B612号。")] == [
        "我",
        "还",
        "「小王子」",
        "说：",
        "B612",
        "号。",
    ]


def test_differences_are_listed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        found = texts(
            tmp_path,
            "once the colour um faded and three of us left",
            "Before. Once the color faded away and 3 of us left. After.",
        )
    assert found == ["Once", "the", "color", "um", "faded", "and", "three", "of", "us", "left."]
    for text in (
        "8 of 10 words are written as in",
        "1 words are spelled otherwise in the transcript: colour (color)",
        "2 words are not in the transcript, and stay: um, three",
        "2 words of the transcript have no time here, and are left out: away, 3",
    ):
        assert text in caplog.text


def test_another_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EngramError, match="has 1 of the 4 words.*something else"):
        texts(tmp_path, "once upon a time", "Four score and seven years ago a nation")
    with pytest.raises(EngramError, match="has no words"):
        texts(tmp_path, "once upon a time", " \n—")


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.sampled_from(["the", "a", "it's", "B612", "well-known", "Étoile", "end"]), min_size=1
    ),
    st.lists(st.sampled_from([" ", ", ", ". ", " — ", "\n", "! “"]), min_size=1),
)
def test_a_text_comes_back_from_its_own_words(words: list[str], gaps: list[str]) -> None:
    """Times are those of the rows, and all that is no blank comes back once, in order."""
    text = "".join(word + gaps[place % len(gaps)] for place, word in enumerate(words))
    bare = [word.lower().replace("'", "") for word in words]
    path = Path(__file__)  # for messages
    found = written_words_of(bare, text, path)
    assert len(found) == len(words)
    assert found["onset"].tolist() == list(range(len(words)))
    assert "".join("".join(found["word"]).split()) == "".join(text.split())


def written_words_of(words: list[str], text: str, path: Path) -> pd.DataFrame:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "text.txt"
        file.write_text(text, encoding="utf-8")
        return written_words(aligned(words), file, path)


def test_punctuate_keeps_the_number_of_words() -> None:
    assert punctuate(["don", "t", "go"], "“Don't go!”") == ["don", "t", "go!”"]
