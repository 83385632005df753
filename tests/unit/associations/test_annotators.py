"""Annotators against a chat endpoint on this machine: what is asked, and what answers become."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from chat_endpoint import Endpoint, annotator, said, serving, sleeps
from late_train import BARE, PLACES, SENTENCE, WORDS

from engram.associations.annotators import story_style
from engram.associations.annotators.annotation import Report, annotate
from engram.associations.annotators.chat import ChatAnnotator
from engram.associations.annotators.prompts import prompt, template_of
from engram.associations.association_files import Association, read_associations, write_associations
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
