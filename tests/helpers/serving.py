"""A server of files on this machine, which a test runs beside itself."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TypeVar

import pytest

S = TypeVar("S", bound=ThreadingHTTPServer)


@contextmanager
def serving(made: S, monkeypatch: pytest.MonkeyPatch) -> Iterator[S]:
    """Let a server answer in a thread of its own, whatever proxy the environment names."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with made:
        arguments = {"poll_interval": 0.01}
        threading.Thread(target=made.serve_forever, kwargs=arguments, daemon=True).start()
        yield made
        made.shutdown()


def send_rest(
    handler: BaseHTTPRequestHandler, body: bytes, resumes: bool, cut: int | None = None
) -> None:
    """Answer with a body, or with what of it lies behind the byte that a request begins at.

    Parameters
    ----------
    handler : BaseHTTPRequestHandler
    body : bytes
    resumes : bool
        Whether the server knows ranges; else it answers with the whole.
    cut : int, optional
        The byte at which the connection ends too early.
    """
    wanted = handler.headers.get("Range") if resumes else None
    begin = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else 0
    if begin >= len(body):
        handler.send_error(416)
        return
    handler.send_response(206 if wanted else 200)
    handler.send_header("Content-Length", str(len(body) - begin))
    if (coding := getattr(handler, "coding", None)) is not None:
        handler.send_header("Content-Encoding", coding)
    handler.end_headers()
    handler.wfile.write(body[begin:cut])
