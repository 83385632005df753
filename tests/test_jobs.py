"""What every job does around its science."""

from __future__ import annotations

import errno
import json
import logging
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from engram.jobs import job


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """A job takes the package's log for itself; other tests want it back."""
    logger = logging.getLogger("engram")
    before = logger.handlers, logger.propagate, logger.level
    yield
    logging.captureWarnings(False)
    logger.handlers, logger.propagate = before[:2]
    logger.setLevel(before[2])


def made(folder: Path) -> SimpleNamespace:
    """What Snakemake hands to a script, as far as it matters here."""
    return SimpleNamespace(rule="bold", wildcards={}, log=[str(folder / "logs" / "bold.log")], output=[str(folder / "results" / "x.nc")])


@pytest.mark.parametrize(
    "error",
    [OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), OSError(f"Can't write data (file write failed: error message = '{os.strerror(errno.ENOSPC)}')")],
    ids=["the system's", "HDF5's"],
)
def test_a_full_disk_is_said(error: OSError, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit), job(made(tmp_path)):
        raise error
    said = capsys.readouterr().err
    assert "the disk is full" in said and str(tmp_path / "results") in said and "what is finished is kept" in said
    assert "the disk is full" in (tmp_path / "logs" / "bold.log").read_text()


def test_other_errors_keep_their_traceback(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="permission"), job(made(tmp_path)):
        raise OSError(errno.EACCES, "permission denied")
    assert "Traceback" in (tmp_path / "logs" / "bold.log").read_text()


def test_inputs_are_named_by_their_content_and_folders_by_their_name(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    given = [str(tmp_path / name) for name in ("folder", "file", "absent")]
    with job(SimpleNamespace(**vars(made(tmp_path)), params={}, input=given)):
        pass
    written = json.loads((tmp_path / "results" / "x.json").read_text())["Provenance"]["Inputs"]
    assert written == {given[0]: "folder", given[1]: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}


def test_what_a_job_warns_of_stands_beside_its_results(tmp_path: Path) -> None:
    given = SimpleNamespace(**vars(made(tmp_path)), params={}, input=[])
    with job(given):
        logging.getLogger("engram.bold").warning("sub-%s is odd", "01")
        logging.getLogger("engram.bold").warning("sub-%s is odd", "01")
        warnings.warn("invalid value in divide", RuntimeWarning, stacklevel=1)
        warnings.warn("this will change", FutureWarning, stacklevel=1)
    written = json.loads((tmp_path / "results" / "x.json").read_text())["Provenance"]["Warnings"]
    assert written == ["sub-01 is odd", "RuntimeWarning: invalid value in divide"]
    assert "this will change" in (tmp_path / "logs" / "bold.log").read_text()
