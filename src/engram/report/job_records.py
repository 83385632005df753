"""The jobs behind a report: their time, memory, versions and warnings, from their sidecars."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from engram.files import storage
from engram.files.checksums import provenance
from engram.report.embedding import public
from engram.vocabulary import SPLITS_LETTERS


def jobs_behind(paths: Iterable[str | Path]) -> list[dict[str, Any]]:
    """Return the provenance of every job behind some results, each once, sorted by rule.

    It is read from the sidecars of the results, of their inputs, of the inputs of these, and so on.
    """
    waiting, seen = [storage.sidecar(path) for path in paths], set()
    jobs: dict[tuple[str, str], dict[str, Any]] = {}
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        found = provenance(path)
        if found:
            jobs[found["Rule"], json.dumps(found["Wildcards"], sort_keys=True)] = found
            waiting += [storage.sidecar(one) for one in found["Inputs"]]
    return [jobs[key] for key in sorted(jobs)]


def run_times(jobs: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """Return a row for each rule, as text.

    Its cells: name, number of jobs, seconds of all jobs and of the longest, peak memory in MB.
    """
    table = pd.DataFrame(
        [
            {"rule": job["Rule"], "seconds": job["Seconds"], "memory": job["PeakMemoryMB"]}
            for job in jobs
        ]
    )
    if table.empty:
        return []
    rows = table.groupby("rule").agg(
        jobs=("seconds", "size"),
        seconds=("seconds", "sum"),
        longest=("seconds", "max"),
        memory=("memory", "max"),
    )
    rows = rows.sort_values("seconds", ascending=False)
    return [
        [
            row.Index,
            f"{row.jobs:.0f}",
            f"{row.seconds:.1f}",
            f"{row.longest:.1f}",
            f"{row.memory:.0f}",
        ]
        for row in rows.itertuples()
    ]


def versions(jobs: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """Return each package with the version that jobs ran, or all of them where they differ."""
    found: dict[str, set[str]] = {}
    for job in jobs:
        for package, version in job["Versions"].items():
            found.setdefault(package, set()).add(version)
    return [[package, ", ".join(sorted(found[package]))] for package in sorted(found)]


def warnings_of(jobs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what jobs warned of, each once, without paths of the machine."""
    return sorted(
        {public(f"{job['Rule']}: {message}") for job in jobs for message in job.get("Warnings", [])}
    )


def read_as_bytes(jobs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return which models read which story as bytes, by the warnings of the jobs that read."""
    return sorted(
        {
            public(f"{_named(job['Wildcards'])}: {message}.")
            for job in jobs
            for message in job.get("Warnings", [])
            if SPLITS_LETTERS in message
        }
    )


def _named(wildcards: Mapping[str, str]) -> str:
    """Return the model and the story of a job."""
    return ", ".join(wildcards[name] for name in ("model", "story") if name in wildcards)
