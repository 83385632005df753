"""Random texts come from one source each, match the text, and are written as its story is."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st

from engram.associations import association_files, control_sources, control_texts, text_tables
from engram.associations.annotators.story_style import StoryStyle
from engram.associations.association_files import Association
from engram.associations.control_sources import Source
from engram.associations.random_texts import Made, is_conditional
from engram.associations.text_pieces import CUT, PHRASE, WHOLE, pieces
from engram.associations.word_counts import SourceCounts, WordCounts, common_words
from engram.errors import EngramError

COMMON = common_words()
NOUNS = ["bell", "sea", "lamp", "oak", "fox", "rain", "coat", "tin"]
NOUNS += ["drum", "salt", "road", "milk", "crow", "kite", "wool"]
#: A story without punctuation and capitals, but for I and a name.
BARE = [("Alice" if index % 97 == 0 else "sea") for index in range(2000)]
#: Insertions by place: of three and of four words.
PLACES = range(10, 210, 10)


def found(places: range = PLACES) -> list[Association]:
    return [
        Association(place, "like a bell" if place % 20 else "the drum of tin", "word", "x")
        for place in places
    ]


def sources(number: int = 12, size: int = 50) -> list[Source]:
    """Sources in a style that is not the story's: sentences, capitals, quotes, brackets."""
    rng = np.random.default_rng(0)
    made = []
    for one in range(number):
        texts = [
            f"{NOUNS[rng.integers(15)].capitalize()} of s{one}n{k}, \u201ca very s{one}o{k}\u201d! "
            f"The s{one}p{k} of {NOUNS[rng.integers(15)]} (so s{one}q{k})."
            for k in range(size)
        ]
        made.append(Source(f"source-{one:02d}", tuple(texts)))
    return made


def with_random(
    among: list[Source], number: int = 24, seed: int = 0, name: str = ""
) -> dict[str, Made]:
    return control_texts.texts_with_controls(
        BARE, [0] * len(BARE), found(), among, {"random": number}, seed, name
    )


@pytest.fixture(scope="module")
def made() -> dict[str, Made]:
    return with_random(sources())


def random_of(made: dict[str, Made]) -> list[Made]:
    return [one for name, one in made.items() if name.startswith("random-")]


def test_a_pool_in_another_style_gives_texts_in_the_storys(made: dict[str, Made]) -> None:
    ours = made["associations"].insertions
    for one in random_of(made):
        assert list(one.insertions) == list(ours)
        for place, text in one.insertions.items():
            assert len(text.split()) == len(ours[place].split())
            assert text == text.lower() and not set(text) & set(".,!()\u201c\u201d")
            assert text != ours[place]


def test_each_text_is_of_one_source_and_sources_take_turns(made: dict[str, Made]) -> None:
    for one in random_of(made):
        number = int(one.source.removeprefix("source-"))
        marks = set(re.findall(r"s(\d+)[nopq]", " ".join(one.insertions.values())))
        assert marks == {str(number)}
    names = [one.source for one in random_of(made)]
    assert len(set(names)) == 12 and names[:12] == names[12:]
    assert names[:12] != sorted(names[:12])  # seeded, not by name


def test_hardly_a_text_is_used_twice(made: dict[str, Made]) -> None:
    all_texts = [text for one in random_of(made) for text in one.insertions.values()]
    assert all(len(set(one.insertions.values())) == len(PLACES) for one in random_of(made))
    assert len(set(all_texts)) > 0.85 * len(all_texts)
    assert not any(one.cut for one in random_of(made))


def test_texts_are_drawn_anew_by_seed_and_by_name_and_only_then(made: dict[str, Made]) -> None:
    assert random_of(with_random(sources(), 2)) == random_of(made)[:2]
    others = (
        with_random(sources(), 2, seed=1),
        with_random(sources(), 2, name="market/word"),
    )
    for other in others:
        assert random_of(other)[0].insertions != random_of(made)[0].insertions
    # The order of sources is one for all stories.
    assert [one.source for one in random_of(others[1])] == [
        one.source for one in random_of(made)[:2]
    ]


def test_matching_brings_texts_nearer_in_what_is_seen() -> None:
    """Long and rare words are wanted, or short and frequent ones: each gets its own."""
    among = []
    for letter in "pqr":
        pool = [
            *(f"t{k}{letter} d{k}{letter} b{k}{letter}" for k in range(100)),
            *(
                f"outrageous{k}{letter} unforeseen{k}{letter} bewildering{k}{letter}"
                for k in range(100)
            ),
            *(f"the t{k}{letter} of" for k in range(100)),
        ]
        among.append(Source(letter, tuple(np.random.default_rng(1).permutation(pool))))
    texts = ["tea dog sun", "inconceivable philosophers contemplating", "the bus of"]
    ours = [Association(place, texts[place % 3], "word", "x") for place in range(60)]
    made = control_texts.texts_with_controls(BARE, [0] * 2000, ours, among, {"random": 3}, 0)
    for one in random_of(made):
        for place, text in one.insertions.items():
            characters = len(text.replace(" ", ""))
            assert (characters > 25) is (place % 3 == 1)
            assert text.startswith("the ") is (place % 3 == 2)


def test_a_story_with_punctuation_has_it_in_random_texts() -> None:
    words = [f"{word}." if index % 10 == 9 else word for index, word in enumerate(BARE)]
    sentence = [index // 10 for index in range(len(BARE))]
    ours = [Association(place, "like a bell", "word", "x") for place in range(4, 400, 5)]
    made = control_texts.texts_with_controls(words, sentence, ours, sources(), {"random": 3}, 0)
    for one in random_of(made):
        for place, text in one.insertions.items():
            assert text[-1] == ("." if place % 10 == 9 else ",")
            assert text[0].isupper() is (place % 10 == 9)


def test_small_sources_are_left_out_and_too_few_are_said(caplog: pytest.LogCaptureFixture) -> None:
    small = Source("small", ("like the one", "of my two"))
    with caplog.at_level(logging.INFO, "engram"):
        made = with_random([*sources(3), small], 6)
    assert {one.source for one in random_of(made)} == {"source-00", "source-01", "source-02"}
    assert "left out: small" in caplog.text
    assert "p is conditional on these sources: there are 3 (10 would do)" in caplog.text
    assert {one.n_sources for one in random_of(made)} == {3}
    assert all(is_conditional(one.n_sources, one.pool, 20) for one in random_of(made))
    assert not is_conditional(10, 800, 40) and is_conditional(10, 799, 40)


def test_a_source_alone_is_used_however_small(caplog: pytest.LogCaptureFixture) -> None:
    """Its texts come again, are cut and joined; the table counts them."""
    made = with_random([Source("s", ("one two three four five six",))], 2)
    ours = made["associations"].insertions
    for one in random_of(made):
        assert [len(text.split()) for text in one.insertions.values()] == [
            len(text.split()) for text in ours.values()
        ]
        assert one.cut == len(PLACES) and one.source == "s"
    short = with_random([Source("s", ("one", "two"))], 1)["random-01"]  # joined
    assert {len(text.split()) for text in short.insertions.values()} == {3, 4}
    table = text_tables.texts_table("alice", "t", BARE, made, SourceCounts(BARE, {}))
    assert table["cut"].tolist() == [0, 20, 20] and (table["repeated"][1:] > 10).all()


def test_no_source_at_all() -> None:
    with pytest.raises(EngramError, match="Add files for another story"):
        control_sources.read_sources([], "word")


def test_table_of_texts_counts_what_a_reader_sees() -> None:
    texts = {
        "original": Made({}),
        "associations": Made({1: "like a Bell,", 5: "the red sea"}),
        "random-01": Made({1: "like a drum", 5: "like a drum"}, "s", 3, 7, 1),
        "random-02": Made({1: "like a drum", 5: "tin"}, "t", 3, 9),
    }
    counts = SourceCounts(["sea", "sea"], {"s": ["drum"] * 9, "t": ["drum", "bell"]})
    table = text_tables.texts_table("alice", "t", BARE, texts, counts)
    assert list(table.columns) == list(text_tables.TEXTS_COLUMNS)
    rows = table.set_index("variant")
    assert rows["source"].tolist()[2:] == ["s", "t"] and rows["source"].isna().tolist()[:2] == [
        True,
        True,
    ]
    ours, first, second = (rows.loc[name] for name in ("associations", "random-01", "random-02"))
    assert (ours["inserted_words"], ours["characters"], ours["content_words"]) == (6, 18, 3)
    assert (ours["punctuated"], ours["capitals"], ours["repeated"], ours["shared"]) == (1, 1, 0, 0)
    assert (first["n_sources"], first["pool"], first["repeated"], first["shared"]) == (3, 7, 1, 2)
    assert (second["repeated"], second["shared"], first["cut"], second["cut"]) == (0, 1, 1, 0)
    # bell: once; red: never, and sea: twice. A source's own words do not count: drum is in t once.
    assert ours["log_frequency"] == pytest.approx((np.log10(2) + np.log10(3) / 2) / 2)
    assert first["log_frequency"] == pytest.approx(np.log10(2))
    assert second["log_frequency"] == pytest.approx(np.log10(10) / 2)


def test_counts_of_words() -> None:
    counts = WordCounts(["The sea, the SEA!", "bell"])
    assert counts.log_frequency(["sea"]) == pytest.approx(np.log10(3))
    assert counts.log_frequency([]) == 0 == counts.log_frequency(["fox"])
    both = counts + WordCounts(["bell"])
    assert both.log_frequency(["bell", "fox"]) == pytest.approx(np.log10(3) / 2)
    assert (both - counts).log_frequency(["bell", "sea"]) == pytest.approx(np.log10(2) / 2)


def test_pieces_of_a_text() -> None:
    text = "Hose: a bitter smell, the first packet of seeds. Troughs in (wet) fields come back"
    found = {one.text: one.wholeness for one in pieces(text, range(1, 20), COMMON)}
    assert found["a bitter smell"] == WHOLE == found["the first packet of seeds"]
    # Several of a list, and phrases, which begin with a function word or end before one.
    assert found["a bitter smell, the first packet of seeds"] == PHRASE
    assert found["of seeds"] == PHRASE == found["the first packet"]
    assert found["first packet of"] == CUT == found["seeds. Troughs"] == found["bitter smell"]
    # What a colon stands behind names what follows.
    assert not any("Hose" in one for one in found)
    assert {one.text for one in pieces("Rain \u2014 then more rain", {3}, COMMON)} >= {
        "then more rain"
    }
    assert next(pieces("Rain \u2014 then more", {2}, COMMON)).wholeness != WHOLE


@given(st.text("ab .,:;-\u2014()!\"'", max_size=40))
@settings(max_examples=100, deadline=None)
def test_pieces_are_words_of_the_text_in_a_row(text: str) -> None:
    tokens = text.replace("\u2014", "\u2014 ").replace("-", "- ").split()
    for one in pieces(text, {1, 2, 3}, COMMON):
        assert one.end - one.begin in (1, 2, 3) and one.text.strip() == one.text != ""
        assert len(one.text.split()) == one.end - one.begin
        assert all(any(part in token for token in tokens) for part in re.findall("[ab]+", one.text))


def test_parts_of_samples(tmp_path: Path) -> None:
    rows = [
        {"output": f"o{k}", "input": f"i{k}", "granularity": "word" if k % 2 else "sentence",
         "topic": f"topic {k // 10:02d}"}
        for k in range(200)
    ]  # fmt: skip
    path = tmp_path / "samples.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)) + "\n")
    parts = control_sources.sample_parts(path, "word", 5)
    assert [one.name for one in parts] == [
        f"tuning samples: topic {4 * k:02d} to topic {4 * k + 3:02d}" for k in range(5)
    ]
    assert all(len(one.texts) == len(one.other_texts) == 20 for one in parts)
    assert sorted(text for one in parts for text in (*one.texts, *one.other_texts)) == sorted(
        row["output"] for row in rows
    )
    assert parts[0].texts[0] == "o1" and parts[0].passages[:2] == ("i0", "i1")
    # No more parts than topics.
    assert len(control_sources.sample_parts(path, "word", 500)) == 20


def test_sources_of_the_same_granularity_where_there_are_some(tmp_path: Path) -> None:
    for story, granularity in (("one", "word"), ("two", "sentence")):
        texts = [Association(1, f"text of {story}", granularity, "x")]
        path = tmp_path / f"story-{story}_associations-mine.tsv"
        association_files.write_associations(path, texts, {})
    paths = sorted(tmp_path.glob("*.tsv"))
    assert control_sources.read_sources(paths, "word") == [Source("one: mine", ("text of one",))]
    assert control_sources.read_sources(paths[1:], "word") == [
        Source("two: mine", ("text of two",))
    ]


def test_sources_of_another_language_are_left_out_where_there_are_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    story = "il y avait une fois un petit prince qui habitait une planète à peine plus grande"
    french = [
        Source("fr1", ("comme une nuit à la mer", "un petit bateau qui dort")),
        Source("fr2", ("la planète que mon père habitait", "une fois un loup")),
    ]
    english = [
        Source("en", ("like a night at the sea", "the little boat that sleeps", "on a hill"))
    ]
    with caplog.at_level(logging.INFO, "engram"):
        kept = control_sources.in_the_storys_language([*french, *english], story.split())
    assert kept == french and "left out: en" in caplog.text
    # All of another language, or nothing in common at all: there is nothing better.
    assert control_sources.in_the_storys_language(english, story.split()) == english
    assert control_sources.in_the_storys_language([], story.split()) == []
    assert control_sources.in_the_storys_language(french, ["x"]) == french


@pytest.mark.slow
@pytest.mark.parametrize("text", ["word-judged", "sentence-periodic"])
def test_shipped_sources_make_fair_texts_for_a_shipped_story(text: str) -> None:
    """The project's own: market's text, with other stories' and the tuning samples as sources."""
    folder = ROOT / "resources"
    words = (folder / "texts" / "stories" / "market.txt").read_text(encoding="utf-8").split()
    path = folder / "associations" / f"story-market_associations-{text}.tsv"
    ours = association_files.read_associations(path, len(words))
    files = [*(folder / "associations").glob("*.tsv"), folder / "tuning_samples/associations.jsonl"]
    others = [one for one in files if "story-market" not in one.name]
    among = control_sources.read_sources(others, ours[0].granularity)
    ends = np.cumsum([0, *(word.endswith((".", "?", "!")) for word in words)])[:-1].tolist()
    made = control_texts.texts_with_controls(words, ends, ours, among, {"random": 13}, 0)
    table = text_tables.texts_table(
        "market", text, words, made, control_texts.source_counts(words, among)
    ).set_index("variant")
    random = table.iloc[1:]
    assert random["source"].nunique() >= 10 and (random["cut"] <= 3).all()
    assert (random["repeated"] == 0).all()
    own = table.loc["associations"]
    assert (random["inserted_words"] == own["inserted_words"]).all()
    assert (random["punctuated"] == own["punctuated"]).all()
    assert random["content_words"].mean() == pytest.approx(own["content_words"], rel=0.1)
    assert random["characters"].mean() == pytest.approx(own["characters"], rel=0.1)


@given(
    st.lists(st.sampled_from(["like", "a", "bell", "Yes.", "I'm", "sea,", "Anna", "\u2014", "NATO",
                              "(so)", '"no."', "In", "Paris", "7", "..."]), min_size=1, max_size=6),
    st.sampled_from(["word", "sentence"]),
    st.integers(0, 3),
    st.sampled_from(["The sea. Anna's bell", "the sea annas bell", "THE SEA. ANNAS BELL",
                     "The sea Anna's bell"]),
)  # fmt: skip
@settings(max_examples=100, deadline=None)
def test_style_applied_twice_is_applied_once(
    words: list[str], granularity: str, place: int, story: str
) -> None:
    style = StoryStyle.of(story.split(), [0, 0, 1, 1], ["like Anna and NATO"])
    once = style.applied(" ".join(words), granularity, place)
    assert style.applied(once, granularity, place) == once
    letters = [word for word in words if any(map(str.isalnum, word))]
    if letters:
        assert len(once.split()) >= len(letters)
        told = "".join(once.split())
        if style.case != "mixed":
            assert told == (told.lower() if style.case == "lower" else told.upper())
