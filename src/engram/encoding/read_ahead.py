"""Reading the BOLD of the next listeners while these are scored."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType

import numpy as np


class ReadAhead:
    """Reads the data of a range of listeners, in a thread where they are announced beforehand.

    Use it as a context manager. At most one range is announced at a time.

    Parameters
    ----------
    read : callable
        Takes a slice of the listeners, and returns their data.
    """

    def __init__(self, read: Callable[[slice], np.ndarray]) -> None:
        self._read = read
        self._thread = ThreadPoolExecutor(max_workers=1)
        self._announced: tuple[slice, Future[np.ndarray]] | None = None

    def __enter__(self) -> ReadAhead:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._thread.shutdown()

    def announce(self, listeners: slice) -> None:
        """Begin to read some listeners, for the next `take`."""
        self._announced = listeners, self._thread.submit(self._read, listeners)

    def take(self, listeners: slice) -> np.ndarray:
        """Return the data of some listeners.

        What was announced is dropped where it is for others: memory ran out since, and fewer
        listeners are scored at a time.
        """
        announced, self._announced = self._announced, None
        if announced is not None and announced[0] == listeners:
            return announced[1].result()
        del announced
        return self._thread.submit(self._read, listeners).result()
