"""Memory that runs out: known by its error, met with a smaller size, and said in the log."""

from __future__ import annotations

import errno
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from engram.errors import EngramError
from engram.jobs import out_of_memory
from engram.jobs.job import job
from engram.jobs.out_of_memory import OutOfMemoryError, Shrinking

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
