"""Measure LoRA steps of a model of LLaMA-2 7B's size.

What is measured is seconds a step, tokens a second and peak memory, beside the
memory that was planned.

    python benchmarks/tuning_7b.py > benchmarks/tuning-7b-<machine>.json        on a GPU
    python benchmarks/tuning_7b.py --size tiny
        a try of the script, on any machine

Weights and tokens are random, which cost what others do; samples are as long as those
of resources/tuning_samples.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from dataclasses import asdict
from importlib import metadata
from typing import Any

import numpy as np
import torch
from transformers import AutoModelForCausalLM, LlamaConfig

from engram.jobs.provenance import peak_memory
from engram.tunings import training
from engram.tunings.batches import batches, piece
from engram.tunings.memory_check import traced_shape
from engram.tunings.model import prepared, trained_weights
from engram.tunings.sample_tokens import Encoded
from engram.tunings.settings import Settings
from engram.tunings.tuning_memory import planned_memory

SIZES = {
    "7b": {
        "vocab_size": 32_000,
        "hidden_size": 4096,
        "intermediate_size": 11_008,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
    },
    "tiny": {
        "vocab_size": 1280,
        "hidden_size": 96,
        "intermediate_size": 192,
        "num_hidden_layers": 6,
        "num_attention_heads": 4,
    },
}
#: Shortest and longest prompts and outputs of the association set, in LLaMA's tokens, about.
PROMPTS, OUTPUTS = (80, 150), (20, 80)


def main() -> None:
    """Tune for some steps, print what they took."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", choices=SIZES, default="7b")
    parser.add_argument("--no-checkpointing", action="store_true", help="keep all activations")
    for name, value in (
        ("steps", 10),
        ("tokens-per-step", 1024),
        ("micro-tokens", 4096),
        ("rank", 8),
    ):
        parser.add_argument(f"--{name}", type=int, default=value)
    given = parser.parse_args()
    settings = Settings(
        steps=given.steps,
        tokens_per_step=given.tokens_per_step,
        micro_tokens=given.micro_tokens,
        max_length=256,
        rank=given.rank,
        gradient_checkpointing=not given.no_checkpointing,
    )
    config = LlamaConfig(
        **SIZES[given.size], max_position_embeddings=4096, tie_word_embeddings=False
    )
    planned = planned_memory(traced_shape(config, settings), settings)
    found = {"size": given.size, "settings": asdict(settings), **measure(config, settings)}
    found["planned_gb"] = {
        name: round(size / 1e9, 3)
        for name, size in {**planned, "sum": sum(planned.values())}.items()
    }
    found["versions"] = {
        name: metadata.version(name) for name in ("engram", "torch", "transformers", "peft")
    } | {"python": platform.python_version()}
    found["machine"] = f"{platform.machine()}, {os.cpu_count()} cores"
    print(json.dumps(found, indent=2))


def measure(config: LlamaConfig, settings: Settings) -> dict[str, Any]:
    """Return seconds a step, tokens a second and peak memory.

    The first two steps, in which libraries set themselves up, are not counted.
    """
    place = "cuda" if torch.cuda.is_available() else "cpu"
    with torch.device(place):
        base = AutoModelForCausalLM.from_config(
            config, dtype=torch.bfloat16 if place == "cuda" else torch.float32
        )
    model = prepared(base, settings).to(place)
    optimizer = training.optimizer_of(model, settings)
    samples = made_samples(config.vocab_size)
    seconds, tokens = [], 0
    for step, parts in enumerate(batches([sample.n_output for sample in samples], settings)):
        pieces = [piece(samples[index], kept) for index, kept in parts]
        start = time.monotonic()
        # Ends with a number on the CPU, and so waits for the GPU.
        training.train_step(model, optimizer, pieces, step, settings)
        seconds.append(time.monotonic() - start)
        tokens += sum(len(one.ids) for one in pieces)
    counted = float(np.median(seconds[2:] or seconds))
    peak = torch.cuda.max_memory_allocated() if place == "cuda" else peak_memory()
    return {
        "device": torch.cuda.get_device_name() if place == "cuda" else "cpu",
        "parameters": sum(weight.numel() for weight in model.parameters()),
        "trained_parameters": sum(weight.numel() for weight in trained_weights(model).values()),
        "seconds_per_step": round(counted, 3),
        "tokens_per_second": round(tokens / settings.steps / counted),
        "output_tokens_per_second": round(settings.tokens_per_step / counted),
        "peak_gb": round(peak / 1e9, 2),
        "reserved_gb": (
            round(torch.cuda.max_memory_reserved() / 1e9, 2) if place == "cuda" else None
        ),
    }


def made_samples(vocabulary: int) -> list[Encoded]:
    """Return samples of random tokens."""
    rng = np.random.default_rng(0)
    shapes = [(int(rng.integers(*PROMPTS)), int(rng.integers(*OUTPUTS))) for _ in range(500)]
    return [
        Encoded(tuple(rng.integers(0, vocabulary, prompt + output).tolist()), prompt)
        for prompt, output in shapes
    ]


if __name__ == "__main__":
    main()
