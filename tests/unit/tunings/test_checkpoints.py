"""A run that was killed goes on from its newest checkpoint, and ends where an unbroken one does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT
from small_tunings import SETTINGS, Tune, few_samples, final, same, tuner, weights

from engram.tunings import training
from engram.tunings.samples import Sample
from engram.tunings.settings import Settings


@pytest.fixture(scope="module")
def parts() -> tuple[list[Sample], list[Sample]]:
    return few_samples()


@pytest.fixture
def tune(tmp_path: Path) -> Tune:
    return tuner(tmp_path)


#: Tunes in a process of its own, which is killed when it comes to a step.
KILLED = """
import os, signal, sys
from pathlib import Path
sys.path[:0] = {tests!r}
import torch
from conftest import MODELS
from small_tunings import BASE, few_samples
from test_checkpoints import LONG

from engram.tunings import training
from engram.tunings.model import BaseModel
from engram.tunings.samples import SampleSet

def dies(model, optimizer, pieces, step, settings, limit, train_step=training.train_step):
    if step == {step}:
        os.kill(os.getpid(), signal.SIGKILL)
    return train_step(model, optimizer, pieces, step, settings, limit)

torch.set_num_threads(1)
training.train_step = dies
folder = Path({folder!r})
training.tune(
    BaseModel(MODELS / "gpt2-tiny", BASE),
    SampleSet(*few_samples()),
    LONG,
    folder / "killed",
    folder / "checkpoints" / "killed",
)
"""
LONG = replace(SETTINGS, steps=9, checkpoint_every=3, evaluate_every=2, patience=50)


@pytest.mark.slow
def test_a_killed_run_goes_on_and_ends_where_an_unbroken_one_does(
    tune: Tune, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    step = int(np.random.default_rng().choice([4, 5, 7, 8]))  # between two checkpoints
    command = KILLED.format(
        tests=[str(Path(__file__).parent), str(ROOT / "tests"), str(ROOT / "tests" / "helpers")],
        step=step,
        folder=str(tmp_path),
    )
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")]),
    }
    done = subprocess.run(
        [sys.executable, "-c", command],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr[-3000:]
    newest = f"step-{step // 3 * 3:09d}"
    assert [path.name for path in (tmp_path / "checkpoints" / "killed").iterdir()] == [
        newest
    ] and not (tmp_path / "killed").exists()
    # What a run that is killed while it writes leaves behind is no checkpoint.
    (tmp_path / "checkpoints" / "killed" / ".0123.step-000000008").mkdir()
    with caplog.at_level("INFO", logger="engram"):
        resumed = tune("killed", settings=LONG)
    assert f"going on from step {step // 3 * 3}" in caplog.text
    unbroken = tune("unbroken", settings=LONG)
    assert (
        final(resumed) == pytest.approx(final(unbroken), abs=1e-4)
        and resumed.steps == unbroken.steps == 9
    )
    assert [point["training"] for point in resumed.curve[1:]] == pytest.approx(
        [point["training"] for point in unbroken.curve[1:]], abs=1e-4
    )
    assert same(weights(tmp_path / "killed"), weights(tmp_path / "unbroken"))
    assert not (tmp_path / "checkpoints" / "killed").exists()


@pytest.mark.slow
@pytest.mark.parametrize("changed", ["settings", "samples"])
def test_a_checkpoint_of_another_run_is_not_used(
    tune: Tune,
    tmp_path: Path,
    parts: tuple[list[Sample], list[Sample]],
    changed: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = replace(SETTINGS, steps=3, checkpoint_every=2)
    step_of = training.train_step

    def fails(
        model: Any, optimizer: Any, pieces: Any, step: int, settings: Settings, limit: Any
    ) -> float:
        if step == 2:
            raise KeyboardInterrupt
        return step_of(model, optimizer, pieces, step, settings, limit)

    monkeypatch.setattr(training, "train_step", fails)
    with pytest.raises(KeyboardInterrupt):
        tune(settings=settings)
    assert (tmp_path / "checkpoints" / "tuned" / "step-000000002").is_dir()
    steps: list[int] = []

    def notes(
        model: Any, optimizer: Any, pieces: Any, step: int, settings: Settings, limit: Any
    ) -> float:
        steps.append(step)
        return step_of(model, optimizer, pieces, step, settings, limit)

    monkeypatch.setattr(training, "train_step", notes)
    new: dict[str, Any] = (
        {"settings": replace(settings, learning_rate=1e-3)}
        if changed == "settings"
        else {"settings": settings, "parts": (parts[0][1:], parts[1])}
    )
    tune(**new)
    assert steps == [0, 1, 2]


@pytest.mark.slow
def test_a_tuned_model_is_replaced_whole(tune: Tune, tmp_path: Path) -> None:
    tune(settings=replace(SETTINGS, steps=1))
    tune(settings=replace(SETTINGS, steps=1, method="frozen"))
    assert (
        not (tmp_path / "tuned" / "adapter_config.json").exists()
        and (tmp_path / "tuned" / "config.json").exists()
    )
    assert len({path.stat().st_mode for path in (tmp_path / "tuned").iterdir()}) == 1
    assert sorted(path.name for path in tmp_path.iterdir() if any(path.iterdir())) == ["tuned"]
