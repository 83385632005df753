"""What the last lines of a run say."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import heed_interrupts
from snakemake_interface_logger_plugins.common import LogEvent

from engram.errors import EngramError
from engram.runs import endings


def ending(folder: Path, *targets: str) -> endings.Ending:
    """The ending of a study whose report is there."""
    report = folder / "report.html"
    report.write_text("")
    return endings.Ending(report, lambda: targets)


def failed(rule: str, number: int, log: Path | None = None) -> logging.LogRecord:
    """What Snakemake logs of a job that failed."""
    values = {
        "event": LogEvent.JOB_ERROR,
        "rule_name": rule,
        "jobid": number,
        "log": [str(log)] if log else [],
    }
    return logging.makeLogRecord({"msg": f"Error in rule {rule}", **values})


@pytest.mark.parametrize(
    ("targets", "said"),
    [((), True), (("all",), True), (("preflight",), False), (("results/x/scans.tsv",), False)],
)
def test_a_finished_study_says_where_its_report_is(
    targets: tuple[str, ...], said: bool, tmp_path: Path
) -> None:
    done = ending(tmp_path, *targets)
    assert done.lines() == []  # a listing of rules, for instance, ran nothing
    done.succeeded = True
    assert done.lines() == [f"engram: the report is {tmp_path / 'report.html'}"] * said


def test_a_study_with_nothing_to_do_says_where_its_report_is(tmp_path: Path) -> None:
    from snakemake.common import NOTHING_TO_BE_DONE_MSG

    done = ending(tmp_path)
    done.emit(logging.makeLogRecord({"msg": NOTHING_TO_BE_DONE_MSG}))
    assert len(done.lines()) == 1


def test_a_clock_that_is_not_confirmed_is_said_last_but_one(tmp_path: Path) -> None:
    done = ending(tmp_path)
    done.succeeded = True
    columns = "subject\tstory\texcluded\tclock\tclock_lag\tclock_p\tclock_start\tclock_tr\n"
    (tmp_path / "scans.tsv").write_text(
        f"{columns}01\tone\tn/a\tconfirmed\t5.0\t0.01\tn/a\tn/a\n"
        "01\ttwo\tn/a\tother TR\t-3\t0.01\tn/a\t2.0\n"
    )
    first, last = done.lines()
    assert (
        first.startswith(
            "engram: look at the clock: story two: words and rows run at different "
            "speeds. With a TR of 2 s"
        )
        and "the report is" in last
    )
    (tmp_path / "scans.tsv").write_text("broken")
    assert len(done.lines()) == 1


def test_the_first_cause_its_log_and_how_many_more(tmp_path: Path) -> None:
    log = tmp_path / "one.log"
    log.write_text(
        "22:36:50 INFO rule bold\nstory one: 50%|##\n22:36:51 ERROR line 2: 'x' is "
        "no number.\nWrite n/a.\n"
    )
    broken = ending(tmp_path)
    for record in (
        failed("bold", 6, log),
        failed("story", 7),
        failed("chance", 8),
        failed("bold", 6, log),
    ):
        broken.emit(record)
    first, cause, where = broken.lines()
    assert "rule bold failed, and 2 other jobs" in first
    assert cause.endswith("cause: line 2: 'x' is no number. Write n/a.") and where.endswith(
        str(log)
    )


def test_a_job_that_a_second_try_saved_is_no_failure(tmp_path: Path) -> None:
    done = ending(tmp_path)
    done.emit(failed("tune", 3))
    done.emit(
        logging.makeLogRecord({"msg": "Finished", "event": LogEvent.JOB_FINISHED, "job_id": 3})
    )
    done.succeeded = True
    assert "the report is" in done.lines()[0]


def test_a_job_without_a_log_points_to_snakemakes_lines(tmp_path: Path) -> None:
    broken = ending(tmp_path)
    broken.emit(failed("bold", 1, tmp_path / "none.log"))
    assert "the lines above" in broken.lines()[1] and "none.log" in broken.lines()[2]


@pytest.mark.parametrize(
    ("log", "cause"),
    [
        ("10:00:00 ERROR the first\n10:00:01 WARNING later\nmore of it\n", "the first"),
        (
            (
                "10:00:00 ERROR the job failed\nTraceback (most recent call last):\n  File x, "
                "line 1\n    y = f()\nValueError: no such y\n"
            ),
            "unexpected error: ValueError: no such y",
        ),
        ("10:00:00 INFO rule tune\ntuning:  10%|#", "ended from outside"),
        ("", "ended from outside"),
        ("10:00:00 ERROR " + "x" * 10_000, "x ..."),
    ],
    ids=["message", "traceback", "killed", "empty", "long"],
)
def test_the_cause_is_read_from_the_jobs_log(log: str, cause: str, tmp_path: Path) -> None:
    path = tmp_path / "job.log"
    path.write_text(log)
    found = endings.cause_in(path)
    assert cause in found and "\n" not in found and len(found) < 700


@pytest.mark.parametrize(
    ("number", "name"), [(signal.SIGINT, "Ctrl-C"), (signal.SIGTERM, "SIGTERM")]
)
def test_a_stopped_run_says_how_to_go_on_and_nothing_of_the_jobs_it_stopped(
    number: signal.Signals, name: str, tmp_path: Path
) -> None:
    stopped = ending(tmp_path)
    stopped.emit(failed("bold", 1))
    stopped.signal = number
    (line,) = stopped.lines()
    assert name in line and "finished is kept" in line and "same command again" in line


def test_a_refusal_is_its_message_alone(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(SystemExit) as raised:
        endings.refuse(EngramError("models: none"), logging.getLogger("test"))
    assert raised.value.code == 1 and caplog.messages == ["engram: models: none"]


def test_ctrl_c_waits_until_a_job_handles_it() -> None:
    prefix = endings.hold_interrupts()
    if "env" not in prefix:
        pytest.skip("no GNU env here")
    # Raised first thing, as if while Python starts; it comes when the job lets it
    # through, and not before.
    code = (
        "import signal; signal.raise_signal(signal.SIGINT); print(1); "
        "signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT}); print(2)"
    )
    command = ["bash", "-c", f'{prefix} {sys.executable} -c "{code}"']
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, preexec_fn=heed_interrupts
    )
    assert done.stdout == "1\n" and "KeyboardInterrupt" in done.stderr


def test_ctrl_c_is_not_blocked_where_env_cannot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert endings.hold_interrupts() == "set -euo pipefail; "
