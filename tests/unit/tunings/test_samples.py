"""Files of tuning samples: every usual shape is read, every broken one refused by its lines."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from engram.errors import EngramError
from engram.tunings.samples import Sample, read_samples

PASSAGES = (
    "The rain had stopped and nobody spoke.",
    "A key turned twice in the lock.",
    "Bread, still warm, on the sill.",
)


def rows(**changes: Any) -> list[dict[str, Any]]:
    return [
        {
            "instruction": "What comes to mind?",
            "input": text,
            "output": f"Memory {number}.",
            **changes,
        }
        for number, text in enumerate(PASSAGES)
    ]


def lines(content: list[dict[str, Any]]) -> str:
    return "\n".join(json.dumps(row) for row in content)


def read(folder: Path, text: str | bytes) -> list[Sample]:
    path = folder / "set.json"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_samples(path)


# ---------------------------------------------------------------- shapes
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (lines(rows()), [1, 2, 3]),
        ("\n" + lines(rows()).replace("\n", "\n\n") + "\n", [2, 4, 6]),
        (lines(rows()[:1]), [1]),
        (lines([{**rows()[0], "tags": ["one", "two"]}]), [1]),
        (json.dumps(rows()), [1, 1, 1]),
        (json.dumps(rows(), indent=1), [2, 7, 12]),
        (json.dumps({"version": 1, "data": rows()}, indent=1), [4, 9, 14]),
        ("\ufeff" + lines(rows()), [1, 2, 3]),
    ],
)
def test_every_shape_gives_the_same_samples_and_their_lines(
    tmp_path: Path, text: str, expected: list[int]
) -> None:
    found = read(tmp_path, text)
    assert [one.line for one in found] == expected
    assert [(one.instruction, one.input, one.output) for one in found] == [
        tuple(row.values()) for row in rows()[: len(found)]
    ]


def test_splits_come_from_fields_or_from_lists(tmp_path: Path) -> None:
    by_list = read(tmp_path, json.dumps({"train": rows()[:2], "test": rows()[2:]}))
    by_field = read(tmp_path, lines([*rows(split="train")[:2], *rows(split="validation")[2:]]))
    assert (
        [one.split for one in by_list]
        == [one.split for one in by_field]
        == ["train", "train", "validation"]
    )


@pytest.mark.parametrize(
    ("instruction", "text", "output"),
    [("prompt", "context", "response"), ("instruction", "input", "completion")],
)
def test_other_names_of_fields(tmp_path: Path, instruction: str, text: str, output: str) -> None:
    found = read(tmp_path, lines([{instruction: "a", text: "b", output: "c"}]))
    assert (found[0].instruction, found[0].input, found[0].output) == ("a", "b", "c")


def test_a_set_of_instructions_alone(tmp_path: Path) -> None:
    found = read(
        tmp_path, lines([{"prompt": "a", "completion": "b"}, {"prompt": "c", "completion": "d"}])
    )
    assert [one.input for one in found] == ["", ""]


def test_text_may_hold_what_ends_a_line_elsewhere(tmp_path: Path) -> None:
    row = {**rows()[0], "output": "one\u2028two"}
    assert (
        read(tmp_path, json.dumps(row, ensure_ascii=False) + "\n" + lines(rows()[1:]))[0].output
        == "one\u2028two"
    )


# ---------------------------------------------------------------- refusals
@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"output": "Memory 1.", "input": PASSAGES[1]},
            "line 2: .*no field 'instruction' \\(found: \\['input', 'output'\\]\\)",
        ),
        ({"instruction": "a", "output": "b"}, "line 2: no field 'input'"),
        ({"instruction": "a", "input": "b"}, "line 2: no field 'output'"),
        ({"instruction": "a", "input": None, "output": "b"}, "line 2: 'input' is no text but null"),
        ({"instruction": "a", "input": "b", "output": ["c"]}, "line 2: 'output' is no text but"),
        ({"instruction": "a", "input": "b", "output": " \n"}, "line 2: the output is empty"),
        (
            {"instruction": "", "input": " ", "output": "c"},
            "line 2: both the instruction and the input are empty",
        ),
        (rows()[0], "line 2: the same as line 1"),
        ({**rows()[1], "granularity": 3}, "line 2: 'granularity' is no text but 3"),
        ("text", "line 2: not an object"),
    ],
)
def test_a_broken_row_is_refused_by_its_line(tmp_path: Path, changed: Any, message: str) -> None:
    content = [rows()[0], changed, rows()[2]]
    with pytest.raises(EngramError, match=message):
        read(tmp_path, lines(content))
    # In a list over several lines the row's own first line is named.
    own = 2 + len(json.dumps(content[:1], indent=1).splitlines()) - 2
    with pytest.raises(
        EngramError, match=message.replace("line 2", f"line {own}").replace("line 1", "line 2")
    ):
        read(tmp_path, json.dumps(content, indent=1))


def test_all_lines_are_named_up_to_ten(tmp_path: Path) -> None:
    with pytest.raises(EngramError) as error:
        read(tmp_path, lines([{**rows()[0], "output": ""}] * 13))
    assert re.findall(r"line (\d+):", str(error.value)) == [
        str(line) for line in range(1, 11)
    ] and "and 3 more" in str(error.value)


def test_several_broken_lines_of_json_are_named(tmp_path: Path) -> None:
    with pytest.raises(EngramError, match=r"line 2: broken JSON .*; line 4: broken JSON"):
        read(
            tmp_path,
            "\n".join(
                [json.dumps(rows()[0]), '{"instruction": "a"', json.dumps(rows()[1]), "nothing"]
            ),
        )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[\n{"instruction": "a", "input": "b", "output": "c"}\n{}]', "line 3: broken JSON"),
        ('[\n{"instruction": "a",\n"input": }]', "line 3: broken JSON"),
        ('{"data": [\n{"instruction": "a" "input"}]}', "line 2: broken JSON"),
        (lines(rows())[:-3], "line 3: broken JSON"),
        (json.dumps(rows()) + "\n{}", "line 2: broken JSON .Extra data"),
        ("", "has no samples"),
        ("\n \n", "has no samples"),
        ("[]", "has no samples"),
        ('{"one": [], "two": []}', r"holds the lists \['one', 'two'\]"),
    ],
)
def test_broken_files_are_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(EngramError, match=message):
        read(tmp_path, text)


def test_splits_that_are_unknown_or_only_somewhere_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        EngramError, match='line 2: split is "dev"; allowed: train, validation, test'
    ):
        read(tmp_path, lines([rows(split="train")[0], rows(split="dev")[1]]))
    with pytest.raises(EngramError, match="line 2: no split, though other rows have one"):
        read(tmp_path, lines([rows(split="train")[0], rows()[1]]))


def test_another_encoding_is_refused_by_line_and_byte(tmp_path: Path) -> None:
    text = lines([rows()[0], {**rows()[1], "output": "café"}]).replace("caf\\u00e9", "café")
    with pytest.raises(EngramError, match=r"line 2: its text is not UTF-8 \(byte 0xe9\)"):
        read(tmp_path, text.encode("latin-1"))
    assert read(tmp_path, text.encode("utf-16"))[1].output == "café"


@pytest.mark.parametrize("as_list", [False, True])
@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            '{"instruction": "a", "input": "b", "output": "good", "output": "bad"}',
            "broken JSON .'output' stands in it twice",
        ),
        (
            '{"instruction": "a", "input": "b", "output": "c", "more": {"x": 1, "x": 2}}',
            "broken JSON .'x' stands in it twice",
        ),
        (
            '{"instruction": "a", "input": "b", "output": "c", "more": '
            + "[" * 100_000
            + "]" * 100_000
            + "}",
            "broken JSON .nested too deeply",
        ),
        (
            '{"instruction": "a", "input": "b", "output": "c", "more": ' + "9" * 5_000 + "}",
            "broken JSON .a number has too many digits",
        ),
        (
            r'{"instruction": "a", "input": "b\u0000", "output": "c"}',
            r"'input': the control character U\+0000",
        ),
        (
            r'{"instruction": "a", "input": "b", "output": "\ud83d"}',
            r"'output': half a character \(\\ud83d",
        ),
        (
            r'{"instruction": "a", "input": "caf\ufffd", "output": "c"}',
            "'input': a character was lost",
        ),
        (
            r'{"instruction": "caf\u00c3\u00a9", "input": "b", "output": "c"}',
            "'instruction': .* read as Windows-1252",
        ),
        (
            r'{"instruction": "a", "input": "b", "output": "c", "granularity": "\ud83d"}',
            "'granularity': half a character",
        ),
    ],
)
def test_what_a_reader_of_json_would_pass_over_is_refused_by_its_line(
    tmp_path: Path, row: str, message: str, as_list: bool
) -> None:
    good = json.dumps(rows()[0])
    text = f"[\n{good},\n{row}\n]" if as_list else f"{good}\n{row}\n"
    with pytest.raises(EngramError, match=f"line {3 if as_list else 2}: {message}"):
        read(tmp_path, text)


def test_a_list_of_samples_that_stands_twice_is_refused(tmp_path: Path) -> None:
    text = json.dumps({"train": rows()[:2]}, indent=1).replace(
        "}\n ]\n}", '}\n ],\n "train": []\n}'
    )
    with pytest.raises(EngramError, match="'train' stands in it twice"):
        read(tmp_path, text)


def test_text_may_be_of_any_script(tmp_path: Path) -> None:
    texts = ["O LEÃO, «a MAÇÃ»…", "Да, «чаю».", "你好，世界。", "Tiếng Việt", "an 😀 \f page"]
    found = read(tmp_path, lines([{**rows()[0], "input": text, "output": text} for text in texts]))
    assert [one.output for one in found] == texts


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(EngramError, match="is not there"):
        read_samples(tmp_path / "none.jsonl")
