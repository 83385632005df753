"""Logs of jobs: where messages go, without secrets, and which warnings are kept for the sidecar."""

from __future__ import annotations

import logging
import os
import re
import sys
import traceback
import warnings
from types import TracebackType
from typing import TextIO

from engram.jobs.redaction import without_key

logger = logging.getLogger("engram")

#: Warnings kept of a job, beside its log.
_MOST_WARNINGS = 20
#: Environment variables whose values nobody may read in a log or a sidecar; values that are shorter
#: are stand-ins, such as "EMPTY".
_SHORTEST_SECRET = 8
SECRETS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HUGGINGFACEHUB_API_TOKEN", "ENGRAM_CHAT_KEY")


def configure_logging(stream: TextIO) -> KeptWarnings:
    """Send messages to a job's log; return the warnings, kept as they come."""
    handler, warned = logging.StreamHandler(stream), KeptWarnings()
    handler.setFormatter(_Formatter("%(asctime)s %(levelname)s %(message)s", "%H:%M:%S"))
    logger.handlers, logger.propagate = [handler, warned], False
    logger.setLevel(logging.INFO)
    logging.captureWarnings(True)
    logging.getLogger("py.warnings").handlers = [handler, warned]
    warnings.simplefilter("once")
    return warned


class KeptWarnings(logging.Handler):
    """Keeps what a job warns of, for its sidecar: logs are deleted, results stay.

    Attributes
    ----------
    messages : list of str
        Different ones, the first few.
    """

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a warning's message, unless a library speaks of its own future."""
        message = hidden(record.getMessage())
        if record.name == "py.warnings":
            # What libraries say of their own future is for the log; what they say of
            # numbers is for readers too.
            found = re.search(r": (\w+): (.*)", message)
            if found is None or found[1] in (
                "UserWarning",
                "FutureWarning",
                "DeprecationWarning",
                "PendingDeprecationWarning",
            ):
                return
            message = f"{found[1]}: {found[2]}"
        if len(self.messages) < _MOST_WARNINGS and message not in self.messages:
            self.messages.append(message)


class _Formatter(logging.Formatter):
    """A formatter that hides secrets, tracebacks included."""

    def format(self, record: logging.LogRecord) -> str:
        return hidden(super().format(record))


def hidden(text: str) -> str:
    """Return a text with the values of secret environment variables hidden."""
    for name in SECRETS:
        value = os.environ.get(name, "").strip()
        if len(value) >= _SHORTEST_SECRET:
            text = "\n".join(
                without_key(line.replace(value, f"<{name}>"), value) for line in text.split("\n")
            )
    return text


def print_hidden(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Print a traceback with secrets hidden, as `sys.excepthook` is called."""
    sys.stderr.write(hidden("".join(traceback.format_exception(kind, error, trace))))
