"""Norms written into a story: places, responses, coverage; texts with dealt and other cues."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engram.associations.association_files import (
    Association,
    read_associations,
    write_associations,
)
from engram.associations.norms.choices import Choices, Rules
from engram.associations.norms.control_texts import norms_controls
from engram.associations.norms.english import parts_of_speech
from engram.associations.norms.table import Norms, Response
from engram.associations.norms.writing import COVERAGE_COLUMNS, coverage_table, write_norms
from engram.associations.text_tables import content_stems, stem_of
from engram.associations.word_counts import common_words
from engram.errors import EngramError

RULES = Rules("strongest", 3, 2, False, 0.1, 0)
FATES = list(COVERAGE_COLUMNS)[list(COVERAGE_COLUMNS).index("not_in_table") :][:8]
#: Cues with two responses each, a strong and a weak one; nouns and verbs.
STORY_CUES = ("harbour", "lamp", "sister", "garden", "bread", "winter", "horse", "candle")
OTHER_CUES = ("castle", "ribbon", "kettle", "soldier", "mountain", "pepper", "anchor", "violin")


def norms(**more: dict[str, int]) -> Norms:
    """Norms of the cues, each with responses of its own, and of some more."""
    given = {
        cue: {f"{cue[:3]}ox": 40 + number, f"{cue[:3]}ash": 5, f"{cue[:3]}uk {cue[:2]}il": 2}
        for number, cue in enumerate((*STORY_CUES, *OTHER_CUES))
    }
    return Norms(
        Path("norms.tsv"),
        {
            cue: tuple(Response(*one) for one in sorted(said.items(), key=lambda one: -one[1]))
            for cue, said in {**given, **more}.items()
        },
        Counter(),
    )


def story(repeats: int = 3) -> list[str]:
    """A story without punctuation in which each cue comes several times."""
    rng = np.random.default_rng(0)
    order = [cue for _ in range(repeats) for cue in rng.permutation(STORY_CUES).tolist()]
    return [word for cue in order for word in ("and", "then", "the", cue)] + ["and", "so", "on"]


def choices(words: list[str], table: Norms, rules: Rules = RULES) -> Choices:
    """Choices in a story of one sentence."""
    return Choices(words, [0] * len(words), table, rules)


def written(words: list[str], table: Norms, rules: Rules = RULES) -> dict[str, str]:
    """What is written behind which word."""
    found, _ = write_norms(choices(words, table, rules), "made")
    return {words[one.after_word]: one.text for one in found}


def test_the_strongest_response_stands_behind_its_cue_and_says_where_it_is_from() -> None:
    words = story(1)
    found, coverage = write_norms(choices(words, norms()), "made")
    assert {words[one.after_word]: (one.text, one.cue) for one in found} == {
        cue: (f"{cue[:3]}ox", cue) for cue in STORY_CUES
    }
    first = found[0]
    assert (first.granularity, first.annotator) == ("word", "norms:made")
    assert first.strength == str(40 + STORY_CUES.index(first.cue))
    assert coverage["places"] == coverage["content_words"] == 8


@pytest.mark.parametrize(("rule", "text"), [("weak", "laash"), ("strongest", "lamox")])
def test_which_response(rule: str, text: str) -> None:
    found = written(
        story(1),
        norms(lamp={"lamox": 9, "laash": 3, "luk": 2}),
        replace(RULES, response=rule, least_count=3),
    )
    assert found["lamp"] == text


def test_a_drawn_response_comes_as_often_as_people_gave_it() -> None:
    words = ["the", "lamp", "and"] * 400
    table = norms(lamp={"oil": 30, "post": 10})
    one = choices(words, table, replace(RULES, response="drawn"))
    drawn = [one.chosen(one.admissible(place, "lamp"), place).text for place in range(1, 1198, 3)]
    assert 0.68 < np.mean([text == "oil" for text in drawn]) < 0.82
    assert drawn == [
        one.chosen(one.admissible(place, "lamp"), place).text for place in range(1, 1198, 3)
    ]


def test_places_are_so_far_apart_and_never_behind_a_sentence_or_a_common_word() -> None:
    words = [*STORY_CUES, *STORY_CUES, "the"]
    table = norms(the={"end": 50})
    found, coverage = write_norms(choices(words, table, RULES), "made")
    assert [one.after_word for one in found] == list(range(0, 16, 3))
    assert coverage["near"] == 10 and coverage["content_words"] == 16
    ends = Choices(words, [0, 0, 0, *[1] * 14], table, replace(RULES, at_most_one_in=1))
    found, coverage = write_norms(ends, "made")
    assert 2 not in {one.after_word for one in found} and coverage["sentence_end"] == 1


def test_nothing_is_written_that_the_story_says_soon_nor_the_cue_nor_the_word_before() -> None:
    table = norms(lamp={"street lamp": 60, "old": 50, "harbours": 40, "oil": 30, "post": 20})
    words = ["old", "lamp", "and", *["the"] * 90, *STORY_CUES]
    rules = replace(RULES, at_most_one_in=1)
    found, coverage = write_norms(choices(words, table, rules), "made")
    assert (found[0].after_word, found[0].text) == (1, "oil")
    assert coverage["passed_over"] == 1
    far = ["old", "lamp", "and", *["the"] * 99, *STORY_CUES]
    found, _ = write_norms(choices(far, table, rules), "made")
    assert (found[0].after_word, found[0].text) == (1, "harbours")


def test_two_strengths_have_the_same_places() -> None:
    table = norms(lamp={"oil": 5, "post": 5})
    strong, weak = (
        write_norms(
            choices(story(), table, replace(RULES, response=rule, both_strengths=True)), "made"
        )
        for rule in ("strongest", "weak")
    )
    assert [one.after_word for one in strong[0]] == [one.after_word for one in weak[0]]
    assert all(int(a.strength) > int(b.strength) for a, b in zip(strong[0], weak[0], strict=True))
    assert strong[1]["one_strength"] == 3 and "lamp" not in {one.cue for one in strong[0]}


def test_every_content_word_is_counted_once() -> None:
    table = norms(garden={}, bread={"breads": 9}, winter={"harbour": 5})
    words = [*story(), "mountains", "xyzzy"]
    _, coverage = write_norms(choices(words, table, replace(RULES, at_most_one_in=5)), "made")
    assert sum(coverage[name] for name in FATES) == coverage["content_words"] == 26
    assert coverage["no_response"] == 3 and coverage["not_in_table"] == 1
    assert list(coverage_table("one", "norms-word", "made", coverage)) == list(COVERAGE_COLUMNS)


def test_a_table_that_has_nothing_to_do_with_the_story_is_refused() -> None:
    words = ["die", "lampe", "stand", "im", "garten"] * 20
    with pytest.raises(EngramError) as error:
        write_norms(choices(words, norms()), "made")
    said = str(error.value)
    assert "0 of 100 content words (0%)" in said and "least_coverage asks for 10%" in said
    assert "die, lampe" in said and "harbour, lamp" in said
    with pytest.raises(EngramError, match="Fewer than 6 different cues"):
        write_norms(choices(["the", "lamp", "and", "garden", "so"] * 5, norms()), "made")


def test_responses_are_written_as_the_story_is() -> None:
    plain = choices(["Alice", "saw", "the", "lamp", "and", "Alice", "went"], norms())
    assert plain.written("alice and i, said the DJ!") == "Alice and I said the DJ"
    marked = choices(["The", "lamp,", "said", "she."], norms())
    assert marked.written("oil") == "oil,"


def test_cue_and_strength_come_back_from_the_file(tmp_path: Path) -> None:
    found, _ = write_norms(choices(story(1), norms()), "made")
    path = tmp_path / "story-x_associations-norms-word.tsv"
    write_associations(path, found, {})
    assert read_associations(path, 1000) == found
    write_associations(path, [Association(1, "oil", "word", "manual")], {})
    assert path.read_text().splitlines()[0] == "after_word\ttext\tgranularity\tannotator\tnote"


# ---------------------------------------------------------------- control texts
def dealt(
    rules: Rules, number: int = 20
) -> tuple[Choices, list[Association], dict[str, dict[int, str]]]:
    """A text with the first control texts of each kind."""
    one = choices(story(), norms(), rules)
    found, _ = write_norms(one, "made")
    return one, found, norms_controls(one, found, {"dealt": number, "cues": number})


@pytest.mark.parametrize("rule", ["strongest", "weak", "drawn"])
def test_dealt_texts_have_other_cues_responses_at_the_same_places(rule: str) -> None:
    one, found, texts = dealt(replace(RULES, response=rule))
    own = {place.after_word: place for place in found}
    assert set(texts) == {f"{kind}-{k:02d}" for kind in ("dealt", "cues") for k in range(1, 21)}
    for name, insertions in texts.items():
        assert list(insertions) == sorted(own)
        sources: dict[str, set[str]] = {}
        for place, text in insertions.items():
            cue = own[place].cue
            source = next(c for c in one.norms.responses if one.norms.is_response(c, text))
            assert source != cue and not one.norms.is_response(cue, text)
            assert (source in STORY_CUES) == name.startswith("dealt")
            sources.setdefault(cue, set()).add(source)
        # All places of a cue have responses to one other cue; dealt ones no two cues the same.
        assert all(len(found) == 1 for found in sources.values())
        if name.startswith("dealt"):
            assert len(set().union(*sources.values())) == len(sources)
    assert len({str(text) for name, text in texts.items() if "dealt" in name}) == 20


def test_dealt_texts_have_as_many_words_where_that_is_possible() -> None:
    long = {cue: {f"{cue[:3]}uk {cue[:2]}il": 50, f"{cue[:3]}ox": 3} for cue in STORY_CUES[:4]}
    one = choices(story(), norms(**long))
    found, _ = write_norms(one, "made")
    own = {place.after_word: len(place.text.split()) for place in found}
    assert set(own.values()) == {1, 2}
    for insertions in norms_controls(one, found, {"dealt": 9}).values():
        assert {place: len(text.split()) for place, text in insertions.items()} == own


def test_dealt_texts_say_nothing_that_the_story_says_soon() -> None:
    table = norms(lamp={"sister": 60, "oil": 30}, horse={"garden": 50, "hay": 20})
    one = choices(story(), table)
    found, _ = write_norms(one, "made")
    common = common_words()
    for insertions in norms_controls(one, found, {"dealt": 20, "cues": 5}).values():
        for place, text in insertions.items():
            soon = {stem_of(word) for word in one.words[place + 1 : place + 101]}
            assert not soon & set(content_stems(text, common))


def test_strong_and_weak_texts_are_dealt_the_same_cues_number_by_number() -> None:
    def sources(rule: str) -> list[list[str]]:
        one, _, texts = dealt(replace(RULES, response=rule, both_strengths=True))
        return [
            [
                next(c for c in one.norms.responses if one.norms.is_response(c, text))
                for text in made.values()
            ]
            for made in texts.values()
        ]

    assert sources("strongest") == sources("weak")


def test_other_cues_are_of_the_same_parts_of_speech() -> None:
    one, found, texts = dealt(RULES)
    cue_at = {place.after_word: place.cue for place in found}
    there = {parts_of_speech(cue) for cue in OTHER_CUES}
    for name, insertions in texts.items():
        for place, text in insertions.items() if name.startswith("cues") else ():
            source = next(c for c in OTHER_CUES if one.norms.is_response(c, text))
            mine = parts_of_speech(cue_at[place])
            assert parts_of_speech(source) == mine or mine not in there


def test_responses_that_cannot_be_dealt_are_named() -> None:
    # Whatever is said to another cue, the story says it behind each place.
    table = norms(**{cue: {f"{cue}ling": 9, cue[:3] + "ox": 8} for cue in STORY_CUES[1:]})
    words = story()
    one = choices(words, table)
    found, _ = write_norms(one, "made")
    spoilt = choices(
        [*words[:-3], *[r.text for c in STORY_CUES for r in table.responses[c]]], table
    )
    with pytest.raises(EngramError, match=r"responses of this text's 8 cues cannot be dealt"):
        norms_controls(spoilt, found, {"dealt": 1})
    strange = [replace(found[0], cue="xyzzy"), *found[1:]]
    with pytest.raises(EngramError, match="no cue that is in the table"):
        norms_controls(one, strange, {"dealt": 1})
