"""Whole studies as they are now and at an earlier commit: seconds on the clock and of processors.

    ENGRAM_MIRROR=folder python benchmarks/whole_runs.py [--before c265c4d] [--only demo tiny ...]

Each study runs from nothing, with its downloads, at one commit after the other, on all cores of the
machine. The project's own tests are a case too, with an environment of their own. What is found is
written to benchmarks/whole-runs-<date>-<machine>.json, each case as soon as it is done, and from
there to docs/benchmarks.md (`python benchmarks/bench.py --page`).
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from paired import environment, say

HERE = Path(__file__).parent
PROJECT = HERE.parent
MODEL = "SmolLM2-135M-Instruct"
#: A model of 135 million parameters on Alice: what cases have in common.
_ALICE: dict[str, Any] = {
    "dataset": {"kind": "alice"},
    "models": {"model": {"source": MODEL}},
    "baselines": ["word-rate"],
    "nuisance": {"method": "none"},
}


class Case(NamedTuple):
    """A study: what it is, and a file of the project or its content; None: the tests."""

    said: str
    configuration: str | dict[str, Any] | None


CASES = {
    "demo": Case("the demo, as it is at each commit", "config/config.yaml"),
    "tiny": Case("config/tiny.yaml", "config/tiny.yaml"),
    "tests": Case("all tests, as they are at each commit", None),
    "alice": Case(
        f"Alice, {MODEL}: R of all layers, ceilings, 39 shifts",
        {**_ALICE, "study": "alice-r", "chance": {"shifts": 39}},
    ),
    "text": Case(
        f"Alice, {MODEL}: the same, and one text with 10 random and 3 other controls",
        {
            **_ALICE,
            "study": "alice-text",
            "chance": {"shifts": 39},
            "associations": {"word-judged": {}},
            "association_effect": {
                "controls": {"random": 10, "shuffled": 1, "displaced": 1, "repeat": 1}
            },
        },
    ),
    "tuning": Case(
        f"Alice, {MODEL}: R, and LoRA of 20 steps with one seed and two controls",
        {
            **_ALICE,
            "study": "alice-tuning",
            "chance": {"shifts": 19},
            "tunings": {
                "lora": {
                    "learning_rate": 0.001,
                    "steps": 20,
                    "tokens_per_step": 256,
                    "evaluate_every": 20,
                    "max_length": 512,
                    "too_long": "leave out",
                    "seeds": 1,
                    "controls": {"shuffled": 1, "generic": 1},
                }
            },
        },
    ),
}


def main() -> None:
    """Run the cases that were asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--before", default="c265c4d", help="the earlier commit")
    parser.add_argument("--only", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument(
        "--when",
        nargs="+",
        choices=("before", "now"),
        default=["before", "now"],
        help="one of both alone: the other one's figures are kept",
    )
    given = parser.parse_args()
    machine = f"{datetime.datetime.now(datetime.UTC).date()}-{os.cpu_count()}-cores"
    path = HERE / f"whole-runs-{machine}.json"
    found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    with tempfile.TemporaryDirectory() as temporary:
        commits = {"before": given.before, "now": "HEAD"}
        commits = {when: commits[when] for when in given.when}
        code = {name: _taken_out(one, Path(temporary) / name) for name, one in commits.items()}
        for name in given.only:
            taken = {when: _run(folder, CASES[name]) for when, folder in code.items()}
            found |= {"environment": environment("cpu"), "before": given.before}
            cases = found.setdefault("cases", {})
            cases[name] = {
                **cases.get(name, {}),
                "said": CASES[name].said,
                **taken,
                "load": round(os.getloadavg()[2], 1),
            }
            path.write_text(json.dumps(found, indent=2) + "\n")
            say(f"{name}: {found['cases'][name]}")


def _taken_out(commit: str, folder: Path) -> Path:
    """Return a clone at a commit."""
    clone = ["git", "clone", "--quiet", "--shared", str(PROJECT), str(folder)]
    subprocess.run(clone, check=True)
    subprocess.run(["git", "checkout", "--quiet", "--detach", commit], cwd=folder, check=True)
    # The environment knows the project by its path, where plugins of Snakemake are looked for.
    (folder / "own").mkdir()
    hidden = str(PROJECT / "src")
    (folder / "own" / "sitecustomize.py").write_text(
        f"import sys\n\nsys.path[:] = [one for one in sys.path if one != {hidden!r}]\n"
    )
    return folder


def _run(folder: Path, case: Case) -> dict[str, float]:
    """Run a study from nothing, or the tests, and return what it took."""
    command = _command(folder, case)
    variables = {
        "PYTHONPATH": f"{folder / 'own'}{os.pathsep}{folder / 'src'}",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "ENGRAM_JOBS_PER_GPU": "64",
    }
    kept = {name: one for name, one in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    if case.configuration is None:  # the tests run what is installed
        subprocess.run(["make", ".venv/.ready-dev"], cwd=folder, env=kept, check=True)
        variables = {}
    begin, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    ended = subprocess.run(
        command,
        cwd=folder,
        env={**kept, **variables},
        capture_output=True,
        text=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if ended.returncode:
        raise SystemExit(f"{case.said}, {folder.name}:\n{ended.stdout}{ended.stderr}")
    passed = re.search(r"(\d+) passed", ended.stdout)
    return {
        **({"tests": int(passed[1])} if passed else {}),
        "seconds": round(time.monotonic() - begin),
        "cpu_seconds": round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime),
    }


def _command(folder: Path, case: Case) -> list[str]:
    """Return what runs a case, with its configuration written if it is not a file."""
    given = case.configuration
    if given is None:
        return ["make", "test"]
    file = given if isinstance(given, str) else f"{given['study']}.yaml"
    if not isinstance(given, str):
        (folder / file).write_text(yaml.safe_dump(given, sort_keys=False))
    snakemake = [sys.executable, "-m", "snakemake", "--configfile", file, "--cores", "all"]
    return [*snakemake, "--max-threads", "1", "--resources", "gpu=64"]


if __name__ == "__main__":
    main()
