"""A language model behind a chat endpoint, which may be slow, broken or hostile.

What is read of an answer is bounded in time and bytes. The key is sent to the one address
and appears nowhere else.
"""

from __future__ import annotations

import http.client
import json
import logging
import os
import re
import threading
import time
import zlib
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from engram.associations.annotators.answers import LONGEST_ANSWER, from_json
from engram.associations.annotators.prompts import STORY_WORDS, check_granularity
from engram.errors import EngramError
from engram.fetch.addresses import secret_in
from engram.fetch.pinned_files import WAITS
from engram.jobs.redaction import without_key

if TYPE_CHECKING:
    import requests

logger = logging.getLogger(__name__)

#: Where the key of a chat endpoint is looked up.
KEY = "ENGRAM_CHAT_KEY"
#: Seconds that a server's Retry-After may make us wait, and that a connection may take.
LONGEST_WAIT, CONNECT = 120.0, 20.0
#: Bytes of an answer that are read: those of a model that thinks at length fit into it.
LARGEST_BODY = 1 << 20
#: Characters of a server's words in a message, and of a name that it gives.
_SHOWN, _NAME = 300, 200
#: Lone surrogates: JSON can write them, and no file can hold them.
_SURROGATES = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class _Reply:
    """What is used of an endpoint's reply; the body has at most `LARGEST_BODY` + 1 bytes."""

    status: int
    retry_after: str | None
    body: bytes


@dataclass(frozen=True)
class ChatAnnotator:
    """A language model behind an endpoint that speaks OpenAI's chat protocol.

    The key, if the endpoint wants one, is in the environment variable ``ENGRAM_CHAT_KEY``.
    It is sent, and kept nowhere.

    Attributes
    ----------
    address : str
        What stands before ``/chat/completions``; mostly ends in ``/v1``.
    model : str
        As the endpoint names it.
    granularity : {"word", "sentence"}
    cache : Path
        Folder of requests and answers.
    temperature : float
    seed : int
    timeout : float
        Seconds to wait for the next bytes of an answer.
    deadline : float
        Seconds that a try may take in all, from the connection to the last byte.
    waits : tuple of float
        Seconds before each new try.
    """

    address: str
    model: str
    granularity: str
    cache: Path
    temperature: float = 0.7
    seed: int = 0
    timeout: float = 120.0
    deadline: float = 180.0
    waits: tuple[float, ...] = WAITS

    def __post_init__(self) -> None:
        """Refuse an address that is none, or that holds a secret.

        Addresses are written into caches and messages.
        """
        check_granularity(self.granularity)
        try:
            parts = urlsplit(self.address)
        except ValueError:
            parts = urlsplit("")
        if found := secret_in(self.address) or (
            (parts.query or parts.fragment) and "a query or a fragment"
        ):
            raise EngramError(
                f"the address of the chat endpoint holds {found}. Write it without, "
                f"and put the key into {KEY}."
            )
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise EngramError(
                f"the address of the chat endpoint is '{self.address}'. "
                "It looks like https://host/v1."
            )

    def request(self, fill: Callable[[int], str], place: int) -> dict[str, Any]:
        """Return all that the answer depends on; the key is no part of it."""
        return {
            "address": self.address.rstrip("/"),
            "model": self.model,
            "messages": [{"role": "user", "content": fill(STORY_WORDS)}],
            "temperature": self.temperature,
            "seed": self.seed,
            "response_format": {"type": "json_object"},
        }

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Ask the endpoint, and again where that may help.

        Raises
        ------
        EngramError
            If it gives no answer.
        """
        import requests
        from urllib3.exceptions import HTTPError

        key = _key()
        url = f"{request['address']}/chat/completions"
        body = {name: value for name, value in request.items() if name != "address"}
        for attempt, wait in enumerate([*self.waits, None], start=1):
            wanted = None
            try:
                reply = _within(
                    self.deadline, lambda: _ask(url, body, key, self.timeout, self.deadline)
                )
                if reply.status == requests.codes.ok:
                    return _content(reply.body, url, key)
                failure = f"status {reply.status}"
                if reply.status < 500 and reply.status not in (408, 429):
                    raise _refused(reply, url, self.model, key)
                wanted = _retry_after(reply.retry_after)
                failure += _said(reply.body, key)
            except TimeoutError:
                failure = f"no whole answer within {self.deadline:g} s"
            except (
                requests.ConnectionError,
                requests.Timeout,
                requests.exceptions.ChunkedEncodingError,
                HTTPError,
                http.client.HTTPException,
            ) as error:
                failure = type(error).__name__
            except requests.RequestException as error:
                raise EngramError(
                    f"{url} cannot be asked ({type(error).__name__}). Check the "
                    "address of the chat endpoint."
                ) from None
            logger.warning("try %d of %s failed: %s", attempt, url, failure)
            if wait is None:
                break
            time.sleep(wait if wanted is None else wanted)
        raise EngramError(
            f"the chat endpoint {url} gave no answer ({attempt} tries, the last: {failure}). "
            "Check that it runs and can be reached, "
            "and run again: what was answered is kept."
        )

    def read(self, answer: dict[str, Any]) -> str:
        """Return the text of an answer."""
        return from_json(answer["content"])


# ---------------------------------------------------------------- one try
def _within(seconds: float, work: Callable[[], _Reply]) -> _Reply:
    """Return what `work` returns, or raise a `TimeoutError` after so many seconds.

    It runs in a thread, since a server that sends a byte now and then passes every timeout of a
    connection. A thread that is given up does not keep the process from ending.
    """
    done: Future[_Reply] = Future()

    def run() -> None:
        try:
            done.set_result(work())
        except BaseException as error:
            done.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return done.result(seconds)


def _ask(url: str, body: dict[str, Any], key: str, timeout: float, deadline: float) -> _Reply:
    """Send a request once.

    A redirection is not followed, so that no other host gets the key or the story.
    """
    import requests

    end = time.monotonic() + deadline

    def sign(prepared: requests.PreparedRequest) -> requests.PreparedRequest:
        # As a function rather than a header: otherwise a password for this host in ~/.netrc
        # would take the key's place.
        if key:
            prepared.headers["Authorization"] = f"Bearer {key}"
        return prepared

    class Session(requests.Session):
        def get_redirect_target(self, resp: requests.Response) -> None:
            """Return None, so that no redirection is followed.

            The library reads all of a redirection before it tells where that leads, also where
            nobody wants to go there.
            """

    options: dict[str, Any] = {
        "auth": sign,
        "timeout": (CONNECT, timeout),
        "allow_redirects": False,
        "stream": True,
    }
    with (
        Session() as session,
        session.post(url, json=body, headers={"Accept-Encoding": "identity"}, **options) as reply,
    ):
        return _Reply(reply.status_code, reply.headers.get("Retry-After"), _body(reply, end))


def _body(reply: requests.Response, end: float) -> bytes:
    """Return the bytes of a reply, up to one more than are allowed.

    That holds however many were sent or packed.
    """
    body = bytearray()
    # As they come, neither collected nor unpacked by the library: both have no bound.
    while len(body) <= LARGEST_BODY and (block := reply.raw.read1(1 << 16, decode_content=False)):
        body += block
        if time.monotonic() > end:
            raise TimeoutError
    # Not asked for, but some proxies pack everything.
    if reply.headers.get("Content-Encoding", "").strip().lower() == "gzip":
        try:
            return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(bytes(body), LARGEST_BODY + 1)
        except zlib.error:
            return b""
    return bytes(body[: LARGEST_BODY + 1])


def _retry_after(header: str | None) -> float | None:
    """Return the seconds that a server asks us to wait.

    It gives a number, or the date when we may come again.
    """
    if header is None:
        return None
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", header.strip()):
        seconds = float(header)
    else:
        try:
            date = parsedate_to_datetime(header)
            seconds = (
                (date if date.tzinfo else date.replace(tzinfo=UTC)) - datetime.now(UTC)
            ).total_seconds()
        except (ValueError, TypeError, LookupError, OverflowError):
            # All of which the library raises for what is no date.
            return None
    return min(max(seconds, 0.0), LONGEST_WAIT)


# ---------------------------------------------------------------- what it said
def _key() -> str:
    key = os.environ.get(KEY, "").strip()
    # Anything else would be told, key and all, by the HTTP library's message.
    if not re.fullmatch(r"[\x21-\x7e]*", key):
        raise EngramError(
            f"the environment variable {KEY} holds spaces, line breaks or letters that no key "
            "has. Set it to the key alone."
        )
    return key


def _said(body: bytes, key: str) -> str:
    """Return the beginning of what a server said, for a message.

    It is without the key, and without signs that would steer a terminal.
    """
    text = " ".join(without_key(body.decode("utf-8", "replace"), key).split())[:_SHOWN]
    return (
        f"; it said: {''.join(one if one.isprintable() else '?' for one in text)}" if text else ""
    )


def _refused(reply: _Reply, url: str, model: str, key: str) -> EngramError:
    if reply.status in (401, 403):
        # What it said stays out: some servers repeat parts of the key.
        state = "is set" if key else "is not set"
        return EngramError(
            f"the chat endpoint {url} refused us (status {reply.status}). The environment "
            f"variable {KEY} {state}: put a valid key there."
        )
    if reply.status < 400:
        return EngramError(
            f"the chat endpoint {url} answered with status {reply.status}, a redirection. "
            "Write the address that it leads to."
        )
    advice = (
        "Check the address (most end in /v1) and the model's name."
        if reply.status == 404
        else "Check the model's name and the settings."
    )
    return EngramError(
        f"the chat endpoint {url} refused the request for the model '{model}' (status "
        f"{reply.status}{_said(reply.body, key)}). {advice}"
    )


def _content(body: bytes, url: str, key: str) -> dict[str, Any]:
    """Return what is kept of an endpoint's answer.

    These are texts and counts, each bounded and without the key.
    """
    if len(body) > LARGEST_BODY:
        raise EngramError(
            f"{url} answered with more than {LARGEST_BODY} bytes, as no chat endpoint does. "
            "Check the address: most end in /v1."
        )
    try:
        answer = json.loads(body.decode("utf-8-sig", "replace"))
        choice = answer["choices"][0]
        content = choice["message"].get("content")
        finish = choice.get("finish_reason")
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise EngramError(
            f"{url} answered, but not as a chat endpoint does (choices, message, "
            f"content){_said(body, key)}. Check the address: most end in /v1."
        ) from None
    used = answer["usage"] if isinstance(answer.get("usage"), dict) else {}
    return {
        # One character too many is enough to refuse it.
        "content": _kept(content, LONGEST_ANSWER + 1, key) or "",
        "model": _kept(answer.get("model"), _NAME, key),
        "finish_reason": _kept(finish, _NAME, key),
        "usage": {
            name: used[name]
            for name in ("prompt_tokens", "completion_tokens")
            if type(used.get(name)) is int and 0 <= used[name] < 1 << 53
        },
    }


def _kept(value: object, longest: int, key: str) -> str | None:
    """Return a text as it can be written to disk; None for what is no text."""
    return (
        _SURROGATES.sub("\ufffd", without_key(value, key))[:longest]
        if isinstance(value, str)
        else None
    )
