"""Annotators against a chat endpoint on this machine, and with a small real model.

The endpoint can fail in every way.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import MODELS, STORY

from engram.associations.annotators import story_style
from engram.associations.annotators.annotation import Report, annotate
from engram.associations.annotators.answers import BrokenFormatError
from engram.associations.annotators.chat import ChatAnnotator
from engram.associations.annotators.local_model import LocalAnnotator
from engram.associations.annotators.printed_template import annotation_template
from engram.associations.annotators.prompts import places, prompt
from engram.associations.association_files import Association, read_associations, write_associations
from engram.errors import EngramError
from engram.words.punctuation import ends_sentence

SECRET = "sk-secret/0123456789"
SENTENCES = [
    "The train was late.",
    "Anna waited.",
    "A dog barked at her!",
    "Then it was still.",
] * 3
WORDS = [word for sentence in SENTENCES for word in sentence.split()]
SENTENCE = [index for index, sentence in enumerate(SENTENCES) for _ in sentence.split()]
PLACES = places(SENTENCE, 2)
BARE = [word.strip(".!") for word in WORDS]


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


# ---------------------------------------------------------------- places and prompts
@pytest.mark.parametrize(
    ("every", "expected"), [(1, [1, 3, 4]), (2, [3]), (3, [4]), (4, []), (9, [])]
)
def test_places_are_sentence_ends_but_the_last(every: int, expected: list[int]) -> None:
    assert places([0, 0, 1, 1, 2, 7], every) == expected


def test_places_of_the_default_and_of_nothing() -> None:
    assert places(list(range(9))) == [3, 7]
    assert places(list(range(8))) == [3]
    assert places([]) == []
    with pytest.raises(EngramError, match="every 0 sentences"):
        places([0, 1], 0)


@pytest.mark.parametrize("granularity", ["word", "sentence"])
def test_prompt_holds_the_story_up_to_the_place_and_nothing_beyond(granularity: str) -> None:
    rng = np.random.default_rng(5)
    for _ in range(50):
        words = [f"zq{index}qz" for index in range(int(rng.integers(1, 4000)))]
        place = int(rng.integers(len(words)))
        found = [
            int(index) for index in re.findall(r"zq(\d+)qz", prompt(words, place, granularity))
        ]
        assert found == list(range(max(0, place - 1499), place + 1))


@pytest.mark.parametrize("granularity", ["word", "sentence"])
def test_templates_of_the_project(granularity: str) -> None:
    text = prompt(["{story}", "{braces}"], 1, granularity)
    assert "<story>\n{story} {braces}\n</story>" in text
    assert '{"association": ' in text
    assert "JSON" in text  # endpoints that are asked for JSON want the word in the prompt


def test_prompt_with_a_template_of_ones_own() -> None:
    assert prompt(["a", "b", "c"], 1, "word", "Hear: {story}!\n") == "Hear: a b!"
    assert prompt(["a", "b", "c"], 2, "word", "{story}", longest=2) == "b c"


@pytest.mark.parametrize(("place", "granularity", "template", "message"), [
    (3, "word", None, "word 3 is not in the story"),
    (-1, "word", None, "word -1 is not in the story"),
    (0, "letter", None, "granularity is 'letter'"),
    (0, "word", "no story", "holds {story} 0 times"),
    (0, "word", "{story} {story}", "holds {story} 2 times"),
])  # fmt: skip
def test_prompt_refuses(place: int, granularity: str, template: str | None, message: str) -> None:
    with pytest.raises(EngramError, match=re.escape(message)):
        prompt(["a", "b", "c"], place, granularity, template)


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


@pytest.mark.parametrize("content", [said(""), said("  "), said("n/a"), said("None.")])
def test_nothing_comes_to_mind(content: str, endpoint: Endpoint, chat: ChatAnnotator) -> None:
    endpoint.content = content
    assert annotate(WORDS, SENTENCE, chat, 11) == (
        [],
        Report(asked=1, prompt_tokens=100, completion_tokens=7),
    )
    assert annotate(WORDS, SENTENCE, chat, 11) == ([], Report(cached=1))


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


# ---------------------------------------------------------------- a local model
@pytest.fixture
def one_thread() -> Iterator[None]:
    """On a busy machine a small model is faster alone."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.slow
@pytest.mark.usefixtures("one_thread")
def test_local_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    words = STORY.split()[:250]
    sentence = np.concatenate(
        [[0], np.cumsum([ends_sentence(word) for word in words])[:-1]]
    ).tolist()
    made = {
        name: LocalAnnotator(MODELS / "gpt2-tiny", "tiny", "sentence", tmp_path / name, seed=seed)
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    }
    state = torch.random.get_rng_state()
    found, report = annotate(words, sentence, made["a"], 7)
    assert report.asked >= len(places(sentence, 7)) == 2
    assert report.prompt_tokens == 216 * report.asked
    assert 0 < report.completion_tokens <= 40 * report.asked
    assert len(found) + report.skipped <= 2
    assert found, "a text at one place at least, for the seeds of this test"
    assert all(
        one.annotator == "language model: tiny" and re.search(r"[.!?][\"']?$", one.text)
        for one in found
    )
    torch.manual_seed(99)  # what the process drew before makes no difference
    assert annotate(words, sentence, made["b"], 7) == (found, report)
    assert annotate(words, sentence, made["c"], 7)[0] != found
    torch.random.set_rng_state(state)
    monkeypatch.setattr(LocalAnnotator, "answer", None)
    again = annotate(words, sentence, made["a"], 7)
    assert again == (found, Report(cached=report.asked, skipped=report.skipped))


@pytest.mark.parametrize(("content", "finish", "expected"), [
    ('like rain"}', "stop", "like rain"),
    ('"}', "stop", ""),
    (' like \\"rain\\" on tin" and more', "length", 'like "rain" on tin'),
    ("First one. Then another", "length", "First one."),
    ("first line\nsecond line", "length", "first line"),
    ("first line\\nsecond line\"", "length", "first line"),
    ("ended by the model", "stop", "ended by the model"),
    ("a broken \\escape\"", "length", "a broken \\escape"),
    ("Mr. Smith's shop. It", "length", "Mr. Smith's shop."),
    ("cut in the mid", "length", None),
    ("", "stop", None),
])  # fmt: skip
def test_answer_of_a_local_model_is_its_first_sentence(
    content: str, finish: str, expected: str | None, tmp_path: Path
) -> None:
    annotator = LocalAnnotator(MODELS / "gpt2-tiny", "tiny", "word", tmp_path)
    answer = {"content": content, "finish_reason": finish}
    if expected is None:
        with pytest.raises(BrokenFormatError):
            annotator.read(answer)
    else:
        assert annotator.read(answer) == expected


def test_chat_template_is_used_and_a_small_context_keeps_the_question(tmp_path: Path) -> None:
    annotator = LocalAnnotator(MODELS / "gpt2-tiny", "tiny", "word", tmp_path)
    annotator.__dict__["_room"] = 900
    words = [f"w{index}" for index in range(3000)]
    request = annotator.request(lambda longest: prompt(words, 2000, "word", longest=longest), 2000)
    text = request["messages"][0]["content"]
    assert text.startswith("You are a person who listens")
    assert " w2000\n" in text and "w2001" not in text and "w1000 " not in text
    assert len(annotator._tokens(text)) <= 900
    annotator._tokenizer.chat_template = (
        "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}<assistant>"
    )
    assert (
        annotator._tokenizer.decode(annotator._tokens("hello"))
        == '<user>hello<assistant>{"association": "'
    )


def test_request_to_a_local_model_depends_on_place_seed_and_weights(tmp_path: Path) -> None:
    for name in ("one", "two", "three"):
        (tmp_path / name).mkdir()
        for file in (MODELS / "gpt2-tiny").iterdir():
            (tmp_path / name / file.name).symlink_to(file)
    (tmp_path / "three" / "generation_config.json").unlink()

    def request(folder: str, seed: int, place: int) -> str:
        return json.dumps(
            LocalAnnotator(tmp_path / folder, "m", "word", tmp_path, seed=seed).request(
                lambda _: "same", place
            )
        )

    assert request("one", 1, 2) == request("two", 1, 2)
    assert (
        len(
            {
                request("one", 1, 2),
                request("one", 1, 3),
                request("one", 2, 2),
                request("three", 1, 2),
            }
        )
        == 4
    )


def test_local_folder_without_safe_weights_or_a_model(tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin").write_bytes(b"pickle")
    with pytest.raises(EngramError, match="no safetensors weights"):
        LocalAnnotator(tmp_path, "m", "word", tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(EngramError, match="cannot be loaded as a causal language model"):
        annotate(WORDS, SENTENCE, LocalAnnotator(tmp_path, "m", "word", tmp_path / "cache"), 11)


# ---------------------------------------------------------------- people
def test_template_for_people_shows_every_word_with_its_number() -> None:
    text = annotation_template(WORDS, SENTENCE)
    shown = re.findall(r"(\S+)\[(\d+)\]", text)
    assert [word for word, _ in shown] == WORDS
    assert [int(number) for _, number in shown] == list(range(len(WORDS)))
    assert text.count("after word ___") == text.count("\nSentence ") == len(SENTENCES)
    assert "Sentence 2\n    Anna[4] waited.[5]\n" in text
    assert max(map(len, text.splitlines())) < 140
