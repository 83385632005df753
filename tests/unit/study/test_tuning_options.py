"""Each key of a tuning changes a job: which there are, or what one depends on."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import ROOT

from engram.study.config.read import read_study
from engram.study.config.tunings import Tuning
from engram.study.plan import make_plan
from engram.study.stages import tunings

SAMPLES = "resources/tuning_samples/associations.jsonl"
#: A value for each key that is not its default.
OTHERS: dict[str, Any] = {
    "models": ["one"],
    "data": f"./{SAMPLES}",
    "too_long": "leave out",
    "validation": 0.2,
    "validation_samples": 3,
    "seeds": 3,
    "controls": {"shuffled": 1, "generic": 0},
    "method": "frozen",
    "rank": 4,
    "alpha": 8.0,
    "dropout": 0.1,
    "target_modules": ["c_fc"],
    "train_layers": [1],
    "learning_rate": 1e-3,
    "warmup": 0.1,
    "weight_decay": 0.1,
    "steps": 10,
    "tokens_per_step": 64,
    "micro_tokens": 512,
    "max_length": 128,
    "evaluate_every": 5,
    "patience": 3,
    "checkpoint_every": 5,
    "gradient_checkpointing": True,
    "template": "plain",
    "targets": "roi",
    "licence": "CC0-1.0",
}


def jobs(**changes: Any) -> list[Any]:
    """Return the jobs of a study's tuning, and what each kind of them depends on."""
    model = {"source": str(ROOT / "resources" / "models" / "gpt2-tiny")}
    study = read_study(
        {
            "study": "s",
            "dataset": {"kind": "alice"},
            "models": {"one": model, "two": model},
            "tunings": {"lora": changes},
        }
    )
    plan = make_plan(study)
    group = next(iter(plan.groups))
    return [
        tunings.jobs(study, plan),
        tunings.samples_depend_on(study, plan, "lora"),
        tunings.depends_on(study, plan, "lora", "one", "association-1"),
        tunings.scores_depend_on(study, plan, "lora", group),
    ]


def test_every_key_is_flipped_here() -> None:
    assert OTHERS.keys() == Tuning.model_fields.keys()


@pytest.mark.parametrize("key", OTHERS)
def test_each_key_changes_a_job(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert jobs(**{key: OTHERS[key]}) != jobs()
