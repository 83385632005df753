"""Files of aligners and transcribers: what each reader gives, and how formats are told apart."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from engram.errors import EngramError
from engram.words.timings import formats, names
from engram.words.timings.read import story_timings, word_timings


def write(folder: Path, name: str, content: Any, encoding: str = "utf-8") -> Path:
    path = folder / name
    text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
    path.write_bytes(text.encode(encoding))
    return path


def rows(path: Path, **options: Any) -> list[tuple[Any, ...]]:
    """Return word, onset and offset of each word; None for a time that is not known."""
    words = word_timings(path, **options)
    return [
        (word, *(None if math.isnan(time) else time for time in times))
        for word, *times in words[["word", "onset", "offset"]].itertuples(index=False)
    ]


def test_every_format_has_a_reader() -> None:
    assert tuple(formats.FORMATS) == names.FORMAT_NAMES


# ---------------------------------------------------------------- Gentle
GENTLE = "Once,Once,0.5,0.75\nupon,<unk>,0.75,1\na,a,,\nB612,<unk>,,\ntime,time,1.5,2\n"


def test_gentles_table(tmp_path: Path) -> None:
    expected = [
        ("Once", 0.5, 0.75),
        ("upon", 0.75, 1.0),
        ("a", None, None),
        ("B612", None, None),
        ("time", 1.5, 2.0),
    ]
    for encoding in ("utf-8", "utf-8-sig"):
        assert rows(write(tmp_path, "align.csv", GENTLE, encoding)) == expected
    assert rows(write(tmp_path, "align.csv", GENTLE.replace("\n", "\r\n"))) == expected
    assert rows(write(tmp_path, "x.txt", GENTLE), format="gentle") == expected


def gentle(text: str, *words: tuple[str, float | None]) -> dict[str, Any]:
    """Return Gentle's JSON of a text; words last a quarter of a second."""
    found, place = [], 0
    for word, start in words:
        begin = text.index(word, place)
        place = begin + len(word)
        one: dict[str, Any] = {"word": word, "startOffset": begin, "endOffset": place}
        one["case"] = "not-found-in-audio" if start is None else "success"
        if start is not None:
            one |= {"start": start, "end": start + 0.25, "alignedWord": word.lower()}
        found.append(one)
    return {"transcript": text, "words": found}


def test_gentles_json_has_the_transcripts_punctuation(tmp_path: Path) -> None:
    content = gentle(
        "“Well-known, isn't it?” — Yes (I say).",
        ("Well", 1.0),
        ("known", 1.25),
        ("isn't", None),
        ("it", 2.0),
        ("Yes", 3.0),
        ("I", 3.5),
        ("say", 4.0),
    )
    extra = {"case": "not-found-in-transcript", "start": 2.5, "end": 2.75, "alignedWord": "uh"}
    content["words"].insert(4, extra)
    assert rows(write(tmp_path, "align.json", content)) == [
        ("“Well-known,", 1.0, 1.5),
        ("isn't", None, None),
        ("it?” —", 2.0, 2.25),
        ("Yes", 3.0, 3.25),
        ("(I", 3.5, 3.75),
        ("say).", 4.0, 4.25),
    ]


def test_gentles_json_without_places_has_bare_words(tmp_path: Path) -> None:
    words = [{"case": "success", "word": "Hello", "start": 1.0, "end": 2.0}]
    assert rows(write(tmp_path, "a.json", {"transcript": "Hello.", "words": words})) == [
        ("Hello", 1.0, 2.0)
    ]


# ---------------------------------------------------------------- Whisper
def whisperx(**more: Any) -> dict[str, Any]:
    words = [
        {"word": "In", "start": 0.5, "end": 0.7, "score": 0.9},
        {"word": "1909,"},
        {"word": "he", "start": 1.5, "end": 1.6},
    ]
    second = [{"word": "said.", "start": 2.0, "end": 2.25, "speaker": "SPEAKER_01"}]
    return {
        "segments": [
            {"start": 0.5, "end": 1.6, "text": " In 1909, he", "words": words, **more},
            {"start": 2.0, "end": 2.3, "text": " said.", "words": second},
            {"start": 3.0, "end": 4.0, "text": " Not aligned.", "words": []},
        ],
        "word_segments": [*words, *second],
    }


def test_whisperx_leaves_numbers_without_times(tmp_path: Path) -> None:
    path = write(tmp_path, "a.json", whisperx(speaker="SPEAKER_00"))
    assert rows(path) == [
        ("In", 0.5, 0.7),
        ("1909,", None, None),
        ("he", 1.5, 1.6),
        ("said.", 2.0, 2.25),
        ("Not", None, None),
        ("aligned.", None, None),
    ]
    speakers = word_timings(path)["speaker"]
    assert speakers[:4].tolist() == ["SPEAKER_00"] * 3 + ["SPEAKER_01"]


def test_whispers_words_go_on_where_no_blank_begins_them(tmp_path: Path) -> None:
    words = [
        {"word": " A", "start": 0.0, "end": 0.2, "probability": 1.0},
        {"word": " well", "start": 0.2, "end": 0.4},
        {"word": "-known", "start": 0.4, "end": 0.9},
        {"word": " [Music]", "start": 1.0, "end": 2.0},
    ]
    next_words = [{"word": "thing.", "start": 3.0, "end": 3.5}]
    content = {"text": "", "segments": [{"words": words}, {"words": next_words}]}
    expected = [("A", 0.0, 0.2), ("well-known", 0.2, 0.9), ("thing.", 3.0, 3.5)]
    assert rows(write(tmp_path, "a.json", content)) == expected
    chunks = [
        {"text": word["word"], "timestamp": [word["start"], word["end"]]}
        for word in [*words, {"word": " thing.", "start": 3.0, "end": 3.5}]
    ]
    chunks[-1]["timestamp"] = [3.0, None]
    found = rows(write(tmp_path, "b.json", {"text": "", "chunks": chunks}))
    assert found == [*expected[:2], ("thing.", 3.0, None)]


def test_words_beside_segments_without_words(tmp_path: Path) -> None:
    """As the interface of OpenAI writes them where both are asked for."""
    words = [{"word": "one", "start": 0.5, "end": 0.9}, {"word": "two", "start": 1.0, "end": 1.5}]
    content = {"segments": [{"start": 0.5, "end": 1.5, "text": " one two"}], "words": words}
    expected = [("one", 0.5, 0.9), ("two", 1.0, 1.5)]
    assert rows(write(tmp_path, "a.json", content)) == expected


def test_speakers_of_whisperx_may_talk_at_once(tmp_path: Path) -> None:
    def segment(speaker: str, *words: tuple[str, float | None]) -> dict[str, Any]:
        told = [{"word": word, "start": at, "end": at and at + 0.5} for word, at in words]
        return {"speaker": speaker, "words": told}

    mary = segment("A", ("1", None), ("so", 1.0), ("2", None), ("then", 3.0))
    path = write(tmp_path, "a.json", {"segments": [mary, segment("B", ("yes", 2.5))]})
    assert word_timings(path)["word"].tolist() == ["1", "so", "2", "yes", "then"]
    assert word_timings(path)["speaker"].tolist() == ["A", "A", "A", "B", "A"]
    disorder = segment("B", ("yes", 2.5), ("no", 2.0))
    with pytest.raises(EngramError, match="earlier than the word's before it"):
        word_timings(write(tmp_path, "b.json", {"segments": [mary, disorder]}))


def test_chinese_words_have_no_blanks(tmp_path: Path) -> None:
    words = [{"word": word, "start": float(n), "end": n + 0.5} for n, word in enumerate("小王子说")]
    found = rows(write(tmp_path, "a.json", {"segments": [{"words": words}]}))
    assert [word for word, *_ in found] == list("小王子说")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"segments": [{"start": 0, "end": 2, "text": " Only."}]}, "times of segments, not"),
        ({"chunks": [{"text": " One two.", "timestamp": [0, 2]}]}, "times of phrases, not"),
        ({"segments": [{"words": [{"word": "a", "start": "0:01"}]}]}, "word 1: 'start' is '0:01'"),
        ({"results": []}, r"JSON of no known form.*\['results'\].*Whisper's 'segments'"),
        ("[1, 2]", "holds no JSON object"),
        ('{"segments": [', "is no JSON .* Is it whole"),
    ],
)
def test_json_without_words_is_refused(tmp_path: Path, content: Any, message: str) -> None:
    with pytest.raises(EngramError, match=message):
        word_timings(write(tmp_path, "a.json", content))


# ---------------------------------------------------------------- Montreal Forced Aligner
def test_mfas_json(tmp_path: Path) -> None:
    words = {"type": "interval", "entries": [[0.0, 0.4, "hello"], [0.5, 1.0, "there"]]}
    phones = {"type": "interval", "entries": [[0.0, 0.1, "HH"], [0.1, 0.4, "AH0"]]}
    content = {"start": 0, "end": 1, "tiers": {"phones": phones, "words": words}}
    expected = [("hello", 0.0, 0.4), ("there", 0.5, 1.0)]
    assert rows(write(tmp_path, "a.json", content)) == expected
    tiers = [
        {"class": "IntervalTier", "name": "ORT-MAU", "entries": words["entries"]},
        {"class": "TextTier", "name": "clicks", "entries": [[0.2, "click"]]},
    ]
    assert rows(write(tmp_path, "a.json", {"xmin": 0, "xmax": 1, "tiers": tiers})) == expected


MFA = """Begin,End,Label,Type,Speaker
0.0,0.4,hello,words,Mary
0.5,0.9,there,words,Mary
0.3,0.6,<unk>,words,John
0.0,0.1,HH,phones,Mary
"""


def test_mfas_table(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", MFA.replace("<unk>", "hi"))
    assert rows(path) == [("hello", 0.0, 0.4), ("hi", 0.3, 0.6), ("there", 0.5, 0.9)]
    assert word_timings(path)["speaker"].tolist() == ["Mary", "John", "Mary"]
    one = write(tmp_path, "b.csv", "\n".join(MFA.splitlines()[:3]) + "\n")
    assert rows(one) == [("hello", 0.0, 0.4), ("there", 0.5, 0.9)]
    for separator in ";\t":
        saved = write(tmp_path, "c.csv", one.read_text().replace(",", separator), "utf-8-sig")
        assert rows(saved) == rows(one)


def test_unknown_words_need_a_transcript(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", MFA)
    with pytest.raises(EngramError, match="1 of 3 words are '<unk>'.*transcript: <file>"):
        word_timings(path)
    text = write(tmp_path, "text.txt", "Hello, Zoë there!")
    assert rows(path, transcript=text) == [
        ("Hello,", 0.0, 0.4),
        ("Zoë", 0.3, 0.6),
        ("there!", 0.5, 0.9),
    ]


# ---------------------------------------------------------------- CTM
CTM = """;; a comment
story 1 0.50 0.25 once 0.98
story 1 0.75 0.25 <eps> 1.0
story 1 1.00 0.00 upon ;; lasts no time
story 1 1.25 0.50 [laughter] 1.0 noise
"""


def test_ctm(tmp_path: Path) -> None:
    assert rows(write(tmp_path, "a.ctm", CTM)) == [("once", 0.5, 0.75), ("upon", 1.0, 1.0)]
    two = "s A 0.0 0.5 hi 1.0\ns A 2.0 0.5 well 1.0\ns B 1.0 0.5 yes 1.0\n"
    path = write(tmp_path, "b.ctm", two)
    assert rows(path) == [("hi", 0.0, 0.5), ("yes", 1.0, 1.5), ("well", 2.0, 2.5)]
    assert word_timings(path)["speaker"].tolist() == ["A", "B", "A"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a 1 0.5 0.25 once\nb 1 1.0 0.25 upon\n", r"words of 2 recordings \(a, b\)"),
        ("a 1 0.5 once\n", "line 1: 'a 1 0.5 once'. A line of a CTM file has <recording>"),
        ("a 1 0,5 0,25 once\n", "line 1: '0,5' is no time in seconds"),
        (";; nothing\n", "has no words"),
    ],
)
def test_wrong_lines_of_ctm_are_refused(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(EngramError, match=message):
        word_timings(write(tmp_path, "a.ctm", content))


# ---------------------------------------------------------------- tables
TABLE = "no\ttoken\tbeg\tdur\tpart\n1\tOnce,\t0.5\t0.25\ta\n2\t#\t0.75\t0.25\ta\n3\tend\t0\t1\tb\n"


def test_columns_have_the_names_that_the_user_gives(tmp_path: Path) -> None:
    columns = {"word": "token", "onset": "beg", "duration": "dur"}
    path = write(tmp_path, "a.tsv", TABLE)
    assert rows(path, columns=columns, rows={"part": "a"}) == [("Once,", 0.5, 0.75)]
    assert rows(path, columns=columns, rows={"part": "b"}) == [("end", 0.0, 1.0)]
    wide = write(tmp_path, "b.tsv", TABLE, "utf-16")
    assert rows(wide, columns=columns, rows={"part": "b"}) == [("end", 0.0, 1.0)]
    semicolons = write(tmp_path, "a.csv", TABLE.replace("\t", ";"))
    assert rows(semicolons, columns=columns, rows={"part": "b"}) == [("end", 0.0, 1.0)]


def test_usual_names_are_found(tmp_path: Path) -> None:
    content = ',text,start,end,sentence_end\n0,"Yes, sir",0.5,1,false\n1,no,1,2,true\n'
    path = write(tmp_path, "a.csv", content)
    assert rows(path) == [("Yes, sir", 0.5, 1.0), ("no", 1.0, 2.0)]
    assert word_timings(path)["sentence_end"].tolist() == [False, True]


def test_rows_without_a_word_are_silence_or_second_halves(tmp_path: Path) -> None:
    halves = "word\tonset\toffset\ndu\t1\t1.25\n \t1.25\t1.5\njour\t2\t3\n"
    assert rows(write(tmp_path, "a.tsv", halves)) == [("du", 1.0, 1.5), ("jour", 2.0, 3.0)]
    silence = halves.replace("1.25\t1.5\n", "1.25\t1.75\n")
    assert rows(write(tmp_path, "b.tsv", silence)) == [("du", 1.0, 1.25), ("jour", 2.0, 3.0)]


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        ("a\tb\n1\t2\n", {}, r"plainly the word or the onset. It has: \['a', 'b'\].*columns:"),
        (
            "word\tonset\nx\t1\n",
            {"columns": {"word": "w"}},
            "no column 'w' .columns: word.*'onset'",
        ),
        ("word\ttext\tonset\nx\ty\t1\n", {"columns": {"word": "text"}}, None),
        ("token\ttext\tonset\nx\ty\t1\n", {}, "which column is the word, token or text.*columns:"),
        ("word\tonset\nx\t1\n", {"rows": {"part": "a"}}, r"lacks the column\(s\) \['part'\]"),
        (TABLE, {"rows": {"part": "c"}, "columns": {"onset": "beg"}}, "'c' in the column.*: a, b"),
        ("word\tonset\nx\t0,5\n", {}, "line 2, column 'onset': '0,5' is no number.*0.5"),
        ("word\tonset\toffset\nx\t500\t900\ny\t900\t1400\n", {}, "looks like milliseconds"),
        ("word\tonset\nx\t2\ny\t1\n", {}, "line 3: the onset"),
        ("x\t1\t2\ny\t2\t3\n", {}, r"line 1: it names no columns, but holds \['x', '1', '2'\]"),
        (
            "tier\tlabel\tonset\nwords\tx\t1\nphones\tEH\t1\n",
            {},
            "several tiers in its column 'tier': phones, words.*rows: {tier: words}",
        ),
        ("type\tword\tonset\nword\ty\t1\npunctuation\t.\t1\n", {}, None),
        ("word\tonset\n#NAME?\t2\n", {}, "line 2: '#NAME.' is how a spreadsheet"),
        ("word\tonset\n,\t2\n", {}, "has no words"),
        ("word\tonset\nx\tn/a\n", {}, "none of its 1 words has a time"),
    ],
)
def test_natural_mistakes_in_tables(
    tmp_path: Path, content: str, options: dict[str, Any], message: str | None
) -> None:
    path = write(tmp_path, "a.tsv", content)
    if message is None:
        assert [(word.strip("."), *times) for word, *times in rows(path, **options)] == [
            ("y", 1.0, None)
        ]
        return
    with pytest.raises(EngramError, match=message):
        word_timings(path, **options)


# ---------------------------------------------------------------- which format
def test_options_of_another_format_are_refused(tmp_path: Path) -> None:
    with pytest.raises(EngramError, match="read as gentle, which takes no 'tier'"):
        word_timings(write(tmp_path, "a.csv", GENTLE), tier="words")
    with pytest.raises(EngramError, match="read as ctm, which takes no 'columns'"):
        word_timings(write(tmp_path, "a.ctm", CTM), columns={"word": "w"})


def test_a_wrong_format_says_what_is_there(tmp_path: Path) -> None:
    path = write(tmp_path, "a.json", whisperx())
    with pytest.raises(EngramError, match="no alignment by Gentle.*'segments'"):
        word_timings(path, format="gentle")
    with pytest.raises(EngramError, match="is JSON, and 'format: textgrid' is another.*whisper"):
        word_timings(path, format="textgrid")
    with pytest.raises(EngramError, match="needs 'tiers'"):
        word_timings(path, format="mfa")
    with pytest.raises(EngramError, match="Subtitles have times of phrases"):
        word_timings(write(tmp_path, "a.srt", "1\n"))
    with pytest.raises(EngramError, match="is not there"):
        word_timings(tmp_path / "b.TextGrid")


# ---------------------------------------------------------------- several files
def test_sections_have_offsets(tmp_path: Path) -> None:
    write(tmp_path, "one.ctm", "s 1 0.5 0.25 once\n")
    write(tmp_path, "two.tsv", "word\tonset\nupon\t0.25\na\t1\n")
    write(tmp_path, "two.txt", "Upon a...")
    sources: list[dict[str, Any]] = [
        {"file": "one.ctm"},
        {"file": "two.tsv", "offset": 60.0, "transcript": "two.txt"},
    ]
    words = story_timings(sources, tmp_path)
    assert words["word"].tolist() == ["once", "Upon", "a..."]
    assert words["onset"].tolist() == [0.5, 60.25, 61.0]
    with pytest.raises(EngramError, match="'two.tsv' begins at 0.25 s, before the last.*offset"):
        story_timings([sources[0], {"file": "two.tsv"}], tmp_path)


def test_capitals_throughout_are_read_in_lower_case(tmp_path: Path) -> None:
    path = write(tmp_path, "a.ctm", "s 1 0 1 I'LL\ns 1 1 1 GO\ns 1 2 1 SP\ns 1 3 1 I\ns 1 4 1 12\n")
    assert [word for word, *_ in rows(path)] == ["I'll", "go", "I", "12"]
    some = write(tmp_path, "b.ctm", "s 1 0 1 NASA\ns 1 1 1 went\n")
    assert [word for word, *_ in rows(some)] == ["NASA", "went"]
