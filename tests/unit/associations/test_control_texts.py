"""Control texts keep what they should, and change the rest."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import story_words
from hypothesis import given, settings
from hypothesis import strategies as st

from engram.associations import control_texts, text_tables
from engram.associations.association_files import Association
from engram.associations.insertions import with_insertions
from engram.errors import EngramError

WORDS = story_words(300)


insertions_strategy = st.dictionaries(
    st.integers(0, 298),
    st.lists(
        st.sampled_from(["like", "a", "bell", "Yes.", "don't", "sea,"]), min_size=1, max_size=6
    ),
    max_size=30,
)


def found(places: list[int], granularity: str = "word") -> list[Association]:
    return [
        Association(place, f"like thing{place} of old", granularity, "language model")
        for place in places
    ]


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
