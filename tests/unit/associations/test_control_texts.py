"""Control texts keep what they should, and change the rest."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import story_words
from hypothesis import given, settings
from hypothesis import strategies as st

from engram.associations import control_texts, text_tables
from engram.associations.annotators.story_style import StoryStyle
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
    rng = np.random.default_rng(seed)
    repeat = control_texts.repeated_text(insertions, WORDS, rng)
    shuffled = control_texts.shuffled_text(insertions, rng)
    order = list(insertions)
    for made in (repeat, shuffled):
        assert list(made) == order
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


def test_passage_texts_say_again_what_was_just_heard() -> None:
    words = ["the", "old", "cat", "saw", *["the"] * 40, "a", "red", "boat,", "and", "Sarah", "too"]
    found = [
        Association(3, "like a very small bell", "word", "x"),
        Association(49, "with tea in the garden", "word", "x"),
        Association(48, "a bell of bronze and glass", "word", "x"),
    ]
    made = control_texts.texts_with_controls(words, [0] * 50, found, [], {"passage": 20}, 0)
    ours = made["associations"].insertions
    for number in range(1, 21):
        text = made[f"passage-{number:02d}"].insertions
        assert list(text) == [3, 49, 48]
        assert {len(text[place].split()) for place in text} == {5, 6}
        # Its own function words where they were; the last words with content for the others.
        assert text[3].startswith("like a very ")
        assert set(text[3].split()[3:]) < {"old", "cat", "saw"}
        first, tea, *rest = text[49].split()
        assert (first, *rest[:2]) == ("with", "in", "the")
        assert {tea, rest[2]} < {"red", "boat", "Sarah"}
        # Three are wanted of the three that were heard, in an order of their own.
        assert {word for word in text[48].split() if word not in ours[48]} <= {
            "red",
            "boat",
            "Sarah",
        }
    assert len({made[f"passage-{number:02d}"].insertions[49] for number in range(1, 21)}) > 3


def test_passage_texts_where_there_is_no_content() -> None:
    found = [Association(0, "just like that", "word", "x"), Association(1, "so it", "word", "x")]
    made = control_texts.texts_with_controls(
        ["the", "and", "x"], [0] * 3, found, [], {"passage": 1}, 0
    )
    assert made["passage-01"].insertions.keys() == {0, 1}
    assert made["passage-01"].insertions[0] == "the the the"
    assert set(made["passage-01"].insertions[1].split()) == {"the", "and"}


def test_all_texts_are_written_as_the_story_is() -> None:
    """Sentences of a story with punctuation move to where phrases stand, and back."""
    words = [f"{word}." if index % 10 == 9 else word for index, word in enumerate(["sea"] * 400)]
    words[0] = "The"
    sentence = [index // 10 for index in range(400)]
    # Half of them at sentence ends; none is written as it should be.
    found = [
        Association(place, f"like Thing{place} of old", "word", "x") for place in range(14, 390, 15)
    ]
    counts = {"shuffled": 3, "displaced": 3, "repeat": 3, "passage": 3}
    made = control_texts.texts_with_controls(words, sentence, found, [], counts, 0)
    assert set(made) == {"associations", *(f"{kind}-0{k}" for kind in counts for k in (1, 2, 3))}
    for one in made.values():
        for place, text in one.insertions.items():
            assert text[-1] == ("." if place % 10 == 9 else ",")
            assert text[0].isupper() is (place % 10 == 9)
            assert text == StoryStyle.of(words, sentence).applied(text, "word", place)


def test_texts_that_were_there_before_are_drawn_as_before() -> None:
    """Random numbers of these texts hang on seed, kind and number alone."""
    ours = found(list(range(9, 290, 9)))
    insertions = {one.after_word: one.text for one in ours}
    story = [word.strip(".,;:!?\"'").lower() or "x" for word in WORDS]
    counts = {"shuffled": 2, "repeat": 2}
    made = control_texts.texts_with_controls(story, [0] * 300, ours, [], counts, 7, "a/b")
    rng = np.random.default_rng([7, 1, 2])
    assert made["shuffled-02"].insertions == control_texts.shuffled_text(insertions, rng)
    rng = np.random.default_rng([7, 3, 1])
    assert made["repeat-01"].insertions == control_texts.repeated_text(insertions, story, rng)
