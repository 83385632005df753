"""Words in a row that samples share with stories, and with each other."""

from __future__ import annotations

import pytest
from made_samples import sample

from engram.errors import EngramError
from engram.tunings import sample_overlap
from engram.tunings.samples import Sample

STORY = [f"word{number}" for number in range(30)]


@pytest.mark.parametrize("where", ["instruction", "input", "output"])
def test_thirteen_words_of_a_story_are_refused_with_its_name(where: str) -> None:
    shared = "So: " + ", ".join(STORY[5:18]).upper() + "!"
    bad = Sample(
        **{"instruction": "a", "input": "b", "output": "c", where: shared}, split=None, line=7
    )
    with pytest.raises(
        EngramError, match="line 7: shares with the story 'tale' the words \"word5 word6"
    ):
        sample_overlap.check_stories([sample(0), bad], {"other": ["nothing"] * 30, "tale": STORY})
    sample_overlap.check_stories(
        [Sample("a", " ".join(STORY[5:17]), "c", None, 1)], {"tale": STORY}
    )


def test_apostrophes_and_accents_are_folded_alike() -> None:
    assert (
        sample_overlap.grams("Don\u2019t go, Zoë", 3)
        == sample_overlap.grams("don't GO zoë.", 3)
        == {("dont", "go", "zoë")}
    )


def test_the_two_passages_most_alike() -> None:
    samples = [
        sample(0, "one two three four five six seven"),
        sample(1, "x one two three four five y"),
        sample(2, "nothing like it at all here"),
    ]
    share, *pair = sample_overlap.most_alike(samples)
    assert share == pytest.approx(1 / 3) and pair == [1, 2]
    assert sample_overlap.most_alike([*samples, sample(3, samples[2].input)]) == (1.0, 3, 4)
    assert sample_overlap.most_alike(samples[1:]) == (0.0, 0, 0)
