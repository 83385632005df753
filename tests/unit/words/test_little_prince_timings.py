"""The real annotations of Little Prince, and other people's reading of them (with a mirror)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from engram.words.timings.read import word_timings

pytestmark = pytest.mark.slow
SECTIONS = range(1, 10)


@pytest.fixture(scope="module")
def folder(mirror: Path) -> Path:
    """Return the folder of annotations."""
    return mirror / "littleprince" / "annotation"


def english(folder: Path, section: int) -> pd.DataFrame:
    return word_timings(folder / "EN" / f"lppEN_section{section}.TextGrid")


def french(folder: Path, section: int) -> pd.DataFrame:
    return word_timings(
        folder / "FR" / "lppFR_word_information.csv", rows={"section": str(section)}
    )


def converted(folder: Path, language: str, section: int) -> pd.DataFrame:
    """Return what other people read, without silence and punctuation alone."""
    table = pd.read_csv(folder / "converted" / f"lpp{language}_section{section}.csv")
    text = table["text"].fillna("").str.strip()
    return table.assign(text=text)[~text.isin(["", "#", "sil", ",", "..."])]


def check_same_times(ours: pd.DataFrame, theirs: pd.DataFrame) -> None:
    assert len(ours) == len(theirs)
    for name in ("onset", "offset"):
        np.testing.assert_allclose(ours[name], theirs[name], rtol=0, atol=1e-3)


def test_english_textgrids_give_the_words_that_were_said(folder: Path) -> None:
    words = pd.concat([english(folder, section) for section in SECTIONS])
    assert len(words) == 15429
    assert words[["onset", "offset"]].notna().all(axis=None)
    text = words["word"]
    assert not text.str.contains(r'[\\_#"]').any()
    assert text.str.contains("[a-z]").all()
    assert text.isin(["'the", "'where", "'i", "'reign", "i'd", "it'll", "naïve"]).sum() == 7
    assert text[text.str.startswith("'")].value_counts()[["'s", "'t"]].tolist() == [177, 138]
    assert text.str.contains(" ").sum() == 7  # numbers, such as three hundred twenty-five
    assert set(text[text.str.contains("[a-z]—[a-z]")]) == {"i—i", "time—well", "you—you"}


@pytest.mark.parametrize("section", [1, 2, 3])
def test_english_times_are_those_that_others_read(folder: Path, section: int) -> None:
    """One difference: punctuation alone, a row of theirs, belongs to the word before."""
    check_same_times(english(folder, section), converted(folder, "EN", section))


def test_the_french_table_gives_nine_sections(folder: Path) -> None:
    """Of 15,391 rows, 135 hold no word: second halves of du, des, au, aux (de + le, à + les)."""
    assert sum(len(french(folder, section)) for section in SECTIONS) == 15391 - 135


@pytest.mark.parametrize("section", [1, 2, 3])
def test_french_times_are_those_that_others_read(folder: Path, section: int) -> None:
    """Two differences: theirs have a row for an ellipsis, and '#NAME?' for words such as -il."""
    check_same_times(french(folder, section), converted(folder, "FR", section))


@pytest.mark.parametrize(("section", "count"), [(1, 1754), (2, 1798), (3, 1917)])
def test_chinese_tables_give_words(folder: Path, section: int, count: int) -> None:
    words = word_timings(folder / "converted" / f"lppCN_section{section}.csv")
    assert len(words) == count
    check_same_times(words, converted(folder, "CN", section))
