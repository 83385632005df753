"""Memory that is freed is kept for the next array, where the C library would give it back.

Predictions of some targets, and activations of a batch of tokens, are arrays of a few megabytes
that come and go thousands of times. glibc gives freed memory back to the system beyond twice the
largest block that was freed so far, and the system clears every page that it hands out again: a
third of an encoding of many targets, a tenth of a model's pass.
"""

from __future__ import annotations

from contextlib import suppress
from functools import cache

import numpy as np

#: Bytes of a block below the 32 MB up to which glibc learns from what is freed.
_BLOCK = 30 << 20


@cache
def keep_freed_memory() -> None:
    """Let this process keep up to 60 MB of freed memory.

    A block is taken and freed: glibc learns its size from that (`mallopt(3)`, dynamic mmap
    threshold). None of its pages is touched. Other C libraries, which learn nothing, are not
    disturbed.
    """
    with suppress(MemoryError):  # a process may be allowed less address space
        block = np.empty(_BLOCK, dtype=np.uint8)
        del block
