"""Results are current, or the run says so.

Changes of a finished study are set against what reran, and tables must equal a
fresh run's by SHA-256.

Jobs write a line that depends on all that they may depend on (tests/workflow/test_reruns.py);
rules, sidecars, planning and Snakemake are the real ones.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from conftest import ROOT, random_words, regions, write_table_study
from test_reruns import Runs, write_stubs

from engram.files.checksums import sha256
from engram.files.raw_files import SMALL
from engram.runs import earlier_results

pytestmark = pytest.mark.slow

#: What most changes are tried on: what they rerun is a part of the study.
TABLES = ("results/mine/tables/scores.tsv", "results/mine/tables/best_layer.tsv")
MODEL = "models/large/model.safetensors"
LISTENER = "data/sub-01_story-one_timeseries.tsv"
#: Rules behind a listener's file or the clock, and behind a model.
OF_BOLD = {"bold": 1, "ceiling": 1, "encoding": 1, "tables": 1}
OF_MODEL = {"activations": 1, "encoding": 1, "tables": 1}


def configure(folder: Path, **changed: Any) -> None:
    study = {
        "study": "mine",
        "dataset": {"kind": "table", "path": "data", "tr": 1.5},
        "models": {"large": {"source": "models/large"}},
        "baselines": [],
        "associations": {"mine": {"folder": "associations"}},
        **changed,
    }
    (folder / "study.yaml").write_text(
        yaml.safe_dump({name: value for name, value in study.items() if value is not None})
    )


def aged(path: Path, days: float) -> None:
    """Give a file, or a folder's, an age in days; negative ones are of the future."""
    for file in [path, *path.rglob("*")] if path.is_dir() else [path]:
        then = file.stat().st_mtime - 86400 * days
        os.utime(file, (then, then))


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """A finished study: a story, two listeners, a model with 9 MB of weights, associations."""
    made = Runs(tmp_path_factory.mktemp("current"))
    write_stubs(made.project)
    rng = np.random.default_rng(0)
    write_table_study(
        made.study / "data",
        {subject: rng.standard_normal((90, 4)) for subject in ("01", "02")},
        random_words(300),
        regions(4),
        "one",
    )
    (made.study / "associations").mkdir()
    (made.study / "associations" / "story-one_associations-mine.tsv").write_text(
        "after_word\ttext\n10\tlike it\n"
    )
    shutil.copytree(ROOT / "resources" / "models" / "gpt2-tiny", made.study / "models" / "large")
    (made.study / MODEL).write_bytes(rng.bytes(SMALL + 1000))
    for name in ("data", "associations", "models"):
        aged(made.study / name, 1)
    configure(made.study)
    made.snakemake()
    return made


@pytest.fixture
def study(runs: Runs, tmp_path: Path) -> Path:
    """A copy of the finished study, its times kept."""
    return Path(shutil.copytree(runs.study, tmp_path / "study", symlinks=True))


def ran(output: str) -> dict[str, int]:
    """Return how many jobs of each rule Snakemake planned or ran."""
    return dict(
        sorted(
            Counter(
                name
                for name in re.findall(r"^(?:local)?rule (\w+):$", output, re.MULTILINE)
                if name != "all"
            ).items()
        )
    )


def tables(folder: Path) -> dict[str, str]:
    return {path: sha256(folder / path) for path in TABLES}


@pytest.fixture(scope="module")
def fresh(runs: Runs, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], dict[str, str]]:
    """A function that returns the tables of a study whose results are made from nothing.

    They are made once for each state.
    """

    def state_of(study: Path) -> str:
        return json.dumps(
            [
                (study / "study.yaml").read_text(),
                *(sha256(study / path) for path in (LISTENER, MODEL)),
            ]
        )

    known = {state_of(runs.study): tables(runs.study)}  # made from nothing

    def made(study: Path) -> dict[str, str]:
        if (state := state_of(study)) not in known:
            folder = tmp_path_factory.mktemp("fresh")
            for name in ("data", "associations", "models"):
                shutil.copytree(study / name, folder / name)
            shutil.copy(study / "study.yaml", folder)
            runs.snakemake(*TABLES, study=folder)
            known[state] = tables(folder)
        return known[state]

    return made


def other_content(path: Path) -> Path:
    """Another recording of the same size, beside a listener's file."""
    other = path.with_name("other.part")
    text = path.read_text()
    other.write_text(text[:-3] + {"1": "2"}.get(text[-3], "1") + text[-2:])
    shutil.copystat(path, other)
    return other


def older_file(study: Path) -> None:
    """`cp -p` of an older file over a listener's."""
    aged(other := other_content(study / LISTENER), 30)
    shutil.copy2(other, study / LISTENER)
    other.unlink()


def swap(study: Path) -> None:
    """`mv` of a file of the same size and time in the place of a listener's."""
    other_content(study / LISTENER).replace(study / LISTENER)


def link_elsewhere(study: Path) -> None:
    """A listener's file becomes a link to an older one."""
    aged(other := other_content(study / LISTENER), 30)
    (study / LISTENER).unlink()
    (study / LISTENER).symlink_to(other.rename(study / "elsewhere.tsv"))


def small_tensor(study: Path) -> None:
    """Some bytes in the middle of large weights change, and the time does not."""
    before = (study / MODEL).stat()
    with (study / MODEL).open("r+b") as stream:
        stream.seek(SMALL // 2 + 77)
        stream.write(b"tensor")
    os.utime(study / MODEL, ns=(before.st_atime_ns, before.st_mtime_ns))


def lost_metadata(study: Path) -> None:
    """Another TR after `make clean`."""
    shutil.rmtree(study / ".snakemake")
    configure(study, dataset={"kind": "table", "path": "data", "tr": 2.0})


def restored_results(study: Path) -> None:
    """BOLD and its sidecar come back from a backup that was made with another TR.

    Snakemake's metadata are of the newer run.
    """
    for path in (study / "results" / "mine" / "bold").glob("*.json"):
        path.write_text(path.read_text().replace('"tr": 1.5', '"tr": 3.0'))


def touched(study: Path) -> None:
    for name in ("data", "models", "associations"):
        for path in (study / name).rglob("*"):
            path.touch()
    time.sleep(2.1)  # a digest is kept of files that have been as they are for two seconds


def copied_tree(study: Path) -> None:
    """The study is a copy already, times kept; Snakemake's metadata are lost on the way."""
    shutil.rmtree(study / ".snakemake")


def inputs_of_future(study: Path) -> None:
    aged(study / "data", -365 * 4)


#: Change, rules that run after it, and those that a dry-run names where it may say something else:
#: it never reads large files.
CHANGES: list[tuple[Callable[[Path], None], dict[str, int], dict[str, int] | None]] = [
    (older_file, OF_BOLD, None),
    (swap, OF_BOLD, None),
    (link_elsewhere, OF_BOLD, None),
    (small_tensor, OF_MODEL, {}),
    (lost_metadata, OF_BOLD, None),
    (restored_results, OF_BOLD, None),
    (touched, {}, OF_MODEL),
    (copied_tree, {}, {}),
    (inputs_of_future, {}, None),
]


@pytest.mark.parametrize(
    ("change", "expected", "planned"), CHANGES, ids=[change.__name__ for change, *_ in CHANGES]
)
def test_what_reruns(
    change: Callable[[Path], None],
    expected: dict[str, int],
    planned: dict[str, int] | None,
    runs: Runs,
    study: Path,
    fresh: Callable[[Path], dict[str, str]],
) -> None:
    change(study)
    if planned is not None:
        dry = runs.snakemake("-n", *TABLES, study=study)
        assert ran(dry) == planned
        # The copy's weights lie elsewhere on the disk.
        assert ("a run looks at their content first" in dry) is (change is not touched)
    output = runs.snakemake(*TABLES, study=study)
    assert ran(output) == expected and ("made anew: " in output) is bool(expected)
    assert tables(study) == fresh(study)
    if change in (small_tensor, touched):  # what a run has read is known to later dry-runs
        assert ran(runs.snakemake("-n", *TABLES, study=study)) == {}


def test_another_working_directory(runs: Runs, study: Path, tmp_path: Path) -> None:
    """The same results and raw files, named by whole paths, run from elsewhere.

    Nothing is known there of what was made.
    """
    places = {
        "models": {"large": {"source": str(study / "models" / "large")}},
        "associations": None,
        "pathvars": {"results": str(study / "results" / "mine")},
    }
    dataset = {"kind": "table", "path": str(study / "data")}
    configure(study, dataset={**dataset, "tr": 1.5}, **places)
    wanted = [str(study / path) for path in TABLES]
    runs.snakemake(*wanted, study=study)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    configure(elsewhere, dataset={**dataset, "tr": 1.5}, **places)
    assert ran(runs.snakemake("-n", *wanted, study=elsewhere)) == {}
    configure(elsewhere, dataset={**dataset, "tr": 2.0}, **places)
    output = runs.snakemake("-n", *wanted, study=elsewhere)
    assert ran(output) == OF_BOLD and "made anew: bold (one): dataset.tr was 1.5, is 2.0" in output
    assert ran(runs.snakemake(*wanted, study=elsewhere)) == OF_BOLD
    new = tmp_path / "new"
    new.mkdir()
    configure(
        new,
        dataset={**dataset, "tr": 2.0},
        **{**places, "pathvars": {"results": str(new / "results" / "mine")}},
    )
    runs.snakemake(*(str(new / path) for path in TABLES), study=new)
    assert tables(study) == tables(new)


def test_results_of_the_future_do_not_stop_a_run(
    runs: Runs, study: Path, fresh: Callable[[Path], dict[str, str]]
) -> None:
    """A clock that was wrong.

    Snakemake would refuse what is made of files whose time is not there yet.
    """
    for path in (study / "results" / "mine" / "stories").iterdir():
        aged(path, -365 * 4)
    configure(study, dataset={"kind": "table", "path": "data", "tr": 2.0})
    output = runs.snakemake(*TABLES, study=study)
    assert ran(output) == OF_BOLD and "was of the future" in output
    assert tables(study) == fresh(study)


def test_what_the_plan_does_not_have_any_more_is_moved_aside(
    runs: Runs, study: Path, fresh: Callable[[Path], dict[str, str]]
) -> None:
    results = study / "results" / "mine"
    mine, copy = (
        results / "tables" / "notes.tsv",
        results / "tables" / "of_mine" / "association.tsv",
    )
    copy.parent.mkdir()
    mine.write_text("of the user\n")
    for suffix in (".tsv", ".json"):  # a copy that somebody made, sidecar and all
        shutil.copy(results / "tables" / f"association{suffix}", copy.with_suffix(suffix))
    gone = [
        "tables/association.tsv",
        "tables/association.json",
        "figures/association.svg",
        "figures/association.png",
    ]
    gone.append("associations/group-one_model-large_text-mine_scores.nc")
    configure(study, associations=None)
    before = {path: sha256(results / path) for path in gone}
    said = runs.snakemake("-n", study=study)
    assert (
        "of an earlier plan" in said
        and "associations/group-one" in said
        and all((results / path).exists() for path in gone)
    )
    runs.snakemake(*TABLES, study=study)  # a part of the study is asked for: nothing is moved
    assert all((results / path).exists() for path in gone)
    output = runs.snakemake(study=study)
    (folder,) = (results / earlier_results.FOLDER).iterdir()
    assert f"moved to 'results/mine/{earlier_results.FOLDER}/{folder.name}'" in output
    assert {path: sha256(folder / path) for path in gone} == before and not any(
        (results / path).exists() for path in gone
    )
    assert tables(study) == fresh(study)
    assert mine.exists() and copy.exists() and copy.with_suffix(".json").exists()
    assert (results / "tables" / "scores.tsv").exists() and (
        results / "logs" / "association_tables.log"
    ).exists()
