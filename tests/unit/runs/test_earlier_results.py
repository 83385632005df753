"""Results of an earlier plan: what is moved aside, and what is said of it."""

from __future__ import annotations

import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aged_files import written

from engram.runs import earlier_results


@pytest.mark.parametrize("allowed", [True, False])
def test_only_what_was_moved_aside_is_said_to_be(
    allowed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Sidecars are moved last: what a stopped run left where it was is known by them."""
    names = ("a.json", "a.nc", "b.tsv")
    found = [written(tmp_path / name, 10) for name in names]
    moved: list[str] = []
    rename = Path.rename

    def renamed(path: Path, target: Path) -> Path:
        moved.append(path.name)
        if not allowed:
            raise PermissionError(13, "Permission denied")
        return rename(path, target)

    monkeypatch.setattr(earlier_results, "leftovers", lambda *_: iter(found))
    monkeypatch.setattr(Path, "rename", renamed)
    asked = SimpleNamespace(
        targets={"all"}, until=None, omit_from=None, target_jobs=None, batch=None
    )
    workflow: Any = SimpleNamespace(
        dag=SimpleNamespace(jobs=[SimpleNamespace(rule=SimpleNamespace(name="all"), output=[])]),
        dag_settings=asked,
        executor_plugin=object(),
        touch=False,
        dryrun=False,
        persistence=SimpleNamespace(locked=False),
    )
    use: Any = SimpleNamespace(results=str(tmp_path), name=str)
    earlier_results.set_aside(workflow, use, logging.getLogger("test"))
    assert moved == ["a.nc", "b.tsv", "a.json"]
    assert ("they were moved" in caplog.text) == allowed and (
        "could not be moved" in caplog.text
    ) != allowed
