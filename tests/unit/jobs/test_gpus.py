"""GPUs without a GPU: lists and processes that take from them."""

from __future__ import annotations

import ast
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import ROOT

from engram.errors import EngramError
from engram.jobs import gpus
from engram.jobs.gpus import Device

TWO = [Device("GPU-a", "GPU-a", "One"), Device("GPU-b", "GPU-b", "Two")]
LIST = """GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-5d5ba0d6)
GPU 1: NVIDIA A100-SXM4-40GB (UUID: GPU-aa11)
  MIG 1g.5gb      Device  0: (UUID: MIG-11)
  MIG 1g.5gb      Device  1: (UUID: MIG-22)
GPU 2: NVIDIA H100 PCIe (UUID: GPU-c0ffee)
"""

#: A job: takes a device of two, says which, and holds it until it is told to end.
JOB = """
import sys
from pathlib import Path
from engram.jobs import gpus
two = [gpus.Device(key, key, "made up") for key in ("GPU-a", "GPU-b")]
print(gpus.take("auto", 1, two, Path(sys.argv[1])).key, flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def no_slurm(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SLURM_JOB_ID", "CUDA_VISIBLE_DEVICES", gpus.SHARE_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    # So that it is as before when a test has changed it.
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    monkeypatch.setattr(gpus, "_held", [])
    monkeypatch.delitem(sys.modules, "torch", raising=False)


class Jobs:
    """Processes that take devices."""

    def __init__(self, locks: Path) -> None:
        self.locks = locks
        self.running: list[subprocess.Popen[str]] = []

    def start(self, **environment: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", JOB, str(self.locks)]
        streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        job = subprocess.Popen(command, text=True, env={**os.environ, **environment}, **streams)  # type: ignore[call-overload]
        self.running.append(job)
        return job

    @staticmethod
    def took(job: subprocess.Popen[str]) -> str:
        assert job.stdout is not None
        return job.stdout.readline().strip()


@pytest.fixture
def jobs(tmp_path: Path) -> Iterator[Jobs]:
    made = Jobs(tmp_path / "locks")
    yield made
    for job in made.running:
        job.kill()
        job.communicate()


def test_each_job_has_its_own_and_a_killed_one_frees_it(jobs: Jobs) -> None:
    first, second = jobs.start(), jobs.start()
    held = {jobs.took(first): first, jobs.took(second): second}
    assert set(held) == {"GPU-a", "GPU-b"}
    third = jobs.start()
    assert third.stderr is not None
    said = third.stderr.readline()
    assert "all 2 GPUs are taken" in said and str(first.pid) in said and str(second.pid) in said
    held["GPU-b"].send_signal(signal.SIGKILL)
    assert jobs.took(third) == "GPU-b"


def test_jobs_share_evenly_where_that_is_allowed(jobs: Jobs) -> None:
    four = [jobs.start(ENGRAM_JOBS_PER_GPU="2") for _ in range(4)]
    assert sorted(map(jobs.took, four)) == ["GPU-a", "GPU-a", "GPU-b", "GPU-b"]
    fifth = jobs.start(ENGRAM_JOBS_PER_GPU="2")
    time.sleep(1)
    assert fifth.poll() is None and fifth.stdout is not None
    four[0].kill()
    assert jobs.took(fifth).startswith("GPU-")


def test_allocations_of_slurm_do_not_wait_for_each_other(jobs: Jobs) -> None:
    """Slurm shared a device out already; within an allocation jobs are kept apart."""
    two = [jobs.start(SLURM_JOB_ID=number, CUDA_VISIBLE_DEVICES="0") for number in ("7", "8")]
    assert [jobs.took(job) for job in two] == ["GPU-a", "GPU-a"]
    same = jobs.start(SLURM_JOB_ID="7", CUDA_VISIBLE_DEVICES="0")
    assert jobs.took(same) == "GPU-b"


def test_list_of_nvidia_smi() -> None:
    found = gpus.parse_list(LIST)
    assert [one.key for one in found] == ["GPU-5d5ba0d6", "MIG-11", "MIG-22", "GPU-c0ffee"]
    assert (
        found[0].name == "NVIDIA A100-SXM4-40GB"
        and str(found[3]) == "NVIDIA H100 PCIe (GPU-c0ffee)"
    )
    assert (
        gpus.parse_list(
            "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.\n"
        )
        == []
    )


@pytest.mark.parametrize(
    ("environment", "keys"),
    [
        ({}, ["GPU-a", "GPU-b"]),
        ({"CUDA_VISIBLE_DEVICES": "1"}, ["1"]),
        ({"CUDA_VISIBLE_DEVICES": "1,0"}, ["1", "0"]),
        ({"CUDA_VISIBLE_DEVICES": " GPU-b , 0"}, ["GPU-b", "0"]),
        ({"CUDA_VISIBLE_DEVICES": ""}, []),
        ({"CUDA_VISIBLE_DEVICES": "-1"}, []),
        ({"CUDA_VISIBLE_DEVICES": "1,-1,0"}, ["1"]),
        ({"CUDA_VISIBLE_DEVICES": "MIG-9"}, ["MIG-9"]),
        ({"SLURM_JOB_ID": "3"}, []),
        ({"SLURM_JOB_ID": "3", "CUDA_VISIBLE_DEVICES": "0"}, ["0"]),
    ],
)
def test_what_slurm_and_the_user_allow_is_kept(
    environment: dict[str, str], keys: list[str]
) -> None:
    found = gpus.visible(environment, TWO)
    assert [one.key for one in found] == keys
    names = {"0": "GPU-a", "1": "GPU-b"}
    # A device has one lock, however it is called.
    assert [one.uuid for one in found] == [names.get(key, key) for key in keys]


def test_taken_device_is_the_only_one_torch_will_see(tmp_path: Path) -> None:
    assert gpus.take("auto", 1, [Device("1", "GPU-b", "Two")], tmp_path) == Device(
        "1", "GPU-b", "Two"
    )
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "1"
    assert [path.name for path in tmp_path.iterdir()] == ["GPU-b.0"] and (
        tmp_path / "GPU-b.0"
    ).read_text() == str(os.getpid())


@pytest.mark.parametrize(("want", "budget"), [("cpu", 1), ("auto", 0), ("cpu", 0)])
def test_jobs_on_the_cpu_take_none_and_see_none(want: str, budget: int, tmp_path: Path) -> None:
    assert gpus.take(want, budget, TWO, tmp_path) is None
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "" and not list(tmp_path.iterdir())


def test_cpu_only_where_the_configuration_allows_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(EngramError, match="grants its jobs none.*--resources gpu=1"):
        gpus.take("cuda", 0, TWO, tmp_path)
    monkeypatch.setenv("SLURM_JOB_ID", "3")
    with pytest.raises(EngramError, match="gives this job none"):
        gpus.take("cuda", 1, [], tmp_path)
    assert gpus.take("auto", 1, [], tmp_path) is None and os.environ["CUDA_VISIBLE_DEVICES"] == ""


def test_wrong_number_of_jobs_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for value in ("0", "two", "-1"):
        monkeypatch.setenv(gpus.SHARE_VARIABLE, value)
        with pytest.raises(EngramError, match="a number of jobs, 1 or more"):
            gpus.take("auto", 1, TWO, tmp_path)


@pytest.mark.parametrize(
    ("config", "want"),
    [
        ({"model": {"source": "word-rate"}}, "cpu"),
        ({"model": {"source": "gpt2"}, "reading": {"device": "cuda"}}, "cuda"),
        ({"reading": {"device": "cpu"}}, "cpu"),
        ({"encoding": {"backend": "auto"}}, "auto"),
        ({"encoding": {"backend": "torch_cuda"}}, "cuda"),
        ({"encoding": {"backend": "torch"}}, "cpu"),
        ({"encoding": {"backend": "numpy"}}, "cpu"),
        ({"settings": {}}, "auto"),
    ],
)
def test_where_a_job_is_to_run(config: dict[str, object], want: str) -> None:
    assert gpus.wanted(config) == want


@pytest.mark.slow
def test_no_script_imports_torch_before_a_device_is_taken() -> None:
    """Scripts import before `with job(...)`.

    Torch, which looks for devices once, must come later.
    """
    scripts = sorted((ROOT / "workflow" / "scripts").glob("*.py"))
    imports = "\n".join(
        ast.unparse(statement)
        for path in scripts
        for statement in ast.parse(path.read_text()).body
        if isinstance(statement, ast.Import | ast.ImportFrom)
    )
    result = subprocess.run(
        [sys.executable, "-c", f"{imports}\nimport sys\nassert 'torch' not in sys.modules"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
