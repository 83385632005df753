"""The workflow's fixed costs.

These are a rerun that finds nothing to do, and what a job takes beyond its imports and its work.
"""

from __future__ import annotations

import csv
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from paired import say

from engram.files import storage

#: Cheap jobs whose start-up is timed: a result of the study, and the script that makes it.
JOBS = {
    "tables/regions.tsv": "tables",
    "figures/layers.svg": "figure",
    "tables/roi_sets.tsv": "tables",
}
PROJECT = Path(__file__).parents[1]


def costs(study: str, config: list[str], repeats: int) -> dict[str, Any]:
    """Finish a study, then time a rerun with nothing to do, and the start-up of some of its jobs.

    Parameters
    ----------
    study : str
        The study's name: its folder under results.
    config : list of str
        What tells Snakemake to run it.
    repeats : int
    """
    say(f"workflow: {study}")
    command = [
        sys.executable,
        "-m",
        "snakemake",
        "--cores",
        "all",
        "--max-threads",
        "1",
        "--resources",
        "gpu=64",
        *config,
    ]
    environment = {
        name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"
    }
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"

    def run(*more: str) -> str:
        ended = subprocess.run(
            [*command, *more], cwd=PROJECT, env=environment, capture_output=True, text=True
        )
        if ended.returncode:
            raise SystemExit(ended.stdout + ended.stderr)
        return ended.stdout + ended.stderr

    def imports(script: str) -> float:
        lines = [
            line
            for line in (PROJECT / f"workflow/scripts/{script}.py").read_text().splitlines()
            if line.startswith(("import ", "from "))
        ]
        code = "; ".join(["import snakemake.script", *lines])
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True, env=environment)
        return time.perf_counter() - start

    run()
    empty, beyond = [], []
    for _ in range(repeats):
        start = time.perf_counter()
        if "Nothing to be done" not in run():
            raise SystemExit(f"{study} had something to do")
        empty.append(time.perf_counter() - start)
        say(f"  nothing to do: {empty[-1]:.2f} s")
    results = PROJECT / "results" / study
    for result, script in JOBS.items():
        for _ in range(repeats):
            run("--force", f"results/{study}/{result}")
            with next(
                (results / "benchmarks").rglob(
                    f"{Path(result).stem if script == 'figure' else script}.tsv"
                )
            ).open() as stream:
                whole = float(next(csv.DictReader(stream, delimiter="\t"))["s"])
            work = storage.read_json(results / Path(result).with_suffix(".json"))["Provenance"][
                "Seconds"
            ]
            beyond.append(whole - work - imports(script))
        say(f"  {result}: {beyond[-1]:.2f} s beyond imports and work")
    return {
        "study": study,
        "nothing to do, s": round(statistics.median(empty), 2),
        "nothing to do, slowest": round(max(empty), 2),
        "start-up of a job beyond its imports, s": round(statistics.median(beyond), 3),
        "start-up, largest": round(max(beyond), 3),
    }
