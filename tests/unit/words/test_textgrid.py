"""Praat's TextGrids: forms, encodings, escapes, tiers, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from engram.errors import EngramError
from engram.words.timings.praat_escapes import unescaped
from engram.words.timings.read import word_timings
from engram.words.timings.textgrid import read_textgrid

Labels = list[tuple[float, float, str]]
WORDS: Labels = [
    (0.0, 0.25, "#"),
    (0.25, 0.5, "it\\` ll"),
    (0.5, 0.75, 'na\\i"ve'),
    (0.75, 0.75, ","),
    (0.75, 1.5, "twenty_one"),
    (1.5, 2.0, ""),
    (2.0, 3.0, "time—well"),
]
PHONES: Labels = [(0.25, 0.3, "AH0"), (0.3, 0.5, "L"), (0.5, 0.6, "N"), (0.6, 0.75, "sil")]
READ = ["it'll", "naïve,", "twenty one", "time—well"]


def quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def long_form(**tiers: Labels) -> str:
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", "xmin = 0 ", "xmax = 3 "]
    lines += ["tiers? <exists> ", f"size = {len(tiers)} ", "item []: "]
    for number, (name, labels) in enumerate(tiers.items(), start=1):
        lines += [f"    item [{number}]:", '        class = "IntervalTier" ']
        lines += [f"        name = {quoted(name)} ", "        xmin = 0 ", "        xmax = 3 "]
        lines += [f"        intervals: size = {len(labels)} "]
        for place, (begin, end, text) in enumerate(labels, start=1):
            lines += [f"        intervals [{place}]:", f"            xmin = {begin} "]
            lines += [f"            xmax = {end} ", f"            text = {quoted(text)} "]
    return "\n".join(lines) + "\n"


def short_form(**tiers: Labels) -> str:
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", "0", "3", "<exists>"]
    lines += [str(len(tiers))]
    for name, labels in tiers.items():
        lines += ['"IntervalTier"', quoted(name), "0", "3", str(len(labels))]
        for begin, end, text in labels:
            lines += [str(begin), str(end), quoted(text)]
    return "\n".join(lines) + "\n"


def chronological_form(**tiers: Labels) -> str:
    lines = ['"Praat chronological TextGrid text file"', "0 3   ! Time domain."]
    lines += [f"{len(tiers)}   ! Number of tiers."]
    lines += [f'"IntervalTier" {quoted(name)} 0 3' for name in tiers]
    for number, labels in enumerate(tiers.values(), start=1):
        for begin, end, text in labels:
            lines += ["", f"{number} {begin} {end}", quoted(text)]
    return "\n".join(lines) + "\n"


def grid(folder: Path, content: str, encoding: str = "utf-8", name: str = "a.TextGrid") -> Path:
    path = folder / name
    path.write_bytes(content.encode(encoding))
    return path


@pytest.mark.parametrize("form", [long_form, short_form, chronological_form])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_every_form_gives_the_same_words(
    tmp_path: Path, form: object, encoding: str, line_end: str
) -> None:
    assert callable(form)
    content = form(words=WORDS, phones=PHONES).replace("\n", line_end)
    words = word_timings(grid(tmp_path, content, encoding))
    assert words["word"].tolist() == READ
    assert words["onset"].tolist() == [0.25, 0.5, 0.75, 2.0]
    assert words["offset"].tolist() == [0.5, 0.75, 1.5, 3.0]
    assert words["sentence_end"].isna().all()


@pytest.mark.parametrize(
    ("escaped", "text"),
    [
        (r"i\` d", "i'd"),
        (r"\` reign", "'reign"),
        ('na\\i"ve', "naïve"),
        (r"caf\e'", "café"),
        (r"\c<ty\r<i", "čtyři"),
        (r"stra\sse", "straße"),
        (r"\bs", "\\"),
        (r"\O/re", "Øre"),
        (r"a\_ b", "a_b"),
        (r"\zz", r"\zz"),
        ("\\", "\\"),
        (r"x\`", "x'"),
    ],
)
def test_escapes_are_the_characters_they_stand_for(escaped: str, text: str) -> None:
    assert unescaped(escaped) == text


def test_labels_may_hold_what_looks_like_the_file(tmp_path: Path) -> None:
    labels = [
        (-1.5e-05, 0.5, 'item [1]: he said ""x"" = 7'),
        (0.5, 0.5, "intervals [2]:\n<exists> 3"),
    ]
    (tier,) = read_textgrid(grid(tmp_path, long_form(words=labels)))
    assert [(one.begin, one.end, one.text) for one in tier.labels] == labels


def test_the_tier_of_words_is_found_by_its_labels(tmp_path: Path) -> None:
    phrases = [(0.0, 3.0, "it'll naïve twenty one time well")]
    tiers = {"one": PHONES, "two": phrases, "three": WORDS}
    assert word_timings(grid(tmp_path, long_form(**tiers)))["word"].tolist() == READ


def test_speakers_have_tiers_of_their_own(tmp_path: Path) -> None:
    tiers = {
        "Mary - words": [(0.0, 1.0, "hello"), (2.0, 3.0, "well")],
        "Mary - phones": PHONES,
        "John - words": [(1.0, 2.0, "hi"), (2.5, 3.0, "yes")],
    }
    content = long_form(**tiers)
    words = word_timings(grid(tmp_path, content))
    assert words["word"].tolist() == ["hello", "hi", "well", "yes"]
    assert words["speaker"].tolist() == ["Mary", "John", "Mary", "John"]
    alone = word_timings(grid(tmp_path, content), tier="John - words")
    assert alone["word"].tolist() == ["hi", "yes"]
    pd.testing.assert_frame_equal(word_timings(grid(tmp_path, content), tier="words"), words)


def test_short_words_and_signs_are_no_phones(tmp_path: Path) -> None:
    for text in ("A GO TO IT IS HE ME WE I AM", "我 们 看 见 了 一 只 猫 在 帽 子 里 " * 2):
        labels = [(float(n), n + 0.5, word) for n, word in enumerate(text.split())]
        words = word_timings(grid(tmp_path, long_form(x=labels)))
        assert words["word"].str.upper().tolist() == text.split()
    assert len(word_timings(grid(tmp_path, long_form(phones=PHONES)), tier="phones")) == 3


def test_points_have_onsets_alone(tmp_path: Path) -> None:
    content = short_form(words=WORDS).replace("IntervalTier", "TextTier")
    lines = content.splitlines()
    begin = lines.index('"words"') + 4
    kept = [line for place, line in enumerate(lines) if place < begin or (place - begin) % 3 != 1]
    words = word_timings(grid(tmp_path, "\n".join(kept)))
    assert words["onset"].tolist() == [0.25, 0.5, 0.75, 2.0]
    assert words["offset"].isna().all()


TWO = {"a": WORDS, "b": [(0.0, 1.0, "other"), (1.0, 2.0, "words")]}
REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "no such tier": (long_form(**TWO), {"tier": "c"}, r"no tier 'c'.*1: 'a' \(5 intervals.*it'll"),
    "two tiers": (
        long_form(**TWO),
        {},
        r"which of its tiers.*tier: <name or number>.*2: 'b'.*other",
    ),
    "phones by name": (long_form(Phones=[(0.0, 1.0, "ʃiː")]), {}, "phones alone.*'tier: <name>'"),
    "a speaker's phones": (long_form(**{"Mary - phones": PHONES}), {}, "has tiers of phones alone"),
    "phones named beside words": (
        long_form(words=WORDS, phones=PHONES),
        {"tier": "phones"},
        "'phones' holds phones.*Write 'tier: words'",
    ),
    "a number of phones beside a speaker's words": (
        long_form(**{"Mary - words": WORDS, "Mary - phones": PHONES}),
        {"tier": "2"},
        "'Mary - phones' holds phones.*Write 'tier: Mary - words'",
    ),
    "ARPABET": (long_form(x=PHONES), {}, "has tiers of phones alone"),
    "IPA beside phrases": (
        long_form(
            x=[(0.0, 3.0, "the old house fell")],
            y=[(n / 10, n / 10 + 0.1, one) for n, one in enumerate(["ð", "oʊ", "l", "aʊ"] * 6)],
        ),
        {},
        "which of its tiers",
    ),
    "a page of the web": ("<html>not found</html>", {}, "is no TextGrid: it begins with '<html>"),
    "nothing": ("", {}, "is no TextGrid: it is empty"),
    "phrases": (long_form(words=[(0.0, 3.0, "all in one label")]), {}, "are phrases"),
    "silence": (long_form(words=[(0.0, 3.0, "sil")]), {}, "has no words"),
    "cut": (long_form(words=WORDS)[:-90], {}, "ends early"),
    "another": ('File type = "ooTextFile"\nObject class = "Pitch 1"\n', {}, "'Pitch 1'"),
    "comma": (long_form(words=WORDS).replace("xmax = 0.5", "xmax = 0,5"), {}, "found '0,5'.*point"),
    "milliseconds": (
        long_form(words=[(begin * 1000, end * 1000, text) for begin, end, text in WORDS]),
        {},
        "looks like milliseconds",
    ),
    "backwards": (
        long_form(words=[(1.0, 2.0, "one"), (0.0, 1.0, "two"), (2.0, 3.0, "three")]),
        {},
        "earlier than the word's before it",
    ),
    "ends first": (long_form(words=[(1.0, 0.5, "one"), (1.0, 2.0, "two")]), {}, "ends before it"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_read_is_refused(tmp_path: Path, case: str) -> None:
    content, options, message = REFUSED[case]
    with pytest.raises(EngramError, match=f"(?s){message}"):
        word_timings(grid(tmp_path, content), **options)


def test_other_encodings_are_refused(tmp_path: Path) -> None:
    with pytest.raises(EngramError, match="not UTF-8"):
        word_timings(grid(tmp_path, long_form(words=[(0.0, 1.0, "café")]), "latin-1"))
    with pytest.raises(EngramError, match="byte order mark"):
        word_timings(grid(tmp_path, long_form(words=WORDS), "utf-16-le"))
    with pytest.raises(EngramError, match="binary"):
        word_timings(grid(tmp_path, "ooBinaryFile\x08TextGrid"))


def test_a_format_that_is_not_known_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EngramError, match="'format: <format>', one of textgrid"):
        word_timings(grid(tmp_path, "", name="a.xyz"))
