"""Measure what it takes to plan large studies: CPU seconds and memory of a dry-run.

    python benchmarks/planning.py [--study config/lebel.yaml ...]
        > benchmarks/planning-<machine>.json

A study of tables is made up (200 listeners, 50 stories); other studies are named, and are planned
with the project's smallest model in the place of theirs. ENGRAM_MIRROR=folder, where their files
are listed there.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import yaml

ROOT = Path(__file__).resolve().parents[1]
MODEL = ROOT / "resources" / "models" / "gpt2-tiny"
TARGETS = ("L-A", "R-A", "L-B", "R-B")
#: Volumes and seconds between words of each made-up story.
ROWS, TR, PACE = 60, 2.0, 0.5


def main() -> None:
    """Plan each study, print what it took."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--listeners", type=int, default=200)
    parser.add_argument("--stories", type=int, default=50)
    parser.add_argument("--words", type=int, default=30_000, help="of one more study's one story")
    parser.add_argument("--study", type=Path, action="append", default=[])
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        many = tables(folder / "many", given.listeners, given.stories)
        long = tables(folder / "long", 3, 1, given.words)
        found = {
            f"tables, {given.listeners} listeners x {given.stories} stories": planned(many, folder),
            f"tables, a story of {given.words:,} words": planned(long, folder),
            **{
                path.name: planned(yaml.safe_load(path.read_text(encoding="utf-8")), folder)
                for path in given.study
            },
        }
    print(
        json.dumps(
            {
                "studies": found,
                "versions": {name: metadata.version(name) for name in ("engram", "snakemake")},
                "machine": f"{platform.machine()}, {os.cpu_count()} cores",
            },
            indent=2,
        )
    )


def tables(folder: Path, listeners: int, stories: int, words: int | None = None) -> dict[str, Any]:
    """Write a folder of tables, and return the configuration of a study of it.

    Parameters
    ----------
    folder : Path
        Does not exist.
    listeners, stories : int
    words : int, optional
        Of each story, which is as long then as they take; default: as many as `ROWS` volumes hold.
    """
    folder.mkdir()
    words = words or round((ROWS - 1) * TR / PACE)
    rows = round(words * PACE / TR) + 1
    lines = [f"{name}\t{name.split('-')[0]}\t{name.split('-')[1]}\n" for name in TARGETS]
    (folder / "targets.tsv").write_text("target\themisphere\troi\n" + "".join(lines))
    spoken = [
        f"w{place % 50}{'.' * (place % 9 == 8)}\t{place * PACE:.2f}\t{place * PACE + 0.3:.2f}\n"
        for place in range(words)
    ]
    bold = np.random.default_rng(0).standard_normal((rows, len(TARGETS)))
    course = "\t".join(TARGETS) + "\n"
    course += "".join("\t".join(f"{value:.3f}" for value in row) + "\n" for row in bold)
    for story in range(stories):
        (folder / f"story-s{story:02d}_words.tsv").write_text(
            "word\tonset\toffset\n" + "".join(spoken)
        )
        for listener in range(listeners):
            name = f"sub-{listener:03d}_story-s{story:02d}_timeseries.tsv"
            (folder / name).write_text(course)
    return {
        "study": folder.name,
        "dataset": {"kind": "table", "path": str(folder), "tr": TR, "start": 0},
        "models": {"gpt2-tiny": {}},
    }


def planned(study: dict[str, Any], folder: Path) -> dict[str, float | int]:
    """Return the jobs of a study, and the CPU seconds and peak memory (MB) of its dry-run."""
    models = {name: {**one, "source": str(MODEL)} for name, one in study["models"].items()}
    config = folder / "study.yaml"
    config.write_text(yaml.safe_dump({**study, "models": models}), encoding="utf-8")
    command = [sys.executable, "-m", "snakemake", "-n", "--snakefile", str(ROOT / "Snakefile")]
    where = folder / f"run-{study['study']}"
    where.mkdir(exist_ok=True)
    start = time.perf_counter()
    with (where / "said").open("w+", encoding="utf-8") as said:
        run = subprocess.Popen(
            [*command, "--configfile", str(config)], cwd=where, stdout=said, stderr=said
        )
        _, status, used = os.wait4(run.pid, 0)
        run.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        text = said.read()
    jobs = re.search(r"^(\d[\d,]*) jobs would run", text, re.MULTILINE)
    if run.returncode or jobs is None:
        raise SystemExit(text)
    return {
        "jobs": int(jobs[1].replace(",", "")),
        "cpu_seconds": round(used.ru_utime + used.ru_stime, 1),
        "wall_seconds": round(time.perf_counter() - start, 1),
        "peak_mb": round(used.ru_maxrss / 1024),
    }


if __name__ == "__main__":
    main()
