"""What a study will take, and whether it can run."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from conftest import ROOT, jobs, snakemake

from engram import preflight
from engram.config import read_study
from engram.needs import Need, need
from engram.plan import Plan, make_plan
from engram.preflight import FINE, LOOK, STOP, Machine
from engram.study.stages.preflight import all_jobs

CONFIG: dict[str, Any] = {
    "annotators": [],
    "disk": 1e9,
    "fetches_narratives": False,
    "jobs": {"bold": {"count": 3, "memory": 4e9, "gpu": 0, "seconds": 100}, "encoding": {"count": 2, "memory": 10e9, "gpu": 6e9, "seconds": 9e5}},
    "mirror": None,
    "models": [{"code": False, "here": True, "name": "mine", "revision": None, "source": "models/mine"}],
    "remote": False,
    "wants_gpu": False,
}
MACHINE = Machine(memory=64e9, disk=500e9, cores=8, gpus=(80e9,))


def states(config: dict[str, Any], machine: Machine = MACHINE, hub: str = "", **environment: str) -> dict[str, str]:
    found = preflight.checks({**CONFIG, **config}, machine, lambda source, revision: hub, environment)
    return {one.what: one.state for one in found}


def test_study_that_fits() -> None:
    found = states({})
    assert set(found.values()) == {FINE} and list(found) == ["configuration", "model mine", "disk", "memory (encoding)", "GPU memory (encoding)"]


@pytest.mark.parametrize(
    ("config", "machine", "what", "state"),
    [
        ({"disk": 600e9}, MACHINE, "disk", STOP),
        ({"disk": 450e9}, MACHINE, "disk", LOOK),
        ({}, Machine(8e9, 500e9, 8, ()), "memory (encoding)", STOP),
        ({}, Machine(64e9, 500e9, 8, (4e9, 2e9)), "GPU memory (encoding)", STOP),
        ({}, Machine(64e9, 500e9, 8, (4e9, 8e9)), "GPU memory (encoding)", FINE),
        ({}, Machine(64e9, 500e9, 8, ()), "GPU", LOOK),
        ({"wants_gpu": True}, Machine(64e9, 500e9, 8, ()), "GPU", STOP),
        ({"remote": True}, Machine(1e9, 500e9, 1, ()), "memory, GPU", LOOK),
        ({"annotators": ["gpt4"]}, MACHINE, "annotator gpt4", LOOK),
    ],
)
def test_what_does_not_fit_is_named(config: dict[str, Any], machine: Machine, what: str, state: str) -> None:
    assert states(config, machine)[what] == state


def test_models_of_the_hub_are_asked_for(tmp_path: Path) -> None:
    model = {"code": False, "here": False, "name": "m", "revision": "abc", "source": "org/m"}
    assert states({"models": [model]})["model m"] == FINE
    assert states({"models": [model]}, hub="is gated")["model m"] == STOP
    assert states({"models": [{**model, "code": True}]})["model m"] == LOOK
    assert states({"models": [{**model, "code": True}]}, hub="is gated")["model m"] == STOP
    (tmp_path / "models" / "org" / "m").mkdir(parents=True)
    assert states({"models": [model], "mirror": str(tmp_path)}, hub="never asked")["model m"] == FINE
    assert states({"models": [{**model, "source": "mirror:nowhere"}], "mirror": str(tmp_path)})["model m"] == STOP


def test_a_key_is_told_of_and_not_told() -> None:
    found = preflight.checks({**CONFIG, "annotators": ["gpt4"]}, MACHINE, lambda *_: "", {"ENGRAM_CHAT_KEY": "s3cret"})
    assert {one.what: one.state for one in found}["annotator gpt4"] == FINE and "s3cret" not in preflight.report(found)


def test_tables_say_jobs_memory_and_time() -> None:
    lines = preflight.table(CONFIG, MACHINE).splitlines()
    assert lines[1].split() == ["bold", "3", "4.0", "GB", "-", "2", "min"]
    assert lines[2].split() == ["encoding", "2", "10.0", "GB", "6.0", "GB", "250.0", "h"] and "8 cores" in lines[-1]


@pytest.fixture(scope="module", params=["config", "alice", "narratives", "tiny"])
def planned(request: pytest.FixtureRequest) -> SimpleNamespace:
    study = read_study(yaml.safe_load((ROOT / "config" / f"{request.param}.yaml").read_text()))
    return SimpleNamespace(study=study, plan=make_plan(study))


def test_needs_of_every_job_of_the_shipped_studies_are_sensible(planned: SimpleNamespace) -> None:
    for rule, found in all_jobs(planned.study, planned.plan).items():
        for wildcards in found:
            one = need(planned.study, planned.plan, rule, wildcards)
            assert 5e8 < one.memory < 100e9 and 2 < one.seconds < 30 * 86_400 and 0 <= one.gpu < 80e9, (rule, wildcards, one)


def planned_study(**changes: Any) -> tuple[Any, Plan]:
    study = read_study({"study": "s", "dataset": {"kind": "narratives", "stories": ["pieman", "tunnel"]}, "models": {"gpt2": {"source": "gpt2"}}, **changes})
    return study, make_plan(study)


def of(rule: str, wildcards: dict[str, str], **changes: Any) -> Need:
    return need(*planned_study(**changes), rule, wildcards)


def test_needs_grow_with_what_is_read() -> None:
    story, model = {"story": "tunnel", "model": "gpt2"}, {"gpt2": {"source": "gpt2-xl"}}
    assert of("activations", story, models=model).memory > 2 * of("activations", story).memory
    assert of("activations", story).seconds > 2 * of("activations", {"story": "pieman", "model": "gpt2"}).seconds
    assert of("activations", story, activations={"dtype": "float16"}).gpu < of("activations", story).gpu
    assert of("bold", story, bold={"targets": "roi"}).memory < of("bold", story).memory
    _, plan = planned_study()
    group = {"group": next(iter(plan.groups)), "model": "gpt2"}
    assert of("encoding", group, bold={"targets": "roi"}).memory < of("encoding", group).memory
    changes: dict[str, Any] = {"associations": {"mine": {"annotator": {"model": "x", "address": "http://localhost/v1"}}}, "nuisance": {"method": "banded"}}
    study, plan = planned_study(**changes)
    jobs_of_texts = all_jobs(study, plan)["nuisance_texts"]
    assert {one["group"] for one in jobs_of_texts} == {name for name, one in plan.groups.items() if one.subjects != ("average",)}
    few = of("nuisance_texts", jobs_of_texts[0], **{**changes, "nuisance": {"method": "banded", "random_texts": 9}})
    assert 2 < (of("nuisance_texts", jobs_of_texts[0], **changes).seconds - 15) / (few.seconds - 15) < 5
    assert of("figure", {}) == Need()


@pytest.mark.slow
def test_jobs_are_those_of_the_plan(tmp_path: Path) -> None:
    study = read_study(yaml.safe_load((ROOT / "config" / "config.yaml").read_text()))
    expected = {rule: len(found) for rule, found in all_jobs(study, make_plan(study)).items()}
    counts = jobs(snakemake("-n", folder=tmp_path))
    assert {rule: counts[rule] for rule in expected} == expected


@pytest.mark.slow
def test_preflight_says_what_can_work_and_fails_where_it_cannot(tmp_path: Path) -> None:
    result = snakemake("--nolock", "preflight", "--configfile", ROOT / "config" / "tiny.yaml", folder=tmp_path)
    assert result.returncode == 0 and "memory (simulate)" in result.stdout + result.stderr, result.stderr[-2000:]
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump({"study": "mine", "dataset": {"kind": "alice"}, "models": {"gpt2": {"source": "gpt2"}}}))
    result = snakemake("--nolock", "preflight", "--configfile", "mine.yaml", folder=tmp_path, environment={"HF_ENDPOINT": "http://127.0.0.1:9"})
    assert result.returncode != 0 and "STOP  model gpt2" in result.stdout and "the hub cannot be reached" in result.stdout
    assert not (tmp_path / "resources").exists() and "Traceback" not in result.stdout + result.stderr
