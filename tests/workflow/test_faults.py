"""A few of what `make chaos` does.

A study that was broken and run again has the tables of an unbroken one.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
import yaml
from conftest import command, heed_interrupts, random_words, regions, snakemake, write_table_study

pytestmark = pytest.mark.slow

STUDY = {
    "study": "mine",
    "dataset": {"kind": "table", "path": "data", "tr": 1.5},
    "models": {},
    "encoding": {"folds": 2, "inner_folds": 2},
    "compute": {"backend": "numpy"},
}


#: Up to the tables, without figures.
RUN = ("--configfile", "study.yaml", "--keep-going", "results/mine/tables/scores.tsv")


def tables(folder: Path) -> dict[str, str]:
    paths = (folder / "results" / "mine").rglob("*.tsv")
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in paths
        if "benchmarks" not in path.parts
    }


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return snakemake(*RUN, *arguments, folder=folder)


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished study of one story, two listeners and the word rate.

    It lies in a folder with spaces and accents.
    """
    folder = tmp_path_factory.mktemp("faults") / "l'été dernier"
    rng = np.random.default_rng(0)
    write_table_study(
        folder / "data",
        {subject: rng.standard_normal((90, 4)) for subject in ("01", "02")},
        random_words(300),
        regions(4),
        "one",
    )
    (folder / "study.yaml").write_text(yaml.safe_dump(STUDY))
    result = run(folder)
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
    return folder


@pytest.fixture
def broken(unbroken: Path, tmp_path: Path) -> Path:
    """A copy, to break."""
    shutil.copytree(unbroken, tmp_path / unbroken.name)
    return tmp_path / unbroken.name


def job_of(rule: str, folder: Path) -> int | None:
    """Return the process of a rule's script, if it runs now."""
    for path in Path("/proc").glob("[0-9]*"):
        try:
            words = (path / "cmdline").read_bytes().split(b"\0")
            if (
                len(words) > 1
                and re.search(rf"/tmp\w+\.{rule}\.py$".encode(), words[1])
                and (path / "cwd").resolve() == folder.resolve()
            ):
                return int(path.name)
        except OSError:
            continue
    return None


def start_and_wait_for(rule: str, folder: Path) -> tuple[subprocess.Popen[bytes], int]:
    """Start Snakemake and return it with the process of a job, once that runs."""
    arguments, environment = command(*RUN)
    with (folder / "console").open("w") as console:
        process = subprocess.Popen(
            arguments,
            cwd=folder,
            env=environment,
            stdout=console,
            stderr=console,
            start_new_session=True,
            preexec_fn=heed_interrupts,
        )
    end = time.monotonic() + 60
    while (job := job_of(rule, folder)) is None:
        assert time.monotonic() < end and process.poll() is None
        time.sleep(0.02)
    return process, job


def test_kills_of_a_job_and_of_snakemake(unbroken: Path, broken: Path) -> None:
    results = broken / "results" / "mine"
    for name in ("ceilings", "tables"):
        shutil.rmtree(results / name)
    process, job = start_and_wait_for("ceiling", broken)
    os.kill(job, signal.SIGKILL)
    assert process.wait(120) != 0
    assert not (results / "ceilings" / "story-one_ceiling.nc").exists()
    process, job = start_and_wait_for("ceiling", broken)
    process.kill()
    process.wait()
    assert "cannot be locked" in run(broken).stderr
    run(broken, "--unlock")
    result = run(broken)  # beside the job that lives on
    assert result.returncode == 0, result.stderr[-3000:]
    assert tables(broken) == tables(unbroken)


def test_ctrl_c_ends_without_a_traceback_and_the_next_run_goes_on(
    unbroken: Path, broken: Path
) -> None:
    for name in ("ceilings", "tables"):
        shutil.rmtree(broken / "results" / "mine" / name)
    process, _ = start_and_wait_for("ceiling", broken)
    for _ in range(2):  # people press it twice
        os.killpg(process.pid, signal.SIGINT)
        time.sleep(0.1)
    assert process.wait(60) == 1
    console = (broken / "console").read_text()
    assert "Traceback" not in console
    assert console.splitlines()[-1] == (
        "engram: stopped by Ctrl-C. What is finished is kept. Run the same command again to go on."
    )
    assert not (broken / "results" / "mine" / "ceilings" / "story-one_ceiling.nc").exists()
    result = run(broken)
    assert result.returncode == 0, result.stderr[-3000:]
    assert tables(broken) == tables(unbroken)


def test_damaged_file_is_named_and_made_anew_when_it_is_deleted(
    unbroken: Path, broken: Path
) -> None:
    results = broken / "results" / "mine"
    damaged = results / "ceilings" / "story-one_ceiling.nc"
    content, times = bytearray(damaged.read_bytes()), damaged.stat()
    content[len(content) // 2] ^= 1
    damaged.write_bytes(bytes(content))
    os.utime(damaged, ns=(times.st_atime_ns, times.st_mtime_ns))
    shutil.rmtree(results / "tables")
    result = run(broken)
    assert (
        result.returncode != 0
        and "story-one_ceiling.nc' is not what was written" in result.stderr
        and "Traceback" not in result.stderr
    )
    first, cause, log = result.stderr.splitlines()[-3:]
    assert "rule " in first and "is not what was written" in cause and "results/mine/logs/" in log
    damaged.unlink()
    assert run(broken).returncode == 0
    assert tables(broken) == tables(unbroken)
