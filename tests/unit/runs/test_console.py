"""The console of a run: a line a job, what is left, and the table of a dry-run."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, forks

from engram.runs import console
from engram.runs.console import Console

STATS = {"bold": 2, "encoding": 4, "all": 1, "total": 7}


def begun(console: Console, number: int, rule: str, now: float, **wildcards: str) -> None:
    values = {"jobid": number, "rule_name": rule, "wildcards": wildcards, "reason": ""}
    assert console.lines("job_info", values, now) == []


def ended(console: Console, number: int, now: float) -> list[str] | None:
    return console.lines("job_finished", {"job_id": number}, now)


def test_a_run_says_what_ended_and_how_long_it_will_take_yet() -> None:
    run = Console()
    assert run.lines("run_info", {"stats": STATS}, 0) == ["6 jobs: 2 bold, 4 encoding"]
    begun(run, 1, "bold", 0, story="one")
    begun(run, 2, "bold", 0, story="two")
    assert ended(run, 1, 10) == [
        "1 of 6: bold, story one (10 s); still running: bold, story two (10 s)"
    ]
    assert ended(run, 2, 20) == ["2 of 6: bold, story two (20 s)"]
    begun(run, 3, "encoding", 20, group="a", model="m", text="original")
    # 3 jobs of 600 s are left, one after the other.
    said = ended(run, 3, 620)
    assert said is not None and said[0].endswith("encoding, group a, model m (10 min)")
    assert said[0].startswith("3 of 6, about 30 min left: ")
    for number in (4, 5, 6):
        begun(run, number, "encoding", 620, group="b", model="m")
    begun(run, 0, "all", 700)
    assert ended(run, 4, 700) and ended(run, 5, 700)
    assert ended(run, 6, 701) == ["6 of 6: encoding, group b, model m (81 s)"]
    assert ended(run, 0, 702) == []


def test_jobs_beside_each_other_take_their_share_of_the_time() -> None:
    run = Console()
    run.lines("run_info", {"stats": {"encoding": 8, "total": 8}}, 0)
    for number in range(8):
        begun(run, number, "encoding", 0 if number < 4 else 100, model=str(number))
    for number in range(3):
        ended(run, number, 100)
    # Four ran at a time for 100 s: the fifth to eighth are at work, and take 100 s.
    said = ended(run, 3, 100)
    assert said is not None and "about 2 min left" in said[0]


def test_a_job_that_failed_is_no_more_running_and_said_by_snakemake() -> None:
    run = Console()
    run.lines("run_info", {"stats": STATS}, 0)
    begun(run, 1, "bold", 0, story="one")
    begun(run, 2, "bold", 0, story="two")
    assert run.lines("job_error", {"jobid": 2}, 5) is None
    assert ended(run, 1, 10) == ["1 of 6: bold, story one (10 s)"]
    assert ended(run, 99, 11) == []


@pytest.mark.parametrize(
    ("event", "level", "message", "said"),
    [
        ("", "INFO", "Building DAG of jobs...", False),
        ("", "INFO", "Select jobs to execute...", False),
        ("", "INFO", "Using shell: /usr/bin/bash", False),
        ("", "INFO", "made anew: bold (one): dataset.tr was 1.5, is 2.0", True),
        ("", "INFO", "Nothing to be done (all requested files are present).", True),
        ("", "WARNING", "Select jobs to execute...", True),
        ("", "ERROR", "engram: the configuration has 1 error", True),
        ("workflow_started", "INFO", "Workflow has started!", False),
        ("progress", "INFO", "", False),
        ("error", "ERROR", "WorkflowError", True),
        ("group_error", "ERROR", "Error in group", True),
    ],
)
def test_what_says_nothing_of_the_study_is_left_out(
    event: str, level: str, message: str, said: bool
) -> None:
    lines = Console().lines(event, {"levelname": level, "message": message}, 0)
    assert lines is None if said else lines == []


def test_a_dry_run_ends_with_a_table() -> None:
    run = Console(dryrun=True)
    assert run.lines("run_info", {"stats": STATS}, 0) == []
    reasons = {
        "encoding": "Params have changed since: x; Input files updated by another job: y",
        "bold": "Missing output files: results/a.nc",
        "all": "Input files updated by another job: report.html",
    }
    for rule, number in (("encoding", 4), ("bold", 2), ("all", 1)):
        for one in range(number):
            run.lines(
                "job_info",
                {"jobid": one, "rule_name": rule, "wildcards": {"model": f"m{one}"}}
                | {"reason": reasons[rule]},
                0,
            )
    assert run.lines("run_info", {"stats": STATS}, 1) == []
    message = {"levelname": "INFO", "message": "This was a dry-run (flag -n). The order"}
    lines = run.lines("", message, 2)
    assert lines == [
        "",
        "6 jobs would run:",
        "",
        "job       number  why                            of",
        "bold      2       not made yet                   model m0; model m1",
        "encoding  4       configuration or code changed  model m0; model m1; and 2 more",
        "",
        "This was a dry-run: nothing was made (-n).",
    ]
    assert run.planned() == []


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("Forced execution", "forced"),
        ("Updated input files: a", "inputs were changed"),
        ("Code has changed since last execution", "code changed"),
        ("Missing output files: a; Updated input files: b", "not made yet"),
        ("Rules with neither input nor output files are always executed.", "rules with neither"),
        ("", "asked for"),
    ],
)
def test_reasons_are_said_in_words(reason: str, words: str) -> None:
    assert console.why(reason).startswith(words)


@pytest.mark.parametrize(
    ("seconds", "exact", "rough"),
    [
        (3, "3 s", "1 min"),
        (89, "89 s", "1 min"),
        (600, "10 min", "10 min"),
        (9000, "2 h 30 min", "2 h"),
    ],
)
def test_durations_are_said_in_words(seconds: float, exact: str, rough: str) -> None:
    assert (console.duration(seconds), console.duration(seconds, rough=True)) == (exact, rough)


SNAKEFILE = """
rule all:
    input: expand("made/{story}.txt", story=["one", "two"]), "failed.txt"

rule bold:
    output: "made/{story}.txt"
    log: "{story}.log"
    shell: "echo something > {output}"

rule tables:
    input: "made/one.txt"
    output: "failed.txt"
    log: "tables.log"
    shell: "echo '10:00:00 ERROR the cause is here' > {log}; exit 1"
"""


@pytest.fixture
def workflow(tmp_path: Path) -> Path:
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    return tmp_path


def snakemake(folder: Path, *arguments: Any) -> tuple[int, str]:
    """Run Snakemake on the small workflow, with the console of the profiles."""
    words = ["--logger", "engram", "--snakefile", "Snakefile", "--cores", "1", *arguments]
    return forks().run(folder, words, dict(os.environ))


@pytest.mark.slow
def test_snakemake_finds_the_plugin_and_says_little(workflow: Path) -> None:
    status, said = snakemake(workflow, "-n")
    assert status == 0
    assert "bold    2       not made yet  story one; story two" in said
    assert "reason" not in said and "Building DAG" not in said and "tables  1" in said

    status, said = snakemake(workflow, "--keep-going", "--show-failed-logs")
    assert status == 1
    lines = said.splitlines()
    assert "3 jobs: 2 bold, 1 tables" in lines
    assert sum("bold, story" in line and " of 3: " in line for line in lines) == 2
    # Errors are as Snakemake has them, with the log of the job.
    assert "Error in rule tables:" in said and "10:00:00 ERROR the cause is here" in said
    assert not [line for line in lines if line.startswith(("rule ", "localrule ", "    resources"))]

    status, said = snakemake(workflow, "made/one.txt")
    assert status == 0 and "Nothing to be done" in said


@pytest.mark.slow
def test_all_that_snakemake_says_can_be_asked_for(workflow: Path) -> None:
    status, said = snakemake(workflow, "--logger-engram-details", "-n", "made/one.txt")
    assert status == 0
    assert "Building DAG of jobs" in said and "    reason: Missing output files" in said
    assert "Job stats:" in said
    status, said = snakemake(workflow, "-n", "--quiet")
    assert status == 0 and "reason" not in said


def test_profiles_and_make_take_it() -> None:
    for name in ("default", "slurm"):
        assert "\nlogger: [engram]\n" in (ROOT / "profiles" / name / "config.yaml").read_text()
    shown = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "make setup" in shown and "make demo" in shown and "make test-fast" in shown
