"""Results of an earlier plan: what is moved aside, and what is said of it."""

from __future__ import annotations

import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aged_files import written

from engram.runs import earlier_results


def run_of(*rules: str, **asked: object) -> Any:
    """A run of Snakemake whose plan has jobs of these rules, with what was asked for of it."""
    known = ("until", "omit_from", "target_jobs", "batch", "allowed_rules")
    assert asked.keys() <= set(known)
    return SimpleNamespace(
        dag=SimpleNamespace(
            jobs=[SimpleNamespace(rule=SimpleNamespace(name=name), output=[]) for name in rules]
        ),
        dag_settings=SimpleNamespace(**{**dict.fromkeys(known), **asked}),
        executor_plugin=object(),
        touch=False,
        dryrun=False,
        persistence=SimpleNamespace(locked=False),
    )


@pytest.mark.parametrize(
    ("rules", "asked"),
    [
        (["all", "tables"], {}),
        (["tables"], {}),
        (["all"], {"until": {"tables"}}),
        (["all"], {"omit_from": {"report"}}),
        (["all"], {"target_jobs": {"tables:"}}),
        (["all"], {"batch": object()}),
        (["all"], {"allowed_rules": {"all", "tables"}}),
    ],
    ids=lambda one: " ".join(one),
)
def test_a_part_of_the_study_moves_nothing(
    rules: list[str], asked: dict[str, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = written(tmp_path / "a.nc", 10)
    monkeypatch.setattr(earlier_results, "leftovers", lambda *_: iter([found]))
    use: Any = SimpleNamespace(results=str(tmp_path), name=str)
    earlier_results.set_aside(run_of(*rules, **asked), use, logging.getLogger("test"))
    assert found.exists() is (bool(asked) or "all" not in rules)


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
    use: Any = SimpleNamespace(results=str(tmp_path), name=str)
    earlier_results.set_aside(run_of("all"), use, logging.getLogger("test"))
    assert moved == ["a.nc", "b.tsv", "a.json"]
    assert ("they were moved" in caplog.text) == allowed and (
        "could not be moved" in caplog.text
    ) != allowed
