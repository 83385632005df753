"""Punctuation and sentence ends of many scripts."""

from __future__ import annotations

import pytest

from engram.associations.annotators import story_style
from engram.words.punctuation import (
    bare,
    core,
    ends_sentence,
    is_closed,
    marks,
    unquoted,
    without_end,
)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("星球。", "星球"),
        ("「花」", "花"),
        ("है।", "है"),  # the vowel sign is a mark, and part of the word
        ("نعم،", "نعم"),
        ("نعم؟\u200f", "نعم"),  # an invisible mark of direction
        ("می\u200cروم۔", "می\u200cروم"),  # a joiner within a word stays
        ("ሰላም።", "ሰላም"),
        ("շուն։", "շուն"),
        ("»Ja.«", "Ja"),
        ("„Nein“,", "Nein"),
        ("‹oui›", "oui"),
        ("fini\u00a0!»", "fini"),
        ("cafe\u0301.", "cafe\u0301"),
        ("ラーメン、", "ラーメン"),
        ("人々", "人々"),
        ("5%", "5"),
        ("€5", "5"),
        ("C++", "C"),
        ("it\u2019s", "it\u2019s"),
        ("m²)", "m²"),
        ("\u200bword", "word"),
        ("…", ""),
        ("$", ""),
        ("👍🏽", ""),
        ("—", ""),
        ("\u0301", ""),
    ],
)
def test_punctuation_around_a_word(word: str, expected: str) -> None:
    assert bare(word) == expected
    begin, end = core(word)
    assert word[begin:end] == (expected or word)


@pytest.mark.parametrize(
    "word",
    [
        "だ。",
        "吗？",
        "好！」",
        "है।",
        "؟",
        "ہے۔",
        "ሰላም።",
        "រួច។",
        "շուն։",
        "Ja.“",
        "fini.»",
        "fini. »",
        "Ja.«",
        "Go!”",
        "oui\u00a0?",
        "はい。』",
        "Wait…",
        "Ａ．",
        "end.",
        "no!?",
    ],
)
def test_sentences_end(word: str) -> None:
    assert ends_sentence(word)


@pytest.mark.parametrize(
    "word",
    [
        "“Mr.",
        "„Dr.",
        "«Prof.",
        "「Mr.",
        "(St.",
        "etc.",
        "3.14",
        "好，",
        "、",
        "نعم،",
        "a;",
        "“Ja”",
        "»",
        "",
        "C++",
        "用户.名",
    ],
)
def test_sentences_do_not_end(word: str) -> None:
    assert not ends_sentence(word)


def test_long_runs_of_marks_take_linear_time() -> None:
    assert not is_closed("!" * 300_000 + "x" + "”" * 300_000)


@pytest.mark.parametrize("text", ["«Oui»", "„Ja“", "»Ja«", "「は」", '"a"', "‹a›"])
def test_quotation_marks_around_a_text_come_off(text: str) -> None:
    assert unquoted(text) == text[1:-1]


def test_ends_of_phrases_keep_what_is_of_the_word() -> None:
    assert (
        without_end("um 50%, —") == "um 50%"
        and without_end("好，") == "好"
        and without_end("(so)") == "(so)"
    )


@pytest.mark.parametrize(
    ("story", "expected"),
    [
        ("He went, then. He sat, and slept.", (".", ",")),
        ("No marks", (".", ",")),
        ("他 来， 我 走。 好！", ("。", "，")),
        ("वह आया, मैं गया। अच्छा।", ("।", ",")),
        ("جاء، ثم ذهب. هل؟", (".", "،")),
        ("ሄደ፣ መጣ።", ("።", "፣")),
    ],
)
def test_marks_of_the_story(story: str, expected: tuple[str, str]) -> None:
    assert marks(story.split()) == expected
    stop, comma = expected
    assert story_style.in_style("花 香", "sentence", expected, True, frozenset()) == f"花 香{stop}"
    assert (
        story_style.in_style("花 香" + stop, "word", expected, False, frozenset())
        == f"花 香{comma}"
    )
