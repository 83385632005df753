"""What a run says on the console: a line for each job that ends, how far it is, and how long yet.

A dry-run ends with a table of the jobs that would run, and why. Snakemake's events are turned into
lines here; `snakemake_logger_plugin_engram` hands them over and writes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

#: The rule that asks for everything, and does nothing itself.
_TARGET = "all"
#: How messages begin that say nothing of the study.
_NOISE = (
    "Assuming unrestricted shared filesystem",
    "Building DAG of jobs",
    "Complete log",
    "Conda environments: ignored",
    "Elapsed time",
    "Execute ",
    "Provided ",
    "Reasons:",
    "Removing temporary output",
    "Rules claiming more threads",
    "Select jobs to execute",
    "Singularity containers: ignored",
    # It speaks of Snakemake's metadata, which decide nothing here.
    "Some jobs were triggered by provenance",
    "Using shell",
    "Using workflow specific profile",
    "Would remove temporary output",
)
#: Events that say nothing of the study, beside messages without an event.
_SILENT = ("workflow_started", "shellcmd", "job_started", "progress", "resources_info", "rulegraph")
#: Why a job runs, by how Snakemake begins to say it; the first that fits says most.
_REASONS = (
    ("Forced execution", "forced"),
    ("Missing output files", "not made yet"),
    ("Incomplete output files", "half-written"),
    ("Params have changed", "configuration or code changed"),
    ("Code has changed", "code changed"),
    ("Set of input files has changed", "other inputs than before"),
    ("Updated input files", "inputs were changed"),
    ("Input files updated by another job", "inputs are made anew"),
)
#: Jobs that are named beside a reason, and the first jobs, from which no time is told yet.
_MOST_NAMED, _FEW = 2, 3


@dataclass(frozen=True)
class _Job:
    """A job that runs: its rule, what it is, and when it began."""

    rule: str
    name: str
    began: float


class Console:
    """The lines of one run.

    Parameters
    ----------
    dryrun : bool
        Whether jobs are only planned.
    """

    def __init__(self, dryrun: bool = False) -> None:
        self._dryrun = dryrun
        self._left: Counter[str] = Counter()
        self._running: dict[int, _Job] = {}
        self._seconds: dict[str, list[float]] = {}
        self._began: float | None = None
        self._total = 0
        self._planned: list[tuple[str, str, str]] = []

    def lines(self, event: str, values: Mapping[str, Any], now: float) -> list[str] | None:
        """Return what is said at an event.

        Parameters
        ----------
        event : str
            Snakemake's name of it, in small letters; "" for a mere message.
        values : mapping
            What the event says.
        now : float
            Seconds on any clock.

        Returns
        -------
        list of str or None
            None: whatever Snakemake says.
        """
        if event == "run_info":
            return self._begin(values.get("stats") or {}, now)
        if event == "job_info":
            return self._start(values, now)
        if event == "job_finished":
            return self._finish(int(values["job_id"]), now)
        if event == "job_error":
            self._running.pop(int(values["jobid"]), None)
            return None
        if event in _SILENT:
            return []
        message = str(values.get("message") or "")
        if event == "" and values.get("levelname") == "INFO":
            if message.startswith("This was a dry-run"):
                return [*self.planned(), "This was a dry-run: nothing was made (-n)."]
            return [] if not message or message.startswith(_NOISE) else None
        return None

    def planned(self) -> list[str]:
        """Return the table of a dry-run: jobs, how many, why, and the first of them by name."""
        if not self._planned:
            return []
        groups: dict[tuple[str, str], list[str]] = {}
        for rule, name, why in self._planned:
            if rule != _TARGET:
                groups.setdefault((rule, why), []).append(name)
        order = list(self._left)
        rows = [
            (rule, str(len(names)), why, _first(names))
            for (rule, why), names in sorted(
                groups.items(),
                key=lambda item: order.index(item[0][0]) if item[0][0] in order else 0,
            )
        ]
        self._planned = []
        number = sum(int(count) for _, count, _, _ in rows)
        return ["", f"{_count(number, 'job')} would run:", "", *_table(rows), ""]

    def _begin(self, stats: Mapping[str, int], now: float) -> list[str]:
        """Take note of how many jobs of each rule there are; say it."""
        if self._began is not None:
            return []
        self._began = now
        self._left = Counter(
            {rule: number for rule, number in stats.items() if rule not in ("total", _TARGET)}
        )
        self._total = sum(self._left.values())
        if self._dryrun:
            return []
        said = ", ".join(f"{number} {rule}" for rule, number in self._left.items())
        return [f"{_count(self._total, 'job')}: {said}"]

    def _start(self, values: Mapping[str, Any], now: float) -> list[str]:
        rule, name = str(values["rule_name"]), job_name(values["rule_name"], values["wildcards"])
        if self._dryrun:
            self._planned.append((rule, name, why(str(values.get("reason") or ""))))
        else:
            self._running[int(values["jobid"])] = _Job(rule, name, now)
        return []

    def _finish(self, number: int, now: float) -> list[str]:
        job = self._running.pop(number, None)
        if job is None or job.rule == _TARGET:
            return []
        self._left[job.rule] -= 1
        self._seconds.setdefault(job.rule, []).append(now - job.began)
        done = self._total - sum(self._left.values())
        parts = [f"{done} of {self._total}", *self._time_left(now)]
        said = f"{', '.join(parts)}: {job.name} ({duration(now - job.began)})"
        if len(self._running) == 1 and done < self._total:
            (other,) = self._running.values()
            said += f"; still running: {other.name} ({duration(now - other.began)})"
        return [said]

    def _time_left(self, now: float) -> list[str]:
        """Say how long it will take yet; nothing while there is little to tell it from.

        Each rule's jobs take as long as those that are finished, those of other rules as long as
        the mean; as many run beside each other as until now.
        """
        known = [seconds for each in self._seconds.values() for seconds in each]
        if len(known) < _FEW or self._began is None or not sum(self._left.values()):
            return []
        usual = sum(known) / len(known)
        means = {rule: sum(each) / len(each) for rule, each in self._seconds.items()}
        work = sum(number * means.get(rule, usual) for rule, number in self._left.items())
        spent = sum(now - job.began for job in self._running.values())
        at_once = max(1.0, (sum(known) + spent) / max(now - self._began, 1e-6))
        return [f"about {duration(max(work - spent, 0) / at_once, rough=True)} left"]


def job_name(rule: str, wildcards: Mapping[str, str]) -> str:
    """Return what a job is: its rule and its wildcards, such as ``bold, story tale``."""
    parts = [f"{name} {value}" for name, value in dict(wildcards).items() if value != "original"]
    return ", ".join([str(rule), *parts])


def why(reason: str) -> str:
    """Return in words why a job runs, by what Snakemake says of it."""
    found = (words for begin, words in _REASONS if begin in reason)
    return next(found, reason.partition(":")[0].lower() or "asked for")


def duration(seconds: float, rough: bool = False) -> str:
    """Return a time in words; a rough one in whole minutes, or hours."""
    minutes = round(seconds / 60)
    if minutes >= 90:
        return f"{seconds / 3600:.0f} h" if rough else f"{minutes // 60} h {minutes % 60} min"
    if rough:
        return f"{max(minutes, 1)} min"
    return f"{seconds:.0f} s" if seconds < 90 else f"{minutes} min"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"


def _first(names: Sequence[str]) -> str:
    """Return what the first jobs of a rule are of."""
    shown = [name.partition(", ")[2] for name in names[:_MOST_NAMED]]
    more = f"; and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return "; ".join(name for name in shown if name) + more if any(shown) else ""


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    header = ("job", "number", "why", "of")
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in [header, *rows]
    ]
