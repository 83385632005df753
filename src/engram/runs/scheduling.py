"""When Snakemake's scheduler looks for jobs to start.

It begins no more than 100 jobs a second unless told otherwise (`--max-jobs-per-timespan`). For this
Snakemake 9.27 looks again a second after each look, and at each end of a job: while jobs wait for a
core, every job that ended adds one look a second, until looking takes a good part of a core.
"""

from __future__ import annotations

from typing import Any

#: Jobs, and seconds: Snakemake's limit where the user gave none.
_UNLESS_TOLD = (100, 1)


def look_when_jobs_end(workflow: Any) -> None:
    """Take the limit of jobs a second off, unless the user gave one.

    Jobs take longer to start than it allows, on a cluster too.

    Parameters
    ----------
    workflow : snakemake.workflow.Workflow
        When its run starts: with its scheduler.
    """
    limiter = getattr(workflow.scheduler, "job_rate_limiter", None)
    if limiter is not None and (limiter.max_jobs, limiter.timespan) == _UNLESS_TOLD:
        workflow.scheduler.job_rate_limiter = None
