"""Which files random texts have their content from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engram.paths import TUNING_SAMPLES
from engram.study.association_plan import association_sources
from engram.study.config.read import read_study
from engram.study.plan import make_plan
from engram.study.stages import associations

GPT2 = {"source": "resources/models/gpt2-tiny"}
TUNED = {"source": "resources/models/generator-tuned", "base": "generator"}
RAW: dict[str, Any] = {
    "study": "mine",
    "dataset": {"kind": "simulated", "stories": ["lighthouse", "market"], "n_listeners": 6},
    "models": {"gpt2-tiny": GPT2},
    "associations": {"word-judged": {}},
}


def names(raw: dict[str, Any], text: str = "word-judged", story: str = "market") -> list[str]:
    return [path.name for path in association_sources(read_study(raw), text, story)]


def test_other_stories_and_the_samples() -> None:
    found = names(RAW)
    assert found[-1] == TUNING_SAMPLES.name
    assert {name.split("_")[0] for name in found[:-1]} == {"story-alice", "story-lighthouse"}
    assert len(found) == 2 * 4 + 1  # all four texts, each once, though the folder is the project's


def test_ten_files_of_the_same_name_are_enough(tmp_path: Path) -> None:
    for number in range(11):
        (tmp_path / f"story-other{number}_associations-mine.tsv").write_text("")
    for name in ("market_associations-mine", "lighthouse_associations-mine", "a_associations-more"):
        (tmp_path / f"story-{name}.tsv").write_text("")
    raw = {**RAW, "associations": {"mine": {"folder": str(tmp_path)}}}
    found = names(raw, "mine")
    assert found == sorted(
        ["story-lighthouse_associations-mine.tsv"]
        + [f"story-other{number}_associations-mine.tsv" for number in range(11)]
    )
    for number in range(3):
        (tmp_path / f"story-other{number}_associations-mine.tsv").unlink()
    few = names(raw, "mine")  # nine
    assert {"story-a_associations-more.tsv", TUNING_SAMPLES.name} < set(few)
    assert not [name for name in few if name.startswith("story-market")]


def test_versions_of_a_story_are_no_other_stories(tmp_path: Path) -> None:
    for story in ("pieman", "piemanpni", "black"):
        (tmp_path / f"story-{story}_associations-mine.tsv").write_text("")
    raw = {**RAW, "associations": {"mine": {"folder": str(tmp_path)}}}
    assert [name for name in names(raw, "mine", "pieman") if "mine" in name] == [
        "story-black_associations-mine.tsv"
    ]


@pytest.mark.parametrize("reads", [True, False])
def test_no_samples_where_a_tuned_model_reads(reads: bool) -> None:
    models = {"generator": {"source": "resources/models/generator"}, "tuned": TUNED}
    effect = {"models": ["generator", "tuned"] if reads else ["generator"]}
    found = names({**RAW, "models": models, "association_effect": effect})
    assert (TUNING_SAMPLES.name in found) is not reads


def test_what_a_model_writes_for_other_stories_is_a_source() -> None:
    writes = {"annotator": {"model": "resources/models/gpt2-tiny"}}
    study = read_study({**RAW, "associations": {"word-judged": {}, "local": writes}})
    plan = make_plan(study)
    assert associations.of_other_stories(study, plan, "market", "local") == [
        "<results>/associations/story-lighthouse_associations-local.tsv"
    ]
    assert associations.of_other_stories(study, plan, "market", "word-judged") == []
    assert association_sources(study, "local", "market")  # and files beside it
