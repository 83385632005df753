"""Tunings of the small models on a few samples."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import torch
from conftest import MODELS, ROOT
from safetensors.torch import load_file

from engram.tunings import splitting, training
from engram.tunings.card import Card
from engram.tunings.model import BaseModel
from engram.tunings.samples import Sample, SampleSet, read_samples
from engram.tunings.settings import Settings

DECODERS = ("gpt2-tiny", "llama-tiny")
SETTINGS = Settings(
    steps=4,
    tokens_per_step=96,
    micro_tokens=1024,
    max_length=256,
    evaluate_every=2,
    checkpoint_every=100,
    learning_rate=5e-3,
    warmup=0.25,
    dropout=0.1,
)
BASE = {"source": "engram/tiny", "content": "0123"}
Tune = Callable[..., Card]


@cache
def few_samples() -> tuple[list[Sample], list[Sample]]:
    """Return samples to train on and to validate with, short enough for both small models."""
    samples = read_samples(ROOT / "resources" / "tuning_samples" / "associations.jsonl")
    short = [sample for sample in samples if len(sample.input) < 260 and len(sample.output) < 200]
    train, validation = splitting.split(short)
    return train[:40], validation[:6]


def tuner(folder: Path) -> Tune:
    """Return a function that tunes a model into a folder of a name, below this one."""
    torch.set_num_threads(1)

    def run(
        name: str = "tuned", model: str = "gpt2-tiny", settings: Settings = SETTINGS, **options: Any
    ) -> Card:
        train, validation = options.pop("parts", few_samples())
        return training.tune(
            BaseModel(MODELS / model, BASE),
            SampleSet(train, validation, options.pop("condition", "association")),
            settings,
            folder / name,
            folder / "checkpoints" / name,
            **options,
        )

    return run


def weights(folder: Path) -> dict[str, torch.Tensor]:
    """Return all weights of a model's folder, by name."""
    return {
        name: tensor
        for path in sorted(folder.glob("*.safetensors"))
        for name, tensor in load_file(path).items()
    }


def same(one: Mapping[str, torch.Tensor], other: Mapping[str, torch.Tensor]) -> bool:
    """Tell whether weights are the same, bit for bit."""
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def final(card: Card) -> float:
    """Return the last validation loss."""
    loss: float = card.curve[-1]["validation"]
    return loss
