"""Tuning sets: every usual shape is read, every broken one refused by its lines.

Controls change what they say and nothing else.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engram.errors import EngramError
from engram.tunings import training_samples
from engram.tunings.training_samples import Sample

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
    return training_samples.read_samples(path)


def sample(number: int, text: str = "", output: str = "", **changes: Any) -> Sample:
    content = {
        "instruction": f"Task {number}.",
        "input": text or f"Passage number {number} here.",
        "output": output or f"Output {number}.",
    }
    return Sample(**{**content, "split": None, "line": number + 1, **changes})


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
        training_samples.read_samples(tmp_path / "none.jsonl")


# ---------------------------------------------------------------- splits
def test_the_files_own_split_is_kept() -> None:
    samples = [
        sample(number, split="validation" if number == 2 else "train") for number in range(5)
    ]
    train, validation = training_samples.split(samples, 0.4, seed=3)
    assert [one.line for one in train] == [1, 2, 4, 5] and [one.line for one in validation] == [3]


def test_a_split_is_drawn_with_passages_whole() -> None:
    samples = [sample(number, text=f"Passage {number // 2}.") for number in range(40)]
    train, validation = training_samples.split(samples, 0.1, seed=0)
    assert len(validation) == 4 and len(train) == 36
    assert not {one.input for one in train} & {one.input for one in validation}
    assert {one.split for one in train} == {"train"} and {one.split for one in validation} == {
        "validation"
    }
    assert (
        training_samples.split(samples, 0.1, seed=0)[1]
        == validation
        != training_samples.split(samples, 0.1, seed=1)[1]
    )
    assert (
        len(training_samples.split(samples, 0.5, seed=0)[1]) == 20
        and not training_samples.split(samples, 0, seed=0)[1]
    )


def test_a_split_that_leaves_nothing_is_refused() -> None:
    with pytest.raises(EngramError, match="none of 1 samples is left to train on"):
        training_samples.split([sample(0)])
    with pytest.raises(EngramError, match="share to validate with is 1.5"):
        training_samples.split([sample(0), sample(1)], 1.5)


# ---------------------------------------------------------------- words in a row
STORY = [f"word{number}" for number in range(30)]


@pytest.mark.parametrize("where", ["instruction", "input", "output"])
def test_thirteen_words_of_a_story_are_refused_with_its_name(where: str) -> None:
    shared = "So: " + ", ".join(STORY[5:18]).upper() + "!"
    bad = Sample(
        **{"instruction": "a", "input": "b", "output": "c", where: shared}, split=None, line=7
    )
    with pytest.raises(
        EngramError, match="line 7: shares with the story 'tale' the words \"word5 word6"
    ):
        training_samples.check_stories([sample(0), bad], {"other": ["nothing"] * 30, "tale": STORY})
    training_samples.check_stories(
        [Sample("a", " ".join(STORY[5:17]), "c", None, 1)], {"tale": STORY}
    )


def test_apostrophes_and_accents_are_folded_alike() -> None:
    assert (
        training_samples.grams("Don\u2019t go, Zoë", 3)
        == training_samples.grams("don't GO zoë.", 3)
        == {("dont", "go", "zoë")}
    )


def test_the_two_passages_most_alike() -> None:
    samples = [
        sample(0, "one two three four five six seven"),
        sample(1, "x one two three four five y"),
        sample(2, "nothing like it at all here"),
    ]
    share, *pair = training_samples.most_alike(samples)
    assert share == pytest.approx(1 / 3) and pair == [1, 2]
    assert training_samples.most_alike([*samples, sample(3, samples[2].input)]) == (1.0, 3, 4)
    assert training_samples.most_alike(samples[1:]) == (0.0, 0, 0)


def test_counts() -> None:
    found = training_samples.counts(
        [
            sample(0, "one two", "three", granularity="word", split="train"),
            sample(1, "one two three four", "x y z"),
        ]
    )
    assert found == {
        "samples": 2,
        "splits": {"train": 1, "none": 1},
        "granularities": {"word": 1, "none": 1},
        "instructions": 2,
        "passages": 2,
        "input_words": {"mean": 3.0, "min": 2, "max": 4},
        "output_words": {"mean": 2.0, "min": 1, "max": 3},
        "most_alike": {"share": 0.0, "lines": [0, 0]},
    }


# ---------------------------------------------------------------- controls
PARTS = st.sampled_from(
    [("train", "word"), ("train", "sentence"), ("validation", "word"), (None, None)]
)


@st.composite
def sets(draw: st.DrawFn) -> list[Sample]:
    """Sets in which each split and granularity has passages enough.

    There are up to two samples of one passage, and different outputs.
    """
    kinds = draw(st.lists(PARTS, min_size=1, max_size=3, unique=True))
    found: list[Sample] = []
    for kind, (part, granularity) in enumerate(kinds):
        repeats = draw(st.lists(st.integers(1, 2), min_size=4, max_size=12))
        for passage, repeat in enumerate(repeats):
            for _ in range(repeat):
                found.append(
                    sample(
                        len(found),
                        text=f"Passage {kind} {passage}.",
                        split=part,
                        granularity=granularity,
                    )
                )
    return found


@settings(max_examples=60, deadline=None)
@given(sets(), st.integers(0, 10))
def test_shuffled_outputs_go_to_other_passages_and_nothing_else_changes(
    samples: list[Sample], seed: int
) -> None:
    dealt = training_samples.shuffled(samples, seed)
    assert [(one.input, one.split, one.granularity, one.line) for one in dealt] == [
        (one.input, one.split, one.granularity, one.line) for one in samples
    ]
    owners = {one.output: one for one in samples}
    for before, after in zip(samples, dealt, strict=True):
        owner = owners[after.output]
        assert owner.input != before.input and (owner.split, owner.granularity) == (
            before.split,
            before.granularity,
        )
        assert after.instruction == owner.instruction
    assert Counter(one.output for one in dealt) == Counter(one.output for one in samples)
    assert dealt == training_samples.shuffled(samples, seed)


def test_shuffled_depends_on_the_seed() -> None:
    samples = [sample(number) for number in range(20)]
    assert training_samples.shuffled(samples, 0) != training_samples.shuffled(samples, 1)


def test_what_cannot_be_shuffled_is_refused() -> None:
    with pytest.raises(
        EngramError, match="cannot be dealt to other passages: 2 are of one passage"
    ):
        training_samples.shuffled([sample(0, "a b"), sample(1, "a b"), sample(2, "c d")], 0)
    with pytest.raises(EngramError, match="too many are the same"):
        training_samples.shuffled([sample(number, output="Same.") for number in range(4)], 0)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.text(st.characters(categories=["L", "P"]), min_size=1), min_size=2, max_size=60),
    st.integers(0, 10),
)
def test_generic_goes_on_with_the_passage(words: list[str], seed: int) -> None:
    passage = " ".join(words)
    one = training_samples.generic([sample(0, passage, split="train", granularity="word")], seed)[0]
    assert f"{one.input} {one.output}" == passage and one.instruction == training_samples.CONTINUE
    assert 0.35 <= len(one.input.split()) / len(words) <= 0.65 or len(words) < 10
    assert (one.split, one.granularity, one.line) == ("train", None, 1)


def test_generic_depends_on_the_seed_and_needs_two_words() -> None:
    samples = [sample(number, " ".join(STORY)) for number in range(5)]
    assert (
        training_samples.generic(samples, 0)
        == training_samples.generic(samples, 0)
        != training_samples.generic(samples, 1)
    )
    with pytest.raises(EngramError, match="line 2: the passage has fewer than two words"):
        training_samples.generic([sample(0), sample(1, "One")], 0)
