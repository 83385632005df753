"""Snakemake's scheduler looks for jobs when one ends, and not every second beside."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from snakemake.cli import get_argument_parser
from snakemake.scheduling.job_scheduler import JobRateLimiter
from snakemake.settings.types import MaxJobsPerTimespan

from engram.runs.scheduling import look_when_jobs_end


@pytest.mark.parametrize(("limit", "stays"), [(None, False), ("50/1s", True), ("100/1m", True)])
def test_only_the_limit_that_nobody_asked_for_is_taken_off(limit: str | None, stays: bool) -> None:
    given = limit or get_argument_parser().get_default("max_jobs_per_timespan")
    limiter = JobRateLimiter(MaxJobsPerTimespan.parse_choice(given))
    workflow = SimpleNamespace(scheduler=SimpleNamespace(job_rate_limiter=limiter))
    look_when_jobs_end(workflow)
    assert workflow.scheduler.job_rate_limiter is (limiter if stays else None)


def test_a_scheduler_without_a_limit_is_left_as_it_is() -> None:
    workflow = SimpleNamespace(scheduler=SimpleNamespace(job_rate_limiter=None))
    look_when_jobs_end(workflow)
    assert workflow.scheduler.job_rate_limiter is None
