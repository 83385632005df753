"""Another table takes three pieces: those that docs/extending.md shows, and no more."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from conftest import ROOT, Forks, random_words, regions, write_table_study
from test_reruns import copy_project

pytestmark = pytest.mark.slow

STAGE = "src/engram/study/stages/tables.py"
SCRIPT = "workflow/scripts/lengths.py"
RULES = "workflow/rules/statistics.smk"


def pieces() -> tuple[str, str, str, str]:
    """Return the blocks of code in the section on tables.

    They are the stage's function, its line with the table's name, the script, and the rule.
    """
    text = (ROOT / "docs" / "extending.md").read_text()
    section = text.split("## Another table, in three pieces")[1].split("\n## ")[0]
    assert all(path in section for path in (STAGE, SCRIPT, RULES))
    function, named, script, rule = re.findall(
        r"^```\w+\n(.*?)^```", section, flags=re.DOTALL | re.MULTILINE
    )
    return function, named, script, rule


def test_three_pieces_make_a_table_that_the_report_shows(tmp_path: Path) -> None:
    project, study = tmp_path / "project", tmp_path / "study"
    copy_project(project)
    function, named, script, rule = pieces()
    stage, rules = project / STAGE, project / RULES
    before, names = stage.read_text(), re.compile(r"    of_scores = table_paths\(.*\n")
    assert len(names.findall(before)) == 1
    stage.write_text(names.sub(named, before) + "\n\n" + function)
    (project / SCRIPT).write_text(script)
    rules.write_text(rules.read_text() + "\n\n" + rule)

    rng = np.random.default_rng(0)
    write_table_study(
        study / "data",
        {f"{number:02d}": rng.standard_normal((90, 4)) for number in range(1, 4)},
        random_words(300),
        regions(4),
    )
    config = {"study": "mine", "dataset": {"kind": "table", "path": "data", "tr": 1.5}}
    (study / "study.yaml").write_text(yaml.safe_dump(config))
    environment = {**os.environ, "PYTHONPATH": str(project / "src")}
    forks = Forks(environment)
    try:
        arguments = ["--snakefile", str(project / "Snakefile"), "--configfile", "study.yaml"]
        status, said = forks.run(study, [*arguments, "--cores", "2"], environment, fork_jobs=True)
    finally:
        forks.close()
    assert status == 0, said[-4000:]
    table = pd.read_csv(study / "results" / "mine" / "tables" / "lengths.tsv", sep="\t")
    assert table.loc[0, ["story", "words"]].tolist() == ["tale", 300]
    page = (study / "results" / "mine" / "report.html").read_text()
    assert "How long each story is." in page and "End of the last word, in minutes." in page
