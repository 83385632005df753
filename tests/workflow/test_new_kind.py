"""Another kind of dataset is one folder and one line: those that docs/extending.md shows."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from conftest import ROOT, Forks, random_words
from test_reruns import copy_project

pytestmark = pytest.mark.slow

KINDS = "src/engram/datasets/kinds.py"
FOLDER = "src/engram/datasets/arrays"


def pieces() -> tuple[str, dict[str, str]]:
    """Return the line, and the modules of the folder by name, that the section shows."""
    text = (ROOT / "docs" / "extending.md").read_text()
    section = text.split("## Another dataset\n")[1].split("\n## ")[0]
    line, *modules = re.findall(r"^```\w+\n(.*?)^```", section, flags=re.DOTALL | re.MULTILINE)
    names = re.findall(rf"`{FOLDER}/(\w+\.py)`", section)
    return line, dict(zip(names, modules, strict=True))


def test_one_folder_and_one_line_make_a_kind_of_dataset(tmp_path: Path) -> None:
    """From the configuration to the report."""
    project, study = tmp_path / "project", tmp_path / "study"
    copy_project(project)
    line, modules = pieces()
    assert list(modules) == ["config.py", "plan.py", "reader.py"]
    kinds, before = project / KINDS, (project / KINDS).read_text()
    kinds.write_text(before.replace("KINDS = {\n", "KINDS = {\n" + line))
    (project / FOLDER).mkdir()
    (project / FOLDER / "__init__.py").write_text('"""A folder of arrays."""\n')
    for name, module in modules.items():
        (project / FOLDER / name).write_text(module)

    (study / "data").mkdir(parents=True)
    random_words(300).to_csv(study / "data" / "words.tsv", sep="\t", index=False, quoting=3)
    rng = np.random.default_rng(0)
    for subject in ("01", "02"):
        np.save(study / "data" / f"{subject}.npy", rng.standard_normal((90, 4)))
    config = {"study": "mine", "dataset": {"kind": "arrays", "path": "data", "tr": 1.5}}
    (study / "study.yaml").write_text(yaml.safe_dump(config))
    environment = {**os.environ, "PYTHONPATH": str(project / "src")}
    forks = Forks(environment)
    try:
        arguments = ["--snakefile", str(project / "Snakefile"), "--configfile", "study.yaml"]
        status, said = forks.run(study, [*arguments, "--cores", "2"], environment, fork_jobs=True)
        assert status == 0, said[-4000:]
        # A wrong key is named with the kind's own keys.
        wrong = {**config, "dataset": {**config["dataset"], "pat": "x"}}  # type: ignore[dict-item]
        (study / "study.yaml").write_text(yaml.safe_dump(wrong))
        status, said = forks.run(study, [*arguments, "-n"], environment, fork_jobs=False)
        assert status != 0 and "Did you mean 'path'? Allowed here: kind, path, tr" in said
    finally:
        forks.close()
    results = study / "results" / "mine"
    scans = pd.read_csv(results / "scans.tsv", sep="\t", dtype={"subject": str})
    assert scans["subject"].tolist() == ["01", "02"] and set(scans["story"]) == {"tale"}
    scores = pd.read_csv(results / "tables" / "scores.tsv", sep="\t")
    assert set(scores["roi"]) == {"cortex"} and "average" in set(scores["subject"])
    page = (results / "report.html").read_text()
    assert "Arrays in a folder: 2 listeners and 1 story (tale), TR 1.5 s." in page
