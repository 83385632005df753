"""Reading where memory runs out: smaller batches, the same vectors, a line in the log."""

from __future__ import annotations

import logging
import os
import re
import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from conftest import MODELS, story_words

from engram.features.language_models import activations
from engram.jobs.out_of_memory import OutOfMemoryError

pytestmark = pytest.mark.slow


class Tight:
    """A model that can read so many tokens at once."""

    def __init__(self, model: Any, most: int) -> None:
        self.model, self.most, self.read = model, most, list[int]()

    def __call__(self, input_ids: Any, **options: Any) -> Any:
        self.read.append(input_ids.numel())
        if input_ids.numel() > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return self.model(input_ids=input_ids, **options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.model, name)


READING: dict[str, Any] = {
    "mode": "strided",
    "context": 64,
    "stride": 32,
    "pooling": "mean",
    "batch_tokens": 1024,
}


def test_a_story_is_read_in_smaller_batches_with_the_same_vectors(
    caplog: pytest.LogCaptureFixture,
) -> None:
    reader, words = activations.load(MODELS / "gpt2-tiny"), story_words(900)
    whole = activations.story_activations(words, reader, **READING)["activation"].values
    assert not caplog.records
    tight = Tight(reader.model, 300)
    parts = activations.story_activations(words, replace(reader, model=tight), **READING)[
        "activation"
    ].values
    np.testing.assert_allclose(parts, whole, atol=1e-4 * whole.std())
    # The first batch fails twice, no other.
    assert [size > 300 for size in tight.read[:3]] == [True, True, False] and max(
        tight.read[2:]
    ) <= 300
    last = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING][
        -1
    ]
    assert re.search(
        (
            r"memory ran out with \d+ tokens in a batch \(OutOfMemoryError: CUDA out of memory. "
            r"Tried .*going on with (\d+)\. .*batch_tokens: \1'"
        ),
        last,
    )


def test_a_window_that_does_not_fit_ends_the_reading() -> None:
    reader = activations.load(MODELS / "gpt2-tiny")
    with pytest.raises(
        OutOfMemoryError, match=r"with 64 tokens in a batch .* smaller activations.context"
    ):
        activations.story_activations(
            story_words(200), replace(reader, model=Tight(reader.model, 63)), **READING
        )


#: Reads a story in one large batch with as many bytes more than it has as stand here;
#: prints how far its vectors are from those of small batches.
LIMITED = """
import logging, re, resource, sys
from pathlib import Path
import numpy as np, torch
from engram.features.language_models import activations
logging.basicConfig(format="%(message)s")
torch.set_num_threads(1)
words, reader = {words!r}, activations.load({model!r}, device="cpu")
options = dict(mode="exact", context=None, stride=None, pooling="last")
small = activations.story_activations(words, reader, batch_tokens=4096, **options)["activation"].values
used = 1024 * int(re.search(r"VmSize:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
resource.setrlimit(resource.RLIMIT_AS, (used + {more}, used + {more}))
parts = activations.story_activations(words, reader, batch_tokens=10**6, **options)["activation"].values
print(float(np.abs(parts - small).max() / small.std()))
"""  # noqa: E501


def test_a_real_limit_of_memory() -> None:
    """The batch would take more than 100 MB; a layer of it takes 10."""
    command = LIMITED.format(words=story_words(150), model=str(MODELS / "gpt2-tiny"), more=40 << 20)
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        [sys.executable, "-c", command],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=1800,  # against a process that hangs: under load it took more than 200
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert (
        "tokens in a batch (RuntimeError: [enforce fail at alloc_cpu.cpp" in done.stderr
        and "going on with" in done.stderr
    )
    assert float(done.stdout) < 1e-4
