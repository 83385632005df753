"""What every job does around its science."""

from __future__ import annotations

import errno
import json
import logging
import os
import signal
import subprocess
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from engram.files import storage
from engram.jobs.job import job

pytestmark = pytest.mark.usefixtures("job_in_this_process")


def made(folder: Path) -> SimpleNamespace:
    """What Snakemake hands to a script, as far as it matters here."""
    return SimpleNamespace(
        input=[],
        params={},
        resources={},
        rule="bold",
        wildcards={},
        log=[str(folder / "logs" / "bold.log")],
        output=[str(folder / "results" / "x.nc")],
    )


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
        OSError(
            f"Can't write data (file write failed: error message = '{os.strerror(errno.ENOSPC)}')"
        ),
    ],
    ids=["the system's", "HDF5's"],
)
def test_a_full_disk_is_said(
    error: OSError, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit), job(made(tmp_path)):
        raise error
    said = capsys.readouterr().err
    assert (
        "the disk is full" in said
        and str(tmp_path / "results") in said
        and "what is finished is kept" in said
    )
    assert "the disk is full" in (tmp_path / "logs" / "bold.log").read_text()


def test_ctrl_c_is_one_line_in_the_log(tmp_path: Path) -> None:
    handler = signal.getsignal(signal.SIGINT)
    try:
        with pytest.raises(SystemExit) as ended, job(made(tmp_path)):
            raise KeyboardInterrupt
    finally:
        signal.signal(signal.SIGINT, handler)
    log = (tmp_path / "logs" / "bold.log").read_text()
    assert ended.value.code == 130 and "stopped by Ctrl-C" in log and "Traceback" not in log


def test_other_errors_keep_their_traceback(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="permission"), job(made(tmp_path)):
        raise OSError(errno.EACCES, "permission denied")
    assert "Traceback" in (tmp_path / "logs" / "bold.log").read_text()


@pytest.mark.slow
def test_a_job_knows_its_own_peak_of_memory_and_not_that_of_whoever_started_it() -> None:
    held = np.ones(40_000_000)
    code = "import numpy; from engram.jobs.provenance import peak_memory; {}; print(peak_memory())"
    without, given_back = (
        int(
            subprocess.run(
                [sys.executable, "-c", code.format(made)],
                check=True,
                capture_output=True,
                text=True,
            ).stdout
        )
        for made in ("pass", "numpy.ones(25_000_000)")
    )
    assert without < 150e6 < held.nbytes and 190e6 < given_back - without < 210e6


def test_inputs_are_named_by_their_content(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    given = [str(tmp_path / name) for name in ("folder", "file", "absent")]
    one = made(tmp_path)
    one.input = given
    with job(one):
        storage.write_json(tmp_path / "results" / "x.nc", {})
    written = json.loads((tmp_path / "results" / "x.json").read_text())["Provenance"]["Inputs"]
    # Of nothing.
    assert written == dict.fromkeys(
        given[:2], "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    )


def test_what_a_job_warns_of_stands_beside_its_results(tmp_path: Path) -> None:
    with job(made(tmp_path)):
        storage.write_json(tmp_path / "results" / "x.nc", {})
        logging.getLogger("engram.bold.story_bold").warning("sub-%s is odd", "01")
        logging.getLogger("engram.bold.story_bold").warning("sub-%s is odd", "01")
        warnings.warn("invalid value in divide", RuntimeWarning, stacklevel=1)
        warnings.warn("this will change", FutureWarning, stacklevel=1)
    written = json.loads((tmp_path / "results" / "x.json").read_text())["Provenance"]["Warnings"]
    assert written == ["sub-01 is odd", "RuntimeWarning: invalid value in divide"]
    assert "this will change" in (tmp_path / "logs" / "bold.log").read_text()


@pytest.mark.parametrize(
    ("resources", "asked"),
    [
        ({"gpu": 1}, [("cuda", 1)]),
        ({"gpu": 0}, [("cuda", 0)]),  # Snakemake cuts a request down to the profile's limit
        ({"gpu": 0, "gres": "gpu:1"}, [("cuda", 1)]),
        ({}, []),
    ],
)
def test_a_gpu_is_taken_for_jobs_whose_rule_asks_for_one(
    resources: dict[str, object],
    asked: list[tuple[str, int]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found: list[tuple[str, int]] = []
    monkeypatch.setattr("engram.jobs.gpus.take", lambda want, budget: found.append((want, budget)))
    one = made(tmp_path)
    one.resources, one.params, one.output = (
        resources,
        {"config": {"reading": {"device": "cuda"}}},
        [],
    )
    with job(one):
        pass
    assert found == asked
    assert asked or os.environ["CUDA_VISIBLE_DEVICES"] == ""
