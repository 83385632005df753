"""Memory that runs out inside a job: known by its error, and met with a smaller batch.

What a job plans (`engram.encoding.memory`) is an estimate, and others use the machine too. A job
that is killed for its memory sees nothing of this: Slurm's profile submits it again with more.
"""

from __future__ import annotations

import errno
import gc
import logging
import sys
from collections.abc import Callable
from typing import TypeVar

from engram.errors import EngramError

T = TypeVar("T")
logger = logging.getLogger(__name__)

#: What errors of torch and of the libraries below it say of memory, where their kind says nothing.
_WORDS = (
    "out of memory",
    "not enough memory",
    "can't allocate memory",
    "cannot allocate memory",
    "_status_alloc_failed",
    "std::bad_alloc",
)


class OutOfMemoryError(EngramError):
    """Not even the smallest batch fits into memory."""


def ran_out(error: BaseException) -> bool:
    """Tell whether an error says that there is no more memory.

    It may be that of the machine, of the job's limit or of the GPU.
    """
    if isinstance(error, MemoryError | OutOfMemoryError):
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(error, torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error).lower() for words in _WORDS)


class Shrinking:
    """The size of a batch, which is halved whenever memory runs out, and stays so for what follows.

    Parameters
    ----------
    size : int
        To begin with.
    what : str
        What is counted, for messages: "tokens in a batch".
    spare : str
        What to write in the configuration so that a smaller size is tried at once: a sentence
        for the log, in which ``{size}`` stands for that size.
    otherwise : str
        What to do where not even the smallest size fits, a sentence.
    least : int
        The smallest size worth a try.
    """

    def __init__(self, size: int, what: str, spare: str, otherwise: str, least: int = 1) -> None:
        self.size, self.what, self.spare, self.otherwise, self.least = (
            size,
            what,
            spare,
            otherwise,
            least,
        )
        self._first = size

    def reset(self) -> None:
        """Begin with the first size again: for when something else was made smaller."""
        self.size = self._first

    def run(self, attempt: Callable[[int], T], most: int | None = None, least: int = 1) -> T:
        """Return what `attempt` makes of the size, or of a smaller one.

        It is the first size for which there is memory.

        Parameters
        ----------
        attempt : callable
            Takes the size; is called anew from its beginning.
        most : int, optional
            Size above which nothing changes for this attempt.
        least : int
            Size below which nothing changes for this attempt.

        Raises
        ------
        OutOfMemoryError
            If the smallest size does not fit either.
        """
        while True:
            size = self.size if most is None else min(self.size, most)
            try:
                return attempt(size)
            except Exception as error:
                if not ran_out(error):
                    raise
                said = _in_short(error)
            # Here the error is gone, and with its frames the arrays that they held.
            _give_back()
            least = max(least, self.least)
            if size <= least:
                raise OutOfMemoryError(
                    f"memory ran out with {size} {self.what} ({said}), and fewer are not "
                    f"possible. {self.otherwise}"
                )
            self.size = max(size // 2, least)
            logger.warning(
                "memory ran out with %d %s (%s): going on with %d. %s",
                size,
                self.what,
                said,
                self.size,
                self.spare.format(size=self.size),
            )

    def each(self, total: int, work: Callable[[slice], None], weight: int = 1) -> None:
        """Call `work` for some items after the other until all are done.

        It gets as many at a time as the size allows.

        Parameters
        ----------
        total : int
            Number of items.
        work : callable
            Takes a slice of them. Where memory ran out it is called again for the first ones
            of the slice: it must write the same places anew.
        weight : int
            How much of the size an item takes; one at least is worked on.
        """
        begin = 0
        while begin < total:

            def attempt(size: int, begin: int = begin) -> int:
                end = min(begin + max(1, size // weight), total)
                work(slice(begin, end))
                return end

            begin = self.run(attempt, most=(total - begin) * weight, least=weight)


def _in_short(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:160]}" if lines else type(error).__name__


def _give_back() -> None:
    """Free what nobody holds any more, on the GPU too."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available() and torch.cuda.is_initialized():
        torch.cuda.empty_cache()
