"""Texts of answers that attack who reads them: each takes linear time and leaves nothing behind."""

from __future__ import annotations

import itertools
import json
import random
import time
from contextlib import suppress

import pytest

from engram.associations.annotators import answers, story_style
from engram.associations.annotators.answers import BrokenFormatError
from engram.associations.annotators.local_model import _STRING_END
from engram.files import delimited, quotation_marks
from engram.jobs.redaction import without_key

KEY = "sk-proj/4bXq-7Zt_Wm29LrP0vHd"
LONG = 100_000
#: No pattern takes more than linear time on these.
HOSTILE = {
    "blanks behind a fence": "```json" + " " * LONG,
    "blanks in a fence": "```" + " \n" * LONG + "x",
    "blanks": "a" + " " * LONG + "b",
    "backslashes": "\\" * LONG,
    "backslashes and marks": '\\\\"' * LONG,
    "quotation marks": '"' * LONG,
    "dashes": "a" + " - -- " * LONG,
    "long dash": "-" * LONG,
    "dots": "a" + ".. " * LONG,
    "punctuation": "_\u2014.,;" * LONG,
    "brackets": "[{(" * LONG,
    "apostrophes": "I'" * LONG,
    "percent": "%4" * LONG,
    "percent signs": "%25" * LONG,
    "ampersands": "&#x" * LONG,
    "escapes": "\\u00" * LONG,
    "digits": "1" * LONG + "x",
    "commas": ",1" * LONG + "x",
    "marks on letters": "a" + "\u0301" * LONG,
    "separators": "\u2028\x85" * LONG,
    "half of the key": KEY[:11] * LONG,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", list(HOSTILE))
def test_reading_takes_linear_time(name: str) -> None:
    text = HOSTILE[name][:LONG]
    begun = time.process_time()
    for read in (
        answers.from_json,
        lambda one: answers.checked(one, "word"),
        lambda one: answers._unfenced(one),
    ):
        with suppress(BrokenFormatError):
            read(text)
    _STRING_END.search(text)
    quotation_marks._NUMBER.fullmatch(text)
    delimited._COMMA_NUMBER.fullmatch(text)
    for granularity, written in itertools.product(("word", "sentence"), (None, (".", ","))):
        story_style.in_style("a " + text, granularity, written, False, frozenset())
    without_key(text, KEY)
    # A pattern that looks back from each place takes minutes here.
    assert time.process_time() - begun < 5


def test_any_answer_is_a_text_or_a_reason() -> None:
    rng = random.Random(8)
    signs = [
        "a",
        "I",
        "In ",
        "Paris",
        " ",
        '"',
        "'",
        "\u201c",
        "\u2019",
        "\\",
        "-",
        "--",
        "\u2014",
        ".",
        "...",
        "\u3002",
        ",",
        "[",
        "{",
        "}",
        ":",
        "```",
        "json",
        "\n",
        "\t",
    ]
    signs += [
        "\ud800",
        "\udc00",
        "\x00",
        "\x1b",
        "\u200d",
        "\u0301",
        "\ufeff",
        "\u202e",
        "\ufffd",
        "\U0001f600",
        "=",
        "1",
        "null",
        '{"association": "',
        '"}',
        "_",
    ]
    for _ in range(3000):
        content = "".join(rng.choices(signs, k=rng.randint(1, 12)))
        for answer in (
            content,
            json.dumps({"association": content}),
            f'{{"association": "{content}"}}',
        ):
            with suppress(BrokenFormatError):
                text = answers.checked(answers.from_json(answer), "word")
                for written in (None, (".", ",")) if text else ():
                    styled = story_style.in_style(text, "word", written, True, frozenset({"Paris"}))
                    assert styled
                    assert styled.isprintable()
                    assert "\ufffd" not in styled
