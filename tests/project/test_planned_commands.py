"""Commands of the documents that run a study, by dry-runs.

They need a network, a cluster or hours, so what they would do is planned (`-n`), with the study
that their page shows. Commands that another test runs are named with it.
"""

from __future__ import annotations

import re
import shlex
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from conftest import MODELS, ROOT, jobs, random_words, regions, snakemake, write_table_study
from test_blocks import blocks, commands
from test_documents import pages

from engram.command import workflow

#: What is planned here: by page, jobs that must be among those planned.
PLANNED: dict[str, dict[str, int]] = {
    # Two models and their twins, the word rate; nothing to fetch but the model of the hub.
    "README.md": {"fetch_model": 1, "activations": 5, "encoding": 5, "report": 1},
    "docs/tutorials/first-hour.md": {"simulate": 1, "activations": 6, "report": 1},
    "docs/tutorials/compare-models.md": {"fetch_alice": 1, "fetch_model": 2, "chance": 5},
    "docs/tutorials/associations.md": {"fetch_model": 1, "text_activations": 2},
    # Four seeds of each of three conditions.
    "docs/tutorials/tunings.md": {"fetch_model": 1, "tune": 12},
    "docs/how-to/clusters.md": {"fetch_alice": 1, "fetch_model": 1, "encoding": 2},
}
#: Where other commands are run or planned, and what the test names there.
ELSEWHERE = {
    "CONTRIBUTING.md": ("tests/workflow/test_current_results.py", "tiny"),
    "config/README.md": ("tests/workflow/test_workflow.py", "--configfile"),
    "docs/data/little-prince.md": ("tests/unit/datasets/test_littleprince.py", "littleprince.yaml"),
    "docs/how-to/another-workflow.md": ("tests/workflow/test_module.py", "engram_all"),
    "docs/how-to/python.md": ("tests/workflow/test_associations_workflow.py", "one-f.yaml"),
    "docs/how-to/running.md": ("tests/unit/datasets/test_narratives_plan.py", "narratives"),
    "docs/tutorials/your-own-data.md": ("tests/unit/command/test_command.py", "init"),
}


def runs(page: Path) -> list[list[str]]:
    """Return the commands of a page that run a study, as arguments of Snakemake."""
    found = []
    for kind, text in blocks(page):
        for program, *arguments in (
            commands(text) if kind == "sh" and "python -c" not in text else ()
        ):
            if program == "engram" and arguments[0] == "run":
                handed = workflow.command(arguments[1], arguments[2:], [], "all", ROOT)
                found.append(handed[handed.index("--configfile") :])
            elif Path(program).name == "snakemake" and "preflight" not in arguments:
                found.append(arguments)
    return found


def test_every_command_that_runs_a_study_is_tried_somewhere() -> None:
    having = {str(page.relative_to(ROOT)) for page in pages() if runs(page)}
    assert set(PLANNED) <= having <= {*PLANNED, *ELSEWHERE}
    for place, named in ELSEWHERE.values():
        assert named in (ROOT / place).read_text(encoding="utf-8"), place


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A working directory with what readers have: tables, a model, a text of their own."""
    rng = np.random.default_rng(0)
    bold = {f"0{number}": rng.standard_normal((75, 4)) for number in range(1, 5)}
    write_table_study(tmp_path / "my_data", bold, random_words(300), regions(4))
    (tmp_path / "my_model").symlink_to(MODELS / "gpt2-tiny")
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("page", PLANNED)
def test_commands_are_planned(page: str, folder: Path) -> None:
    first = next(one for one in runs(ROOT / page) if "--configfile" in one)
    studies = [text for kind, text in blocks(ROOT / page) if kind == "yaml"]
    (folder / "my_texts").mkdir()
    for kind, text in blocks(ROOT / page):
        if not kind and text.startswith("after_word"):
            (folder / "my_texts" / "story-alice_associations-mine.tsv").write_text(text)
    own = [one for one in first if one.endswith(".yaml") and "/" not in one]
    assert len(own) == 1
    (folder / own[0]).write_text(studies[0] if studies else CLUSTERS)
    arguments = [str(ROOT / one) if (ROOT / one).is_file() and "/" in one else one for one in first]
    if "--workflow-profile" in arguments:
        place = arguments.index("--workflow-profile") + 1
        arguments[place] = str(without_slurm(ROOT / arguments[place], folder))
    result = snakemake(*dict.fromkeys(["-n", *arguments]), folder=folder)
    planned = jobs(result)
    assert {rule: planned.get(rule, 0) for rule in PLANNED[page]} == PLANNED[page]


#: A study for the page on clusters, which shows none.
CLUSTERS = """\
study: mine
dataset: {kind: alice}
models:
  gpt2: {source: gpt2}
"""


def without_slurm(profile: Path, folder: Path) -> Path:
    """Return a profile without Slurm's plugin where it is not installed.

    What the page says of other executors is done: lines that begin with `slurm` are taken out.
    """
    if find_spec("snakemake_executor_plugin_slurm"):
        return profile
    lines = (profile / "config.yaml").read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if not line.startswith(("slurm", "executor: slurm"))]
    assert len(kept) < len(lines) - 2
    (folder / "my_profile").mkdir()
    (folder / "my_profile" / "config.yaml").write_text("\n".join(kept) + "\n", encoding="utf-8")
    return folder / "my_profile"


@pytest.mark.slow
def test_what_has_no_network_on_its_nodes_is_fetched_first(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "how-to" / "clusters.md").read_text(encoding="utf-8")
    (command,) = re.findall(r"`snakemake (--cores 1 --until [\w ]+)`", text)
    pilot = ROOT / "config" / "narratives-pilot.yaml"
    result = snakemake("-n", "--configfile", pilot, *shlex.split(command), folder=tmp_path)
    planned = jobs(result)
    # Its regions are the dataset's own: there is no atlas to fetch.
    assert set(planned) == {"fetch_words", "fetch_scans", "fetch_model"}
