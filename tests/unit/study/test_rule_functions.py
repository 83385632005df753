"""Functions of stages as rules call them."""

from __future__ import annotations

from typing import Any

import pytest
from snakemake.iocontainers import Wildcards

from engram.study.config.read import read_study
from engram.study.config.study import Study
from engram.study.needs import need
from engram.study.plan import Plan, make_plan
from engram.study.rule_functions import RuleFunctions

STUDY = read_study(
    {
        "study": "mine",
        "dataset": {"kind": "simulated", "stories": ["lighthouse", "market"], "n_listeners": 6},
        "models": {"gpt2-tiny": {"source": "resources/models/gpt2-tiny"}},
    }
)
PLAN = make_plan(STUDY)


@pytest.fixture
def functions() -> RuleFunctions:
    return RuleFunctions(STUDY, PLAN, "results/.digests")


def job(**wildcards: str) -> Wildcards:
    return Wildcards(fromdict=wildcards)


def test_a_function_gets_the_wildcards_that_it_names(functions: RuleFunctions) -> None:
    def asked(study: Study, plan: Plan, text: str, story: str) -> list[Any]:
        return [study is STUDY, plan is PLAN, text, story]

    given = functions.of(asked)(job(story="market", model="m", text="t"))
    assert given == [True, True, "t", "market"]
    assert functions.of(lambda study, plan: plan is PLAN)(job())


def test_a_group_reads_its_own_stories(functions: RuleFunctions) -> None:
    name, group = next(iter(PLAN.groups.items()))
    found = functions.of_group("{story}-{model}")(job(group=name, model="m"))
    assert found == [f"{story}-m" for story in group.stories]


def test_raw_files_come_with_the_folder_of_their_digests(functions: RuleFunctions) -> None:
    found = functions.reads(lambda study, plan, story: {"files": [story]})(job(story="market"))
    assert found["files"] == ["market"] and "results/.digests" in found.values()


def test_every_attempt_gets_as_much_again(functions: RuleFunctions) -> None:
    once = need(STUDY, PLAN, "bold", {"story": "market"})
    for attempt in (1, 2, 3):
        assert functions.memory("bold")(job(story="market"), attempt) == attempt * once.megabytes
        assert functions.minutes("bold")(job(story="market"), attempt) == attempt * once.minutes
