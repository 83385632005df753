"""Memory that runs out: a smaller batch, the same numbers, a line in the log.

It is made to run out, and runs out under a real limit.
"""

from __future__ import annotations

import errno
import logging
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr
from conftest import MODELS, ROOT, story_words
from transformers import AutoModelForCausalLM, AutoTokenizer

from engram.encoding import backends, ridge, variant_scoring
from engram.encoding import group as groups
from engram.encoding.group import Group
from engram.encoding.story_data import StoryData
from engram.errors import EngramError
from engram.features import variants
from engram.features.language_models import activations
from engram.jobs import out_of_memory
from engram.jobs.job import job
from engram.jobs.out_of_memory import OutOfMemoryError, Shrinking
from engram.tunings import losses, training
from engram.tunings.batches import micro_limit
from engram.tunings.model import prepared, trained_weights
from engram.tunings.sample_tokens import encode_samples
from engram.tunings.samples import read_samples
from engram.tunings.settings import Settings

pytestmark = pytest.mark.slow

TEXT = ("Write {size}.", "Buy some.")


def too_large_for_numpy() -> None:
    np.empty(1 << 58)


def too_large_for_torch() -> None:
    torch.empty(1 << 58)


def raised(error: BaseException) -> Callable[[], None]:
    def run() -> None:
        raise error

    return run


@pytest.mark.parametrize(
    ("fails", "memory"),
    [
        (too_large_for_numpy, True),
        (too_large_for_torch, True),
        (raised(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")), True),
        (
            raised(
                RuntimeError(
                    "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"
                )
            ),
            True,
        ),
        (
            raised(
                RuntimeError(
                    "[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: "
                    "can't allocate memory: you tried to"
                )
            ),
            True,
        ),
        (raised(OSError(errno.ENOMEM, "Cannot allocate memory")), True),
        (raised(OSError(errno.ENOSPC, "No space left on device")), False),
        (raised(RuntimeError("mat1 and mat2 shapes cannot be multiplied")), False),
        (raised(ValueError("out of memory")), False),
        (raised(EngramError("the story has no words.")), False),
    ],
)
def test_errors_of_memory_are_told_from_others(fails: Callable[[], None], memory: bool) -> None:
    with pytest.raises(Exception) as error:
        fails()
    assert out_of_memory.ran_out(error.value) == memory


@pytest.mark.parametrize(("fits", "weight"), [(1, 1), (3, 1), (7, 2), (100, 1)])
def test_every_item_is_worked_on_in_order_with_a_size_that_fits(
    fits: int, weight: int, caplog: pytest.LogCaptureFixture
) -> None:
    limit, done, tries = Shrinking(16, "items at once", *TEXT), list[int](), list[int]()

    def work(some: slice) -> None:
        tries.append(weight * (some.stop - some.start))
        if tries[-1] > fits:
            raise MemoryError(f"{tries[-1]} items")
        done.extend(range(some.start, some.stop))

    for _ in range(2):
        limit.each(11, work, weight)
    assert done == [*range(11)] * 2
    failed = sum(size > fits for size in tries)
    assert failed == len(caplog.records) <= 4 and (failed == 0) == (fits >= 11 * weight)
    assert all(
        f"MemoryError: {size} items): going on with {size // 2}. Write {size // 2}." in caplog.text
        for size in tries
        if size > fits
    )


def test_giving_up_says_what_to_do_and_other_errors_pass() -> None:
    with pytest.raises(
        OutOfMemoryError,
        match=(
            r"memory ran out with 2 items at once \(MemoryError\), and fewer are "
            r"not possible. Buy some."
        ),
    ):
        Shrinking(16, "items at once", *TEXT, least=2).each(9, lambda some: raised(MemoryError())())
    tries: list[slice] = []

    def work(some: slice) -> None:
        tries.append(some)
        raise ValueError("other")

    with pytest.raises(ValueError, match="other"):
        Shrinking(16, "items at once", *TEXT).each(9, work)
    assert tries == [slice(0, 9)]


# ---------------------------------------------------------------- reading
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
    """The batch would take 300 MB, its hidden states alone 100."""
    command = LIMITED.format(
        words=story_words(150), model=str(MODELS / "gpt2-tiny"), more=100 << 20
    )
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        [sys.executable, "-c", command],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert (
        "tokens in a batch (RuntimeError: [enforce fail at alloc_cpu.cpp" in done.stderr
        and "going on with" in done.stderr
    )
    assert float(done.stdout) < 1e-4


# ---------------------------------------------------------------- encoding
OPTIONS: dict[str, Any] = {
    "longest_delay": 6.0,
    "delays": None,
    "folds": 3,
    "inner_folds": 2,
    "alphas": [1.0, 100.0, 1e4],
    "alpha_by": "r",
    "backend": "numpy",
}


@pytest.fixture
def group() -> Callable[[], Group]:
    rng = np.random.default_rng(0)
    subjects = ["1", "2", "3", "4", "5"]
    bold = xr.DataArray(
        rng.standard_normal((5, 80, 40)).astype(np.float32),
        dims=("subject", "time", "target"),
        coords={"subject": subjects},
    )
    coordinates = {
        "hemisphere": (("target",), np.array(["L"] * 40)),
        "roi": (("target",), np.array(["a", "b"] * 20)),
    }
    story = StoryData(
        "s", 1.5, np.sort(rng.uniform(0, 110, 200)), np.arange(80) * 1.5, bold, coordinates
    )
    return lambda: Group([story], subjects, words_to_trs="sum", **OPTIONS)


@pytest.fixture
def read() -> xr.Dataset:
    """A story's vectors in two variants, three layers of one of them."""
    rng = np.random.default_rng(1)
    return variants.collect(
        (
            (
                name,
                rng.standard_normal((3, 200, 5)).astype(np.float32),
                np.empty((3, 0, 5), np.float32),
                np.empty(0),
            )
            for name in ("base", "other-1")
        ),
        ["base"],
        None,
    )


def tight(
    monkeypatch: pytest.MonkeyPatch,
    module: ModuleType,
    name: str,
    most: int,
    width: Callable[..., int],
) -> list[int]:
    """Let a function of encoding run out of memory at more than so many targets or listeners.

    Returns what it was given.
    """
    real, given = getattr(module, name), list[int]()

    def run(*arguments: Any, **options: Any) -> Any:
        given.append(width(*arguments))
        if given[-1] > most:
            raise MemoryError
        return real(*arguments, **options)

    monkeypatch.setattr(module, name, run)
    return given


def test_targets_are_scored_in_smaller_batches(
    group: Callable[[], Group],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    features = np.random.default_rng(2).standard_normal((80, 12)).astype(np.float32)
    whole = group().score_features(features, group().targets)
    monkeypatch.setattr(backends, "_FEWEST_BYTES", 1)
    given = tight(monkeypatch, ridge, "_criterion", 60, lambda fold, bold, *_: bold.shape[1])
    found = group().score_features(features, group().targets)
    assert given[:3] == [200, 100, 50] and max(given[3:]) <= 60
    np.testing.assert_array_equal(found.alpha, whole.alpha)
    np.testing.assert_allclose(found.r, whole.r, atol=1e-6)
    assert "bytes of predictions at a time (MemoryError): going on with" in caplog.text


@pytest.mark.parametrize(
    ("module", "name", "most", "width"),
    [
        (groups, "stack_listeners", 2, lambda stories, subjects: len(subjects)),
        (ridge, "encode", 80, lambda features, targets, *_: targets.shape[1]),
    ],
)
def test_fewer_listeners_at_a_time(
    group: Callable[[], Group],
    read: xr.Dataset,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    module: ModuleType,
    name: str,
    most: int,
    width: Callable[..., int],
) -> None:
    """Where their BOLD does not fit, or what is computed beside it.

    Scores of variants, which are sums in part, are those of all together.
    """
    caplog.set_level(logging.WARNING, logger="engram")
    whole = variant_scoring.score_variants([read], group())
    given = tight(monkeypatch, module, name, most, width)
    found = variant_scoring.score_variants([read], group())
    assert len(given) > 2
    for value in ("r", "r_layer", "r_kind"):
        np.testing.assert_allclose(found[value].values, whole[value].values, atol=1e-6)
    assert (
        "memory ran out with 5 listeners at a time (MemoryError): going on with 2." in caplog.text
    )


def test_one_listener_that_does_not_fit_ends_the_scoring(
    group: Callable[[], Group], read: xr.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    tight(monkeypatch, ridge, "encode", 39, lambda features, targets, *_: targets.shape[1])
    with pytest.raises(
        OutOfMemoryError, match=r"with 1 listeners at a time .* \(bold.targets: roi\)"
    ):
        variant_scoring.score_variants([read], group())


# ---------------------------------------------------------------- tuning
def test_a_step_in_smaller_groups_has_the_same_gradient(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Memory runs out in the second group, when the first one's gradient is there.

    It must not count twice.
    """
    settings = Settings(
        learning_rate=1.0,
        warmup=0.0,
        dropout=0.0,
        micro_tokens=500,
        tokens_per_step=96,
        max_length=256,
    )
    samples = [
        one
        for one in read_samples(ROOT / "resources" / "tuning_samples" / "associations.jsonl")
        if len(one.input) + len(one.output) < 400
    ][:6]
    pieces = encode_samples(samples, AutoTokenizer.from_pretrained(MODELS / "gpt2-tiny"), 256)
    real, seen = losses.output_loss, list[int]()

    def loss(model: Any, group: Any) -> Any:
        seen.append(len(group) * len(group[0].ids))
        if fails and len(seen) > 1 and seen[-1] > 260:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return real(model, group)

    monkeypatch.setattr(training, "output_loss", loss)
    found = []
    for fails in (False, True):
        seen.clear()
        model = AutoModelForCausalLM.from_pretrained(
            MODELS / "gpt2-tiny", resid_pdrop=0, attn_pdrop=0, embd_pdrop=0
        )
        model = prepared(model, settings)
        limit = micro_limit(settings)
        value = training.train_step(
            model,
            torch.optim.SGD(trained_weights(model).values(), lr=1.0),
            pieces,
            0,
            settings,
            limit,
        )
        assert (
            (limit.size < 500)
            == fails
            == ("tokens at once (micro_tokens) (OutOfMemoryError: CUDA" in caplog.text)
        )
        found.append(
            (
                value,
                torch.cat(
                    [weight.detach().flatten() for weight in trained_weights(model).values()]
                ),
            )
        )
    assert (
        found[0][0] == pytest.approx(found[1][0], rel=1e-5)
        and (found[0][1] - found[1][1]).abs().max() < 1e-5
    )


# ---------------------------------------------------------------- jobs
@pytest.mark.usefixtures("job_in_this_process")
def test_a_job_without_batches_says_what_it_needs(
    tmp_path: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    given = SimpleNamespace(
        input=[],
        params={},
        resources={},
        rule="bold",
        wildcards={},
        log=[str(tmp_path / "bold.log")],
        output=[str(tmp_path / "x.nc")],
    )
    with pytest.raises(SystemExit), job(given):
        np.empty(1 << 58)
    said = capsys.readouterr().err
    assert (
        "engram: memory ran out (" in said
        and "resources: mem_mb" in said
        and "Traceback" not in said
    )
    assert "Traceback" in (tmp_path / "bold.log").read_text()
