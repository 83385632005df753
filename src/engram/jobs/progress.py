"""Progress of a long loop: a bar in the rule's log, and a count on the console."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

from engram.jobs import signs_of_life

T = TypeVar("T")
#: The logger that jobs write through: its handler has the stream of the rule's log.
logger = logging.getLogger("engram")


def progress(
    items: Iterable[T], description: str, unit: str, total: int | None = None
) -> Iterator[T]:
    """Yield the items, with a progress bar and a rate in the rule's log.

    A long job gets a count on the console too.
    """
    from tqdm import tqdm

    streams = [
        handler.stream for handler in logger.handlers if isinstance(handler, logging.StreamHandler)
    ]
    stream = streams[0] if streams else sys.stderr
    bar = tqdm(
        items, desc=description, unit=unit, total=total, file=stream, mininterval=2, ascii=True
    )
    with signs_of_life.counting(
        description, None if bar.total is None else int(bar.total)
    ) as count:
        for item in bar:
            yield item
            count.done += 1
