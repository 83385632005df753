"""Models with other tensors or another configuration, and the vectors that they give."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from conftest import MODELS, story_words
from safetensors.torch import load_file, save_file

from engram.features.language_models import activations

Tensors = dict[str, torch.Tensor]
READING: dict[str, Any] = {
    "mode": "strided",
    "context": 64,
    "stride": 32,
    "pooling": "last",
    "batch_tokens": 1024,
}


def vectors(folder: Path, **options: Any) -> np.ndarray:
    return activations.story_activations(
        story_words(40), activations.load(folder, device="cpu", **options), **READING
    )["activation"].values


def changed(
    folder: Path, change: Callable[[Tensors], Tensors], name: str = "gpt2-tiny", **config: Any
) -> Path:
    """Copy a model with other tensors and another configuration."""
    shutil.copytree(MODELS / name, folder)
    save_file(
        change(load_file(folder / "model.safetensors")),
        folder / "model.safetensors",
        metadata={"format": "pt"},
    )
    content = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**content, **config}))
    return folder
