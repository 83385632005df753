"""Places at which an annotator is asked, and what it reads of the story there."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from engram.associations.annotators.prompts import places, prompt, template_of
from engram.errors import EngramError


@pytest.mark.parametrize(
    ("every", "expected"), [(1, [1, 3, 4]), (2, [3]), (3, [4]), (4, []), (9, [])]
)
def test_places_are_sentence_ends_but_the_last(every: int, expected: list[int]) -> None:
    assert places([0, 0, 1, 1, 2, 7], every) == expected


def test_places_of_the_default_and_of_nothing() -> None:
    assert places(list(range(9))) == [3, 7]
    assert places(list(range(8))) == [3]
    assert places([]) == []
    with pytest.raises(EngramError, match="every 0 sentences"):
        places([0, 1], 0)


@pytest.mark.parametrize("granularity", ["word", "sentence"])
def test_prompt_holds_the_story_up_to_the_place_and_nothing_beyond(granularity: str) -> None:
    rng = np.random.default_rng(5)
    for _ in range(50):
        words = [f"zq{index}qz" for index in range(int(rng.integers(1, 4000)))]
        place = int(rng.integers(len(words)))
        found = [
            int(index) for index in re.findall(r"zq(\d+)qz", prompt(words, place, granularity))
        ]
        assert found == list(range(max(0, place - 1499), place + 1))


@pytest.mark.parametrize("granularity", ["word", "sentence"])
def test_templates_of_the_project(granularity: str) -> None:
    text = prompt(["{story}", "{braces}"], 1, granularity)
    assert "<story>\n{story} {braces}\n</story>" in text
    assert '{"association": ' in text
    assert "JSON" in text  # endpoints that are asked for JSON want the word in the prompt


@pytest.mark.parametrize("granularity", ["word", "sentence"])
def test_examples_have_the_form_that_is_asked_for(granularity: str) -> None:
    text = prompt(["once", "there"], 1, granularity, template_of(granularity, "examples"))
    assert text.endswith("\n\nStory: once there")
    shown = [json.loads(line)["association"] for line in text.splitlines() if line[:1] == "{"]
    lengths = [len(one.split()) for one in shown]
    low, high = (3, 7) if granularity == "word" else (8, 15)
    assert len(shown) == 3 and all(low <= length <= high for length in lengths)
    with pytest.raises(EngramError, match="granularity is 'letter'"):
        template_of("letter", "examples")


def test_prompt_with_a_template_of_ones_own() -> None:
    assert prompt(["a", "b", "c"], 1, "word", "Hear: {story}!\n") == "Hear: a b!"
    assert prompt(["a", "b", "c"], 2, "word", "{story}", longest=2) == "b c"


@pytest.mark.parametrize(("place", "granularity", "template", "message"), [
    (3, "word", None, "word 3 is not in the story"),
    (-1, "word", None, "word -1 is not in the story"),
    (0, "letter", None, "granularity is 'letter'"),
    (0, "word", "no story", "holds {story} 0 times"),
    (0, "word", "{story} {story}", "holds {story} 2 times"),
])  # fmt: skip
def test_prompt_refuses(place: int, granularity: str, template: str | None, message: str) -> None:
    with pytest.raises(EngramError, match=re.escape(message)):
        prompt(["a", "b", "c"], place, granularity, template)
