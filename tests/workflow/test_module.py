"""Engram as a module of another workflow: its rules are renamed, and the rest holds as before."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from conftest import ROOT, forks, jobs, random_words, regions, write_table_study

from engram.runs import run_lock

pytestmark = pytest.mark.slow

STUDY: dict[str, Any] = {
    "study": "mine",
    "dataset": {"kind": "table", "path": "data", "tr": 1.5},
    "models": {"gpt2-tiny": {"source": str(ROOT / "resources" / "models" / "gpt2-tiny")}},
    "baselines": ["word-rate"],
    "encoding": {"folds": 2, "inner_folds": 2},
}
#: A workflow with a rule of its own that reads a table of Engram's, and rules of the same names.
SNAKEFILE = f"""
configfile: "config.yaml"

module engram:
    snakefile: "{ROOT}/Snakefile"
    config: config["engram"]

use rule * from engram as engram_*

use rule encoding from engram as engram_encoding with:
    threads: 1

rule tables:
    default_target: True
    input: rules.engram_tables.output.scores
    output: "lines.txt"
    params: config=dict(of="another workflow"), code="1"
    shell: "wc -l {{input}} > {{output}}"
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the other workflow, with Engram's study in its configuration."""
    made = tmp_path_factory.mktemp("outer")
    rng = np.random.default_rng(0)
    write_table_study(
        made / "data",
        {f"{number:02d}": rng.standard_normal((90, 4)) for number in range(1, 4)},
        random_words(300),
        regions(4),
    )
    (made / "Snakefile").write_text(SNAKEFILE)
    write_config(made, STUDY)
    result = run(made)
    assert "steps (100%) done" in result
    return made


def write_config(folder: Path, study: dict[str, Any]) -> None:
    (folder / "config.yaml").write_text(yaml.safe_dump({"engram": study}))


def run(folder: Path, *arguments: str, status: int = 0) -> str:
    """Run the other workflow, and return what was said."""
    ended, output = forks().run(
        folder, ["--cores", "2", *arguments], dict(os.environ), fork_jobs="-n" not in arguments
    )
    assert ended == status, output[-4000:]
    return output


def planned(folder: Path, *arguments: str) -> dict[str, int]:
    return jobs(subprocess.CompletedProcess([], 0, run(folder, "-n", *arguments), ""))


def test_the_outer_workflow_gets_results_of_renamed_rules(folder: Path) -> None:
    assert (folder / "lines.txt").read_text().endswith("results/mine/tables/scores.tsv\n")
    card = json.loads((folder / "results" / "mine" / "tables" / "scores.json").read_text())
    assert card["Provenance"]["Rule"] == "engram_tables"
    assert not (folder / "results" / "mine" / "report.html").exists()


def test_nothing_is_done_twice(folder: Path) -> None:
    assert planned(folder) == {}


def test_sidecars_say_what_reruns(folder: Path) -> None:
    try:
        write_config(folder, {**STUDY, "encoding": {"folds": 3, "inner_folds": 2}})
        said = run(folder, "-n")
        assert "made anew: engram_encoding (" in said and "encoding.folds was 2, is 3" in said
        assert planned(folder)["engram_tables"] == 1 and "engram_bold" not in planned(folder)
    finally:
        write_config(folder, STUDY)


def test_the_whole_study_is_a_rule_too(folder: Path) -> None:
    found = planned(folder, "engram_all")
    assert found["engram_report"] == 1 and "engram_bold" not in found and "tables" not in found


def test_engram_alone_goes_on_with_the_same_results(folder: Path) -> None:
    (folder / "study.yaml").write_text(yaml.safe_dump(STUDY))
    alone = [
        "--logger-engram-details",
        "--snakefile",
        str(ROOT / "Snakefile"),
        "--configfile",
        "study.yaml",
    ]
    found = planned(folder, *alone)
    assert found["report"] == 1 and not found.keys() & {"bold", "encoding", "tables"}


def test_two_runs_do_not_write_the_same_results(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run_lock.take(folder / "results" / "mine")
    try:
        assert "another run writes to 'results/mine'" in run(folder, "engram_claims", status=1)
    finally:
        run_lock._HELD.popitem()[1].close()


def test_folders_follow_the_module_and_studies_stand_beside_each_other(folder: Path) -> None:
    """`prefix` moves the results of one study; the other one stays finished."""
    second = f"""
module second:
    snakefile: "{ROOT}/Snakefile"
    prefix: "elsewhere"
    config: dict(config["engram"], study="second")

use rule * from second as second_*

rule both:
    input: rules.tables.output, rules.second_tables.output.scores
"""
    try:
        (folder / "Snakefile").write_text(SNAKEFILE + second)
        assert "elsewhere/results/second/tables/scores.tsv" in run(folder, "-n", "both")
        assert {name.split("_")[0] for name in planned(folder, "both")} == {"second", "both"}
    finally:
        (folder / "Snakefile").write_text(SNAKEFILE)


def test_a_wrong_study_is_refused_with_its_message(folder: Path) -> None:
    try:
        write_config(folder, {**STUDY, "modles": {}})
        assert "engram: " in (said := run(folder, "-n", status=1)) and "modles" in said
    finally:
        write_config(folder, STUDY)


def test_a_deployed_workflow_plans_the_study(folder: Path) -> None:
    """As snakedeploy writes it: names as they are, the Snakefile of the folder `workflow`."""
    deployed = f"""
configfile: "config.yaml"

module engram:
    snakefile: "{ROOT}/workflow/Snakefile"
    config: config["engram"]

use rule * from engram
"""
    try:
        (folder / "Snakefile").write_text(deployed)
        found = planned(folder, "all")
        assert found["report"] == 1 and not found.keys() & {"bold", "encoding", "tables"}
    finally:
        (folder / "Snakefile").write_text(SNAKEFILE)


def test_the_documented_snakefile_plans(folder: Path, tmp_path: Path) -> None:
    text = (ROOT / "docs" / "how-to" / "another-workflow.md").read_text()
    snakefile, study = (
        text.split(f"```{language}\n")[1].split("```")[0] for language in ("snakemake", "yaml")
    )
    assert "/path/to/engram/Snakefile" in snakefile
    (tmp_path / "Snakefile").write_text(snakefile.replace("/path/to/engram", str(ROOT)))
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "config.yaml").write_text(study)
    (tmp_path / "my_data").symlink_to(folder / "data")
    found = planned(tmp_path)
    assert found["columns_of_scores"] == found["engram_tables"] == 1
