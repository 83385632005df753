"""One run at a time on a folder of results, from whichever working directory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from engram.errors import EngramError
from engram.runs import run_lock

HOLD = (
    "import sys; from engram.runs import run_lock; run_lock.take(sys.argv[1]); print('held', "
    "flush=True); sys.stdin.read()"
)


def held(results: Path, folder: Path) -> subprocess.Popen[str]:
    """A process that holds the lock, from a folder."""
    folder.mkdir(exist_ok=True)
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(results)],
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    return process


def test_a_run_from_another_directory_is_named_until_it_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    other = held(tmp_path / "results", tmp_path / "other place")
    with pytest.raises(
        EngramError,
        match=rf"another run writes to .*: process {other.pid} on .* begun in '.*other place'",
    ):
        run_lock.take("results")
    other.kill()
    other.wait()
    run_lock.take("results")
    run_lock.take("results")  # once is enough


def test_runs_from_the_same_directory_are_left_to_snakemake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    other = held(tmp_path / "results", tmp_path)
    run_lock.take("results")
    other.kill()
    other.wait()


def test_results_that_cannot_be_written_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "results").write_text("a file")
    run_lock.take(tmp_path / "results")
