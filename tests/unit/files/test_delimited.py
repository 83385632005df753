"""Tables that people, spreadsheets and other programs wrote.

They are read as they were meant, or refused with the line.
"""

from __future__ import annotations

import csv
import random
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from engram.associations import association_files
from engram.datasets.tables.reader import TableDataset, TableWords
from engram.errors import EngramError
from engram.files import delimited
from engram.words.timings.gentle import read_alignment

WORDS = ["Once,", '"Upon', "a", 'time,"', "null", "NA", "caf\u00e9", "\u201cso\u201d", "2"]
FRAME = pd.DataFrame({"word": WORDS, "onset": np.arange(9) / 2, "offset": np.arange(9) / 2 + 0.3})


def table(folder: Path, content: str | bytes, name: str = "table.tsv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def words_of(folder: Path, content: str | bytes) -> list[str]:
    table(folder, content, "story-tale_words.tsv")
    return [str(word) for word in TableWords(folder).words("tale")["word"]]


@pytest.mark.parametrize(
    "quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC, csv.QUOTE_NONE]
)
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_words_come_back_however_pandas_wrote_them(
    tmp_path: Path, quoting: int, line_end: str, encoding: str
) -> None:
    text = FRAME.to_csv(sep="\t", index=False, quoting=quoting, lineterminator=line_end)
    assert words_of(tmp_path, text.encode(encoding)) == WORDS


def excel(cell: object) -> str:
    """A cell of Excel's 'Text (Tab delimited)': in marks where it holds a comma or a mark."""
    text = str(cell)
    return '"' + text.replace('"', '""') + '"' if any(mark in text for mark in ',"') else text


@pytest.mark.parametrize("words", [WORDS, [word.replace('"', "") for word in WORDS]])
def test_words_come_back_as_excel_wrote_them(tmp_path: Path, words: list[str]) -> None:
    rows = [FRAME.columns, *FRAME.assign(word=words).itertuples(index=False)]
    assert (
        words_of(tmp_path, "\n".join("\t".join(map(excel, row)) for row in rows) + "\n\t\t\n")
        == words
    )


def test_words_come_back_as_r_wrote_them(tmp_path: Path) -> None:
    """Text in marks, the header too; numbers and NA without."""
    text = '"word"\t"onset"\t"offset"\n"Hello,"\t0.1\t0.4\n"""he"""\t0.5\t0.8\n"NA"\t1\t1.2\n'
    assert words_of(tmp_path, text) == ["Hello,", '"he"', "NA"]
    assert words_of(
        tmp_path, '"word"\t"onset"\t"offset"\n"Hello,"\t0.1\t0.4\n"he"\t0.5\t0.8\n'
    ) == ["Hello,", "he"]
    with pytest.raises(EngramError, match=r"words\.tsv', line 2: .*backslashes.* qmethod"):
        words_of(tmp_path, '"word"\t"onset"\t"offset"\n"\\"Hello,\\""\t0.1\t0.4\n')
    with pytest.raises(
        EngramError,
        match=(
            r"its rows have 4 cells, its header 3\. Is there a column without a "
            r"name.*row\.names = FALSE"
        ),
    ):
        words_of(
            tmp_path, '"word"\t"onset"\t"offset"\n"1"\t"Hello,"\t0.1\t0.4\n"2"\t"he"\t0.5\t0.8\n'
        )


def test_marks_of_a_text_without_wrapping_are_the_texts_own(tmp_path: Path) -> None:
    lines = ["word\tonset\toffset", '"Hello,\t0\t1', 'there,"\t1\t2', '"Go!"\t2\t3', '"\t3\t4']
    assert words_of(tmp_path, "\n".join(lines)) == ['"Hello,', 'there,"', '"Go!"', '"']


HEADER = "word\tonset\toffset\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            HEADER + 'a\t0\t1\n"Go!"\t1\t2\n',
            (
                r"line 3: do the quotation marks of \"Go!\" belong to the text\? "
                r"If so write \"\"\"Go!\"\"\""
            ),
        ),
        # Excel would have wrapped the first word too.
        (HEADER + 'a,\t0\t1\n"so,"\t1\t2\n', r"line 3: do the quotation marks"),
        (
            HEADER + '"""Hi"""\t0\t1\n"so\t1\t2\n',
            r"in line 2 the cell \"\"\"Hi\"\"\" .* in line 3 the marks of \"so are text",
        ),
        (HEADER + "a\t0\t1\n\nb\t1\t2\n", "line 3: an empty line"),
        (HEADER + "a\t0\t1\nb\t1\n", "line 3: 2 cells .* there are 3 columns"),
        (HEADER + "a\t0\t1\tx\nb\t1\t2\n", "line 2: 4 cells"),
        (HEADER + "a\t0\t1\nb\x00c\t1\t2\n", "line 3: it holds NUL"),
        (
            "word\tOnset\tonset\toffset\na\t0\t0\t1\n",
            r"line 1: the column\(s\) \['onset'\] are there twice",
        ),
        ("word\t\tonset\toffset\na\tx\t0\t1\n", "line 1: column 2 has no name"),
        ("\tword\tonset\toffset\n7\ta\t0\t1\n", "line 1: column 1 has no name"),
        (
            "word;onset;offset\na;0,5;1\n",
            "line 1: its cells are separated by semicolons .* by tabs",
        ),
        ("Word,Onset,Offset\n", "line 1: its cells are separated by commas"),
        ("word onset offset\na 0 1\n", "line 1: its cells are separated by blanks"),
        (
            HEADER + "a\t0\t1\nb\t1,5\t2\n",
            "line 3, column 'onset': '1,5' is no number. .*write 1.5",
        ),
        (
            HEADER + "a\t0\t1\nb\t1,234.5\t2000\n",
            "line 3, column 'onset': '1,234.5' is no number. .*write 1234.5",
        ),
        (HEADER + "a\tTrue\t1\nb\tFalse\t2\n", "line 2, column 'onset': 'True' is no number"),
        (HEADER + "a\t0\t1\nb\tNA\t2\n", "line 3, column 'onset': 'NA' is no number. Write n/a"),
        (
            (HEADER + "a\t0\t1\ncaf\u00e9\t1\t2\n").encode("latin-1"),
            "line 3: its text is not UTF-8 .*'caf\u00e9\t1\t2'.* Save it as UTF-8",
        ),
        (
            (HEADER + "\u201chm\u201d\t1\t2\n").encode("cp1252"),
            "line 2: its text is not UTF-8 .*\u201chm\u201d",
        ),
        (
            (HEADER + "a\t0\t1\n").encode("utf-16-le"),
            "line 1: it holds NUL characters.*UTF-16 without a byte order mark",
        ),
        ((HEADER + "a\t0\t1\n").encode("utf-16")[:-1], "begins as UTF-16 and is broken"),
        (b"PK\x03\x04 and so on", "it is a spreadsheet"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "Excel workbook"),
        (b"\x1f\x8b\x08\x00", "compressed"),
        ("version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
        ("/annex/objects/MD5E-s3--0.tsv\n", "datalad get"),
        (
            HEADER + "a\t350\t600\nb\t700\t900\nc\t1200\t1500\n",
            r"its words last 250 s \(median\), which looks like milliseconds.*divide by 1000",
        ),
        (
            HEADER + "a\t350\tn/a\nb\t700\tn/a\nc\t1200\tn/a\n",
            "its words are apart 425 s .* milliseconds",
        ),
        (HEADER + "a\t0.5\t700\nb\t1\t900\n", "milliseconds"),
        (HEADER + "a\t0.5\t0.3\n", "line 2: the word ends before it begins.* not its duration"),
        (HEADER + "a\tn/a\tn/a\n", "none of its 1 words has a time"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_line(
    tmp_path: Path, content: str | bytes, message: str
) -> None:
    with pytest.raises(EngramError, match=f"words.tsv'.*{message}"):
        words_of(tmp_path, content)


@pytest.mark.parametrize(
    "content",
    [
        "Word\t Onset \tOFFSET\na\t0\t1\nb\t1\t2\n",
        "word\tonset\toffset\t\t\na\t0\t1\t\t\nb\t1\t2\n",  # columns that a spreadsheet left behind
        "word\tonset\toffset\na\t0\t1\t\t\nb\t1\t2\n\n\t\t\n\n",
        "\tword\tonset\toffset\n0\ta\t0\t1\n1\tb\t1\t2\n",  # pandas' index
        "Unnamed: 0\tword\tonset\toffset\n1\ta\t0\t1\n2\tb\t1\t2\n",
        '"word"\t"onset"\t"offset"\n"a"\t"0"\t"1"\n"b"\t"1"\t"2"\n',
    ],
)
def test_what_programs_leave_in_tables_changes_nothing(tmp_path: Path, content: str) -> None:
    assert words_of(tmp_path, content) == ["a", "b"]
    words = TableWords(tmp_path).words("tale")
    assert words[["onset", "offset"]].to_numpy().tolist() == [
        [0, 1],
        [1, 2],
    ] and words.index.tolist() == [0, 1]


def test_an_index_is_no_confound_and_no_target(tmp_path: Path) -> None:
    table(tmp_path, "\ttarget\tHemisphere\tROI\n0\tt1\tL\tone\n1\t2\tR\ttwo\n", "targets.tsv")
    for name in ("timeseries", "confounds"):
        table(tmp_path, "\t2\tt1\n0\t1\t10\n1\t2\t20\n2\t3\t40\n", f"sub-a_story-tale_{name}.tsv")
    dataset = TableDataset(tmp_path, 1.5, 0.0)
    assert dataset.targets().to_numpy().tolist() == [["t1", "L", "one"], ["2", "R", "two"]]
    assert dataset.timeseries("a", "tale").tolist() == [[10, 1], [20, 2], [40, 3]]
    np.testing.assert_array_equal(dataset.confounds("a", "tale"), [[1, 10], [2, 20], [3, 40]])
    table(tmp_path, "t1\t2\n1\t1\n\n2\t2\n3\t3\n", "sub-a_story-tale_timeseries.tsv")
    # The row would be lost, and all that follow would come a TR early.
    with pytest.raises(EngramError, match="line 3: an empty line"):
        dataset.timeseries("a", "tale")
    table(tmp_path, "target\themisphere\troi\nt1\tL\tNaN\n", "targets.tsv")
    with pytest.raises(
        EngramError, match="line 2: roi 'NaN', which is how programs write a missing value"
    ):
        TableDataset(tmp_path, 1.5, 0.0).targets()


def test_a_missing_value_of_the_only_column_is_no_empty_line(tmp_path: Path) -> None:
    """As pandas writes it."""
    path = table(tmp_path, pd.DataFrame({"c": [1.0, None, 3.0]}).to_csv(sep="\t", index=False))
    assert '""' in path.read_text()
    np.testing.assert_array_equal(delimited.read_frame(path)["c"], [1, np.nan, 3])


@pytest.mark.parametrize(
    "text",
    [
        '"We should go," he said.',
        "like my aunt's kitchen,",
        'he said "no" again,',
        '"Home."',
        '"',
        "=1+1",
    ],
)
def test_associations_come_back_as_written(tmp_path: Path, text: str) -> None:
    """By the program, and by Excel."""
    one = association_files.Association(1, text, "word", "manual", "place")
    association_files.write_associations(tmp_path / "a.tsv", [one], {})
    assert association_files.read_associations(tmp_path / "a.tsv", 4) == [one]
    path = table(
        tmp_path,
        "After_word\ttext\tgranularity\tannotator\tnote\n1\t"
        + excel(text)
        + "\tword\tmanual\tplace\n",
    )
    assert association_files.read_associations(path, 4) == [one]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("caf\u00e9,cafe,0.1,0.3\n".encode("latin-1"), "line 1: its text is not UTF-8"),
        (b"The,the,0.1,0.3\n,,,\ndog,dog,0.5,0.7\n", "line 2: an empty line"),
        (b"The,the,0.1,0.3\n,dog,0.5,0.7\n", "line 2: an empty word"),
        (b"The,the,2.5,0.3\ndog,dog,0.1,0.2\n", "line 1: the word ends before it begins"),
        (b"The,the,2.5,2.7\ndog,dog,0.1,0.2\n", "line 2: the onset is earlier"),
        (
            b"The\tthe\t2.5\t2.7\ndog\tdog\t3\t4\n",
            "line 1: its cells are separated by tabs .* by commas",
        ),
        (b"The,the,,\ndog,,,\n", "none of its 2 words has a time"),
        (b"The,the,350,600\ndog,dog,700,900\n", "milliseconds"),
        (b'The,the,0.1,0.3\n"dog,dog,0.5,0.7\n', "line 2: quotation marks that do not close"),
        (b"The,the,0.1,0.3\ndog,dog,nan,0.7\n", "line 2, column 'onset': 'nan' is no number"),
        (b"The,the,0.1\n", "line 1: 3 cells"),
        (
            b"The,the,0.1,0.3\ndog,dog,-1,-1\n",
            "line 2: onset is -1; times are seconds from the audio's beginning. Leave both blank",
        ),
    ],
)
def test_alignments_are_checked_as_words_of_tables_are(
    tmp_path: Path, content: bytes, message: str
) -> None:
    with pytest.raises(EngramError, match=f"align.csv'.*{message}"):
        read_alignment(table(tmp_path, content, "align.csv"))


def test_alignments_have_gaps_and_may_come_from_a_spreadsheet(tmp_path: Path) -> None:
    content = '\ufeffThe,the,0.1,0.3\r\n"well, so",<unk>,0.5,0.6\r\nnull,,,\r\ndog,dog,0.7,\r\n'
    words = read_alignment(table(tmp_path, content, "align.csv"))
    assert words["word"].tolist() == ["The", "well, so", "null", "dog"]
    np.testing.assert_array_equal(
        words[["onset", "offset"]], [[0.1, 0.3], [0.5, 0.6], [np.nan, np.nan], [0.7, np.nan]]
    )


def test_hostile_quotation_marks_take_linear_time(tmp_path: Path) -> None:
    for cell in ('"' * 200_001, '"' + '\\"' * 100_000, '""' * 100_000 + "x", '"' + "," * 200_000):
        with pytest.raises(EngramError):
            words_of(tmp_path, f'{HEADER}{cell}\t0\t1\n"""a"""\t0\t1\n"b\t0\t1\n')


def test_numbers_are_those_of_pandas_own_reading(tmp_path: Path) -> None:
    """Bit by bit: tables that were read rightly before give the same results."""
    draw = random.Random(0)
    cells = [
        [repr(draw.uniform(-1, 1) * 10 ** draw.randint(-12, 12)) for _ in range(3)]
        for _ in range(200)
    ]
    path = table(tmp_path, "a\tb\tc\n" + "".join("\t".join(row) + "\n" for row in cells))
    assert (
        delimited.read_frame(path).to_numpy().tobytes()
        == pd.read_csv(path, sep="\t").to_numpy().tobytes()
    )


@pytest.mark.parametrize(
    "word", ["caf\u00e9", "don\u2019t", "\u201cso\u201d", "\u00fcber", "Gr\u00f6\u00dfe"]
)
def test_text_that_was_read_in_another_encoding_is_refused(tmp_path: Path, word: str) -> None:
    misread = word.encode().decode("cp1252", errors="replace").replace("\ufffd", "\x9d")
    with pytest.raises(
        EngramError, match=r"line 3: .* is what UTF-8 looks like when it is read as Windows-1252"
    ):
        words_of(tmp_path, f"word\tonset\toffset\nso\t0\t1\n{misread}\t1\t2\n")
    assert words_of(tmp_path, f"word\tonset\toffset\nso\t0\t1\n{word}\t1\t2\n") == ["so", word]


def test_lost_characters_are_refused_with_their_line(tmp_path: Path) -> None:
    with pytest.raises(EngramError, match=r"line 3: a character was lost .*caf\ufffd"):
        words_of(tmp_path, "word\tonset\toffset\nso\t0\t1\ncaf\ufffd\t1\t2\n")


@pytest.mark.parametrize(
    "word",
    [
        "MA\u00c7\u00c3\u00bb",
        "\u00abCAF\u00c9\u00bb",
        "S\u00c3O",
        "\u20ac5",
        "\u00e2ge",
        "\u00c3\u2026",
    ],
)
def test_letters_that_people_write_are_no_sign_of_another_encoding(
    tmp_path: Path, word: str
) -> None:
    assert words_of(tmp_path, f"word\tonset\toffset\n{word}\t1\t2\n") == [word]


def test_byte_order_mark_inside_a_header_is_passed_over(tmp_path: Path) -> None:
    assert words_of(tmp_path, "\ufeff\ufeffword\tonset\toffset\nso\t0\t1\n") == ["so"]


@pytest.mark.parametrize(
    "other", ["cafe\u0301 bar", "caf\u00e9\u00a0bar", "caf\u00e9 bar\u200b", "caf\u00e9  bar"]
)
def test_regions_that_only_look_alike_are_refused(tmp_path: Path, other: str) -> None:
    rows = "target\themisphere\troi\na1\tL\tA\na2\tL\tcaf\u00e9 bar\na3\tL\t"
    table(tmp_path, f"{rows}{other}\n", "targets.tsv")
    with pytest.raises(
        EngramError, match=r"targets\.tsv', line 4: roi .* looks as .* does \(line 3\)"
    ):
        TableDataset(tmp_path, 2.0, 0.0).targets()
    table(tmp_path, f"{rows}caf\u00e9 bar\na4\tL\ta\na5\tR\t\u0410\n", "targets.tsv")
    assert len(TableDataset(tmp_path, 2.0, 0.0).targets()) == 5


@pytest.mark.parametrize("index", ["9" * 5000, "-1", "5.0", "five"])
def test_an_index_that_is_none_is_named(tmp_path: Path, index: str) -> None:
    path = table(
        tmp_path, f"after_word\ttext\tgranularity\tannotator\n{index}\tsea\tword\tmanual\n"
    )
    with pytest.raises(
        EngramError,
        match=(
            "line 2: after_word is '.{1,30}'. It is the index of a word of the story, from 0 to 9"
        ),
    ):
        association_files.read_associations(path, 10)
