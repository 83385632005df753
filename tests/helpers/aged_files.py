"""Files that look as if they had been there for long."""

from __future__ import annotations

import os
import time
from pathlib import Path

HOUR = 3_600_000_000_000


def aged(path: Path, hours: float = 1) -> Path:
    """Give a file a time in the past, as if it had been there for long."""
    then = time.time_ns() - int(hours * HOUR)
    os.utime(path, ns=(then, then))
    return path


def written(path: Path, size: int, first: bytes = b"a") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(first + bytes(size - len(first)))
    return aged(path)


def older(path: Path) -> None:
    """Another content of the same size with an older time, as `cp -p` brings it."""
    written(path, path.stat().st_size, b"b")
    aged(path, 48)


def touched(path: Path) -> None:
    path.touch()
