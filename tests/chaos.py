"""What goes wrong, and what becomes of it: `make chaos` breaks a small study in many ways and writes benchmarks/chaos.md.

Each fault is followed by a rerun, as a user would do it, whose tables must equal those of an unbroken run by SHA-256. As root (for a small disk and a
read-only one). `--only fault ...` takes some of them and leaves the others' lines as they are.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]
TABLE = ROOT / "benchmarks" / "chaos.md"
#: The tiny study, smaller still.
STUDY = ["--configfile", str(ROOT / "config" / "tiny.yaml"), "--config", "dataset={words: 300, listeners: 4}", "encoding={folds: 3, inner_folds: 2}"]
RESULTS = Path("results") / "tiny"
#: Without what is planted in listeners: so few do not show it.
TARGETS = ["--keep-going", str(RESULTS / "tables" / "scores.tsv"), str(RESULTS / "figures" / "layers.svg")]
HEAD = """\
# What goes wrong, and what becomes of it

`make chaos` (tests/chaos.py) breaks a small study (config/tiny.yaml with {size}) and runs it again as a user would. *Equal*: the tables after the last
run have the same SHA-256 as those of an unbroken run.

| fault | tries | what happened | tables equal |
|---|---|---|---|
"""


class Study:
    """A study in a folder."""

    def __init__(self, folder: Path, before: tuple[str, ...] = ()) -> None:
        self.folder, self.before = folder, before
        folder.mkdir(parents=True, exist_ok=True)

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start Snakemake, in a group of its own."""
        command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--cores", "2", "--max-threads", "1", "--resources", "gpu=2"]
        with (self.folder / "log.txt").open("ab") as log:
            return subprocess.Popen([*self.before, *command, *STUDY, *arguments, *TARGETS], cwd=self.folder, stdout=log, stderr=log)

    def run(self, *arguments: str) -> int:
        """Run Snakemake to its end."""
        (self.folder / "log.txt").unlink(missing_ok=True)
        return self.start(*arguments).wait()

    def unlock(self) -> None:
        """Take away the lock that a killed Snakemake left."""
        if any((self.folder / ".snakemake" / "locks").glob("*")):
            self.run("--unlock")

    def said(self) -> str:
        """Return what the last run said."""
        return (self.folder / "log.txt").read_text(errors="replace")

    def tables(self) -> dict[str, str]:
        """Return the checksums of the tables."""
        results = self.folder / RESULTS
        paths = sorted([*(results / "tables").glob("*.tsv"), *results.glob("scans.tsv")])
        return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}

    def scripts(self) -> list[int]:
        """Return the processes of jobs that run now."""
        found = []
        for path in Path("/proc").glob("[0-9]*"):
            try:
                command = (path / "cmdline").read_bytes().split(b"\0")
                if len(command) > 1 and re.search(rb"\.snakemake/scripts/tmp\w+\.\w+\.py$", command[1]) and (path / "cwd").resolve() == self.folder.resolve():
                    found.append(int(path.name))
            except OSError:
                continue
        return found


class Chaos:
    """Faults, each a method that returns tries, what happened, and whether the tables were equal in the end."""

    def __init__(self, place: Path, tries: int, seed: int) -> None:
        self.place, self.tries = place, tries
        self.random = random.Random(seed)
        self.whole = Study(place / "unbroken")
        start = time.monotonic()
        if self.whole.run():
            raise SystemExit(f"chaos: the unbroken run failed\n{self.whole.said()[-3000:]}")
        self.seconds = time.monotonic() - start
        self.expected = self.whole.tables()
        print(f"unbroken: {len(self.expected)} tables in {self.seconds:.0f} s", flush=True)

    def copy(self, name: str) -> Study:
        """Return a finished study to break."""
        shutil.copytree(self.whole.folder, self.place / name, symlinks=True)
        return Study(self.place / name)

    def equal(self, study: Study) -> bool:
        """Tell whether a study's tables are the unbroken run's."""
        return study.tables() == self.expected

    def kill_jobs(self) -> tuple[int, str, bool]:
        """Kill -9 of a random job, at a random time."""
        return self._kills("jobs", lambda study, process: self.random.choice(study.scripts() or [0]))

    def kill_snakemake(self) -> tuple[int, str, bool]:
        """Kill -9 of Snakemake, at a random time; its jobs live on beside the next run."""
        return self._kills("snakemake", lambda study, process: process.pid)

    def _kills(self, name: str, victim: Callable[[Study, subprocess.Popen[bytes]], int]) -> tuple[int, str, bool]:
        kills, finished, equal = 0, 0, True
        seen: Counter[str] = Counter()
        while kills < self.tries:
            study = Study(self.place / f"{name}-{finished}")
            while True:
                study.unlock()
                process = study.start()
                end = time.monotonic() + self.random.uniform(1, 0.3 * self.seconds)
                while kills < self.tries and time.monotonic() < end and process.poll() is None:
                    time.sleep(0.05)
                target = victim(study, process) if kills < self.tries and process.poll() is None else 0
                if target:
                    os.kill(target, signal.SIGKILL)
                    kills += 1
                    seen["killed"] += 1
                status = process.wait()
                if status == 0:
                    break
                if not target and status:
                    seen["runs that failed by themselves"] += 1
                    if seen["runs that failed by themselves"] > 5:
                        return kills, f"gave up: {study.said()[-500:]}", False
            finished += 1
            equal &= self.equal(study)
            leftovers = [path for path in (study.folder / RESULTS).rglob(".*") if path.is_file()]
            seen["unfinished files left over, under hidden names"] += len(leftovers)
        rest = ", ".join(f"{number} {what}" for what, number in sorted(seen.items()) if what != "killed" and number)
        return kills, f"{finished} studies finished through {kills} kills; every rerun went on from what was done{'; ' + rest if rest else ''}", equal

    def disk_full(self) -> tuple[int, str, bool]:
        """A disk of a few MB, which fills up in the middle; then more space."""
        said, equal = Counter[str](), True
        for size in ("3m", "8m", "12m"):
            study = Study(self.place / f"full-{size}")
            results = study.folder / "results"
            results.mkdir()
            subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(results)], check=True)
            try:
                status = study.run()
                said["failed with 'the disk is full' and where" if status and "the disk is full" in study.said() else f"ended with {status}"] += 1
                subprocess.run(["mount", "-o", "remount,size=1g", str(results)], check=True)
                study.unlock()
                equal &= study.run() == 0 and self.equal(study)
            finally:
                subprocess.run(["umount", "-l", str(results)], check=False)
        return 3, "; ".join(f"{number} {what}" for what, number in said.items()) + "; with more space all finished", equal

    def truncated(self) -> tuple[int, str, bool]:
        """Half of an intermediate is gone."""
        return self._damaged("truncated", lambda content: content[: len(content) // 2])

    def flipped(self) -> tuple[int, str, bool]:
        """One bit of an intermediate is another."""

        def flip(content: bytes) -> bytes:
            place = self.random.randrange(len(content))
            return content[:place] + bytes([content[place] ^ (1 << self.random.randrange(8))]) + content[place + 1 :]

        return self._damaged("flipped", flip)

    def _damaged(self, name: str, damage: Callable[[bytes], bytes]) -> tuple[int, str, bool]:
        read_by = {
            "stories/story-lighthouse_words.tsv": "scores",
            "bold/story-lighthouse_bold.nc": "ceilings",
            "activations/story-lighthouse_model-gpt2-tiny_aug-original_activations.nc": "scores",
            "ceilings/story-lighthouse_ceiling.nc": "tables",
            "scores/group-lighthouse_model-gpt2-tiny_aug-original_scores.nc": "tables",
        }
        named, rebuilt, equal = 0, 0, True
        study = self.copy(name)
        for path, reader in read_by.items():
            file = study.folder / RESULTS / path
            times = file.stat()
            file.write_bytes(damage(file.read_bytes()))
            os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))  # as a disk does it
            shutil.rmtree(study.folder / RESULTS / reader)
            if study.run():
                if f"{path}' is not what was written" in study.said() or f"{path}' cannot be read" in study.said():
                    named += 1
                file.unlink()  # as the message says
                study.run()
            else:
                rebuilt += 1
            equal &= self.equal(study)
        return (
            len(read_by),
            f"{named} named before anything was made of them, {rebuilt} made anew by themselves; deleted, as the message says, and made anew",
            equal,
        )

    def two_runs(self) -> tuple[int, str, bool]:
        """Two runs of one study at once."""
        study = Study(self.place / "two")
        first = study.start()
        time.sleep(6)
        second = study.start().wait()
        refused = second != 0 and "cannot be locked" in study.said()
        equal = first.wait() == 0 and self.equal(study)
        return 1, "the second was refused (the folder is locked), the first finished" if refused else f"the second ended with {second}", equal

    def read_only(self) -> tuple[int, str, bool]:
        """The project's folder cannot be written to."""
        mount = f"mount --bind '{ROOT}' '{ROOT}' && mount -o remount,ro,bind '{ROOT}' && exec \"$@\""
        study = Study(self.place / "read-only", ("unshare", "--mount", "sh", "-c", mount, "sh"))
        status = study.run()
        return 1, "runs as ever" if status == 0 else study.said()[-300:], self.equal(study)

    def strange_path(self) -> tuple[int, str, bool]:
        """A folder with spaces, accents, a quotation mark and brackets in its name."""
        study = Study(self.place / "L'été (à deux) – ключ [1]")
        status = study.run()
        return 1, "runs as ever" if status == 0 else study.said()[-300:], self.equal(study)


FAULTS = {
    "kill -9 of a job": Chaos.kill_jobs,
    "kill -9 of Snakemake": Chaos.kill_snakemake,
    "disk full": Chaos.disk_full,
    "truncated intermediate": Chaos.truncated,
    "flipped bit in an intermediate": Chaos.flipped,
    "two runs at once": Chaos.two_runs,
    "read-only project": Chaos.read_only,
    "spaces, accents, quotes in the path": Chaos.strange_path,
}


def main() -> None:
    """Break, run again, compare, write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=list(FAULTS), default=list(FAULTS))
    parser.add_argument("--tries", type=int, default=15, help="kills of each kind")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    os.environ.pop("ENGRAM_MIRROR", None)
    lines = {line.split(" | ")[0].removeprefix("| "): line for line in TABLE.read_text().splitlines() if line.startswith("| ")} if TABLE.exists() else {}
    wrong = []
    with tempfile.TemporaryDirectory(prefix="engram-chaos-", ignore_cleanup_errors=True) as place:
        chaos = Chaos(Path(place), options.tries, options.seed)
        for name in options.only:
            start = time.monotonic()
            tries, happened, equal = FAULTS[name](chaos)
            lines[name] = f"| {name} | {tries} | {happened} | {'yes' if equal else 'NO'} |"
            print(f"{lines[name]} {time.monotonic() - start:.0f} s", flush=True)
            TABLE.write_text(HEAD.format(size="300 words and 4 listeners") + "\n".join(lines[one] for one in FAULTS if one in lines) + "\n")
            if not equal:
                wrong.append(name)
    if wrong:
        raise SystemExit(f"chaos: tables differ after {wrong}")


if __name__ == "__main__":
    main()
