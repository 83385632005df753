"""Results held against the plan: what changed, and what is named."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aged_files import older, touched, written

from engram.files import raw_files, storage
from engram.files.checksums import sha256
from engram.files.raw_files import Digests
from engram.runs import rerun_causes
from engram.runs.rerun_causes import NO_RECORD, Job, Looks


@pytest.fixture(autouse=True)
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of the tests count as settled, though they were written a moment ago."""
    monkeypatch.setattr(raw_files, "_SETTLED_NS", -1)


CONFIG = {
    "bold": {"high_pass": 0.01},
    "dataset": {"kind": "table", "tr": 2.0},
    "subjects": ["01", "02"],
}


@pytest.fixture
def finished(tmp_path: Path) -> Callable[..., Job]:
    """A job whose output is there with its sidecar.

    And a function that returns it as planned now.
    """
    raw, made, output = (
        tmp_path / name
        for name in (
            "data/sub-01.tsv",
            "results/stories/story-a_words.tsv",
            "results/bold/story-a_bold.nc",
        )
    )
    for path in (raw, made, output):
        written(path, 10)
    record = {
        "Rule": "bold",
        "Config": CONFIG,
        "Code": "c",
        "Inputs": {str(made): sha256(made)},
        "RawFiles": raw_files.recorded([str(raw)], Digests()),
    }
    storage.write_json(
        output.with_suffix(".json"),
        {"Provenance": {**record, "Outputs": {output.name: sha256(output)}}},
    )
    storage.write_json(
        made.with_suffix(".json"),
        {"Provenance": {"Rule": "story", "Outputs": {made.name: sha256(made)}}},
    )

    def planned(**changed: Any) -> Job:
        one = {
            "config": CONFIG,
            "code": "c",
            "inputs": {str(made): "stories/story-a_words.tsv"},
            "reads": {"files": [str(raw)]},
            **changed,
        }
        return Job({str(output): False}, **one)

    return planned


def causes(job: Job) -> tuple[str, ...]:
    return rerun_causes.changes(job, Looks(Digests(), may_read=False)).causes


def test_an_unchanged_job_is_current(finished: Callable[..., Job]) -> None:
    assert causes(finished()) == ()
    assert causes(finished(config=json.loads(json.dumps(CONFIG)))) == ()


@pytest.mark.parametrize(("changed", "said"), [
    ({"dataset": {"kind": "table", "tr": 1.5}}, ["dataset.tr was 2.0, is 1.5"]),
    ({"dataset": {"kind": "table", "tr": 2}}, ["dataset.tr was 2.0, is 2"]),
    ({"dataset": {"tr": 2.0, "kind": "table"}},
        ['order of dataset was ["kind", "tr"], is ["tr", "kind"]']),
    ({"subjects": ["02", "01"]}, ['subjects was ["01", "02"], is ["02", "01"]']),
    ({"subjects": None, "more": 1},
        ['subjects was ["01", "02"], is null', "more was absent, is 1"]),
])  # fmt: skip
def test_changed_settings_are_named(
    changed: dict[str, Any], said: list[str], finished: Callable[..., Job]
) -> None:
    assert causes(finished(config={**CONFIG, **changed})) == tuple(said)


def test_code_inputs_and_raw_files_count(finished: Callable[..., Job], tmp_path: Path) -> None:
    assert causes(finished(code="d")) == ("its code changed",)
    (words,) = finished().inputs
    assert causes(finished(inputs={})) == (f"'{words}' is no input any more",)
    assert causes(finished(inputs={**finished().inputs, "x/y.tsv": "x/y.tsv"})) == (
        "'x/y.tsv' is a new input",
    )
    other = str(written(tmp_path / "data" / "sub-02.tsv", 10))
    (raw,) = finished().reads["files"]
    assert causes(finished(reads={"files": [raw, other]})) == (f"'{other}' is new",)
    assert causes(finished(reads={})) == (f"'{raw}' is not read any more",)
    older(Path(raw))
    assert causes(finished()) == (f"'{raw}' changed",)


def test_an_input_that_another_job_made_otherwise_counts_and_its_time_does_not(
    finished: Callable[..., Job],
) -> None:
    (words,) = finished().inputs
    touched(Path(words))
    assert causes(finished()) == ()
    storage.write_json(
        Path(words).with_suffix(".json"),
        {"Provenance": {"Rule": "story", "Outputs": {Path(words).name: "another"}}},
    )
    assert causes(finished()) == (f"'{words}' was made anew",)


def test_results_that_lie_elsewhere_are_known_again(
    finished: Callable[..., Job], tmp_path: Path
) -> None:
    """Results that were copied to another place.

    And a model of the project in a new clone of it.
    """
    shutil.copytree(tmp_path / "results", tmp_path / "elsewhere")
    shutil.copytree(tmp_path / "data", tmp_path / "clone" / "data")
    (output,) = finished().outputs
    moved = Job(
        {output.replace("/results/", "/elsewhere/"): False},
        CONFIG,
        "c",
        {
            path.replace("/results/", "/elsewhere/"): place
            for path, place in finished().inputs.items()
        },
        {"files": [str(tmp_path / "clone" / "data" / "sub-01.tsv")]},
    )
    assert causes(moved) == ()
    older(tmp_path / "clone" / "data" / "sub-01.tsv")
    assert len(causes(moved)) == 1


@pytest.mark.parametrize("content", [None, "{", "[]", '{"Description": "of somebody"}'])
def test_results_without_a_record_are_not_trusted(
    content: str | None, finished: Callable[..., Job]
) -> None:
    (output,) = finished().outputs
    place = Path(output).with_suffix(".json")
    place.unlink()
    if content is not None:
        place.write_text(content)
    assert causes(finished()) == (NO_RECORD,)


def test_sidecars_of_folders_and_files_that_are_not_there() -> None:
    assert rerun_causes.sidecar("tunings/lora/model-qwen2.5_shuffled-1", is_folder=True) == Path(
        "tunings/lora/model-qwen2.5_shuffled-1.json"
    )
    assert rerun_causes.sidecar("figures/layers.svg", is_folder=False) == Path(
        "figures/layers.json"
    )


@pytest.mark.parametrize("key", ["Inputs", "Outputs", "RawFiles", "Wildcards"])
@pytest.mark.parametrize("value", [None, 3, "x", ["x"], {"x": None}])
def test_sidecars_that_hands_damaged_make_their_job_run_again(
    finished: Callable[..., Job], key: str, value: object
) -> None:
    job = finished()
    place = Path(next(iter(job.outputs))).with_suffix(".json")
    content = storage.read_json(place)
    content["Provenance"][key] = value
    storage.write_json(place, content)
    assert key in ("Outputs", "Wildcards") or causes(job)
