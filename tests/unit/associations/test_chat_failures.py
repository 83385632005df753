"""A chat endpoint that fails, refuses or needs a key: what is tried again, said and kept."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from chat_endpoint import SECRET, Endpoint, annotator, said, serving, sleeps
from late_train import SENTENCE, WORDS

from engram.associations.annotators.annotation import Report, annotate
from engram.associations.annotators.chat import ChatAnnotator
from engram.errors import EngramError


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[Endpoint]:
    yield from serving(monkeypatch)


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    return sleeps(monkeypatch)


@pytest.fixture
def chat(endpoint: Endpoint, tmp_path: Path) -> ChatAnnotator:
    return annotator(endpoint, tmp_path / "cache")


# ---------------------------------------------------------------- failures
def test_server_errors_are_tried_again(
    endpoint: Endpoint, chat: ChatAnnotator, slept: list[float]
) -> None:
    endpoint.fail(500, 503)
    found, report = annotate(WORDS, SENTENCE, chat, 11)
    assert len(found) == report.asked == 1
    assert len(endpoint.seen) == 3
    assert slept == [0, 0]


def test_server_that_only_fails(
    endpoint: Endpoint, chat: ChatAnnotator, slept: list[float]
) -> None:
    endpoint.fail(*[502] * 9, body=b"out of order")
    with pytest.raises(
        EngramError,
        match=r"gave no answer \(3 tries, the last: status 502; it said: out of order\).*run again",
    ):
        annotate(WORDS, SENTENCE, chat, 11)
    assert len(endpoint.seen) == 3
    assert not chat.cache.exists()


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7),
        ("0", 0),
        ("9999", 120),
        ("soon", 0.5),
        (None, 0.5),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
    ],
)
def test_too_many_requests(
    header: str | None, seconds: float, endpoint: Endpoint, chat: ChatAnnotator, slept: list[float]
) -> None:
    endpoint.fail(429, retry_after=header)
    annotate(WORDS, SENTENCE, ChatAnnotator(**{**vars(chat), "waits": (0.5,)}), 11)
    assert slept == [seconds]
    assert len(endpoint.seen) == 2


def test_too_many_requests_until_a_date(
    endpoint: Endpoint, chat: ChatAnnotator, slept: list[float]
) -> None:
    endpoint.fail(
        429, retry_after=format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    )
    endpoint.fail(
        429, retry_after=format_datetime(datetime.now(UTC) + timedelta(hours=60), usegmt=True)
    )
    annotate(WORDS, SENTENCE, chat, 11)
    assert 40 < slept[0] <= 60
    assert slept[1:] == [120]


def test_connection_refused(chat: ChatAnnotator, slept: list[float]) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}/v1"  # bound, and nobody listens
        with pytest.raises(
            EngramError,
            match=(
                rf"{address}/chat/completions gave no answer \(3 tries, "
                r"the last: ConnectionError\)"
            ),
        ):
            annotate(WORDS, SENTENCE, ChatAnnotator(**{**vars(chat), "address": address}), 11)
    assert slept == [0, 0]


def test_server_that_never_answers(chat: ChatAnnotator, slept: list[float]) -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        address = f"http://127.0.0.1:{deaf.getsockname()[1]}/v1"
        with pytest.raises(EngramError, match=r"2 tries, the last: ReadTimeout"):
            annotate(
                WORDS,
                SENTENCE,
                ChatAnnotator(**{**vars(chat), "address": address, "timeout": 0.1, "waits": (0,)}),
                11,
            )


@pytest.mark.parametrize("key", [None, SECRET])
@pytest.mark.parametrize("status", [401, 403])
def test_refusal_names_the_variable_of_the_key(
    status: int,
    key: str | None,
    endpoint: Endpoint,
    chat: ChatAnnotator,
    slept: list[float],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if key:
        monkeypatch.setenv("ENGRAM_CHAT_KEY", key)
    endpoint.fail(status)
    with pytest.raises(
        EngramError,
        match=(
            rf"status {status}\)\. The environment variable ENGRAM_CHAT_KEY "
            rf"{'is' if key else 'is not'} set"
        ),
    ):
        annotate(WORDS, SENTENCE, chat, 11)
    assert len(endpoint.seen) == 1


@pytest.mark.parametrize(("status", "message"), [
    (400, r"model 'stub-1' \(status 400; it said: no such setting\)"), (404, "most end in /v1"),
    (422, "status 422"), (302, "a redirection"),
])  # fmt: skip
def test_final_refusals(
    status: int, message: str, endpoint: Endpoint, chat: ChatAnnotator, slept: list[float]
) -> None:
    endpoint.fail(status, body=b"no such setting")
    with pytest.raises(EngramError, match=message):
        annotate(WORDS, SENTENCE, chat, 11)
    assert len(endpoint.seen) == 1
    assert not chat.cache.exists()


@pytest.mark.parametrize(
    "body",
    [
        b"<html>welcome</html>",
        b"{}",
        b"[]",
        b'{"choices": []}',
        b'{"choices": [{}]}',
        b'{"error": {"message": "overloaded"}}',
        b"",
    ],
)
def test_answer_that_is_not_of_the_protocol(
    body: bytes, endpoint: Endpoint, chat: ChatAnnotator
) -> None:
    endpoint.body = body
    with pytest.raises(EngramError, match="not as a chat endpoint does"):
        annotate(WORDS, SENTENCE, chat, 11)
    assert not chat.cache.exists()


@pytest.mark.parametrize("usage", [None, {}, [], {"prompt_tokens": None}])
def test_endpoint_that_counts_no_tokens(
    usage: Any, endpoint: Endpoint, chat: ChatAnnotator
) -> None:
    endpoint.usage = usage
    assert annotate(WORDS, SENTENCE, chat, 11)[1] == Report(asked=1)


@pytest.mark.parametrize("address", ["localhost:8000/v1", "ftp://host/v1", "", "https:///v1"])
def test_address_that_is_none(address: str, tmp_path: Path) -> None:
    with pytest.raises(EngramError, match="It looks like https://host/v1"):
        ChatAnnotator(address, "m", "word", tmp_path)


@pytest.mark.parametrize("address", ["https://me:hidden@host/v1", "https://host/v1?key=hidden"])
def test_address_with_a_secret_is_refused_and_not_repeated(address: str, tmp_path: Path) -> None:
    with pytest.raises(EngramError, match="ENGRAM_CHAT_KEY") as caught:
        ChatAnnotator(address, "m", "word", tmp_path)
    assert "hidden" not in str(caught.value)


# ---------------------------------------------------------------- the key
def test_key_is_sent_and_kept_nowhere(
    endpoint: Endpoint,
    chat: ChatAnnotator,
    slept: list[float],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("ENGRAM_CHAT_KEY", SECRET + "\n")  # as a file's last line gives it
    messages = []
    # A server that repeats the key wherever it can, and one that never answers.
    endpoint.fail(500, 429, body=SECRET.encode(), retry_after="1")
    endpoint.contents = [SECRET, said(f"the key is {SECRET}")]
    found, report = annotate(WORDS, SENTENCE, chat, 11)
    assert report.asked == 2
    for status in (400, 401, 403, 404, 500, 500, 500):
        endpoint.fail(status, body=b"x" * 290 + SECRET.encode())
    for _ in range(5):
        with pytest.raises(EngramError) as caught:
            annotate(WORDS, SENTENCE, chat, 3)
        messages.append(str(caught.value))
    endpoint.body = SECRET.encode()
    with pytest.raises(EngramError) as caught:
        annotate(WORDS, SENTENCE, chat, 3)
    messages.append(str(caught.value))
    assert set(endpoint.keys) == {f"Bearer {SECRET}"}
    kept = [file.read_text() for file in chat.cache.iterdir()]
    assert len(kept) == 2
    for text in (*kept, *messages, caplog.text, repr(found), repr(chat)):
        assert "sk-secret" not in text
        assert "0123456789" not in text


@pytest.mark.parametrize("key", ["hidden\nkey", "hidden key", "hidden\u00e9"])
def test_key_that_cannot_be_sent(
    key: str, endpoint: Endpoint, chat: ChatAnnotator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENGRAM_CHAT_KEY", key)
    with pytest.raises(EngramError, match="ENGRAM_CHAT_KEY") as caught:
        annotate(WORDS, SENTENCE, chat, 11)
    assert "hidden" not in str(caught.value)
    assert endpoint.seen == []


def test_key_is_not_replaced_by_a_password_of_netrc(
    endpoint: Endpoint, chat: ChatAnnotator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password mine\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    annotate(WORDS, SENTENCE, chat, 11)
    monkeypatch.setenv("ENGRAM_CHAT_KEY", SECRET)
    annotate(WORDS, SENTENCE, chat, 5)
    assert endpoint.keys[0] is None
    assert set(endpoint.keys[1:]) == {f"Bearer {SECRET}"}


def test_key_is_no_part_of_a_request(
    endpoint: Endpoint, chat: ChatAnnotator, monkeypatch: pytest.MonkeyPatch
) -> None:
    annotate(WORDS, SENTENCE, chat, 11)
    monkeypatch.setenv("ENGRAM_CHAT_KEY", SECRET)
    assert annotate(WORDS, SENTENCE, chat, 11)[1].cached == 1
