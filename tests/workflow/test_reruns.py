"""What reruns after a change, and why.

It is told by snapshots of dry-runs over a finished study with every stage.

The study is finished in seconds, since its jobs only write a line into each output; rules,
parameters, digests and inputs are the real ones.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from conftest import ROOT, command, forks, random_words, regions, write_table_study

pytestmark = pytest.mark.slow

#: In place of a job's work, a line that depends on all that the job may depend on; the script's own
#: code stands behind it, and counts for its digest.
STUB = """
import hashlib, json, sys
from pathlib import Path
from typing import Any
from engram.files.checksums import checksum
from engram.jobs.job import job
from engram.files.raw_files import listed
from engram.files.storage import json_text
with job(snakemake):
    read = [checksum(path) for path in [*snakemake.input, *listed(snakemake.params.get("reads"))]]
    known = json.dumps([snakemake.rule, dict(snakemake.wildcards.items()), snakemake.params.config, snakemake.params.code, read])
    for path in map(Path, snakemake.output):
        target = path / "file" if path.suffix == "" else path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json_text({path.name: hashlib.sha256(known.encode()).hexdigest()}))
sys.exit(0)
"""  # noqa: E501
STUDY: dict[str, Any] = {
    "study": "mine",
    "dataset": {"kind": "table", "path": "data", "tr": 1.5},
    "models": {name: {"source": f"models/{name}"} for name in ("gpt2-tiny", "llama-tiny")},
    "associations": {"mine": {"folder": "associations"}, "other": {"folder": "associations"}},
    "association_effect": {"models": ["gpt2-tiny"], "targets": "roi"},
    "nuisance": {"method": "banded"},
    "tunings": {
        "lora": {
            "models": ["gpt2-tiny"],
            "seeds": 1,
            "controls": {"shuffled": 1, "generic": 0},
            "max_length": 64,
        }
    },
}


class Runs:
    """A project, a study's folder, and how Snakemake runs there."""

    def __init__(self, folder: Path) -> None:
        self.project, self.study = folder / "project", folder / "my stúdy"
        _, self.environment = command(environment={"PYTHONPATH": str(self.project / "src")})

    def snakemake(
        self, *arguments: str, project: Path | None = None, study: Path | None = None
    ) -> str:
        """Run Snakemake in the study's folder, or that of a copy, and return what it said."""
        words = [
            "--snakefile",
            str((project or self.project) / "Snakefile"),
            "--cores",
            "4",
            # What tests look for is Snakemake's own: rules, reasons and counts.
            "--logger-engram-details",
            *arguments,
            "--configfile",
            "study.yaml",
        ]
        status, output = forks().run(
            study or self.study, words, self.environment, fork_jobs="-n" not in arguments
        )
        assert status == 0, output[-4000:]
        return output

    def planned(self, *arguments: str, project: Path | None = None) -> dict[str, str]:
        """Return how many jobs of each rule would run, and why."""
        return reasons(self.snakemake("-n", *arguments, project=project))


#: What Snakemake says of a job's reason, and what is kept of it.
REASONS = {
    "Params have changed": "params",
    "Input files updated by another job": "job",
    "Set of input files has changed": "inputs",
    "Missing output files": "missing",
}


def reasons(text: str) -> dict[str, str]:
    """Return rules with their number of jobs and their reasons, from the output of a dry-run."""
    found: dict[str, Counter[str]] = {}
    for block in re.split(r"\n(?=(?:local)?rule \w+:\n)", text)[1:]:
        rule, reason = (
            re.match(r"(?:local)?rule (\w+):", block),
            re.search(r"    reason: (.*)", block),
        )
        assert rule and reason, block
        kept = [short for long, short in REASONS.items() if long in reason[1]]
        assert kept, reason[1]
        found.setdefault(rule[1], Counter())["+".join(kept)] += 1
    return {
        rule: ", ".join(f"{number} {reason}" for reason, number in sorted(counts.items()))
        for rule, counts in sorted(found.items())
        if rule != "all"
    }


def copy_project(project: Path) -> None:
    """Copy the project, without what was downloaded or made."""
    for name in ("src", "workflow", "config", "profiles", "envs"):
        shutil.copytree(
            ROOT / name, project / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info")
        )
    shutil.copytree(
        ROOT / "resources", project / "resources", ignore=shutil.ignore_patterns("downloads")
    )
    shutil.copy(ROOT / "Snakefile", project)


def write_stubs(project: Path) -> None:
    """Copy the project; its jobs write a line in place of their work."""
    copy_project(project)
    for script in (project / "workflow" / "scripts").iterdir():
        script.write_text(STUB + script.read_text())


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """A finished study: two stories, four listeners, two models, two texts, a tuning."""
    folder = tmp_path_factory.mktemp("reruns")
    made = Runs(folder)
    write_stubs(made.project)
    git(made.project, "init", "-q")
    git(made.project, "add", "-A")
    git(made.project, "commit", "-qm", "one")
    rng = np.random.default_rng(0)
    for story, subjects in (("one", ["01", "02", "03"]), ("two", ["02", "03", "04"])):
        write_table_study(
            made.study / "data",
            {subject: rng.standard_normal((90, 4)) for subject in subjects},
            random_words(300),
            regions(4),
            story,
        )
        for name in ("mine", "other"):
            path = made.study / "associations" / f"story-{story}_associations-{name}.tsv"
            path.parent.mkdir(exist_ok=True)
            path.write_text(f"after_word\ttext\n10\tlike {name} of {story}\n")
    for name in ("gpt2-tiny", "llama-tiny"):
        shutil.copytree(ROOT / "resources" / "models" / name, made.study / "models" / name)
    (made.study / "study.yaml").write_text(yaml.safe_dump(STUDY))
    made.snakemake()
    return made


def git(folder: Path, *arguments: str) -> None:
    who = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True)


@contextmanager
def changed(path: Path, change: Callable[[str], str]) -> Iterator[None]:
    """Change a text file, and bring it back as it was, its time too."""
    before, times = path.read_bytes(), path.stat()
    text = before.decode()
    assert change(text) != text
    path.write_text(change(text))
    try:
        yield
    finally:
        path.write_bytes(before)
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def replaced(old: str, new: str) -> Callable[[str], str]:
    """Return a change that replaces a text, which must be there."""

    def change(text: str) -> str:
        assert old in text, old
        return text.replace(old, new, 1)

    return change


def configured(**sections: object) -> Callable[[str], str]:
    """Return a change of the configuration: sections updated by these."""

    def change(text: str) -> str:
        content = yaml.safe_load(text)
        for name, value in sections.items():
            content[name] = {**content.get(name, {}), **value} if isinstance(value, dict) else value
        return str(yaml.safe_dump(content))

    return change


def appended(text: str) -> Callable[[str], str]:
    """Return a change that adds to the end."""
    return lambda before: before + text


def test_finished_study_has_nothing_to_do(runs: Runs) -> None:
    assert runs.planned() == {}


Change = Callable[[str], str]
#: What reruns after each change.
SNAPSHOTS = ROOT / "tests" / "workflow" / "reruns.yaml"
EXPECTED: dict[str, dict[str, str]] = yaml.safe_load(SNAPSHOTS.read_text())
#: Set it to 1 to write what is found instead of testing it; then look at the difference.
WRITE_VARIABLE = "ENGRAM_WRITE_SNAPSHOTS"

CONFIG: dict[str, Change] = {
    "a model": configured(
        models={"llama-tiny": {"source": "models/llama-tiny", "reinitialised": True}}
    ),
    "an added model": configured(models={"third": {"source": "models/llama-tiny"}}),
    "association_effect.controls": configured(association_effect={"controls": {"random": 3}}),
    "nuisance.features": configured(nuisance={"features": ["word-rate", "since-insertion"]}),
    "encoding.alpha_by": configured(encoding={"alpha_by": "mse"}),
    "encoding.penalty": configured(encoding={"penalty": "listeners"}),
    "activations.context": configured(activations={"context": 128}),
    "association_effect.alignment": configured(association_effect={"alignment": "anchor"}),
    "primary": configured(primary={"text": "mine", "model": "gpt2-tiny"}),
    "encoding.folds": configured(encoding={"folds": 4}),
    "ceiling.floor": configured(ceiling={"floor": 0.1}),
    "figures.dpi": configured(figures={"dpi": 99}),
    "tunings.lora.learning_rate": configured(
        tunings={"lora": {**STUDY["tunings"]["lora"], "learning_rate": 0.1}}
    ),
    "dataset.exclude": configured(dataset={"exclude": {"01": "asleep"}}),
    "the same in other words": lambda text: "# A comment.\n" + text.replace("tr: 1.5", "tr: 1.50"),
    "a default written out": configured(encoding={"folds": 5}),
}
CODE: dict[str, tuple[str, Change]] = {
    "score_figures.py": ("src/engram/figures/score_figures.py", appended("\nADDED = 1\n")),
    "association_tables.py": (
        "src/engram/statistics/association_tables.py",
        appended("\nADDED = 1\n"),
    ),
    "ceiling.py": ("src/engram/encoding/ceiling.py", appended("\nADDED = 1\n")),
    "ridge.py": ("src/engram/encoding/ridge.py", appended("\nADDED = 1\n")),
    "a comment": ("src/engram/encoding/ridge.py", appended("\n# A comment.\n")),
    "a docstring": ("src/engram/files/storage.py", replaced('"""', '"""Another text. ')),
    "the ceiling's script": ("workflow/scripts/ceiling.py", appended("\nADDED = 1\n")),
    "the configuration": ("src/engram/study/config/fields.py", appended("\nADDED = 1\n")),
    "another kind's reader": ("src/engram/datasets/alice/reader.py", appended("\nADDED = 1\n")),
}
DATA: dict[str, tuple[str, Change]] = {
    "a listener's file": (
        "data/sub-01_story-one_timeseries.tsv",
        lambda text: text.rstrip("\n") + "1\n",
    ),
    "the targets": ("data/targets.tsv", replaced("one", "uno")),
    "a story's words": ("data/story-two_words.tsv", lambda text: text.rstrip("\n") + "1\n"),
    "a text's file": ("associations/story-one_associations-mine.tsv", replaced("like", "as")),
    "a model's weights": ("models/gpt2-tiny/config.json", replaced("{", '{\n  "added": 1,')),
}


def expect(runs: Runs, name: str) -> None:
    """Hold what would run against its snapshot."""
    planned = runs.planned()
    if os.environ.get(WRITE_VARIABLE) == "1":
        EXPECTED[name] = planned
        comments = [
            line for line in SNAPSHOTS.read_text().splitlines(keepends=True) if line.startswith("#")
        ]
        SNAPSHOTS.write_text(
            "".join(comments) + yaml.safe_dump(EXPECTED, width=200, sort_keys=False)
        )
    shown = yaml.safe_dump({name: planned}, width=200)
    assert planned == EXPECTED.get(name), (
        f"after a change of {name}:\n{shown}If it is right: {WRITE_VARIABLE}=1 pytest -n "
        "0 tests/workflow/test_reruns.py"
    )


@pytest.mark.parametrize("name", CONFIG)
def test_changed_setting(name: str, runs: Runs) -> None:
    with changed(runs.study / "study.yaml", CONFIG[name]):
        expect(runs, name)


@pytest.mark.parametrize("name", CODE)
def test_changed_code(name: str, runs: Runs) -> None:
    path, change = CODE[name]
    with changed(runs.project / path, change):
        expect(runs, name)


@pytest.mark.parametrize("name", DATA)
def test_changed_data(name: str, runs: Runs) -> None:
    path, change = DATA[name]
    with changed(runs.study / path, change):
        expect(runs, name)


@contextmanager
def added(runs: Runs, *files: tuple[str, str]) -> Iterator[None]:
    """Copy files of the study to others that were not there."""
    for source, target in files:
        assert not (runs.study / target).exists()
        shutil.copy(runs.study / source, runs.study / target)
    try:
        yield
    finally:
        for _, target in files:
            (runs.study / target).unlink()


def test_added_listener(runs: Runs) -> None:
    with added(
        runs, ("data/sub-02_story-two_timeseries.tsv", "data/sub-05_story-two_timeseries.tsv")
    ):
        expect(runs, "an added listener")


def test_added_confounds(runs: Runs) -> None:
    with added(
        runs, ("data/sub-02_story-two_timeseries.tsv", "data/sub-02_story-two_confounds.tsv")
    ):
        expect(runs, "added confounds")


def test_added_story(runs: Runs) -> None:
    files = [
        ("data/story-one_words.tsv", "data/story-three_words.tsv"),
        ("data/sub-01_story-one_timeseries.tsv", "data/sub-06_story-three_timeseries.tsv"),
    ]
    files += [
        (
            f"associations/story-one_associations-{name}.tsv",
            f"associations/story-three_associations-{name}.tsv",
        )
        for name in ("mine", "other")
    ]
    with added(runs, *files):
        expect(runs, "an added story")


def test_removed_listener(runs: Runs) -> None:
    path = runs.study / "data" / "sub-04_story-two_timeseries.tsv"
    elsewhere = path.rename(runs.study / "kept.tsv")
    try:
        expect(runs, "a removed listener")
    finally:
        elsewhere.rename(path)


def test_removed_results(runs: Runs) -> None:
    """An intermediate that no job needs is not missed.

    Where one does, as after a message about damage, it is made anew.
    """
    results = runs.study / "results" / "mine"
    paths = [results / "ceilings" / "story-one_ceiling.nc", results / "tables" / "ceilings.tsv"]
    elsewhere = []
    try:
        elsewhere.append(paths[0].rename(runs.study / "kept.0"))
        assert runs.planned() == {}
        elsewhere.append(paths[1].rename(runs.study / "kept.1"))
        expect(runs, "removed results")
    finally:
        for kept, path in zip(elsewhere, paths, strict=False):
            kept.rename(path)


def test_touching_everything_reruns_nothing(runs: Runs) -> None:
    """Content decides, up to a megabyte; larger inputs are compared by time (Snakemake's limit)."""
    for folder in (
        runs.project,
        *(runs.study / name for name in ("data", "associations", "models")),
    ):
        for path in folder.rglob("*"):
            if path.is_file() and ".git" not in path.parts:
                path.touch()
    (runs.study / "study.yaml").touch()
    assert runs.planned() == {}


def test_checkout_of_another_commit_and_back(runs: Runs) -> None:
    git(runs.project, "checkout", "-qb", "other")
    path = runs.project / "src/engram/figures/score_figures.py"
    path.write_text(path.read_text() + "\nADDED = 1\n")
    git(runs.project, "commit", "-qam", "two")
    assert runs.planned() == EXPECTED["score_figures.py"]
    git(runs.project, "checkout", "-q", "-")
    assert runs.planned() == {}
    git(runs.project, "checkout", "-q", "other")
    assert runs.planned() == EXPECTED["score_figures.py"]
    git(runs.project, "checkout", "-q", "-")


def test_new_clone_over_old_results(runs: Runs) -> None:
    clone = runs.project.with_name("clone")
    git(runs.project.parent, "clone", "-q", str(runs.project), str(clone))
    assert runs.planned(project=clone) == {}


def test_two_studies_beside_each_other(runs: Runs) -> None:
    """Another study in the same folder makes everything of its own.

    The first stays finished.
    """
    planned = runs.planned("--config", "study=second")
    assert planned["bold"] == "2 job+missing" and planned["tune"] == "2 job+missing"
    assert runs.planned() == {}
