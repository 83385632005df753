"""Files: whole or absent, explained, and read back as they were."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from engram.errors import EngramError
from engram.files import storage

WORDS = [
    "null",
    "NA",
    "nan",
    "None",
    "2",
    "1e5",
    "True",
    '"',
    '"Hi',
    "'tis",
    "don't",
    "\u201cMr.",
    "caf\u00e9",
    "#",
    "a,b",
    "\\",
]


def test_atomic_failure_leaves_nothing_behind_and_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt), storage.atomic(path) as temporary:
        temporary.write_text("half")
        raise KeyboardInterrupt
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_atomic_replaces_only_at_the_end_and_makes_folders(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "x.nc"
    with storage.atomic(path) as temporary:
        temporary.write_text("new")
        assert not path.exists()
        assert (temporary.parent, temporary.suffix) == (path.parent, ".nc")
    assert path.read_text() == "new"
    assert list(path.parent.iterdir()) == [path]


def test_two_writers_of_one_file_do_not_share_a_temporary_one(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    with storage.atomic(path) as first, storage.atomic(path) as second:
        assert first != second
        first.write_text("1")
        second.write_text("2")
    assert path.read_text() == "1"  # the last to finish


def test_words_come_back_whatever_they_look_like(tmp_path: Path) -> None:
    table = pd.DataFrame({"word": WORDS, "onset": [np.nan, *np.arange(1.0, len(WORDS))]})
    storage.write_table(
        tmp_path / "w.tsv", table, "Words.", {"word": "The word.", "onset": "Seconds."}
    )
    back = storage.read_words(tmp_path / "w.tsv")
    assert back["word"].tolist() == WORDS
    np.testing.assert_array_equal(back["onset"], table["onset"])


@pytest.mark.parametrize("word", ["2", "1.50", "True", "1e5"])
def test_story_of_nothing_but_numbers_has_words(word: str, tmp_path: Path) -> None:
    (tmp_path / "w.tsv").write_text(f"word\tonset\n{word}\t1\n")
    assert storage.read_words(tmp_path / "w.tsv")["word"].tolist() == [word]


def test_missing_numbers_are_written_as_in_bids(tmp_path: Path) -> None:
    table = pd.DataFrame(
        {"x": [1.0, np.nan, 1 / 3], "n": pd.array([1, None, 3], "Int64"), "text": ["a", None, "c"]}
    )
    storage.write_table(tmp_path / "t.tsv", table, "Numbers.", dict.fromkeys(table, "?"))
    assert (
        tmp_path / "t.tsv"
    ).read_text() == "x\tn\ttext\n1\t1\ta\nn/a\tn/a\tn/a\n0.333333\t3\tc\n"
    back = storage.read_table(tmp_path / "t.tsv")
    assert back.isna().to_numpy().tolist() == [[False] * 3, [True] * 3, [False] * 3]


@pytest.mark.parametrize(
    ("options", "expected"),
    [({}, "0.333333"), ({"digits": 3}, "0.333"), ({"digits": 10}, "0.3333333333")],
)
def test_numbers_are_written_with_so_many_digits(
    options: dict[str, int], expected: str, tmp_path: Path
) -> None:
    storage.write_table(
        tmp_path / "t.tsv", pd.DataFrame({"x": [1 / 3]}), "A third.", {"x": "?"}, **options
    )
    assert (tmp_path / "t.tsv").read_text() == f"x\n{expected}\n"


def test_times_of_long_stories_keep_their_milliseconds(tmp_path: Path) -> None:
    storage.write_table(
        tmp_path / "t.tsv",
        pd.DataFrame({"onset": [5025.1234]}),
        "Words.",
        {"onset": "Seconds."},
        digits=10,
    )
    assert storage.read_table(tmp_path / "t.tsv")["onset"].tolist() == [5025.1234]


def test_only_na_and_empty_cells_are_missing(tmp_path: Path) -> None:
    (tmp_path / "t.tsv").write_text("name\tx\nNA\t1\nnull\t\nn/a\t3\n")
    back = storage.read_table(tmp_path / "t.tsv")
    assert back["name"].isna().tolist() == [False, False, True]
    assert back["x"].isna().tolist() == [False, True, False]


def test_text_with_quotation_marks_comes_back(tmp_path: Path) -> None:
    reasons = ['"bad" scan', '"asleep', "awake"]
    storage.write_table(
        tmp_path / "t.tsv", pd.DataFrame({"excluded": reasons}), "Scans.", {"excluded": "Why."}
    )
    assert storage.read_table(tmp_path / "t.tsv")["excluded"].tolist() == reasons


def test_sidecar_explains_every_column(tmp_path: Path) -> None:
    storage.write_table(
        tmp_path / "t.tsv",
        pd.DataFrame({"a": [1], "b": [2]}),
        "Both.",
        {"a": "First.", "b": "Second."},
    )
    assert storage.read_json(tmp_path / "t.json") == {
        "Description": "Both.",
        "a": {"Description": "First."},
        "b": {"Description": "Second."},
    }


@pytest.mark.parametrize(
    "columns", [{"a": "?"}, {"a": "?", "b": "?", "c": "?"}, {"b": "?", "a": "?"}]
)
def test_columns_explained_must_be_the_columns_there(
    columns: dict[str, str], tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="columns explained"):
        storage.write_table(
            tmp_path / "t.tsv", pd.DataFrame({"a": [1], "b": [2]}), "Both.", columns
        )
    assert list(tmp_path.iterdir()) == []


def test_reading_a_table_that_is_not_there_names_it(tmp_path: Path) -> None:
    with pytest.raises(EngramError, match=r"none.tsv' cannot be read"):
        storage.read_table(tmp_path / "none.tsv")


@pytest.mark.parametrize("content", [b"", b"a\tb\n1\t2\n1\t2\t3\n", b"a\n\xff\xfe\n"])
def test_reading_what_is_no_table_names_it(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "t.tsv").write_bytes(content)
    with pytest.raises(EngramError, match=r"t.tsv' cannot be read"):
        storage.read_table(tmp_path / "t.tsv")


def test_table_that_is_not_utf8_says_so(tmp_path: Path) -> None:
    (tmp_path / "t.tsv").write_bytes("word\ncaf\u00e9\n".encode("latin-1"))
    with pytest.raises(EngramError, match=r"t.tsv' cannot be read .* not UTF-8 .*Save it as UTF-8"):
        storage.read_table(tmp_path / "t.tsv")


@pytest.mark.parametrize(
    "rows",
    [
        "x\t2\t9\ny\t4\t9\n",
        "1.5\t2\t9\n3\t4\t9\n",
        "1\t2\t9\n3\t4\t9\n7\t5\t9\n",
        "1\t2\t8\t9\n3\t4\t8\t9\n",
        "1\t2\t9\n3\t4\t9\n",
        "0\t2\t9\n1\t4\t9\n2\t5\t9\n",
    ],
)
def test_rows_longer_than_the_header_are_refused(rows: str, tmp_path: Path) -> None:
    """Left alone, pandas makes the first column an index, and so shifts the names of the others."""
    (tmp_path / "t.tsv").write_text("a\tb\n" + rows)
    with pytest.raises(EngramError, match=r"t.tsv'.* more cells than its header"):
        storage.read_table(tmp_path / "t.tsv")


def test_reading_json_that_is_not_there_gives_an_empty_object(tmp_path: Path) -> None:
    assert storage.read_json(tmp_path / "none.json") == {}


@pytest.fixture
def dataset() -> xr.Dataset:
    values = np.random.default_rng(0).standard_normal((50, 7)).astype(np.float32)
    return xr.Dataset(
        {"bold": (("time", "target"), values, {"units": "1"})},
        coords={
            "time": ("time", np.arange(50) * 1.5, {"units": "s"}),
            "target": [f"t{i}" for i in range(7)],
        },
        attrs={"subject": "a", "tr": 1.5},
    )


def test_dataset_comes_back(dataset: xr.Dataset, tmp_path: Path) -> None:
    storage.write_dataset(tmp_path / "d.nc", dataset)
    with storage.open_dataset(tmp_path / "d.nc") as back:
        xr.testing.assert_identical(back.load(), dataset)
        assert back["bold"].dtype == np.float32
    assert [path.name for path in tmp_path.iterdir()] == ["d.nc"]


def test_same_dataset_gives_the_same_bytes(dataset: xr.Dataset, tmp_path: Path) -> None:
    storage.write_dataset(tmp_path / "1.nc", dataset)
    time.sleep(1.1)  # HDF5 can keep times, in seconds
    storage.write_dataset(tmp_path / "2.nc", dataset)
    assert (tmp_path / "1.nc").read_bytes() == (tmp_path / "2.nc").read_bytes()


@pytest.mark.parametrize("kept", [0.0, 0.1, 0.5, 0.999])
def test_truncated_dataset_is_named_with_what_to_do(
    kept: float, dataset: xr.Dataset, tmp_path: Path
) -> None:
    path = tmp_path / "d.nc"
    storage.write_dataset(path, dataset)
    path.write_bytes(path.read_bytes()[: int(kept * path.stat().st_size)])
    with pytest.raises(EngramError, match=r"d.nc' cannot be read .* Delete it and run again"):
        storage.open_dataset(path)


def test_missing_dataset_is_named(tmp_path: Path) -> None:
    with pytest.raises(EngramError, match=r"none.nc' cannot be read"):
        storage.open_dataset(tmp_path / "none.nc")
