"""The project's own files: generated documents, the lock, packaged names."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from conftest import ROOT, forks, snakemake

from engram.study import write_docs


def test_generated_documents_are_in_step() -> None:
    for name, text in (("README.md", write_docs.readme()), ("schema.json", write_docs.schema())):
        assert (ROOT / "config" / name).read_text() == text, (
            f"config/{name} is out of step: run 'make docs' and commit the result"
        )


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_the_lock_pins_everything_and_names_no_index(name: str) -> None:
    lines = (ROOT / "envs" / name).read_text().splitlines()
    for line in lines:
        assert re.match(r"^[A-Za-z0-9._-]+==[^ ]+( ; .+)?$", line), line
        assert not line.startswith(("nvidia-", "cuda-", "triton")), line
    assert not [line for line in lines if "slurm" in line], (
        "the plugin asks for Slurm's controller whenever Snakemake starts: an extra"
    )
    assert {"snakemake==9.27.1", "torch==2.13.0"} <= set(lines)


def test_the_lock_of_the_slurm_plugin_adds_to_the_base_and_changes_nothing_of_it() -> None:
    lines = (ROOT / "envs" / "requirements-slurm.txt").read_text().splitlines()
    assert lines and all(
        re.fullmatch(r"snakemake-executor-plugin-slurm(-jobstep)?==\d+\.\d+\.\d+", line)
        for line in lines
    )


def test_profiles_differ_where_they_must() -> None:
    default, slurm = (
        yaml.safe_load((ROOT / "profiles" / name / "config.yaml").read_text())
        for name in ("default", "slurm")
    )
    # A workstation's limit would serialise a cluster.
    assert default["resources"] == {"gpu": 1} and "resources" not in slurm
    same = ("rerun-triggers", "rerun-incomplete", "keep-going", "scheduler", "show-failed-logs")
    assert {key: slurm[key] for key in same} == {key: default[key] for key in same}
    assert slurm["executor"] == "slurm" and slurm["retries"] > 0 and slurm["cores"] > 1


def test_the_conda_environment_has_the_same_pins() -> None:
    conda = yaml.safe_load((ROOT / "envs" / "environment.yaml").read_text())
    assert (
        conda["dependencies"][-1]["pip"]
        == (ROOT / "envs" / "requirements.txt").read_text().splitlines()
    )


#: Files of config/ that are stacked on another one.
STACKED = {"alice-mirror.yaml": "alice.yaml"}


def shipped(name: str) -> dict[str, Any]:
    """A study of config/, with the one that it is stacked on below it."""
    content: dict[str, Any] = yaml.safe_load((ROOT / "config" / name).read_text())
    if name not in STACKED:
        return content
    below = shipped(STACKED[name])
    models = {**below["models"], **content["models"]}
    return {**below, "models": {key: model for key, model in models.items() if model}}


@pytest.mark.parametrize("name", sorted(path.name for path in (ROOT / "config").glob("*.yaml")))
def test_shipped_studies_are_valid_and_follow_the_schema(name: str) -> None:
    import jsonschema

    from engram.study.config.read import read_study

    content = shipped(name)
    read_study(content)
    jsonschema.validate(content, json.loads((ROOT / "config" / "schema.json").read_text()))


@pytest.mark.parametrize(
    "start",
    [
        lambda: subprocess.run([sys.executable, "-m", "snakemake", "--version"], check=False),
        lambda: subprocess.Popen(["snakemake", "--version"]),
        lambda: snakemake("-n"),
        lambda: forks().run(ROOT, ["-n"], {}),
    ],
    ids=["run", "Popen", "the helper", "a fork"],
)
def test_a_fast_test_that_starts_snakemake_fails(start: Callable[[], object]) -> None:
    with pytest.raises(
        pytest.fail.Exception,
        match=r"test_project.py::test_a_fast.* starts Snakemake.*pytest.mark.slow",
    ):
        start()


@pytest.mark.slow
def test_a_slow_test_may_start_snakemake() -> None:
    assert (
        subprocess.run(
            [sys.executable, "-m", "snakemake", "--version"], capture_output=True, check=False
        ).returncode
        == 0
    )
