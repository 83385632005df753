"""What rules write as inputs, params and resources: functions of stages, by a job's wildcards."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from inspect import signature
from typing import Any

from engram.study import raw_plan
from engram.study.config.study import Study
from engram.study.needs import Need, need
from engram.study.plan import Plan
from engram.study.stages.shared import group_paths


class RuleFunctions:
    """Functions that Snakemake calls with a job's wildcards.

    Parameters
    ----------
    study : Study
    plan : Plan
    digests : path
        The folder where digests of large raw files are kept.
    """

    def __init__(self, study: Study, plan: Plan, digests: str) -> None:
        self._study, self._plan, self._digests = study, plan, digests

    def of(self, function: Callable[..., Any]) -> Callable[[Any], Any]:
        """Return a stage's function of a job: study, plan, and the wildcards that it names."""
        names = list(signature(function).parameters)[2:]
        return lambda wildcards: function(
            self._study, self._plan, *(wildcards[one] for one in names)
        )

    def of_group(self, template: str) -> Callable[[Any], list[str]]:
        """Return a function that gives one file for each story of a job's group."""
        return lambda wildcards: group_paths(self._plan, template, dict(wildcards.items()))

    def reads(self, function: Callable[..., Any]) -> Callable[[Any], Any]:
        """Return the same as `of`, for raw files that a job reads, with the folder of digests."""
        named = self.of(function)
        return lambda wildcards: raw_plan.with_digests(named(wildcards), self._digests)

    def memory(self, rule: str) -> Callable[[Any, int], int]:
        """Return a function that gives a job's megabytes: the estimate times the attempt."""
        return lambda wildcards, attempt: attempt * self._taken(rule, wildcards).megabytes

    def minutes(self, rule: str) -> Callable[[Any, int], int]:
        """Return a function that gives a job's minutes: the estimate times the attempt."""
        return lambda wildcards, attempt: attempt * self._taken(rule, wildcards).minutes

    def _taken(self, rule: str, wildcards: Mapping[str, str]) -> Need:
        """Return what a job takes, as estimated from its wildcards."""
        return need(self._study, self._plan, rule, dict(wildcards.items()))
