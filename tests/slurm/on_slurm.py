"""A real Slurm of one node runs config/tiny.yaml, with faults: `make slurm`.

It goes through profiles/slurm, to the tables of a local run.

As root on Debian or Ubuntu: installs their slurm-wlm and munge where they are not there, starts
them on a configuration and ports of its own, and stops them at the end, also after a failure. On
the way a job is killed, the node is drained and resumed, then taken down under a job and resumed;
two jobs with a GPU (made up: Slurm counts two) are seen running at once.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).parents[2]
#: Seconds in which all of it must be done, and a run of Snakemake's.
LIMIT = 540
CPUS, GPUS = 4, 2
NAME, SYSTEM = "engram-test", Path("/etc/slurm/slurm.conf")

CONFIGURATION = """\
ClusterName={name}
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
SlurmctldPort={port}
SlurmdPort={port_of_node}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
ReturnToService=1
MinJobAge=600
GresTypes=gpu
SlurmdParameters=config_overrides
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory} Gres=gpu:{gpus} State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP OverSubscribe=NO
"""


def say(text: str) -> None:
    """Print a line with the time."""
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def tell(*command: str) -> str:
    """Run a command and return what it prints; "" if it fails, as Slurm's do while it is busy."""
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False).stdout


def wait_for(what: str, seconds: float, condition: Callable[[], bool]) -> None:
    """Wait until a condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise SystemExit(f"slurm test: {what} did not happen within {seconds:.0f} s")
        time.sleep(0.3)


def install() -> None:
    """Install Slurm and munge from the distribution, where they are not there."""
    if all(map(shutil.which, ("slurmctld", "slurmd", "munged"))):
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise SystemExit(
            "slurm test: slurm-wlm and munge are not installed; as root on Debian or Ubuntu "
            "this test installs them"
        )
    say("installing slurm-wlm and munge")
    quiet = {
        "env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        "stdout": subprocess.DEVNULL,
        "check": True,
    }
    subprocess.run(["apt-get", "update", "-qq"], **quiet)  # type: ignore[call-overload]
    subprocess.run(
        ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "slurm-wlm", "munge"],
        **quiet,
    )  # type: ignore[call-overload]


@contextmanager
def slurm(folder: Path) -> Iterator[None]:
    """Run Slurm with a node, on a configuration of its own."""
    host = socket.gethostname().split(".")[0]
    memory = int(re.findall(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text())[0]) // 1024
    ports = [free_port(), free_port()]
    text = CONFIGURATION.format(
        name=NAME,
        host=host,
        folder=folder,
        port=ports[0],
        port_of_node=ports[1],
        cpus=CPUS,
        memory=max(memory - 500, 4000),
        gpus=GPUS,
    )
    if SYSTEM.exists() and f"ClusterName={NAME}" not in SYSTEM.read_text():
        raise SystemExit(
            f"slurm test: this machine has a Slurm of its own ({SYSTEM}), "
            "which the test leaves alone"
        )
    # Where Slurm looks by itself: the plugin's jobs forget the variable that
    # would name another place.
    SYSTEM.parent.mkdir(parents=True, exist_ok=True)
    SYSTEM.write_text(text)
    for number in range(GPUS):
        # Slurm wants a device for each; nothing opens them.
        (folder / f"gpu{number}").symlink_to("/dev/null")
    (SYSTEM.parent / "gres.conf").write_text(
        f"NodeName={host} Name=gpu File={folder}/gpu[0-{GPUS - 1}]\n"
    )
    for name in ("state", "spool"):
        (folder / name).mkdir()
    key = folder / "munge.key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o400)
    munge_files = [f"--{name}-file={folder}/munge.{name}" for name in ("key", "log", "pid", "seed")]
    commands = [
        ["munged", "--force", "--foreground", f"--socket={folder}/munge.socket", *munge_files],
        ["slurmctld", "-D"],
        ["slurmd", "-D", "-N", host],
    ]
    running: list[subprocess.Popen[bytes]] = []
    try:
        for command in commands:
            with (folder / f"{command[0]}.out").open("wb") as out:
                running.append(
                    subprocess.Popen(
                        [shutil.which(command[0]) or f"/usr/sbin/{command[0]}", *command[1:]],
                        stdout=out,
                        stderr=out,
                    )
                )
            if command[0] == "munged":
                wait_for("munge's start", 20, (folder / "munge.socket").exists)
        wait_for("Slurm's start", 60, lambda: "idle" in tell("sinfo", "-h", "-o", "%T"))
        say(f"Slurm is up: {tell('sinfo', '-h', '-o', '%n %T, %c cores, %G').strip()}")
        yield
    except BaseException:
        for name in ("munged.out", "slurmctld.log", "slurmd.log", "slurmctld.out", "slurmd.out"):
            if (folder / name).exists():
                print(f"--- {name}\n{(folder / name).read_text(errors='replace')[-2500:]}")
        raise
    finally:
        tell("scancel", "--user=root")
        for process in reversed(running):
            process.terminate()
        for process in running:
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
        for name in ("slurm.conf", "gres.conf"):
            (SYSTEM.parent / name).unlink(missing_ok=True)
        say("Slurm is down")


def free_port() -> int:
    """Return a port that nobody listens to."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def jobs() -> list[dict[str, str]]:
    """Return Slurm's jobs with their attributes."""
    return [
        dict(part.split("=", 1) for part in line.split() if "=" in part)
        for line in tell("scontrol", "-o", "show", "job").splitlines()
    ]


def running(rule: str) -> list[dict[str, str]]:
    """Return the running jobs of a rule, once their script runs."""
    return [
        job
        for job in jobs()
        if job.get("JobState") == "RUNNING" and job.get("Comment", "").startswith(f"rule_{rule}")
    ]


def processes_in(folder: Path) -> Iterator[tuple[int, list[bytes]]]:
    """Return the processes that work in a folder, with their commands."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if (path.parent / "cwd").resolve() == folder.resolve():
                yield int(path.parent.name), path.read_bytes().split(b"\0")
        except OSError:
            continue


def script_processes(name: str, folder: Path) -> list[int]:
    """Return the processes that run a script of the workflow in a folder.

    They are the jobs themselves, not the Snakemakes around them.
    """
    script = re.compile(rf"/tmp\w+\.{name}\.py$".encode())
    return [
        process
        for process, command in processes_in(folder)
        if len(command) > 1 and script.search(command[1])
    ]


class Faults:
    """What happens to the run on the way; each once, in this order."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.host = folder, socket.gethostname().split(".")[0]
        self.done: list[str] = []
        self.together = 0
        self.devices: set[str] = set()
        self._until = 0.0

    def look(self) -> None:
        """See what runs, and do what is next."""
        with_gpu = [
            job
            for job in jobs()
            if job.get("JobState") == "RUNNING"
            and "gpu" in job.get("TresPerJob", "") + job.get("TresPerNode", "")
        ]
        self.together = max(self.together, len(with_gpu))
        # Now and not at the end: a job that begins anew writes its log anew.
        for path in self.folder.glob("results/tiny/logs/*/*.log"):
            self.devices.update(
                re.findall(r"runs on GPU \((\d)\)", path.read_text(errors="replace"))
            )
        if "killed" not in self.done:
            for process in script_processes("simulate", self.folder)[:1]:
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
                    self._did(
                        "killed", f"killed the job 'simulate' (process {process}) with SIGKILL"
                    )
        elif "drained" not in self.done:
            if running("activations"):
                tell("scontrol", "update", f"nodename={self.host}", "state=drain", "reason=test")
                self._did("drained", "drained the node while 'activations' ran")
                self._until = time.monotonic() + 12
        elif "resumed" not in self.done:
            if time.monotonic() > self._until:
                waiting = sum(job.get("JobState") == "PENDING" for job in jobs())
                tell("scontrol", "update", f"nodename={self.host}", "state=resume")
                self._did("resumed", f"resumed the node; {waiting} jobs had to wait")
        elif "down" not in self.done:
            if script_processes("encoding", self.folder):
                tell("scontrol", "update", f"nodename={self.host}", "state=down", "reason=test")
                self._did("down", "took the node down under 'encoding'")
                self._until = time.monotonic() + 5
        elif "up" not in self.done and time.monotonic() > self._until:
            tell("scontrol", "update", f"nodename={self.host}", "state=resume")
            again = [job["JobId"] for job in jobs() if job.get("JobState") == "PENDING"]
            # Slurm puts what it lost back into the queue, to begin two minutes later.
            for job in again:
                tell("scontrol", "update", f"jobid={job}", "starttime=now")
            self._did("up", f"the node is back; {len(again)} jobs are in the queue again")

    def _did(self, name: str, text: str) -> None:
        say(text)
        self.done.append(name)


def run(folder: Path, plugin: Path) -> Faults:
    """Run the study in a folder through profiles/slurm, with faults on the way."""
    command = [
        *(
            sys.executable,
            "-m",
            "snakemake",
            "--snakefile",
            ROOT / "Snakefile",
            "--workflow-profile",
            ROOT / "profiles" / "slurm",
        ),
        *(
            "--configfile",
            ROOT / "config" / "tiny.yaml",
            "--max-threads",
            "1",
            "--slurm-init-seconds-before-status-checks",
            "2",
            "--latency-wait",
            "10",
        ),
        *("--slurm-no-account", "--slurm-status-command", "squeue"),
    ]
    faults = Faults(folder)
    environment = {**os.environ, "PYTHONPATH": str(plugin)}
    with (folder / "snakemake.log").open("w") as log:
        process = subprocess.Popen(
            list(map(str, command)),
            cwd=folder,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment,
        )
        try:
            while process.poll() is None:
                faults.look()
                time.sleep(0.5)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    text = (folder / "snakemake.log").read_text()
    if process.returncode:
        print(text[-8000:])
        raise SystemExit(f"slurm test: the run failed ({process.returncode})")
    say(
        f"finished; {len(re.findall('submitted with SLURM jobid', text))} jobs submitted, "
        f"{len(re.findall('Trying to restart', text))} again after a fault"
    )
    return faults


def tables(results: Path) -> dict[str, str]:
    """Return the checksums of a study's tables."""
    paths = sorted([*(results / "tables").glob("*.tsv"), results / "scans.tsv"])
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def main() -> None:
    """Install, start, run, compare."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--plugin",
        type=Path,
        required=True,
        help="the folder into which Snakemake's Slurm plugin was installed",
    )
    parser.add_argument(
        "--reference", type=Path, default=ROOT / "results" / "tiny", help="results of a local run"
    )
    options = parser.parse_args()
    signal.signal(signal.SIGALRM, lambda *_: sys.exit(f"slurm test: not done within {LIMIT} s"))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("slurm test: told to end"))
    signal.alarm(LIMIT)
    start = time.monotonic()
    expected = tables(options.reference)
    if len(expected) < 5:
        raise SystemExit(
            f"slurm test: no finished local run in '{options.reference}'; 'make tiny' makes it"
        )
    install()
    with tempfile.TemporaryDirectory(prefix="engram-slurm-") as place:
        folder = Path(place)
        run_folder = folder / "run"
        run_folder.mkdir()
        try:
            with slurm(folder):
                faults = run(run_folder, options.plugin.resolve())
        finally:
            # Without cgroups Slurm leaves the Snakemakes of jobs behind that
            # it lost with their node.
            for process, _ in processes_in(run_folder):
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
        found = tables(run_folder / "results" / "tiny")
    different = sorted(name for name in expected if found.get(name) != expected[name])
    missing = [
        name for name in ("killed", "drained", "resumed", "down", "up") if name not in faults.done
    ]
    seen = f"{faults.together} jobs with a GPU at once, on devices {sorted(faults.devices)}"
    if different or missing or faults.together < GPUS or len(faults.devices) < GPUS:
        raise SystemExit(
            f"slurm test: tables that differ from the local run's: {different}; faults that did "
            f"not happen: {missing}; {seen}"
        )
    say(
        f"{len(expected)} tables equal to the local run's by SHA-256; {seen}; "
        f"{time.monotonic() - start:.0f} s"
    )


if __name__ == "__main__":
    main()
