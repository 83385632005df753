"""What long jobs say while they run."""

from __future__ import annotations

import threading

import pytest

from engram.jobs import signs_of_life
from engram.jobs.progress import progress


def said_of(seconds: float) -> list[float]:
    """The times at which a job of this length speaks."""
    times, now = [], 0.0
    while (now := now + signs_of_life.wait(now)) < seconds:
        times.append(now)
    return times


def test_short_jobs_say_nothing_and_long_ones_do_not_flood() -> None:
    assert said_of(30) == []
    assert said_of(100) == [30, 60, 90]
    assert len(said_of(36_000)) < 40
    assert (
        max(
            later / earlier
            for earlier, later in zip(said_of(36_000)[5:], said_of(36_000)[6:], strict=False)
        )
        <= 1.2 + 1e-9
    )


def test_a_line_counts_the_loops_that_the_job_is_in() -> None:
    assert signs_of_life.line("bold one", 45) == "engram: bold one: running (45 s)"
    lines = []
    for _ in progress(range(5), "layers", "layer"):
        for _ in progress(iter("ab"), "files", "file"):
            lines.append(signs_of_life.line("encoding g1", 130))
    assert lines[5] == "engram: encoding g1: layers: 2 of 5, 40 %; files: 1 (2 min)"
    assert signs_of_life.line("encoding g1", 130) == "engram: encoding g1: running (2 min)"


def test_a_loop_that_is_left_early_is_counted_no_more() -> None:
    for _ in progress(range(5), "layers", "layer"):
        break
    assert "layers" not in signs_of_life.line("x", 1)


def test_lines_come_while_the_body_runs_and_stop_with_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(signs_of_life, "SHORTEST", 0.01)
    before = threading.active_count()
    with signs_of_life.on_the_console("encoding g1"):
        assert threading.active_count() == before + 1
        threading.Event().wait(0.1)
    assert threading.active_count() == before
    assert "engram: encoding g1: running" in capsys.readouterr().err
