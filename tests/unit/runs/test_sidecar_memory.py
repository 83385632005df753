"""Snakemake's questions, answered from sidecars."""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aged_files import aged, written

from engram.runs import sidecar_memory


def test_times_of_the_future_are_mended_where_only_writing_is_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a folder of a group results are often somebody else's.

    These may be written to, and only their owner may name a time.
    """
    results = tmp_path / "results"
    path, gone = (
        aged(written(results / "table.tsv", 10), -365 * 24),
        aged(written(results / "gone.tsv", 10), -365 * 24),
    )
    utime = os.utime

    def of_a_group(file: Path, *times: Any, **named: Any) -> None:
        if times or named:
            raise PermissionError(1, "Operation not permitted")
        gone.unlink(missing_ok=True)  # by another run
        utime(file)

    monkeypatch.setattr(os, "utime", of_a_group)
    use: Any = SimpleNamespace(
        results=str(results), downloads=str(tmp_path / "downloads"), rules=set
    )
    workflow: Any = SimpleNamespace(
        executor_plugin=object(),
        dryrun=False,
        touch=False,
        persistence=SimpleNamespace(
            has_metadata=None, has_outdated_metadata=None, params_changed=None, input_changed=None
        ),
    )
    sidecar_memory.SidecarMemory(workflow, use, logging.getLogger("test")).prepare()
    assert path.stat().st_mtime <= time.time() + 1
