"""What goes wrong, and what becomes of it.

`make chaos` breaks a small study in many ways and writes benchmarks/chaos.md.

Each fault is followed by a rerun, as a user would do it, whose tables must equal those
of an unbroken run by SHA-256. As root (for a small disk and a read-only one). `--only fault ...`
takes some of them, `--add` counts kills beside those of earlier calls: chaos in portions
(benchmarks/chaos.json keeps them).
"""

from __future__ import annotations

import argparse
import hashlib
import json
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
from typing import Any

import pandas as pd

ROOT = Path(__file__).parents[2]
TABLE, KEPT = ROOT / "benchmarks" / "chaos.md", ROOT / "benchmarks" / "chaos.json"
#: The tiny study, smaller still.
STUDY = [
    "--configfile",
    str(ROOT / "config" / "tiny.yaml"),
    "--config",
    "dataset={words: 300, n_listeners: 4}",
    "encoding={folds: 3, inner_folds: 2}",
]
RESULTS = Path("results") / "tiny"
#: Without what is planted in listeners: so few do not show it.
TARGETS = [
    "--keep-going",
    str(RESULTS / "tables" / "scores.tsv"),
    str(RESULTS / "figures" / "layers.svg"),
]
HEAD = """\
# What goes wrong, and what becomes of it

`make chaos` (tests/chaos/chaos.py) breaks a small study (config/tiny.yaml with {size}) and runs it again as a user would. *Equal*: the tables after the last
run have the same SHA-256 as those of an unbroken run, if nothing else is said.

| fault | tries, and what happened | tables equal |
|---|---|---|
"""  # noqa: E501


#: Before a job reads a story it gets a limit of memory, in which a large batch cannot be read
#: and a smaller one can: a sitecustomize.py.
LIMITED = """
import importlib.util, re, resource, sys
from pathlib import Path

class Finder:
    def find_spec(self, name, path, target=None):
        if name != "engram.features.language_models.activations":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        execute = spec.loader.exec_module

        def exec_module(module):
            execute(module)
            load = module.load

            def limited(*arguments, **options):
                reader = load(*arguments, **options)
                if sys.argv[0].endswith(".activations.py"):
                    used = 1024 * int(re.search(r"VmSize:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
                    resource.setrlimit(resource.RLIMIT_AS, (used + (300 << 20),) * 2)
                return reader

            module.load = limited

        spec.loader.exec_module = exec_module
        return spec

sys.meta_path.insert(0, Finder())
"""  # noqa: E501

#: How often what came of it, and whether the tables were equal in the end.
Outcome = tuple[Counter[str], bool]


class Study:
    """A study in a folder."""

    def __init__(
        self,
        folder: Path,
        before: tuple[str, ...] = (),
        config: tuple[str, ...] = (),
        targets: tuple[str, ...] = (),
    ) -> None:
        self.folder, self.before = folder, before
        self.arguments, self.targets = [*STUDY, *config], [*TARGETS, *targets]
        folder.mkdir(parents=True, exist_ok=True)

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start Snakemake, in a group of its own."""
        command = [
            sys.executable,
            "-m",
            "snakemake",
            "--snakefile",
            str(ROOT / "Snakefile"),
            "--cores",
            "2",
            "--max-threads",
            "1",
            "--resources",
            "gpu=2",
        ]
        with (self.folder / "log.txt").open("ab") as log:
            return subprocess.Popen(
                [*self.before, *command, *self.arguments, *arguments, *self.targets],
                cwd=self.folder,
                stdout=log,
                stderr=log,
            )

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

    def scripts(self, rule: str = r"\w+") -> list[int]:
        """Return the processes of jobs that run now, all or a rule's."""
        found, pattern = [], rf"\.snakemake/scripts/tmp\w+\.{rule}\.py$".encode()
        for path in Path("/proc").glob("[0-9]*"):
            try:
                command = (path / "cmdline").read_bytes().split(b"\0")
                if (
                    len(command) > 1
                    and re.search(pattern, command[1])
                    and (path / "cwd").resolve() == self.folder.resolve()
                ):
                    found.append(int(path.name))
            except OSError:
                continue
        return found


class Chaos:
    """Faults, each a method that returns what came of it."""

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

    def kill_jobs(self) -> Outcome:
        """Kill -9 of a random job, at a random time."""
        return self._kills(
            "jobs", lambda study, process: self.random.choice(study.scripts() or [0])
        )

    def kill_snakemake(self) -> Outcome:
        """Kill -9 of Snakemake, at a random time; its jobs live on beside the next run."""
        return self._kills("snakemake", lambda study, process: process.pid)

    def _kills(self, name: str, victim: Callable[[Study, subprocess.Popen[bytes]], int]) -> Outcome:
        seen: Counter[str] = Counter()
        equal = True
        while seen[KILLED] < self.tries:
            study = Study(self.place / f"{name}-{seen[FINISHED]}")
            while True:
                study.unlock()
                process = study.start()
                end = time.monotonic() + self.random.uniform(1, 0.3 * self.seconds)
                while (
                    seen[KILLED] < self.tries and time.monotonic() < end and process.poll() is None
                ):
                    time.sleep(0.05)
                target = (
                    victim(study, process)
                    if seen[KILLED] < self.tries and process.poll() is None
                    else 0
                )
                if target:
                    os.kill(target, signal.SIGKILL)
                    seen[KILLED] += 1
                status = process.wait()
                if status == 0:
                    break
                if not target:
                    seen["runs that failed by themselves"] += 1
                    if seen["runs that failed by themselves"] > 5:
                        return seen, False
            seen[FINISHED] += 1
            equal &= self.equal(study)
        return seen, equal

    def kill_tunings(self) -> Outcome:
        """Kill -9 of a job that tunes, at a random time after its first checkpoint."""
        tuning = (
            "models: [gpt2-tiny], steps: 60, tokens_per_step: 256, checkpoint_every: 5, "
            "evaluate_every: 20, learning_rate: 0.003, max_length: 256"
        )
        config = (
            (
                f"tunings={{lora: {{{tuning}, too_long: leave out, seeds: 1, controls: "
                "{shuffled: 1, generic: 0}, targets: roi}}"
            ),
        )
        targets = (str(RESULTS / "tables" / "tuning.tsv"),)
        whole, study = (
            Study(self.place / name, config=config, targets=targets)
            for name in ("tuning-unbroken", "tuning-killed")
        )
        if whole.run():
            return Counter(["the unbroken run failed"]), False
        seen: Counter[str] = Counter()
        folder = study.folder / RESULTS / "tunings" / "lora"
        for _ in range(3):
            before = set(folder.glob("checkpoints/*/step-*"))
            process = study.start()
            while process.poll() is None and not (
                study.scripts("tune") and set(folder.glob("checkpoints/*/step-*")) - before
            ):
                time.sleep(0.05)
            time.sleep(self.random.uniform(0, 3))
            for job in study.scripts("tune"):
                os.kill(job, signal.SIGKILL)
                seen["kills of tunings"] += 1
            process.wait()
        again = study.run()
        went_on = sum(
            "going on from step" in path.read_text()
            for path in (study.folder / RESULTS / "logs" / "tune").glob("*.log")
        )
        seen["tunings that went on from a checkpoint in the last run"] += went_on
        weights = [
            {
                path.parent.name: hashlib.sha256(path.read_bytes()).hexdigest()
                for path in one.folder.glob(f"{RESULTS}/tunings/lora/model-*/*.safetensors")
            }
            for one in (whole, study)
        ]
        seen["tuned models with the same weights, byte by byte"] += sum(
            weights[0][name] == weights[1].get(name) for name in weights[0]
        )
        return seen, (
            again == 0
            and len(weights[0]) == 2
            and weights[0] == weights[1]
            and whole.tables() == study.tables()
        )

    def disk_full(self) -> Outcome:
        """A disk of a few MB, which fills up in the middle; then more space."""
        seen: Counter[str] = Counter()
        equal = True
        for size in ("2m", "4m", "6m"):
            study = Study(self.place / f"full-{size}")
            results = study.folder / "results"
            results.mkdir()
            subprocess.run(
                ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(results)], check=True
            )
            try:
                status = study.run()
                seen[
                    "runs said that the disk is full, and where"
                    if status and "the disk is full" in study.said()
                    else f"runs ended with {status}"
                ] += 1
                subprocess.run(["mount", "-o", "remount,size=1g", str(results)], check=True)
                study.unlock()
                again = study.run()
                seen[
                    "finished with more space" if again == 0 else "did not finish with more space"
                ] += 1
                equal &= self.equal(study)
            finally:
                subprocess.run(["umount", "-l", str(results)], check=False)
        return seen, equal

    def truncated(self) -> Outcome:
        """Half of an intermediate is gone."""
        return self._damaged("truncated", lambda content: content[: len(content) // 2])

    def flipped(self) -> Outcome:
        """One bit of an intermediate is another."""

        def flip(content: bytes) -> bytes:
            place = self.random.randrange(len(content))
            return (
                content[:place]
                + bytes([content[place] ^ (1 << self.random.randrange(8))])
                + content[place + 1 :]
            )

        return self._damaged("flipped", flip)

    def _damaged(self, name: str, damage: Callable[[bytes], bytes]) -> Outcome:
        read_by = {
            "stories/story-lighthouse_words.tsv": "scores",
            "bold/story-lighthouse_bold.nc": "ceilings",
            "activations/story-lighthouse_model-gpt2-tiny_text-original_activations.nc": "scores",
            "ceilings/story-lighthouse_ceiling.nc": "tables",
            "scores/group-lighthouse_model-gpt2-tiny_text-original_scores.nc": "tables",
        }
        seen: Counter[str] = Counter()
        equal = True
        study = self.copy(name)
        for path, reader in read_by.items():
            file = study.folder / RESULTS / path
            times = file.stat()
            file.write_bytes(damage(file.read_bytes()))
            os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))  # as a disk does it
            for folder in {reader, "tables"}:  # the tables are what is asked for
                shutil.rmtree(study.folder / RESULTS / folder)
            if study.run() and f"{path}' is not what was written" in study.said():
                seen["named before anything was made of them"] += 1
            else:
                seen["not named"] += 1
            file.unlink()  # as the message says
            if study.run():
                print(study.said()[-3000:], flush=True)
                seen["not made anew"] += 1
                return seen, False
            seen["deleted and made anew"] += 1
            equal &= self.equal(study)
        return seen, equal

    def two_runs(self) -> Outcome:
        """Two runs of one study at once."""
        study = Study(self.place / "two")
        first = study.start()
        time.sleep(6)
        second = study.start().wait()
        refused = second != 0 and "cannot be locked" in study.said()
        equal = first.wait() == 0 and self.equal(study)
        return Counter(
            [
                (
                    "second run refused, the folder is locked; the first finished"
                    if refused
                    else f"second run ended with {second}"
                )
            ]
        ), equal

    def read_only(self) -> Outcome:
        """The project's folder cannot be written to."""
        mount = (
            f"mount --bind '{ROOT}' '{ROOT}' && mount -o remount,ro,bind '{ROOT}' && exec \"$@\""
        )
        study = Study(self.place / "read-only", ("unshare", "--mount", "sh", "-c", mount, "sh"))
        return Counter(["run finished as ever" if study.run() == 0 else "run failed"]), self.equal(
            study
        )

    def memory_limit(self) -> Outcome:
        """A limit of memory (RLIMIT_AS) that is too small for the batches that are asked for.

        The configuration asks for them.
        """
        config = ("activations={mode: exact, batch_tokens: 1000000}",)
        hooks = self.place / "hooks"
        hooks.mkdir()
        (hooks / "sitecustomize.py").write_text(LIMITED)
        whole = Study(self.place / "memory-unlimited", config=config)
        limited = Study(
            self.place / "memory-limited",
            ("env", f"PYTHONPATH={hooks}:{os.environ.get('PYTHONPATH', '')}"),
            config,
        )
        for one in (whole, limited):
            if one.run():
                print(one.said()[-3000:], flush=True)
                return Counter(["run failed"]), False
        logs = [
            path.read_text()
            for path in (limited.folder / RESULTS / "logs" / "activations").glob("*gpt2*.log")
        ]
        said = sum("memory ran out with" in log and "going on with" in log for log in logs)
        same = said == len(logs) > 0 and not any(
            "memory ran out" in path.read_text()
            for path in (whole.folder / RESULTS / "logs").rglob("*.log")
        )
        for path in sorted((whole.folder / RESULTS / "tables").glob("*.tsv")):
            tables = [
                pd.read_csv(study.folder / RESULTS / "tables" / path.name, sep="\t")
                for study in (whole, limited)
            ]
            try:
                pd.testing.assert_frame_equal(*tables, rtol=0, atol=1e-3)
            except AssertionError as error:
                print(error, flush=True)
                same = False
        return Counter(
            {
                (
                    "reading jobs went on with smaller batches and said so; their numbers differ "
                    "by rounding, the tables by less than 0.001"
                ): said
            }
        ), same

    def strange_path(self) -> Outcome:
        """A folder with spaces, accents, a quotation mark and brackets in its name."""
        study = Study(self.place / "L'été (à deux) – ключ [1]")
        return Counter(["run finished as ever" if study.run() == 0 else "run failed"]), self.equal(
            study
        )


KILLED, FINISHED = (
    "kills, after each of which the next run went on from what was done",
    "studies finished in the end",
)
FAULTS = {
    "kill -9 of a job": Chaos.kill_jobs,
    "kill -9 of Snakemake": Chaos.kill_snakemake,
    "kill -9 of a tuning": Chaos.kill_tunings,
    "disk full": Chaos.disk_full,
    "memory limit": Chaos.memory_limit,
    "truncated intermediate": Chaos.truncated,
    "flipped bit in an intermediate": Chaos.flipped,
    "two runs at once": Chaos.two_runs,
    "read-only project": Chaos.read_only,
    "spaces, accents, quotes in the path": Chaos.strange_path,
}


def write(kept: dict[str, dict[str, Any]]) -> None:
    """Write what is kept of all faults, and the table."""
    ordered = {one: kept[one] for one in FAULTS if one in kept}
    KEPT.write_text(json.dumps(ordered, indent=2) + "\n")
    lines = [
        (
            f"| {one} | {'; '.join(f'{n} {what}' for what, n in it['seen'].items())} | "
            f"{'yes' if it['equal'] else 'NO'} |"
        )
        for one, it in ordered.items()
    ]
    TABLE.write_text(HEAD.format(size="300 words and 4 listeners") + "\n".join(lines) + "\n")


def main() -> None:
    """Break, run again, compare, write the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=list(FAULTS), default=list(FAULTS))
    parser.add_argument("--tries", type=int, default=15, help="kills of each kind")
    parser.add_argument(
        "--add", action="store_true", help="count beside what is kept of these faults"
    )
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    os.environ.pop("ENGRAM_MIRROR", None)
    kept: dict[str, dict[str, Any]] = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    wrong = []
    with tempfile.TemporaryDirectory(prefix="engram-chaos-", ignore_cleanup_errors=True) as place:
        chaos = Chaos(Path(place), options.tries, options.seed)
        for name in options.only:
            seen, equal = FAULTS[name](chaos)
            if options.add and name in kept:
                seen, equal = seen + Counter(kept[name]["seen"]), equal and kept[name]["equal"]
            kept[name] = {"seen": dict(seen), "equal": equal}
            write(kept)
            print(f"{name}: {dict(seen)}, tables {'equal' if equal else 'DIFFERENT'}", flush=True)
            if not equal:
                wrong.append(name)
    if wrong:
        raise SystemExit(f"chaos: tables differ after {wrong}")


if __name__ == "__main__":
    main()
