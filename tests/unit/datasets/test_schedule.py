"""Simulated listeners, as far as a plan knows them: who hears what, and when each word is said."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from conftest import STORY

from engram.datasets.narratives import facts
from engram.datasets.narratives.facts import EXCLUDED, Fact
from engram.datasets.simulated import schedule
from engram.datasets.simulated.write_dataset import write_metadata
from engram.paths import TEXTS

TWO, THREE = ["lighthouse", "market"], ["lighthouse", "market", "train"]


def listeners(made: list[Fact], story: str) -> set[int]:
    return {int(fact.subject) for fact in made if fact.story == story}


def times(made: list[Fact]) -> dict[str, set[tuple[float, float, float]]]:
    return {
        story: {
            (fact.audio_onset, fact.story_onset, fact.story_end)
            for fact in made
            if fact.story == story
        }
        for story in {fact.story for fact in made}
    }


@pytest.mark.parametrize("path", sorted(TEXTS.glob("*.txt")), ids=lambda path: path.stem)
def test_words_are_said_in_order_at_a_natural_rate(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    spoken = schedule.speak(text, seed=0)
    assert [word for word, _, _ in spoken] == text.split()
    assert 2 <= len(spoken) / spoken[-1][2] <= 3.2
    assert spoken[0][1] >= 0 and all(onset < offset for _, onset, offset in spoken)
    assert all(before[2] <= after[1] for before, after in itertools.pairwise(spoken))


def test_a_seed_says_how_a_text_is_spoken() -> None:
    assert schedule.speak(STORY, 3) == schedule.speak(STORY, 3)
    assert schedule.speak(STORY, 3) != schedule.speak(STORY, 4)


def test_fewer_words_are_the_beginning_of_all() -> None:
    assert schedule.speak(STORY, 3, most=40) == schedule.speak(STORY, 3)[:40]


def test_sentences_end_in_pauses() -> None:
    spoken = schedule.speak('One, two. "Three." four five', 0)
    pauses = [after[1] - before[2] for before, after in itertools.pairwise(spoken)]
    assert min(pauses[1:3]) > pauses[0] > pauses[3] > 0


def test_quarters_hear_one_of_two_stories() -> None:
    made = schedule.simulated_facts(TEXTS, TWO, 12, 50, 0)
    assert listeners(made, "lighthouse") == set(range(1, 10)) and listeners(made, "market") == set(
        range(4, 13)
    )


def test_quarters_hear_one_of_three_stories() -> None:
    made = schedule.simulated_facts(TEXTS, THREE, 12, 50, 0)
    assert [listeners(made, story) for story in THREE] == [
        set(range(1, 10)),
        set(range(4, 10)),
        set(range(4, 13)),
    ]


def test_one_listener_has_two_runs_and_one_scan_is_excluded() -> None:
    made = schedule.simulated_facts(TEXTS, TWO, 12, 50, 0)
    assert [fact.scan for fact in made if fact.run] == [
        "sub-002_task-lighthouse_run-1",
        "sub-002_task-lighthouse_run-2",
    ]
    assert [(fact.scan, fact.excluded) for fact in made if fact.excluded] == [
        ("sub-012_task-market", EXCLUDED)
    ]
    assert len({(fact.scan, fact.story) for fact in made}) == len(made) == 19


@pytest.mark.parametrize("number", [1, 4, 5])
def test_few_listeners_have_no_exceptions(number: int) -> None:
    made = schedule.simulated_facts(TEXTS, TWO, number, 50, 0)
    assert {(fact.run, fact.excluded) for fact in made} == {(None, None)}
    assert {int(fact.subject) for fact in made} == set(range(1, number + 1))


def test_the_exceptions_begin_with_six_listeners() -> None:
    made = schedule.simulated_facts(TEXTS, TWO, 6, 50, 0)
    assert (
        sum(fact.run is not None for fact in made) == 2
        and sum(fact.excluded is not None for fact in made) == 1
    )


def test_one_story_is_heard_by_everyone() -> None:
    made = schedule.simulated_facts(TEXTS, ["lighthouse"], 12, 50, 0)
    assert listeners(made, "lighthouse") == set(range(1, 13))
    assert [fact.subject for fact in made if fact.excluded] == ["012"]


def test_a_story_has_its_times_whoever_hears_it() -> None:
    few, many = (schedule.simulated_facts(TEXTS, TWO, number, 50, 0) for number in (2, 12))
    assert times(few) == times(many) and {len(found) for found in times(many).values()} == {1}
    assert few == [
        fact for fact in schedule.simulated_facts(TEXTS, TWO, 3, 50, 0) if int(fact.subject) <= 2
    ]


def test_a_story_lasts_as_long_as_its_words() -> None:
    made = schedule.simulated_facts(TEXTS, TWO, 2, 50, 7)
    for index, story in enumerate(TWO):
        last = schedule.speak((TEXTS / f"{story}.txt").read_text(encoding="utf-8"), 7 + index, 50)[
            -1
        ][2]
        fact = next(fact for fact in made if fact.story == story)
        assert last < fact.story_end - fact.story_onset < last + 2
        assert fact.audio_onset < fact.story_onset


def test_the_metadata_on_disk_give_the_same_facts(tmp_path: Path) -> None:
    made = schedule.simulated_facts(TEXTS, THREE, 12, 50, 0)
    write_metadata(tmp_path, made)
    assert facts.read_dataset(tmp_path) == made
    facts.check_facts(tmp_path, made)
