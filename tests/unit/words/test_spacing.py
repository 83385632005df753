"""Blanks between words, as people write them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engram.words.spacing import laid_out
from engram.words.timings.contractions import with_apostrophes


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (
            "it didn 't matter ; you 're John 's , he 'd say",
            "it didn't matter ; you're John's , he'd say",
        ),
        ("it’ll do n't can 't", "it’ll don't can't"),
        ("'tis 'em said, 's", "'tis 'em said, 's"),
        ("the dogs' tail 'so' he", "the dogs' tail 'so' he"),
        ("j' avais l’ idée qu' il dit -il lorsqu' elle", "j'avais l’idée qu'il dit-il lorsqu'elle"),
        ("«l' eau d' un", "«l'eau d'un"),
        ("four o' clock - well -5", "four o'clock - well -5"),
        ("我 还 说", "我 还 说"),
    ],
)
def test_texts_are_as_people_write(words: str, text: str) -> None:
    assert laid_out(words.split()).text == text
    assert laid_out(words.split(), range(99)).text == words


@given(st.lists(st.sampled_from(["it", "'s", "l'", "eau", "-il", ".", "n't", "é"]), min_size=1))
def test_words_stand_where_it_says(words: list[str]) -> None:
    layout = laid_out(words)
    spans = zip(layout.begins, layout.ends, strict=True)
    assert [layout.text[begin:end] for begin, end in spans] == words
    assert [layout.text[place] for place in layout.blanks] == [" "] * len(layout.blanks)
    assert len(layout.text) == sum(map(len, words)) + len(layout.blanks)
    np.testing.assert_array_equal(layout.ends, laid_out(words).ends)


def test_contractions_get_their_apostrophe_back() -> None:
    text = "Don t you see it s four o clock they re late i m i ve he d can t won t"
    words = text.split()
    found = " ".join(with_apostrophes(words))
    assert laid_out(found.split()).text == (
        "Don't you see it's four o'clock they're late i'm i've he'd can't won't"
    )


@pytest.mark.parametrize("words", ["plan s and t m", "dit t il s en va", "vitamin d re t don t"])
def test_other_letters_alone_stay(words: str) -> None:
    assert with_apostrophes(words.split()) == words.split()
