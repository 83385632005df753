"""What reading an encoder several words a window saves, and what it changes in R, on real brains.

An encoder reads a window for each word; `activations.encoder_stride` reads several words from
each, which then know words that come after them. Strides take turns of a few seconds, each in a
process of its own with one thread, so that whatever else the machine does slows all of them alike;
seconds are those of the processor, of reading alone.

The model is made here, with random weights: it shows what later words can change, not what they
do change in a model that was trained. Alice is read from the mirror (ENGRAM_MIRROR).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from paired import say

TOKENIZER = Path(__file__).parents[1] / "resources" / "models" / "gpt2-tiny"
#: An encoder's shape, and how far its weights are from 0: with BERT's own 0.02 blocks that were
#: not trained hardly change what they are given.
LAYERS, UNITS, SPREAD = 6, 384, 0.06
MODEL = f"an encoder of {LAYERS} layers of {UNITS} units with random weights"


def make_model(folder: Path) -> None:
    """Write an encoder with random weights, the same each time."""
    import torch
    from transformers import AutoTokenizer, BertConfig, BertModel

    tokenizer = AutoTokenizer.from_pretrained(TOKENIZER)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=UNITS,
        num_hidden_layers=LAYERS,
        num_attention_heads=UNITS // 32,
        intermediate_size=4 * UNITS,
        initializer_range=SPREAD,
    )
    BertModel(config).eval().save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def compared(contexts: Sequence[int], strides: Sequence[int]) -> dict[str, Any]:
    """Read Alice and score R by each stride, and compare seconds and R with those of the first.

    Parameters
    ----------
    contexts, strides : sequence of int
        Tokens of a window, and words; the first stride is 1, a window for each word.

    Returns
    -------
    dict
        ``model`` and ``rows``, one for each context and stride.
    """
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        make_model(Path(temporary) / "model")
        for context in contexts:
            rows += _rows(context, strides, Path(temporary))
    return {"model": MODEL, "rows": rows}


def _rows(context: int, strides: Sequence[int], folder: Path) -> list[dict[str, Any]]:
    from bench_texts import in_turns

    cases = {str(stride): _started(context, stride, folder) for stride in strides}
    seconds = {name: found["seconds"] for name, found in in_turns(cases).items()}
    rows = []
    for stride in strides:
        found, exact = (np.load(folder / f"{context}-{one}.npz") for one in (stride, strides[0]))
        rows.append(
            {
                "context": context,
                "encoder_stride": stride,
                "seconds": round(seconds[str(stride)], 1),
                "times faster": round(seconds[str(strides[0])] / seconds[str(stride)], 2),
                **_differences(found["r"], exact["r"], int(found["layer"])),
            }
        )
        say(f"  {rows[-1]}")
    return rows


def _differences(r: np.ndarray, exact: np.ndarray, layer: int) -> dict[str, float]:
    """Return how far R, (n_listeners, n_layers, n_regions), is from that of a window a word."""
    of_regions, of_listeners = np.abs((r - exact).mean(0)), np.abs(r - exact)
    found = {
        "mean R": r[:, layer].mean(),
        "largest difference of a region's mean R": of_regions[layer].max(),
        "the same, any layer": of_regions.max(),
        "largest difference of a listener's R": of_listeners[:, layer].max(),
    }
    return {name: round(float(value), 4) for name, value in found.items()}


def _started(context: int, stride: int, folder: Path) -> Callable[[], subprocess.Popen[str]]:
    """Return what starts a process that reads by one stride."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")

    def start() -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, __file__, str(context), str(stride), str(folder)],
            env={**os.environ, **threads},
            stdout=subprocess.PIPE,
            text=True,
        )

    return start


def _measure(context: int, stride: int, folder: Path) -> None:
    """Read and score by one stride, keep R, and print the seconds that reading took."""
    import engram
    from engram.features.language_models import activations
    from engram.vocabulary import AVERAGE

    read, seconds = activations.story_activations, []

    def timed(*given: Any, **options: Any) -> Any:
        begin = time.process_time()
        found = read(*given, **options)
        seconds.append(time.process_time() - begin)
        return found

    with patch.object(activations, "story_activations", timed):
        scores = engram.brain_score(
            str(folder / "model"),
            data="alice",
            settings={"activations": {"context": context, "encoder_stride": stride}},
            downloads=folder / f"downloads-{context}-{stride}",
            progress=False,
        )
    r = scores.scores.transpose("subject", "layer", "target")
    single = r.values[r["subject"].values != AVERAGE]
    np.savez(folder / f"{context}-{stride}.npz", r=single, layer=scores.layer)
    print(json.dumps({"seconds": sum(seconds)}))


if __name__ == "__main__":
    _measure(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
