"""The project's own files: generated documents, the lock, packaged names."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
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


#: Files of config/ that are stacked, each with those below it.
STACKED = {
    "alice-features-whole.yaml": ["alice-features.yaml"],
    "alice-quick.yaml": ["alice.yaml"],
    "alice-smollm2.yaml": ["alice.yaml"],
    "alice-stories260K.yaml": ["alice.yaml"],
    "alice-tunings.yaml": ["alice.yaml"],
}


def shipped(*names: str) -> dict[str, Any]:
    """A study of config/, with those that it is stacked on below it, as Snakemake merges them."""
    from snakemake.utils import update_config

    content: dict[str, Any] = {}
    for name in names:
        update_config(content, yaml.safe_load((ROOT / "config" / name).read_text()))
    for key in ("models", "features", "associations", "tunings"):
        if content.get(key) is None:
            content.pop(key, None)
        else:
            content[key] = {name: one for name, one in content[key].items() if one is not None}
    return content


@pytest.mark.parametrize("name", sorted(path.name for path in (ROOT / "config").glob("*.yaml")))
def test_shipped_studies_are_valid_and_follow_the_schema(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import jsonschema

    from engram.study.config.read import read_study

    content = shipped(*STACKED.get(name, []), name)
    if name == "alice-features-whole.yaml":  # of a complete mirror, and with the library wordfreq
        monkeypatch.setenv("ENGRAM_MIRROR", str(tmp_path))
        monkeypatch.setattr("engram.features.frequency.config.find_spec", lambda library: True)
        for model in content["models"].values():
            shutil.copytree(
                ROOT / "resources" / "models" / "llama-tiny", tmp_path / "models" / model["source"]
            )
        (tmp_path / "norms").mkdir()
        for table in ("lancaster-perceptual.csv", "concreteness.csv"):
            (tmp_path / "norms" / table).touch()
    read_study(content)
    jsonschema.validate(content, json.loads((ROOT / "config" / "schema.json").read_text()))


@pytest.mark.parametrize("target", ["alice", "alice-whole", "alice-tunings"])
@pytest.mark.parametrize(
    ("mirrored", "stacked"),
    [
        (None, []),
        (["gpt2", "HuggingFaceTB/SmolLM2-135M-Instruct", "SmolLM2-135M-Instruct"], []),
        (["gpt2", "SmolLM2-135M-Instruct", "stories260K"], ["alice-smollm2.yaml"]),
        (["stories260K"], ["alice-stories260K.yaml"]),
    ],
    ids=["no mirror", "the hub's models", "4-bit weights", "a small model"],
)
def test_make_scores_alice_with_what_the_mirror_has(
    mirrored: list[str] | None, stacked: list[str], target: str, tmp_path: Path
) -> None:
    environment = {key: value for key, value in os.environ.items() if key != "ENGRAM_MIRROR"}
    if mirrored is not None:
        environment["ENGRAM_MIRROR"] = str(tmp_path)
        # A folder without weights, as an incomplete mirror has one, counts for nothing.
        (tmp_path / "models" / "SmolLM2-135M-Instruct").mkdir(parents=True)
        for name in mirrored:
            (tmp_path / "models" / name).mkdir(parents=True, exist_ok=True)
            (tmp_path / "models" / name / "model.safetensors").touch()
    said = subprocess.run(
        ["make", "-n", target],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    last = {"alice": "alice-quick", "alice-whole": "alice"}.get(target, target)
    files = ["alice.yaml", *stacked] + ([f"{last}.yaml"] if last != "alice" else [])
    assert re.findall(r"config/(\S+\.yaml)", said) == files
    content = shipped(*files)
    assert content["study"] == last
    assert len(content.get("tunings", [])) == (0 if target == "alice" else 2)
    assert len(content.get("associations", [])) == {"alice": 1, "alice-tunings": 0}.get(
        target, 6 if "alice-stories260K.yaml" in stacked else 8
    )


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
