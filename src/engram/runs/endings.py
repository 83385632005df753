"""How a run ends on the console.

It says where the report is, what failed and where its log is, or how to go on after Ctrl-C.

Snakemake prints much before and after an error. What is printed here comes last, when the process
ends. Failed jobs are known from Snakemake's log events, and their messages from their own log
files, which jobs on a cluster's nodes write too.
"""

from __future__ import annotations

import atexit
import logging
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, NoReturn

from engram.errors import EngramError

#: Characters of a message that are shown; the whole is in the log.
_LONGEST = 600
_KEPT = "What is finished is kept."
#: A line that `engram.jobs.logs` wrote into a job's log: time, level, message.
_LOGGED = re.compile(r"\d\d:\d\d:\d\d ([A-Z]+) (.*)")


def refuse(error: EngramError, logger: logging.Logger) -> NoReturn:
    """End Snakemake with the message of an error alone, without a traceback.

    Raises
    ------
    SystemExit
        With status 1. Snakemake would print any other exception with lines of
        the Snakefile around it.
    """
    logger.error(f"engram: {error}")
    raise SystemExit(1) from None


class Ending(logging.Handler):
    """Watches a run of Snakemake and prints the last lines of the console.

    Parameters
    ----------
    report : Path
        Where the study's report is, or will be.
    targets : callable
        Returns what was asked for on the command line; nothing stands for everything
        that the study asks for. Called at the end, since Snakemake knows its targets after it
        has read the Snakefile.
    """

    def __init__(self, report: Path, targets: Callable[[], Iterable[str]]) -> None:
        super().__init__()
        self.report, self.targets = report, targets
        self.succeeded = False
        self.signal: signal.Signals | None = None
        #: For each failed job, by Snakemake's number: its rule and its log files,
        #: in the order of failing.
        self.failed: dict[int, tuple[str, list[str]]] = {}

    def watch(self, logger: logging.Logger) -> None:
        """Listen to Snakemake's log and to Ctrl-C.

        The last lines are printed when the process ends.
        """
        logger.addHandler(self)
        atexit.register(self.print_last)
        # A run in the background of a shell ignores Ctrl-C, and goes on doing so.
        if (
            threading.current_thread() is threading.main_thread()
            and signal.getsignal(signal.SIGINT) is signal.default_int_handler
        ):
            signal.signal(signal.SIGINT, self._interrupted)
            hide_interrupts()

    def watch_sigterm(self) -> None:
        """Remember that SIGTERM came.

        Snakemake's own handler, set when its scheduler is made, does the rest.
        """
        before = signal.getsignal(signal.SIGTERM)
        if threading.current_thread() is not threading.main_thread() or not callable(before):
            return
        handler = before

        def terminated(number: int, frame: FrameType | None) -> None:
            self.signal = signal.Signals(number)
            handler(number, frame)

        signal.signal(signal.SIGTERM, terminated)

    def _interrupted(self, number: int, frame: FrameType | None) -> None:
        # A second Ctrl-C would only disturb the end that the first one began.
        if self.signal is None:
            self.signal = signal.Signals(number)
            raise KeyboardInterrupt

    def emit(self, record: logging.LogRecord) -> None:
        """Take note of jobs that failed, and of those that a retry saved.

        Also of a run with nothing to do.
        """
        event = str(getattr(record, "event", None) or "").rpartition(".")[2].lower()
        values: dict[str, Any] = record.__dict__
        if event == "job_error":
            self.failed.setdefault(
                values["jobid"], (values["rule_name"], [str(path) for path in values["log"]])
            )
        elif event == "job_finished":
            self.failed.pop(values["job_id"], None)
        elif record.getMessage().startswith("Nothing to be done"):
            self.succeeded = True

    def lines(self) -> list[str]:
        """Return the last lines of the run; none where there is nothing to say."""
        if self.signal is not None:
            cause = "Ctrl-C" if self.signal == signal.SIGINT else self.signal.name
            return [f"engram: stopped by {cause}. {_KEPT} Run the same command again to go on."]
        if self.failed:
            (rule, logs), *others = self.failed.values()
            more = f", and {len(others)} other job{'s' * (len(others) > 1)}" if others else ""
            log = next((path for path in logs if Path(path).exists()), None)
            said = (
                cause_in(Path(log))
                if log
                else "It failed before it wrote a log; the lines above say more."
            )
            return [
                (
                    f"engram: rule {rule} failed{more}. {_KEPT} When the cause is mended, "
                    "run the same command again."
                ),
                f"  cause: {said}",
                f"  log:   {log or ', '.join(logs) or 'none'}",
            ]
        if (
            self.succeeded
            and set(self.targets()) <= {"all", "report", str(self.report)}
            and self.report.exists()
        ):
            wrong = [
                f"engram: look at the clock: {said}."
                for said in loud_clocks(self.report.with_name("scans.tsv"))
            ]
            return [*wrong, f"engram: the report is {self.report}"]
        return []

    def print_last(self) -> None:
        """Print the last lines to stderr."""
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        for line in self.lines():
            print(line, file=sys.stderr)


def loud_clocks(scans: Path) -> list[str]:
    """Return a sentence for each story whose words and scans may not be on the same clock.

    There is none where the table of scans cannot be read.
    """
    from engram.bold.clock import clocks_of
    from engram.files import storage

    try:
        return [
            clock.said(story)
            for story, clock in clocks_of(storage.read_table(scans))
            if clock.is_loud
        ]
    except (OSError, EngramError, KeyError, ValueError):
        return []  # the run has ended well; the report says the same


def cause_in(log: Path) -> str:
    """Return why a job failed, in one line, from its log.

    Parameters
    ----------
    log : Path
        The log of a job, as `engram.jobs.job.job` writes it.

    Returns
    -------
    str
        The last error that the job wrote; of an unexpected error, the last line of its traceback.
    """
    message: list[str] = []
    open_ = False
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
        logged = _LOGGED.fullmatch(line)
        if logged:
            open_ = logged[1] == "ERROR"
            if open_:
                message = [logged[2]]
        elif open_:
            message.append(line)
    if not message:
        return (
            "the job wrote no error: it was ended from outside (killed, by the system where "
            "memory ran out, or by a cluster's time limit)."
        )
    if "Traceback (most recent call last):" in message:
        unindented = [line for line in message if line.strip() and not line.startswith((" ", "\t"))]
        message = ["unexpected error:", unindented[-1]]
    said = " ".join(line.strip() for line in message if line.strip())
    return said if len(said) <= _LONGEST else f"{said[:_LONGEST]} ..."


def hold_interrupts() -> str:
    """Return what Snakemake is to put before each job's command (`shell.prefix`).

    With it Ctrl-C waits until the job handles it.

    Ctrl-C reaches jobs in their first seconds too, while Python starts and imports, where it would
    print a traceback. So jobs start with the signal blocked, and `engram.jobs.job.job` lets it
    through. Without GNU's `env` of 2019 or later (macOS), nothing is blocked.
    """
    # The first is Snakemake's own prefix.
    strict, block = "set -euo pipefail; ", ["env", "--block-signal=INT"]
    try:
        subprocess.run([*block, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        return strict
    return strict + " ".join(block) + " "


def hide_interrupts() -> None:
    """Let Ctrl-C end this process without a traceback. Other errors are printed as before."""
    before = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if kind is not KeyboardInterrupt:
            before(kind, error, trace)

    sys.excepthook = hook
