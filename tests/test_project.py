"""The project's own files: generated documents, the lock, packaged names."""

from __future__ import annotations

import re

import pytest
import yaml
from conftest import ROOT

from engram import reference


def test_generated_documents_are_in_step() -> None:
    for name, text in (("README.md", reference.readme()), ("schema.json", reference.schema())):
        assert (ROOT / "config" / name).read_text() == text, f"config/{name} is out of step: run 'make docs' and commit the result"


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_the_lock_pins_everything_and_names_no_index(name: str) -> None:
    lines = (ROOT / "envs" / name).read_text().splitlines()
    for line in lines:
        assert re.match(r"^[A-Za-z0-9._-]+==[^ ]+( ; .+)?$", line), line
        assert not line.startswith(("nvidia-", "cuda-", "triton")), line
    assert {"snakemake==9.27.1", "torch==2.13.0"} <= set(lines)


def test_the_conda_environment_has_the_same_pins() -> None:
    conda = yaml.safe_load((ROOT / "envs" / "environment.yaml").read_text())
    assert conda["dependencies"][-1]["pip"] == (ROOT / "envs" / "requirements.txt").read_text().splitlines()


@pytest.mark.parametrize("name", sorted(path.name for path in (ROOT / "config").glob("*.yaml")))
def test_shipped_studies_are_valid_and_follow_the_schema(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import jsonschema

    from engram.config import read_study

    monkeypatch.delenv("ENGRAM_MIRROR", raising=False)
    content = yaml.safe_load((ROOT / "config" / name).read_text())
    read_study(content)
    jsonschema.validate(content, yaml.safe_load((ROOT / "config" / "schema.json").read_text()))
