"""Series of checkpoints in the configuration: how they are written out, and what is refused."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from test_stages import planned

from engram.errors import EngramError
from engram.study.config.series import step_of
from engram.study.stages import encoding, figures, pairs, preflight, report, series

HUB = {"source": "lab/model", "revisions": ["step0", "step8", "step64"]}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Folders of a training run, as the trainer of transformers names them."""
    for step in (1000, 500, 20):
        shutil.copytree(
            ROOT / "resources" / "models" / "gpt2-tiny", tmp_path / f"checkpoint-{step}"
        )
    return tmp_path


def of(entry: dict[str, Any], **more: Any) -> tuple[Any, Any]:
    return planned(models={"mine": entry}, **more)


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("step1000", 1000),
        ("checkpoint-500", 500),
        ("global_step12", 12),
        ("stage1-step300-tokens4B", 300),
        ("ckpt_7", 7),
        ("main", None),
        ("v2-final", None),
        ("abcdef0123456789abcdef0123456789abcdef01", None),
    ],
)
def test_steps_of_names(name: str, step: int | None) -> None:
    assert step_of(name) == step


def test_revisions_are_models() -> None:
    study, plan = of(HUB)
    assert study.series() == {"mine": ["mine-step0", "mine-step8", "mine-step64"]}
    assert study.models["mine-step8"].revision == "step8" and "mine" not in study.models
    assert {key["model"] for key in encoding.jobs(study, plan)} >= set(study.series()["mine"])
    shown = report.tables(study, plan)
    assert "<results>/tables/checkpoints.tsv" in shown
    assert "checkpoints" in figures.names(study, plan)
    assert series.depends_on(study, plan)["series"]["mine"][1] == [8, "mine-step8"]
    # A series has one twin, and it is no step of it.
    study, plan = of(HUB, baselines=["word-rate", "reinitialised"])
    twins = [name for name in study.language_models() if name.endswith("-reinitialised")]
    assert "mine-step0-reinitialised" in twins and "mine-step8-reinitialised" not in twins
    assert series.depends_on(study, plan)["twins"] == {"mine": "mine-step0-reinitialised"}
    without, plan = planned()
    assert not series.is_wanted(without, plan) and series.figure_names(without, plan) == []


def test_checkpoints_are_folders_in_the_order_of_their_steps(run: Path) -> None:
    study, _ = of({"source": str(run), "checkpoints": "checkpoint-*"})
    assert study.series() == {"mine": ["mine-step20", "mine-step500", "mine-step1000"]}
    assert study.models["mine-step500"].source == f"{run}/checkpoint-500"


def wrong(entry: dict[str, Any], said: str) -> None:
    with pytest.raises(EngramError, match=said):
        of(entry)


def test_what_is_wrong_with_revisions_is_said() -> None:
    wrong({**HUB, "revisions": ["step8", "step0"]}, "steps do not rise; write step0, step8")
    wrong({**HUB, "revisions": ["step0", "main"]}, "no step in main")
    wrong({**HUB, "revisions": ["step8", "checkpoint-8"]}, "two of step 8")
    wrong({**HUB, "revisions": ["step8"]}, "two revisions or more")
    wrong({**HUB, "source": "resources/models/gpt2-tiny"}, "is a folder, which has no revisions")
    wrong({**HUB, "checkpoints": "*"}, "keep one of the two")
    wrong({**HUB, "reinitialised": True}, r"take out \['reinitialised'\]")
    wrong({"source": "lab/model", "series": "mine"}, "series and step belong together")
    with pytest.raises(EngramError, match="names of steps of 'mine' too"):
        planned(models={"mine": HUB, "mine-step8": {"source": "lab/other"}})


def test_a_mirror_has_one_revision(tmp_path: Path) -> None:
    shutil.copytree(
        ROOT / "resources" / "models" / "gpt2-tiny", tmp_path / "models" / "lab" / "model"
    )
    with pytest.raises(EngramError, match="would be the same"):
        of(HUB, mirror=str(tmp_path))


def test_what_is_wrong_with_checkpoints_is_said(run: Path) -> None:
    def folders(pattern: Any = "checkpoint-*") -> dict[str, Any]:
        return {"source": str(run), "checkpoints": pattern}

    wrong(folders("epoch-*"), "matches 0 folders")
    wrong({"source": "lab/model", "checkpoints": "step*"}, "is no folder here.*write revisions")
    for none in ("", True, ["checkpoint-20"]):
        wrong(folders(none), "mine.checkpoints: expected a pattern of folders below source")
    wrong(folders("a**b"), "mine.checkpoints: 'a..b' is no pattern")
    wrong(folders("../*"), "a pattern of folders below source")
    (run / "logs").mkdir()
    wrong(folders("*"), "no step in .*logs")
    (run / "checkpoint-500" / "model.safetensors").unlink()
    wrong(folders(), "mine-step500.source: .*no .*safetensors weights")


def test_pairs_are_read_by_whole_models() -> None:
    study, plan = of(
        HUB, minimal_pairs={"table": "engram"}, baselines=["word-rate", "reinitialised"]
    )
    names = {*study.series()["mine"], "gpt2-tiny", "llama-tiny"}
    twins = {f"{name}-reinitialised" for name in ("mine-step0", "gpt2-tiny", "llama-tiny")}
    assert {key["model"] for key in pairs.jobs(study, plan)} == names | twins
    assert pairs.table_depends_on(study, plan)["series"]["mine-step8"] == ["mine", 8]
    assert series.figure_pairs(study, plan) == ["<results>/tables/minimal_pairs.tsv"]
    assert "pair_scores" in preflight.all_jobs(study, plan)
    few, plan = of(HUB, minimal_pairs={"table": "engram", "models": ["mine-step0"]})
    assert pairs.jobs(few, plan) == [{"model": "mine-step0"}]
    without, plan = planned()
    assert pairs.jobs(without, plan) == [] and pairs.shown_tables(without, plan) == []


def test_what_is_wrong_with_pairs_is_said(tmp_path: Path, encoder_folder: Path) -> None:
    def refused(said: str, **more: Any) -> None:
        with pytest.raises(EngramError, match=said):
            planned(**more)

    refused("there is no file", minimal_pairs={"table": "nowhere.tsv"})
    refused("no table of pairs", minimal_pairs={"models": ["gpt2-tiny"]})
    refused("no whole language models", minimal_pairs={"table": "engram", "models": ["word-rate"]})
    path = tmp_path / "pairs.tsv"
    path.write_text("good\tbad\na\tb\n")
    refused("phenomenon", minimal_pairs={"table": str(path)})
    refused(
        "cannot be asked for probabilities",
        models={"encoder": {"source": str(encoder_folder)}},
        minimal_pairs={"table": "engram"},
    )
