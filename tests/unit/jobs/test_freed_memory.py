"""Freed memory is kept: arrays that come and go ask the system for no pages again."""

from __future__ import annotations

import subprocess
import sys

import pytest

#: Arrays of 3 MB taken and freed side by side, as predictions and what is made of them; prints how
#: many pages the system gave meanwhile.
ARRAYS = """
import resource, sys
import numpy as np
from engram.jobs.freed_memory import keep_freed_memory
if sys.argv[1] == "kept":
    keep_freed_memory()
    keep_freed_memory()
def work(times):
    for _ in range(times):
        held = [np.ones(3 << 20, dtype=np.uint8) for _ in range(4)]
work(5)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
work(50)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def pages(how: str) -> int:
    found = subprocess.run(
        [sys.executable, "-c", ARRAYS, how], capture_output=True, text=True, check=True
    )
    return int(found.stdout)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="another C library keeps memory by other rules")
def test_arrays_that_come_and_go_are_given_the_pages_they_had() -> None:
    # 50 times four arrays of 768 pages; a few pages are the interpreter's own.
    assert pages("kept") < 5000
    assert pages("given back") > 5 * pages("kept")


def test_too_little_address_space_is_no_error() -> None:
    limited = (
        "import resource, numpy; from engram.jobs.freed_memory import keep_freed_memory;"
        "size = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize();"
        "resource.setrlimit(resource.RLIMIT_AS, (size + (4 << 20), -1)); keep_freed_memory()"
        if sys.platform == "linux"
        else "from engram.jobs.freed_memory import keep_freed_memory; keep_freed_memory()"
    )
    subprocess.run([sys.executable, "-c", limited], check=True)
