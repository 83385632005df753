"""What docs/development/extending.md shows is all that another kind of dataset or table takes.

One project has both, and one study runs in it: a dataset of the new kind is a folder and a line,
the new table three pieces.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from conftest import ROOT, forks, random_words
from test_reruns import copy_project

pytestmark = pytest.mark.slow

KINDS = "src/engram/datasets/kinds.py"
FOLDER = "src/engram/datasets/arrays"
STAGE = "src/engram/study/stages/tables.py"
SCRIPT = "workflow/scripts/lengths.py"
RULES = "workflow/rules/statistics.smk"
CONFIG = {"study": "mine", "dataset": {"kind": "arrays", "path": "data", "tr": 1.5}}


def section(title: str) -> str:
    """Return a section of docs/development/extending.md."""
    text = (ROOT / "docs" / "development" / "extending.md").read_text()
    return text.split(f"## {title}\n")[1].split("\n## ")[0]


def blocks(text: str) -> list[str]:
    """Return the blocks of code in a text."""
    return re.findall(r"^```\w+\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)


def add_kind(project: Path) -> None:
    """Write the line, and the modules of the folder, that the section on datasets shows."""
    text = section("Another dataset")
    line, *modules = blocks(text)
    names = re.findall(rf"`{FOLDER}/(\w+\.py)`", text)
    assert names == ["config.py", "plan.py", "reader.py"]
    kinds, before = project / KINDS, (project / KINDS).read_text()
    kinds.write_text(before.replace("KINDS = {\n", "KINDS = {\n" + line))
    (project / FOLDER).mkdir()
    (project / FOLDER / "__init__.py").write_text('"""A folder of arrays."""\n')
    for name, module in zip(names, modules, strict=True):
        (project / FOLDER / name).write_text(module)


def add_table(project: Path) -> None:
    """Write the blocks of code in the section on tables.

    They are the stage's function, its line with the table's name, the script, and the rule.
    """
    text = section("Another table, in three pieces")
    assert all(path in text for path in (STAGE, SCRIPT, RULES))
    function, named, script, rule = blocks(text)
    stage, rules = project / STAGE, project / RULES
    before, names = stage.read_text(), re.compile(r"    of_scores = table_paths\(.*\n")
    assert len(names.findall(before)) == 1
    stage.write_text(names.sub(named, before) + "\n\n" + function)
    (project / SCRIPT).write_text(script)
    rules.write_text(rules.read_text() + "\n\n" + rule)


def run(project: Path, study: Path, *arguments: str) -> tuple[int, str]:
    """Run the changed project, and return its status and what it said."""
    return forks().run(
        study,
        ["--snakefile", str(project / "Snakefile"), "--cores", "2", *arguments],
        {**os.environ, "PYTHONPATH": str(project / "src")},
        fork_jobs="-n" not in arguments,
    )


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with another kind of dataset and another table."""
    made = tmp_path_factory.mktemp("extended") / "project"
    copy_project(made)
    add_kind(made)
    add_table(made)
    return made


@pytest.fixture(scope="module")
def study(project: Path) -> Path:
    """A finished study of one story and two listeners."""
    made = project.with_name("study")
    (made / "data").mkdir(parents=True)
    random_words(300).to_csv(made / "data" / "words.tsv", sep="\t", index=False, quoting=3)
    rng = np.random.default_rng(0)
    for subject in ("01", "02"):
        np.save(made / "data" / f"{subject}.npy", rng.standard_normal((90, 4)))
    (made / "study.yaml").write_text(yaml.safe_dump(CONFIG))
    status, said = run(project, made, "--configfile", "study.yaml")
    assert status == 0, said[-4000:]
    return made


def test_one_folder_and_one_line_make_a_kind_of_dataset(study: Path) -> None:
    """From the configuration to the report."""
    results = study / "results" / "mine"
    scans = pd.read_csv(results / "scans.tsv", sep="\t", dtype={"subject": str})
    assert scans["subject"].tolist() == ["01", "02"] and set(scans["story"]) == {"tale"}
    scores = pd.read_csv(results / "tables" / "scores.tsv", sep="\t")
    assert set(scores["roi"]) == {"cortex"} and "average" in set(scores["subject"])
    page = (results / "report.html").read_text()
    assert "Arrays in a folder: 2 listeners and 1 story (tale), TR 1.5 s." in page


def test_a_wrong_key_is_named_with_the_kinds_own_keys(project: Path, study: Path) -> None:
    wrong = {**CONFIG, "dataset": {**CONFIG["dataset"], "pat": "x"}}  # type: ignore[dict-item]
    (study / "wrong.yaml").write_text(yaml.safe_dump(wrong))
    status, said = run(project, study, "--configfile", "wrong.yaml", "-n")
    assert status != 0 and "Did you mean 'path'? Allowed here: kind, path, tr" in said


def test_three_pieces_make_a_table_that_the_report_shows(study: Path) -> None:
    results = study / "results" / "mine"
    table = pd.read_csv(results / "tables" / "lengths.tsv", sep="\t")
    assert table.loc[0, ["story", "words"]].tolist() == ["tale", 300]
    page = (results / "report.html").read_text()
    assert "How long each story is." in page and "End of the last word, in minutes." in page
