"""A chat endpoint on this machine that can fail in every way."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from engram.associations.annotators.chat import ChatAnnotator

SECRET = "sk-secret/0123456789"


def said(text: str) -> str:
    return json.dumps({"association": text})


class Endpoint(ThreadingHTTPServer):
    """Speaks the chat protocol: answers what it is told to, and counts itself the requests."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        # What to answer first: status, headers, body.
        self.first: list[tuple[int, dict[str, str], bytes]] = []
        self.contents: list[str] = []  # what the model says, before it repeats `content`
        self.content = said("like a station in winter")
        self.body: bytes | None = None  # answered instead of the protocol
        self.seen: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.paths: list[str] = []
        self.usage: Any = {"prompt_tokens": 100, "completion_tokens": 7, "total_tokens": 107}

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def fail(self, *statuses: int, body: bytes = b"", retry_after: str | None = None) -> None:
        headers = (
            {"Location": "/elsewhere"} if retry_after is None else {"Retry-After": retry_after}
        )
        self.first += [(status, headers, body) for status in statuses]


class Handler(BaseHTTPRequestHandler):
    server: Endpoint

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.seen.append(request)
        self.server.keys.append(self.headers.get("Authorization"))
        self.server.paths.append(self.path)
        status, headers, body = (
            self.server.first.pop(0) if self.server.first else (200, {}, self.server.body)
        )
        if body is None:
            content = self.server.contents.pop(0) if self.server.contents else self.server.content
            choice = {
                "index": 0,
                "message": {"role": "assistant", "content": content},
                "finish_reason": "stop",
            }
            answer = {
                "id": "1",
                "object": "chat.completion",
                "model": request["model"],
                "choices": [choice],
                "usage": self.server.usage,
            }
            body = json.dumps(answer).encode()
        self.send_response(status)
        for name, value in {
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            **headers,
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


def serving(monkeypatch: pytest.MonkeyPatch) -> Iterator[Endpoint]:
    """Yield an endpoint that answers until it is let go of."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("ENGRAM_CHAT_KEY", raising=False)
    with Endpoint() as made:
        threading.Thread(
            target=made.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        ).start()
        yield made
        made.shutdown()


def sleeps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the seconds that annotators would have slept."""
    seconds: list[float] = []
    monkeypatch.setattr("engram.associations.annotators.chat.time.sleep", seconds.append)
    return seconds


def annotator(endpoint: Endpoint, cache: Path) -> ChatAnnotator:
    """Return an annotator of sentences that asks an endpoint."""
    return ChatAnnotator(endpoint.address, "stub-1", "sentence", cache, seed=3, waits=(0, 0))
