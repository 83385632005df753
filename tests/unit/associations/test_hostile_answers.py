"""Chat endpoints that attack, each within a bound of time and memory.

They send answers without an end, of any content, and ones that repeat the key.
"""

from __future__ import annotations

import base64
import gzip
import html
import itertools
import json
import logging
import re
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import pytest

from engram.associations.annotators.annotation import Report, annotate
from engram.associations.annotators.chat import ChatAnnotator
from engram.errors import EngramError
from engram.jobs.redaction import holds_key, without_key

KEY = "sk-proj/4bXq-7Zt_Wm29LrP0vHd"
WORDS = ["Anna", "waited.", "It", "rained."]
SENTENCE = [0, 0, 1, 1]
LONG = 100_000
Say = Callable[[socket.socket], None]


@contextmanager
def serving(say: Say) -> Iterator[str]:
    """Yield the address of a server that says the same to everyone.

    The seconds of all of it must stay below 5.
    """
    with socket.create_server(("127.0.0.1", 0)) as server:

        def run() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    threading.Thread(target=speak, args=(connection,), daemon=True).start()

        def speak(connection: socket.socket) -> None:
            with connection, suppress(OSError):
                seen = b""
                while b"\r\n\r\n" not in seen:
                    seen += connection.recv(1 << 16)
                head, _, rest = seen.partition(b"\r\n\r\n")
                found = re.search(rb"(?i)content-length: (\d+)", head)
                missing = int(found[1]) - len(rest) if found else 0
                while missing > 0:
                    missing -= len(connection.recv(1 << 16))
                say(connection)

        threading.Thread(target=run, daemon=True).start()
        begun = time.monotonic()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/v1"
        assert time.monotonic() - begun < 5
        server.shutdown(socket.SHUT_RDWR)


def saying(body: bytes, status: int = 200, **headers: str) -> Say:
    lines = [
        f"HTTP/1.1 {status} X",
        f"Content-Length: {len(body)}",
        *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items()),
    ]
    return lambda connection: connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)


def endless(begin: bytes, block: bytes, pause: float = 0) -> Say:
    def say(connection: socket.socket) -> None:
        connection.sendall(begin)
        while True:
            connection.sendall(block)
            time.sleep(pause)

    return say


def protocol(content: object, **more: object) -> bytes:
    """An answer as endpoints give it, in ASCII, with `content` as the model's."""
    return json.dumps(
        {"choices": [{"message": {"content": content}, "finish_reason": "stop"}], **more}
    ).encode()


def association(text: str) -> str:
    return json.dumps({"association": text})


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that would have been waited between tries."""
    waited: list[float] = []
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("ENGRAM_CHAT_KEY", KEY)
    monkeypatch.setattr(
        "engram.associations.annotators.chat.time",
        SimpleNamespace(sleep=waited.append, monotonic=time.monotonic),
    )
    return waited


@pytest.fixture
def ask(tmp_path: Path) -> Callable[..., tuple[list[str], Report]]:
    def run(say: Say, again: Report | None = None, **settings: Any) -> tuple[list[str], Report]:
        with serving(say) as address:
            annotator = ChatAnnotator(
                address,
                "m",
                "sentence",
                tmp_path / "cache",
                **{"waits": (), "deadline": 3.0, **settings},
            )
            found, report = annotate(WORDS, SENTENCE, annotator, 1)
            if again is not None:
                assert annotate(WORDS, SENTENCE, annotator, 1) == (found, again)
        return [one.text for one in found], report

    return run


# ---------------------------------------------------------------- time and bytes
OK = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize("say", [
    endless(OK + b"Content-Length: 5000\r\n\r\n", b" ", 0.02),
    endless(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n", 0.02),
    endless(OK, b"X: y\r\n", 0.02),
    endless(b"", b"H", 0.02),
    endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n", 0.02),
], ids=["body", "chunks", "headers", "status", "continue"])  # fmt: skip
def test_answer_that_drips_ends_at_the_deadline(say: Say, ask: Any) -> None:
    """Each byte comes well within the time that a read may take."""
    with pytest.raises(
        EngramError, match=r"gave no answer \(2 tries, the last: no whole answer within 0.3 s\)"
    ):
        ask(say, deadline=0.3, waits=(0.0,))


@pytest.mark.parametrize(("say", "message"), [
    (endless(OK + b"\r\n", b" " * 65536), "more than 1048576 bytes"),
    (endless(OK + b"Content-Length: 99999999999\r\n\r\n", b"[" * 65536), "more than 1048576 bytes"),
    (endless(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + b"x" * 65536 + b"\r\n"),
        "more than 1048576 bytes"),
    (endless(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1" * 65536), "gave no answer"),
    (endless(OK + b"Transfer-Encoding: chunked\r\n\r\n-5\r\n", b"x" * 65536),
        "more than 1048576 bytes|gave no answer"),
    (endless(OK + b"X: ", b"x" * 65536), "gave no answer"),
    (endless(b"HTTP/1.1 500 X\r\n\r\n", b"x" * 65536), "status 500; it said: x{300}[^x]"),
    (endless(b"HTTP/1.1 302 X\r\nLocation: http://127.0.0.1:9/\r\n\r\n", b"x" * 65536),
        "a redirection"),
    (saying(gzip.compress(bytes(200 << 20), 1), Content_Encoding="gzip"),
        "more than 1048576 bytes"),
    (saying(gzip.compress(gzip.compress(bytes(20 << 20))), Content_Encoding="gzip, gzip"),
        "not as a chat endpoint"),
],
ids=["no length", "length", "chunks", "size of a chunk", "negative chunk", "header", "failure",
    "redirection", "gzip", "gzip twice"])  # fmt: skip
def test_answer_without_an_end_takes_bounded_memory(say: Say, message: str, ask: Any) -> None:
    import requests  # noqa: F401 - what importing takes is not the answer's

    tracemalloc.start()
    try:
        with pytest.raises(EngramError, match=message):
            ask(say)
        assert tracemalloc.get_traced_memory()[1] < 24 << 20
    finally:
        tracemalloc.stop()


def test_packed_answer_is_read(ask: Any) -> None:
    assert ask(saying(gzip.compress(protocol(association("rain"))), Content_Encoding="gzip"))[
        0
    ] == ["Rain."]
    with pytest.raises(EngramError, match="not as a chat endpoint"):
        ask(saying(b"no gzip", Content_Encoding="gzip"), seed=1)


def test_long_answer_is_not_of_the_form_and_is_kept_short(ask: Any, tmp_path: Path) -> None:
    assert ask(saying(protocol(association("x " * LONG))))[1].skipped == 1
    assert ask(saying(protocol(association("x" * 501))), seed=1)[1].skipped == 1
    assert ask(saying(protocol(association("x" * 500))), seed=2)[1].skipped == 0
    assert max(file.stat().st_size for file in (tmp_path / "cache").iterdir()) < 25_000


def test_long_names_and_huge_counts_are_not_kept(ask: Any, tmp_path: Path) -> None:
    usage = {"prompt_tokens": 10**400, "completion_tokens": True}
    assert ask(saying(protocol(association("rain"), model="m" * LONG, usage=usage))) == (
        ["Rain."],
        Report(asked=1),
    )
    (file,) = (tmp_path / "cache").iterdir()
    assert json.loads(file.read_text())["Answer"] == {
        **{"content": association("rain"), "model": "m" * 200, "finish_reason": "stop"},
        "usage": {},
    }


# ---------------------------------------------------------------- contents
@pytest.mark.parametrize("content", [
    association("rain \ud800"), '{"association": "rain \ud800"}',
    '{"association": "rain \udfff\ud800"}', association("rain\x00"),
    "[" * LONG, '{"association": ' * 5000, "```json\n" + " " * LONG, "```", "``````", "```" * LONG,
    association("rain \ufffd"),
    association("=\x1b[2J"), '{"association": ' + "9" * LONG + "}", "\ud800",
])  # fmt: skip
def test_hostile_content_is_skipped_and_kept(content: str, ask: Any, tmp_path: Path) -> None:
    assert ask(saying(protocol(content)), again=Report(cached=2, skipped=1)) == (
        [],
        Report(asked=2, skipped=1),
    )
    assert all(
        json.loads(file.read_text(encoding="utf-8")) for file in (tmp_path / "cache").iterdir()
    )


def test_letters_that_are_not_utf8_are_never_inserted(ask: Any) -> None:
    body = protocol('{"association": "un caf\u00e9"}').replace(rb"\u00e9", b"\xe9")
    assert ask(saying(body)) == ([], Report(asked=2, skipped=1))
    assert ask(saying(b"\xef\xbb\xbf" + protocol(association("un caf\u00e9 \U0001f600"))), seed=1)[
        0
    ] == ["Un caf\u00e9 \U0001f600."]


@pytest.mark.parametrize("body", [
    b"[" * LONG, b'{"choices": ' * 50_000, b"<html>" + b"<div>" * LONG, b"\xff\xfe" * LONG, b"null",
    b"9" * LONG, b'{"choices": [[]]}', b'{"choices": {"0": 1}}',
    b'{"choices": [{"message": "text"}]}', b"\x1b[2J\x07",
])  # fmt: skip
def test_hostile_body_is_no_answer(body: bytes, ask: Any) -> None:
    with pytest.raises(EngramError, match="not as a chat endpoint does") as caught:
        ask(saying(body))
    assert len(str(caught.value)) < 700
    assert str(caught.value).isprintable()


def test_nested_name_of_the_model_is_not_kept(ask: Any, tmp_path: Path) -> None:
    body = (
        protocol(association("rain"), model="MODEL")
        .replace(b'"MODEL"', b"[" * 300 + b"]" * 300)
        .replace(b'"stop"', b'{"a": []}')
    )
    assert ask(saying(body))[0] == ["Rain."]
    (file,) = (tmp_path / "cache").iterdir()
    assert (
        json.loads(file.read_text())["Answer"]["model"]
        is json.loads(file.read_text())["Answer"]["finish_reason"]
        is None
    )


@pytest.mark.parametrize(("header", "seconds"), [
    ("-5", 9), ("1e9", 9), ("1000000000", 120), ("9" * 5000, 120), ("nan", 9), ("inf", 9),
    ("-inf", 9),
    ("0x10", 9), ("", 9), (" ", 9), ("3.5", 3.5), ("\u00b2", 9),
    ("Fri, 31 Dec 9999 23:59:59 GMT", 120), ("Fri, 31 Dec 9999 23:59:59 -2359", 120),
    ("Fri, 31 Dec 99999 23:59:59 GMT", 9),
    ("Mon, 01 Jan 0001 00:00:00 GMT", 0),
    ("Mon, 01 Jan 2001 00:00:00 +99999999999", 9), ("Mon, 99 Jan 2001 99:99:99 GMT", 9),
    ("1, 2, 3", 9), (",,,,,", 9), ("0", 0),
])  # fmt: skip
def test_absurd_waits_are_bounded(
    header: str, seconds: float, ask: Any, no_waiting: list[float]
) -> None:
    with pytest.raises(EngramError, match="2 tries"):
        ask(
            lambda connection: connection.sendall(
                b"HTTP/1.1 429 X\r\nContent-Length: 0\r\nRetry-After: "
                + header.encode("latin-1")
                + b"\r\n\r\n"
            ),
            waits=(9.0,),
        )
    assert no_waiting == [seconds]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirection_takes_the_key_nowhere(status: int, ask: Any) -> None:
    visits: list[bool] = []
    with (
        serving(lambda _: visits.append(True)) as other,
        pytest.raises(EngramError, match="a redirection"),
    ):
        ask(saying(b"", status, Location=other + "/chat/completions"))
    assert visits == []


# ---------------------------------------------------------------- the key
def bearer(before: str) -> Callable[[str], str]:
    return lambda key: base64.b64encode((before + key + " and more").encode()).decode()


SPELLINGS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "a part": lambda key: key[3:18],
    "its end": lambda key: key[-12:],
    "percent": lambda key: quote(key, safe=""),
    "percent, small": lambda key: "".join(f"%{ord(one):02x}" for one in key),
    "percent twice": lambda key: quote(quote(key, safe=""), safe=""),
    "JSON": lambda key: json.dumps({"error": {"key": key}}).replace("/", "\\/"),
    "JSON, code points": lambda key: "".join(f"\\u{ord(one):04x}" for one in key),
    "JSON in JSON": lambda key: json.dumps("".join(f"\\u{ord(one):04X}" for one in key)),
    "repr": lambda key: repr({"Authorization": f"Bearer {key}"}.items()),
    "repr of bytes": lambda key: "".join(f"\\x{ord(one):02x}" for one in key),
    "HTML": lambda key: html.escape("<b>" + "".join(f"&#{ord(one)};" for one in key)).replace("&amp;", "&"),  # noqa: E501
    "HTML, hexadecimal": lambda key: "".join(f"&#x{ord(one):X};" for one in key),
    "lines": lambda key: "\n".join(key),
    "two lines": lambda key: f"{key[:9]}\r\n    {key[9:]}",
    "a list": lambda key: repr(list(key)),
    "concatenated": lambda key: f"'{key[:9]}' '{key[9:]}'",
    "base64": bearer(""),
    "base64 of Bearer": bearer("Bearer "),
    "base64 behind one more": bearer("Bearer: "),
    "base64 behind two more": bearer("me:Bearer"),
    "base64 of addresses": lambda key: base64.urlsafe_b64encode(key.encode()).decode().rstrip("="),
    "base64 in lines": lambda key: base64.encodebytes((key * 3).encode()).decode(),
    "base64, percent": lambda key: quote(bearer("Bearer ")(key), safe=""),
    "hexadecimal": lambda key: key.encode().hex().upper(),
}  # fmt: skip


@pytest.mark.parametrize("spelling", list(SPELLINGS))
def test_key_that_is_repeated_stays_out(
    spelling: str, ask: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    repeated = SPELLINGS[spelling](KEY)
    told = []
    for status, cut in itertools.product((200, 400, 500), (0, 285)):
        with pytest.raises(EngramError) as caught:
            ask(saying(b"x" * cut + b" " + repeated.encode(), status), waits=(0.0,))
        told.append(str(caught.value))
    assert ask(saying(protocol(association(repeated), model=repeated)))[1].skipped == 1
    kept = [file.read_text() for file in (tmp_path / "cache").iterdir()]
    assert kept
    for text in (*told, *kept, caplog.text):
        assert not holds_key(text, KEY)
        assert repeated not in text
        assert repeated[:20] not in text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "like rain on a tin roof",
        "sk-proj",
        "Invalid key: sk-proj/***",
        "sk-no-key-required is what llama.cpp takes",
        "%",
        "%zz",
        "\\",
        "&#;",
    ],
)
def test_text_without_the_key_is_left(text: str) -> None:
    assert without_key(text, KEY) == text
    assert without_key(text, "") == text


def test_keys_that_are_words_hide_no_text() -> None:
    """Local servers take any key, such as these."""
    assert (
        without_key("an empty station, where no key was needed and none required", "no-key")
        == "an empty station, where no key was needed and none required"
    )
    for key in ("not-needed", "sk-no-key-required"):
        assert not holds_key("an umbrella not needed; no key required", key)
        assert holds_key(f"the key is {key}.", key)
