"""ELAN's annotation files, and small forms that tools write: lists of words, escapes in tables."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from engram.errors import EngramError
from engram.words.timings.elan import read_eaf
from engram.words.timings.read import word_timings

SLOTS = {"ts1": 500, "ts2": 1000, "ts3": 1400, "ts4": None, "ts5": 2600}


def eaf(*tiers: str) -> str:
    times = "".join(
        f'<TIME_SLOT TIME_SLOT_ID="{name}"'
        + (f' TIME_VALUE="{ms}"' if ms is not None else "")
        + "/>"
        for name, ms in SLOTS.items()
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<ANNOTATION_DOCUMENT FORMAT="3.0" VERSION="3.0">'
        f"<HEADER/><TIME_ORDER>{times}</TIME_ORDER>{''.join(tiers)}</ANNOTATION_DOCUMENT>\n"
    )


def aligned(number: int, first: str, last: str, text: str) -> str:
    return (
        f'<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a{number}" TIME_SLOT_REF1="{first}" '
        f'TIME_SLOT_REF2="{last}"><ANNOTATION_VALUE>{text}</ANNOTATION_VALUE>'
        "</ALIGNABLE_ANNOTATION></ANNOTATION>"
    )


def referring(number: int, to: int, text: str) -> str:
    return (
        f'<ANNOTATION><REF_ANNOTATION ANNOTATION_ID="a{number}" ANNOTATION_REF="a{to}">'
        f"<ANNOTATION_VALUE>{text}</ANNOTATION_VALUE></REF_ANNOTATION></ANNOTATION>"
    )


def tier(name: str, *annotations: str) -> str:
    return f'<TIER LINGUISTIC_TYPE_REF="t" TIER_ID="{name}">{"".join(annotations)}</TIER>'


WORDS = tier(
    "words",
    aligned(2, "ts2", "ts3", "R&amp;D"),  # in the order they were made
    aligned(1, "ts1", "ts2", "once"),
)


def write(folder: Path, text: str, name: str = "a.eaf") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_words_of_elan_are_in_seconds_and_in_order(tmp_path: Path) -> None:
    phrase = tier("text", aligned(7, "ts1", "ts5", "once upon a time there was"))
    path = write(tmp_path, eaf(phrase, WORDS))
    words = word_timings(path)
    assert words["word"].tolist() == ["once", "R&D"]
    assert words["onset"].tolist() == [0.5, 1.0]
    assert words["offset"].tolist() == [1.0, 1.4]
    assert word_timings(path, format="elan", tier="words").equals(words)
    wide = tmp_path / "b.eaf"
    wide.write_bytes(path.read_text("utf-8").replace("UTF-8", "UTF-16").encode("utf-16"))
    assert word_timings(wide).equals(words)
    with pytest.raises(EngramError, match="has no tier 'mots'.*2: 'words'"):
        word_timings(path, tier="mots")


def test_annotations_without_times_of_their_own(tmp_path: Path) -> None:
    """Between two aligned ones, of another tier one each, and of another tier several."""
    between = tier(
        "words", aligned(1, "ts1", "ts2", "a"), aligned(2, "ts2", "ts4", "b"),
        aligned(3, "ts4", "ts5", "c"),
    )  # fmt: skip
    glosses = tier("gloss", referring(4, 1, "x"), referring(5, 2, "y"))
    parts = tier("parts", referring(6, 3, "c-"), referring(8, 3, "-c"))
    found = {one.name: one for one in read_eaf(write(tmp_path, eaf(between, glosses, parts)))}
    times = [(label.begin, label.end) for label in found["words"].labels]
    assert times[0] == (0.5, 1.0) and times[1][0] == 1.0 and times[2][1] == 2.6
    assert math.isnan(times[1][1]) and math.isnan(times[2][0])
    assert [label.begin for label in found["gloss"].labels] == [0.5, 1.0]
    assert all(math.isnan(label.begin) for label in found["parts"].labels)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (eaf(WORDS)[:-30], "is no XML .*Is it whole"),
        ("<xml/>", "no file of ELAN: it begins with <xml>"),
        (eaf(tier("words", aligned(1, "ts1", "ts9", "a"))), "names the time ts9"),
        (eaf(WORDS).replace('"1400"', '"1.4"'), "'1.4' is no number of milliseconds"),
        (eaf(tier("words")), "has no words"),
    ],
)
def test_broken_files_of_elan(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(EngramError, match=message):
        word_timings(write(tmp_path, text))


def test_a_bare_list_of_words_in_json(tmp_path: Path) -> None:
    listed = [{"word": "Once", "start": 0.1, "end": 0.4}, {"word": "12"}, {"word": "x", "start": 1}]
    words = word_timings(write(tmp_path, json.dumps(listed), "a.json"))
    assert words["word"].tolist() == ["Once", "12", "x"]
    assert words["onset"].isna().tolist() == [False, True, False]
    with pytest.raises(EngramError, match="no JSON object with words, but list"):
        word_timings(write(tmp_path, "[1, 2]", "b.json"))


def test_a_table_made_of_a_textgrid_holds_praats_escapes(tmp_path: Path) -> None:
    table = 'text,onset,offset\n\\` the,0.1,0.2\nit\\` s,0.2,0.3\nna\\i"ve,0.3,0.4\n'
    words = word_timings(write(tmp_path, table, "a.csv"))
    assert words["word"].tolist() == ["'the", "it's", "naïve"]


def test_signs_of_chinese_are_no_phones(tmp_path: Path) -> None:
    """A tier of single signs is not passed over for one of their sounds."""
    signs = tier("signs", aligned(1, "ts1", "ts2", "当"), aligned(2, "ts2", "ts3", "我"))
    sounds = tier("sounds", aligned(3, "ts1", "ts2", "dang1"), aligned(4, "ts2", "ts3", "wo3"))
    with pytest.raises(EngramError, match="which of its tiers"):
        word_timings(write(tmp_path, eaf(signs, sounds)))
    letters = tier("letters", aligned(5, "ts1", "ts2", "d"), aligned(6, "ts2", "ts3", "w"))
    assert word_timings(write(tmp_path, eaf(signs, letters)))["word"].tolist() == ["当", "我"]
