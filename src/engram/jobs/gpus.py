"""GPUs: every job takes one of its own, before torch looks for any, and says which.

A lock for each device keeps jobs apart, those of other runs too; the system lifts it when its owner
dies, however it dies. Among Slurm's jobs Slurm decides; within one of its allocations, the locks.
"""

from __future__ import annotations

import fcntl
import logging
import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engram.errors import EngramError
from engram.vocabulary import WORD_RATE

logger = logging.getLogger(__name__)

#: One place for all users and runs of a machine, on its own disk: locks on network file
#: systems cannot be relied on.
LOCKS = Path("/tmp/engram-devices")
#: How many jobs may share a GPU; more than one is for small models.
SHARE_VARIABLE = "ENGRAM_JOBS_PER_GPU"
#: Seconds between tries, and between messages while a job waits.
_POLL, _SAY = 0.5, 300.0
#: What CUDA and torch read.
_VISIBLE = "CUDA_VISIBLE_DEVICES"
#: Locks of this process, open until it ends: its memory on the device is not free before.
_held: list[int] = []


@dataclass(frozen=True)
class Device:
    """A GPU, or a part of one (MIG).

    Attributes
    ----------
    key : str
        What CUDA_VISIBLE_DEVICES calls it.
    uuid : str
        The same however it is called; its key where that is all that is known.
    name : str
        The model.
    """

    key: str
    uuid: str
    name: str

    def __str__(self) -> str:
        return f"{self.name} ({self.uuid})"


def wanted(config: Mapping[str, Any]) -> str:
    """Return where a job is to run, as its part of the configuration says: `auto`, `cpu` or `cuda`.

    Parameters
    ----------
    config : mapping
        A rule's `config` param: with ``reading`` (the `activations` section) or
        ``encoding``, or neither.
    """
    if config.get("model") == {"source": WORD_RATE}:
        return "cpu"  # nothing is computed
    if "reading" in config:
        return str(config["reading"]["device"])
    if "encoding" in config:
        return {"auto": "auto", "torch_cuda": "cuda"}.get(config["encoding"]["backend"], "cpu")
    return "auto"


def take(
    want: str, budget: int, devices: Sequence[Device] | None = None, locks: Path = LOCKS
) -> Device | None:
    """Take a GPU for this process until it ends; wait for one where all are taken.

    So torch sees this one and no other.

    Parameters
    ----------
    want : {"auto", "cpu", "cuda"}
        `auto` falls back to the CPU where there is no GPU, `cuda` does not.
    budget : int
        GPUs that the run grants the job (`snakemake.resources`, which Snakemake cuts down to a
        profile's limit in silence).
    devices : sequence of Device, optional
        What there is; by default what `visible` finds.
    locks : Path
        Where the locks are.

    Returns
    -------
    Device or None
        None: the job runs on the CPU, or torch is left to find a device where nothing lists them.

    Raises
    ------
    EngramError
        If `cuda` is wanted and cannot be had.
    """
    if "torch" in sys.modules and sys.modules["torch"].cuda.is_initialized():
        raise RuntimeError("a device is to be taken before torch looks for one")
    if want == "cpu" or budget < 1:
        if want == "cuda":
            raise EngramError(
                "a GPU is wanted (compute.device: cuda, or compute.backend: torch_cuda), and "
                "this run grants its jobs none. Allow one (--resources gpu=1), or write 'auto'."
            )
        hide()
        logger.info(
            "runs on the CPU, %s",
            "as configured" if want == "cpu" else "since this run grants its jobs no GPU",
        )
        return None
    found = visible(os.environ) if devices is None else list(devices)
    if not found:
        _say_nothing_is_listed(want)
        return None
    device = _lock_one(found, locks)
    os.environ[_VISIBLE] = device.key
    logger.info("runs on %s", device)
    return device


def hide() -> None:
    """Let torch see no GPU: for jobs that take none."""
    os.environ[_VISIBLE] = ""


def visible(environment: Mapping[str, str], listed: Sequence[Device] | None = None) -> list[Device]:
    """Return the GPUs that this process may use.

    They are those that Slurm or the user allows (CUDA_VISIBLE_DEVICES), else all.

    Parameters
    ----------
    environment : mapping
        Environment variables. In a job of Slurm only what Slurm gave the job counts.
    listed : sequence of Device, optional
        All GPUs of the machine; by default what nvidia-smi says.
    """
    everything = _listed() if listed is None else list(listed)
    if _VISIBLE not in environment:
        return [] if "SLURM_JOB_ID" in environment else everything
    allowed = []
    for key in environment[_VISIBLE].split(","):
        key = key.strip()
        if not key or key.startswith("-"):
            break  # as CUDA does: what stands behind an entry that names nothing is not there
        same = [
            one
            for number, one in enumerate(everything)
            if str(number) == key or one.uuid.startswith(key)
        ]
        allowed.append(Device(key, same[0].uuid, same[0].name) if same else Device(key, key, "GPU"))
    return allowed


def _listed() -> list[Device]:
    """Return the machine's GPUs in nvidia-smi's order, none without nvidia-smi.

    Of those that are divided (MIG) it has the parts.
    """
    try:
        text = subprocess.run(
            ["nvidia-smi", "-L"], capture_output=True, text=True, timeout=60, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    return parse_list(text)


def parse_list(text: str) -> list[Device]:
    """Return the devices in what ``nvidia-smi -L`` prints."""
    found: list[Device] = []
    whole: Device | None = None
    for line in text.splitlines():
        match = re.match(r"(\s*)(?:GPU \d+: )?(.+?)\s*\(UUID: (\S+)\)", line)
        if not match:
            continue
        device = Device(match[3], match[3], match[2])
        if not match[1]:
            whole = device
        elif whole in found:
            found.remove(whole)  # CUDA gives its parts only
        found.append(device)
    return found


def _say_nothing_is_listed(want: str) -> None:
    if "SLURM_JOB_ID" in os.environ or os.environ.get(_VISIBLE) is not None:
        if want == "cuda":
            raise EngramError(
                "a GPU is wanted, and Slurm or CUDA_VISIBLE_DEVICES gives this job none. "
                "Ask for one, or write 'auto' in the configuration."
            )
        hide()
        logger.info("runs on the CPU: Slurm or CUDA_VISIBLE_DEVICES gives this job no GPU")
    elif want == "cuda":
        import torch

        if not torch.cuda.is_available():
            raise EngramError(
                "a GPU is wanted, and there is none here. Write 'auto' or 'cpu' in the "
                "configuration, or run where there is one."
            )
    else:
        logger.info("nvidia-smi lists no GPU: runs where torch finds a device, else on the CPU")


def _lock_one(devices: Sequence[Device], locks: Path) -> Device:
    """Return a device that nobody else uses.

    With several jobs allowed on each, it is one of those that fewest use.
    """
    share = _share()
    said = -_SAY
    while True:
        for place in range(share):
            for device in devices:
                if _try_lock(locks, f"{_lock_name(device)}.{place}"):
                    return device
        if time.monotonic() - said >= _SAY:
            owners = sorted(
                {
                    _owner(locks / f"{_lock_name(device)}.{place}")
                    for device in devices
                    for place in range(share)
                }
            )
            text = (
                f"all {len(devices)} GPUs are taken (by process {', '.join(owners)}); "
                "this job waits for one. As many jobs ask at once as --resources gpu=N allows; "
                f"{SHARE_VARIABLE}=N lets N jobs share a GPU."
            )
            logger.warning(text)
            print(f"engram: {text}", file=sys.stderr, flush=True)
            said = time.monotonic()
        time.sleep(_POLL)


def _share() -> int:
    text = os.environ.get(SHARE_VARIABLE, "1")
    if not text.isdigit() or int(text) < 1:
        raise EngramError(f"{SHARE_VARIABLE} is '{text}'; it is a number of jobs, 1 or more.")
    return int(text)


def _lock_name(device: Device) -> str:
    allocation = os.environ.get("SLURM_JOB_ID")
    return re.sub(
        r"[^A-Za-z0-9-]", "_", f"slurm-{allocation}-{device.uuid}" if allocation else device.uuid
    )


def _try_lock(locks: Path, name: str) -> bool:
    if not locks.exists():
        locks.mkdir(mode=0o777, exist_ok=True)
        locks.chmod(0o1777)  # for every user of the machine, whatever the umask
    path = locks / name
    try:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
    except PermissionError:
        # Another user's; it can be locked all the same.
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return False
    if os.access(path, os.W_OK):
        os.ftruncate(file, 0)
        os.pwrite(file, str(os.getpid()).encode(), 0)
    _held.append(file)
    return True


def _owner(path: Path) -> str:
    try:
        return path.read_text() or "unknown"
    except OSError:
        return "unknown"
