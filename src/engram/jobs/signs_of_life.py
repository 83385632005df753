"""What a long job says on the console while it runs.

For people who wait, it is a line now and then with what it counts.

The first line comes after 30 s, so that short jobs say nothing. The time between lines grows
with the job, so that many long jobs do not flood the console.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

#: Seconds between two lines of a job: at least this, and at least this share of
#: the time that it has run.
SHORTEST = 30.0
SHARE = 0.2


@dataclass
class Count:
    """How many of the items of a loop are done."""

    what: str
    total: int | None
    done: int = 0


#: The loops that this process is in, the outermost first.
_running: list[Count] = []


@contextmanager
def counting(what: str, total: int | None) -> Iterator[Count]:
    """Count the items of a loop; whoever runs it adds to `done`."""
    count = Count(what, total)
    _running.append(count)
    try:
        yield count
    finally:
        _running.remove(count)


def wait(elapsed: float) -> float:
    """Return the seconds until the next line of a job that has run for `elapsed` seconds."""
    return max(SHORTEST, SHARE * elapsed)


def line(job: str, elapsed: float) -> str:
    """Return what a job says of itself after `elapsed` seconds."""
    parts = []
    for count in list(_running):
        of = f" of {count.total}, {100 * count.done // count.total} %" if count.total else ""
        parts.append(f"{count.what}: {count.done}{of}")
    minutes, seconds = divmod(int(elapsed), 60)
    return (
        f"engram: {job}: {'; '.join(parts) or 'running'} "
        f"({f'{minutes} min' if minutes else f'{seconds} s'})"
    )


@contextmanager
def on_the_console(job: str) -> Iterator[None]:
    """Print a line to stderr now and then while the body runs.

    Parameters
    ----------
    job : str
        What the lines begin with: the rule and its wildcards.
    """
    ended, start = threading.Event(), time.monotonic()

    def speak() -> None:
        while not ended.wait(wait(time.monotonic() - start)):
            sys.stderr.write(line(job, time.monotonic() - start) + "\n")
            sys.stderr.flush()

    speaker = threading.Thread(target=speak, name="signs of life", daemon=True)
    speaker.start()
    try:
        yield
    finally:
        ended.set()
        speaker.join()
