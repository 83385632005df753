"""Readers: what they give, and what they say about files that are wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import story_bold

from engram.bold.scans_table import SCAN_COLUMNS
from engram.datasets import readers
from engram.datasets.tables.reader import TableDataset
from engram.errors import EngramError
from engram.words import stories

WORD_COLUMNS = ["word", "onset", "offset", "sentence_end"]
TABLES = {
    "story-tale_words.tsv": (
        'word\tonset\toffset\tnote\nOnce\t0.5\t0.8\tx\n"upon\t0.9\t1.0\tx\n'
        "null\tn/a\tn/a\tx\ntime\t2\t2.5\tx\n"
    ),
    "targets.tsv": "target\themisphere\troi\tx\tignored\nt1\tL\tone\t-1.5\t0\n2\tB\ttwo\tn/a\t0\n",
    "sub-a_story-tale_timeseries.tsv": "2\tt1\n1\t10\n2\t20\n3\t40\n",
    "sub-a_story-tale_confounds.tsv": "motion\tderivative\n1\tn/a\n2\t5\n3\t7\n",
    "sub-b_story-tale_timeseries.tsv": "t1\t2\n5\t6\n7\t8\n8\t7\n",
}


def table_study(folder: Path, **changes: str) -> TableDataset:
    """Write a table study of one story.

    Changes replace a table by the last part of its name (words, targets, bold, confounds).
    """
    kinds = {
        "words": "story-tale_words",
        "targets": "targets",
        "bold": "sub-a_story-tale_timeseries",
        "confounds": "sub-a_story-tale_confounds",
    }
    for name, text in {
        **TABLES,
        **{f"{kinds[kind]}.tsv": text for kind, text in changes.items()},
    }.items():
        (folder / name).write_text(text)
    return TableDataset(folder, 1.5, 0.0)


def test_words_are_read_as_they_are(tmp_path: Path) -> None:
    words = table_study(tmp_path).words("tale")
    assert list(words.columns) == WORD_COLUMNS
    assert words["word"].tolist() == ["Once", '"upon', "null", "time"]
    np.testing.assert_array_equal(words["onset"], [0.5, 0.9, np.nan, 2])
    np.testing.assert_array_equal(words["offset"], [0.8, 1.0, np.nan, 2.5])
    assert words["sentence_end"].isna().all()


def test_log_frequency_is_read_where_it_is_given(tmp_path: Path) -> None:
    lines = TABLES["story-tale_words.tsv"].rstrip("\n").split("\n")
    given = [
        f"{line}\t{value}\n"
        for line, value in zip(lines, ["log_frequency", "-2.5", "n/a", "-4", "-7.25"], strict=True)
    ]
    words = table_study(tmp_path, words="".join(given)).words("tale")
    np.testing.assert_array_equal(words["log_frequency"], [-2.5, np.nan, -4, -7.25])
    made = stories.words_table(words, 15, "tale")
    assert list(made.columns) == [*stories.COLUMNS, "log_frequency"]
    none = [
        f"{line}\t{value}\n"
        for line, value in zip(lines, ["log_frequency", *["n/a"] * 4], strict=True)
    ]
    with pytest.raises(EngramError, match="'log_frequency' has no value"):
        table_study(tmp_path, words="".join(none)).words("tale")


def test_targets(tmp_path: Path) -> None:
    targets = table_study(tmp_path).targets()
    assert list(targets.columns) == ["target", "hemisphere", "roi", "x"]
    assert targets["target"].tolist() == ["t1", "2"]


def test_columns_of_a_time_series_are_put_in_the_order_of_the_targets(tmp_path: Path) -> None:
    series = table_study(tmp_path).timeseries("a", "tale")
    assert series.dtype == np.float32
    np.testing.assert_array_equal(series, [[10, 1], [20, 2], [40, 3]])


def test_missing_confound_becomes_the_mean_of_the_others(tmp_path: Path) -> None:
    dataset = table_study(tmp_path)
    np.testing.assert_array_equal(dataset.confounds("a", "tale"), [[1, 6], [2, 5], [3, 7]])
    assert dataset.confounds("b", "tale") is None


@pytest.mark.parametrize(("start", "expected"), [(0.0, 0.0), (3.5, 3.5), ({"tale": -2.0}, -2.0)])
def test_start_of_a_story(start: float | dict[str, float], expected: float, tmp_path: Path) -> None:
    config = {"reader": "tables", "tr": 2.0, "start": start}
    assert readers.open_dataset(config, tmp_path).start("a", "tale") == expected


def test_start_of_an_unknown_story(tmp_path: Path) -> None:
    with pytest.raises(
        EngramError, match=r"no time for story 'tale'. Known: .'other'.*'tale: 0.0'"
    ):
        TableDataset(tmp_path, 1.5, {"other": 1.0}).start("a", "tale")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("word\tonset\na\t1\n", r"lacks the column\(s\) \['offset'\]. Found: \['word', 'onset'\]"),
        ("word,onset,offset\na,1,2\n", "separated by tabs"),
        ("word\tonset\toffset\n", "has a header and no rows"),
        ("word\tonset\toffset\na\t1\t2\n\t2\t3\n", "line 3: an empty word"),
        ("word\tonset\toffset\na\t1\t2\n \t2\t3\n", "line 3: an empty word"),
        ("word\tonset\toffset\na\t1\t2\nb\t3\t2\n", "line 3: the word ends before it begins"),
        (
            "word\tonset\toffset\na\t1\t1\nb\tn/a\tn/a\nc\t0.5\t1\n",
            "line 4: the onset is earlier than the word's before it",
        ),
        ("word\tonset\toffset\na\t1\t2\nb\t1,5\t2\n", "line 3, column 'onset': '1,5' is no number"),
        (
            "word\tonset\toffset\na\t1\tlate\n",
            "line 2, column 'offset': 'late' is no number. Write n/a",
        ),
        (
            "word\tonset\toffset\na\t1\t2\nb\tnan\t3\n",
            "line 3, column 'onset': 'nan' is no number. Write n/a",
        ),
        (
            "word\tonset\toffset\na\t1\t2\nb\t2\tinf\n",
            "line 3, column 'offset': 'inf' is no number. Write n/a",
        ),
        (
            "word\tonset\toffset\na\t-inf\t2\nb\t2\t3\n",
            "line 2, column 'onset': '-inf' is no number. Write n/a",
        ),
        ("", "cannot be read as a table: it is empty"),
    ],
)
def test_wrong_words(words: str, expected: str, tmp_path: Path) -> None:
    with pytest.raises(EngramError, match=f"story-tale_words.tsv'.*{expected}"):
        table_study(tmp_path, words=words).words("tale")


def words_of(*onsets: float) -> str:
    return "word\tonset\toffset\n" + "".join(f"w\t{onset:g}\t{onset + 0.2:g}\n" for onset in onsets)


@pytest.mark.parametrize("begin", [0.0, 14.5])
@pytest.mark.parametrize("sections", [2, 3])
def test_sections_with_clocks_of_their_own_are_not_to_be_sorted(
    begin: float, sections: int, tmp_path: Path
) -> None:
    section = [begin, *(begin + np.arange(1, 10)).tolist()]
    with pytest.raises(
        EngramError,
        match=(
            f"line 12: the onset falls from {begin + 9:g} s to {begin:g} s.*Do not sort.*a "
            "story.*add to the onsets"
        ),
    ):
        table_study(tmp_path, words=words_of(*section * sections)).words("tale")


@pytest.mark.parametrize(
    "onsets",
    [[*range(10), 8, *range(10, 20)], [5, 1, 4, 2, 9, 3], [0, 1, 2, 3, 1.8, 4, 5, 6, 7, 8]],
)
def test_words_out_of_order_are_to_be_sorted(onsets: list[float], tmp_path: Path) -> None:
    with pytest.raises(
        EngramError, match="the onset is earlier than the word's before it.*Sort the words"
    ):
        table_study(tmp_path, words=words_of(*onsets)).words("tale")


def test_tabs_at_the_ends_of_rows_do_not_shift_columns(tmp_path: Path) -> None:
    dataset = table_study(tmp_path, words="word\tonset\toffset\na\t1\t2\t\nb\t2\t3\t\n")
    try:
        assert dataset.words("tale")["word"].tolist() == ["a", "b"]
    except EngramError as error:
        assert "story-tale_words.tsv" in str(error)


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        ("target\troi\nt1\tone\n", r"lacks the column\(s\) \['hemisphere'\]"),
        ("target\themisphere\troi\n", "has a header and no rows"),
        ("target\themisphere\troi\nt1\tL\tone\nt1\tR\tone\n", "line 3: target 't1' is there twice"),
        (
            "target\themisphere\troi\nt1\tL\tone\nt2\tleft\tone\n",
            "line 3: hemisphere 'left'. Allowed: L, R, or B",
        ),
        ("target\themisphere\troi\nt1\tn/a\tone\n", "line 2: hemisphere 'nan'. Allowed"),
        ("target\themisphere\troi\nt1\tL\tone\nt2\tR\tn/a\n", "line 3: no roi"),
        ("target\themisphere\troi\nt1\tL\tone\nn/a\tR\tone\n", "line 3: no target"),
        (
            "target\themisphere\troi\tx\nt1\tL\tone\tleft\n",
            "line 2, column 'x': 'left' is no number",
        ),
        (
            "target\themisphere\troi\tx\ty\nt1\tL\tone\t1\tn/a\nt2\tL\tone\t1\tinf\n",
            "line 3, column 'y': 'inf' is no number",
        ),
    ],
)
def test_wrong_targets(targets: str, expected: str, tmp_path: Path) -> None:
    with pytest.raises(EngramError, match=f"targets.tsv'.*{expected}"):
        table_study(tmp_path, targets=targets).targets()


@pytest.mark.parametrize(
    ("series", "expected"),
    [
        ("t1\t2\t3\n1\t2\t3\n2\t3\t4\n", r"Missing here: \[\]; unknown there: \['3'\]"),
        ("t1\n1\n2\n", r"Missing here: \['2'\]; unknown there: \[\]"),
        ("t1\t2\t2\n1\t2\t3\n2\t3\t4\n", r"line 1: the column\(s\) \['2'\] are there twice"),
        ("t1\t2\n1\t2\n2\tx\n", "line 3, column '2': 'x' is no number"),
        (
            "t1\t2\n1\t2\n2\tn/a\n3\tn/a\n",
            r"target '2' has a missing value in row 1 .*1 of 2 targets.*exclude: {'a': reason}",
        ),
        ("t1\t2\n1\tinf\n2\t3\n", "line 2, column '2': 'inf' is no number"),
        ("t1\t2\n1\t2\n-inf\t3\n", "line 3, column 't1': '-inf' is no number"),
        ("t1\t2\n1\t2\n2\tnan\n", "line 3, column '2': 'nan' is no number"),
        ("t1\t2\n", "0 rows. A time course has a row for each TR"),
        ("t1\t2\n1\t2\n", "1 rows. A time course has a row for each TR"),
        (
            "t1\t2\n1\t5\n2\t5\n",
            "target '2' is constant; 1 of 2 targets are.*exclude: {'a': reason}",
        ),
    ],
)
def test_wrong_time_series(series: str, expected: str, tmp_path: Path) -> None:
    with pytest.raises(EngramError, match=f"sub-a_story-tale_timeseries.tsv'?.*{expected}"):
        table_study(tmp_path, bold=series).timeseries("a", "tale")


@pytest.mark.parametrize(
    ("confounds", "expected"),
    [
        ("c\n1\nx\n3\n", "', line 3, column 'c': 'x' is no number"),
        ("b\tc\n1\t1\n2\tinf\n3\t1\n", "', line 3, column 'c': 'inf' is no number"),
        ("c\n1\n2\nnan\n", "', line 4, column 'c': 'nan' is no number"),
        (
            "b\tc\td\n1\tn/a\t\n2\tn/a\t\n3\tn/a\t\n",
            r"': the column\(s\) \['c', 'd'\] have no value. Take them out",
        ),
        ("c\n", r"': the column\(s\) \['c'\] have no value"),
        (
            "b\tc\n1\t1\n2\t1e39\n3\t1\n",
            r"': the column 'c' has numbers of up to 1e\+39.*take the column out",
        ),
    ],
)
def test_wrong_confounds(confounds: str, expected: str, tmp_path: Path) -> None:
    with pytest.raises(EngramError, match=f"sub-a_story-tale_confounds.tsv{expected}"):
        table_study(tmp_path, confounds=confounds).confounds("a", "tale")


def test_digits_beside_a_large_mean_are_kept(tmp_path: Path) -> None:
    """In single precision the three rows would be one number."""
    dataset = table_study(
        tmp_path,
        bold="t1\t2\n100000000.1\t1\n100000000.5\t3\n100000000.9\t2\n",
        confounds="c\n100000000.1\n100000000.5\n100000000.9\n",
    )
    confounds = dataset.confounds("a", "tale")
    assert confounds is not None
    for values in (dataset.timeseries("a", "tale"), confounds):
        assert values.dtype == np.float32 and (
            values[:, 0] - values[0, 0]
        ).tolist() == pytest.approx([0, 0.4, 0.8], abs=1e-6)


def test_words_that_are_not_utf8(tmp_path: Path) -> None:
    dataset = table_study(tmp_path)
    (tmp_path / "story-tale_words.tsv").write_bytes(
        "word\tonset\toffset\ncaf\u00e9\t1\t2\n".encode("latin-1")
    )
    with pytest.raises(EngramError, match=r"story-tale_words.tsv'.* not UTF-8 .*Save it as UTF-8"):
        dataset.words("tale")


# ---------------------------------------------------------------- the scans of a story together
OPTIONS: dict[str, Any] = {
    "confounds": True,
    "high_pass": None,
    "targets": "all",
    "average": True,
    "trim": 0,
    "tail": 4.0,
}
TIMED = pd.DataFrame({"word": ["Once", "upon"], "onset": [0.5, 28.0], "offset": [0.8, 28.5]})


def scans_study(folder: Path, **rows: int) -> TableDataset:
    """Write a table study with so many rows for each listener."""
    dataset = table_study(folder)
    rng = np.random.default_rng(0)
    for subject, number in rows.items():
        lines = [
            "t1\t2",
            *(f"{one:.3f}\t{two:.3f}" for one, two in rng.normal(100, 1, (number, 2))),
        ]
        (folder / f"sub-{subject}_story-tale_timeseries.tsv").write_text("\n".join(lines) + "\n")
    return dataset


def test_scans_are_listed_as_read(tmp_path: Path) -> None:
    dataset = scans_study(tmp_path, a=30, b=30)
    (tmp_path / "sub-a_story-tale_confounds.tsv").write_text(
        "c\td\n" + "".join(f"{row}\t{row % 3}\n" for row in range(30))
    )
    _, scans = story_bold(dataset, "tale", ["b", "a"], TIMED, **{**OPTIONS, "trim": 2})
    assert [*scans.columns, "excluded"] == list(SCAN_COLUMNS)
    assert set(scans["clock"]) == {"too short"}
    read = scans[[name for name in scans if not name.startswith("clock")]]
    assert read.to_numpy().tolist() == [
        ["b", "tale", "sub-b_task-tale", 30, 20, 2, 0, 0, 1.0],
        ["a", "tale", "sub-a_task-tale", 30, 20, 2, 0, 2, 1.0],
    ]


@pytest.mark.parametrize("confounds", [True, False])
@pytest.mark.parametrize("rows", [2, 4])
def test_confounds_with_another_number_of_rows(rows: int, confounds: bool, tmp_path: Path) -> None:
    dataset = table_study(tmp_path, confounds="c\n" + "1\n" * rows)
    with pytest.raises(
        EngramError, match=f"sub-a, story tale: 3 rows of BOLD but {rows} rows of confounds"
    ):
        story_bold(dataset, "tale", ["a"], TIMED, **{**OPTIONS, "confounds": confounds})


@pytest.mark.parametrize("odd", [29, 31])
def test_unequal_scans_name_the_odd_one(odd: int, tmp_path: Path) -> None:
    dataset = scans_study(tmp_path, b=30, c=30, d=odd)
    with pytest.raises(
        EngramError,
        match=(
            r"story tale: .*unequal numbers of TRs. Most have 30; these differ: {'d': "
            rf"{odd}}}.*exclude: {{subject: reason}}"
        ),
    ):
        story_bold(dataset, "tale", ["b", "c", "d"], TIMED, **OPTIONS)


@pytest.mark.parametrize("order", ["bcd", "dcb"])
def test_scans_within_the_slack_are_cut_to_the_shortest(
    order: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    dataset = scans_study(tmp_path, b=20, c=20, d=19)
    dataset.slack_trs = 1
    result, scans = story_bold(dataset, "tale", list(order), TIMED, **OPTIONS)
    assert result["bold"].shape == (4, 19, 2)
    assert scans.set_index("subject")["n_trs"].to_dict() == {"b": 20, "c": 20, "d": 19}
    assert set(scans["n_rows"]) == {19}
    assert "these differ: 19 of d; all are cut to the shortest" in caplog.text


def test_words_of_timings_are_read_by_the_jobs_reader(tmp_path: Path) -> None:
    (tmp_path / "tale.ctm").write_text("tale 1 0.5 0.25 once\ntale 1 1.0 0.5 upon\n")
    (tmp_path / "tale.txt").write_text("Once upon...")
    sources = [{"file": "tale.ctm", "transcript": "tale.txt", "offset": 10.0}]
    opened = readers.open_words({"reader": "tables", "words": {"tale": sources}}, tmp_path)
    words = stories.words_table(opened.words("tale"), 15, "tale")
    assert words["word"].tolist() == ["Once", "upon..."]
    assert words["onset"].tolist() == [10.5, 11.0]
    assert words["sentence_source"].unique().tolist() == ["punctuation"]
