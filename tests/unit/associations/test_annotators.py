"""Annotators against a chat endpoint on this machine, and with a small real model.

The endpoint can fail in every way.
"""

from __future__ import annotations

import hashlib
import json
import logging
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from late_train import BARE, PLACES, SENTENCE, WORDS

from engram.associations.annotators import story_style
from engram.associations.annotators.annotation import Report, annotate
from engram.associations.annotators.chat import ChatAnnotator
from engram.associations.annotators.prompts import prompt, template_of
from engram.associations.association_files import Association, read_associations, write_associations
from engram.errors import EngramError

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


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[Endpoint]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("ENGRAM_CHAT_KEY", raising=False)
    with Endpoint() as made:
        threading.Thread(
            target=made.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        ).start()
        yield made
        made.shutdown()


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that would have been slept."""
    seconds: list[float] = []
    monkeypatch.setattr("engram.associations.annotators.chat.time.sleep", seconds.append)
    return seconds


@pytest.fixture
def chat(endpoint: Endpoint, tmp_path: Path) -> ChatAnnotator:
    return ChatAnnotator(
        endpoint.address, "stub-1", "sentence", tmp_path / "cache", seed=3, waits=(0, 0)
    )


# ---------------------------------------------------------------- the chat endpoint
def test_annotation(
    endpoint: Endpoint, chat: ChatAnnotator, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "engram"):
        found, report = annotate(WORDS, SENTENCE, chat, 2)
    assert found == [
        Association(place, "Like a station in winter.", "sentence", "language model: stub-1")
        for place in PLACES
    ]
    assert report == Report(asked=5, cached=0, skipped=0, prompt_tokens=500, completion_tokens=35)
    assert "tokens: 500 read, 35 written" in caplog.text
    assert endpoint.paths == ["/v1/chat/completions"] * 5
    assert endpoint.keys == [None] * 5
    for place, request in zip(PLACES, endpoint.seen, strict=True):
        assert request == {
            "model": "stub-1",
            "messages": [{"role": "user", "content": prompt(WORDS, place, "sentence")}],
            "temperature": 0.7,
            "seed": 3,
            "response_format": {"type": "json_object"},
        }
    write_associations(tmp_path / "a.tsv", found, {})
    assert read_associations(tmp_path / "a.tsv", len(WORDS)) == found


def test_nothing_is_asked_twice(endpoint: Endpoint, chat: ChatAnnotator) -> None:
    first, _ = annotate(WORDS, SENTENCE, chat, 2)
    again, report = annotate(WORDS, SENTENCE, chat, 2)
    assert again == first
    assert report == Report(cached=5)
    assert len(endpoint.seen) == 5


def test_cache_is_named_by_what_the_answer_depends_on(
    endpoint: Endpoint, chat: ChatAnnotator, tmp_path: Path
) -> None:
    settings: list[dict[str, Any]] = [
        {},
        {"model": "stub-2"},
        {"granularity": "word"},
        {"temperature": 0.1},
        {"seed": 4},
    ]
    for number, changed in enumerate(settings, start=1):
        annotate(WORDS, SENTENCE, ChatAnnotator(**{**vars(chat), **changed}), 11)
        assert len(endpoint.seen) == number
    annotate(
        WORDS,
        SENTENCE,
        ChatAnnotator(
            **{**vars(chat), "address": endpoint.address + "/", "timeout": 3, "waits": ()}
        ),
        11,
    )
    assert len(endpoint.seen) == len(settings)
    files = list(chat.cache.iterdir())
    assert len(files) == len(settings)
    for file in files:
        assert (
            file.stem
            == hashlib.sha256(
                json.dumps(json.loads(file.read_text())["Request"], sort_keys=True).encode()
            ).hexdigest()
        )


def test_broken_cache_file_is_asked_again(endpoint: Endpoint, chat: ChatAnnotator) -> None:
    annotate(WORDS, SENTENCE, chat, 11)
    (file,) = chat.cache.iterdir()
    for broken in ("{", "[]", "{}", '{"Answer": {"content": null}}'):
        file.write_text(broken)
        assert annotate(WORDS, SENTENCE, chat, 11)[1].asked == 1
    assert annotate(WORDS, SENTENCE, chat, 11)[1].cached == 1


@pytest.mark.parametrize("number", [0, 1, 3])
def test_stop_in_the_middle_and_rerun(
    number: int, endpoint: Endpoint, chat: ChatAnnotator, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = ChatAnnotator.answer

    def stopping(self: ChatAnnotator, request: dict[str, Any]) -> dict[str, Any]:
        if len(endpoint.seen) == number:
            raise KeyboardInterrupt
        return real(self, request)

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(ChatAnnotator, "answer", stopping)
        annotate(WORDS, SENTENCE, chat, 2)
    assert len(endpoint.seen) == number
    found, report = annotate(WORDS, SENTENCE, chat, 2)
    assert [one.after_word for one in found] == PLACES
    assert (report.asked, report.cached) == (5 - number, number)
    assert len(endpoint.seen) == 5


def test_error_in_the_middle_and_rerun(endpoint: Endpoint, chat: ChatAnnotator) -> None:
    annotate(WORDS, SENTENCE, chat, 4)
    endpoint.fail(404)
    with pytest.raises(EngramError, match=r"status 404\)\. Check the address"):
        annotate(WORDS, SENTENCE, chat, 2)
    assert annotate(WORDS, SENTENCE, chat, 2)[1] == Report(3, 2, 0, 300, 21)
    assert len(endpoint.seen) == 6


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


# ---------------------------------------------------------------- answers
BROKEN = {
    "not JSON": "valid JSON",
    '{"association": "cut': "valid JSON",
    "": "empty",
    "  ": "empty",
    "{}": "the key",
    '["a"]': "the key",
    '{"association": null}': "not a text",
    said("two\nlines"): "line breaks",
    said("two\u2028lines"): "line breaks",
    said("word " * 41): "41 words",
    said("bell\u0007"): "cannot be printed",
    said("... 12"): "no words",
}


@pytest.mark.parametrize("content", list(BROKEN))
def test_broken_format_is_asked_again_with_a_note(
    content: str, endpoint: Endpoint, chat: ChatAnnotator
) -> None:
    endpoint.contents = [content]
    found, report = annotate(WORDS, SENTENCE, chat, 11)
    assert [one.text for one in found] == ["Like a station in winter."]
    assert report == Report(asked=2, prompt_tokens=200, completion_tokens=14)
    first, second = (request["messages"][0]["content"] for request in endpoint.seen)
    assert second.startswith(first)
    assert BROKEN[content] in second[len(first) :]


def test_broken_format_twice_is_skipped_and_the_skip_is_kept(
    endpoint: Endpoint, chat: ChatAnnotator, caplog: pytest.LogCaptureFixture
) -> None:
    endpoint.contents = [said("first"), "broken", "broken again"]
    found, report = annotate(WORDS, SENTENCE, chat, 2)
    assert [one.after_word for one in found] == [PLACES[0], *PLACES[2:]]
    assert (report.asked, report.skipped) == (6, 1)
    assert f"word {PLACES[1]} is skipped" in caplog.text
    again, report = annotate(WORDS, SENTENCE, chat, 2)
    assert again == found
    assert report == Report(cached=6, skipped=1)
    assert len(endpoint.seen) == 6


@pytest.mark.parametrize(
    "copied", ["Your sentence.", " ".join(WORDS[:4]), "something that EVERYONE knows"]
)
def test_a_part_of_the_prompt_is_no_association(
    copied: str, endpoint: Endpoint, chat: ChatAnnotator
) -> None:
    endpoint.content = said(copied)
    found, report = annotate(WORDS, SENTENCE, chat, 11)
    assert not found and (report.asked, report.skipped, report.empty) == (2, 1, 0)
    assert "word for word" in endpoint.seen[1]["messages"][0]["content"]


def test_examples_are_given_instead_of_instructions(
    endpoint: Endpoint, chat: ChatAnnotator
) -> None:
    template = template_of("sentence", "examples")
    found, _ = annotate(WORDS, SENTENCE, chat, 11, template=template, longest=3)
    asked = endpoint.seen[0]["messages"][0]["content"]
    place = found[0].after_word
    assert asked.endswith("Story: " + " ".join(WORDS[place - 2 : place + 1]))
    # What stands in one of the examples is no association either.
    endpoint.content = said("My grandmother kept one chipped cup.")
    assert annotate(WORDS, SENTENCE, chat, 5, template=template)[1].skipped == 2


@pytest.mark.parametrize("content", [said(""), said("  "), said("n/a"), said("None.")])
def test_nothing_comes_to_mind(content: str, endpoint: Endpoint, chat: ChatAnnotator) -> None:
    endpoint.content = content
    assert annotate(WORDS, SENTENCE, chat, 11) == (
        [],
        Report(asked=1, prompt_tokens=100, completion_tokens=7, empty=1),
    )
    assert annotate(WORDS, SENTENCE, chat, 11) == ([], Report(cached=1, empty=1))


def test_word_is_one_phrase_and_sentence_may_be_two(
    endpoint: Endpoint, chat: ChatAnnotator
) -> None:
    endpoint.content = said("A cold morning. We waited too.")
    assert [one.text for one in annotate(WORDS, SENTENCE, chat, 11)[0]] == [
        "A cold morning. We waited too."
    ]
    assert annotate(
        WORDS, SENTENCE, ChatAnnotator(**{**vars(chat), "granularity": "word"}), 11
    ) == ([], Report(2, 0, 1, 200, 14))
    endpoint.content = said("like Mr. Smith's shop")
    assert [
        one.text
        for one in annotate(
            WORDS, SENTENCE, ChatAnnotator(**{**vars(chat), "granularity": "word", "seed": 9}), 11
        )[0]
    ] == ["Like Mr. Smith's shop."]


def test_json_in_a_fence_is_read(endpoint: Endpoint, chat: ChatAnnotator) -> None:
    endpoint.content = f"```json\n{said('in a fence')}\n```"
    assert [one.text for one in annotate(WORDS, SENTENCE, chat, 11)[0]] == ["In a fence."]


@pytest.mark.parametrize(("text", "sentence", "word"), [
    ("every station smells of rain", "Every station smells of rain.",
        "every station smells of rain,"),
    ("Is it late?", "Is it late?", "is it late,"),
    ("“wet coats”", "Wet coats.", "wet coats,"),
    ("Anna's hat,", "Anna's hat.", "Anna's hat,"),
    ("like umbrellas –", "Like umbrellas.", "like umbrellas,"),
    ('He said "no."', 'He said "no."', 'he said "no.",'),
])  # fmt: skip
def test_style_of_a_story_with_punctuation(text: str, sentence: str, word: str) -> None:
    names = story_style.names_of(WORDS, SENTENCE) | {"Anna"}
    assert story_style.in_style(text, "sentence", (".", ","), True, names) == sentence
    assert story_style.in_style(text, "word", (".", ","), True, names) == sentence
    if '"no' not in text:
        assert story_style.in_style(text, "word", (".", ","), False, names) == word


@pytest.mark.parametrize(("text", "expected"), [
    ("Every station smells of rain, and wet coats.", "every station smells of rain and wet coats"),
    ("I wait. It's cold! Then we left…", "I wait it's cold then we left"),
    ("I'm late – as always.", "I'm late as always"),
    ("Alice's cat, in Paris.", "Alice's cat in Paris"),
    ("In Paris it rains.", "in Paris it rains"),
    ("Sherlock Holmes would know.", "Sherlock Holmes would know"),
    ("NASA waits too.", "NASA waits too"),
    ("Sunday mornings", "Sunday mornings"),
    ("A well-known song: 'Help!'", "a well-known song Help"),
    ("Dinah would jump.", "Dinah would jump"),
    ("There are days like that", "there are days like that"),
])  # fmt: skip
def test_style_of_a_story_without_punctuation(
    text: str, expected: str, endpoint: Endpoint, chat: ChatAnnotator
) -> None:
    endpoint.content = said(text)
    words = [*BARE, *["There", "was", "Alice", "with", "Dinah", "and", "there", "was", "Alice"]]
    found, _ = annotate(words, [*SENTENCE, *[99] * 9], chat, 11)
    assert [one.text for one in found] == [expected]


def test_pseudo_sentences_are_refused_unless_allowed(
    endpoint: Endpoint, chat: ChatAnnotator
) -> None:
    with pytest.raises(EngramError, match="pseudo-sentences"):
        annotate(BARE, SENTENCE, chat, 11, pseudo=True)
    assert endpoint.seen == []
    assert len(annotate(BARE, SENTENCE, chat, 11, pseudo=True, allow_pseudo=True)[0]) == 1


def test_story_that_is_too_short_or_does_not_fit(
    endpoint: Endpoint, chat: ChatAnnotator, caplog: pytest.LogCaptureFixture
) -> None:
    assert annotate(["One.", "Two."], [0, 1], chat) == ([], Report())
    assert "too few sentences" in caplog.text
    with pytest.raises(EngramError, match="2 words, and a sentence is given for 1"):
        annotate(["One.", "Two."], [0], chat)
    assert endpoint.seen == []
