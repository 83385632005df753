"""Tables of the report: shown, summarised or to download."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import report_sample as sample
from html_page import Page

from engram.report import report_tables


def test_large_tables_are_summarised_by_column_and_small_ones_shown() -> None:
    small = sample.as_tables(small=pd.DataFrame({"x": [0.123456, np.nan], "word": ["null", "b"]}))[
        "small"
    ]
    assert not small.is_large and small.rows() == [["0.1235", "null"], ["n/a", "b"]]
    rows = report_tables.MOST_ROWS + 1
    large = sample.as_tables(
        large=pd.DataFrame(
            {"x": np.arange(rows, dtype=float), "kind": ["a", "b"] * (rows // 2) + [np.nan]}
        )
    )["large"]
    assert large.is_large
    assert large.summary() == [
        ["x", "Meaning of x.", "0 to 150, median 75", "0"],
        ["kind", "Meaning of kind.", "a, b", "1"],
    ]
    whole = Page(sample.page(large=large.data, small=small.data)).text
    assert "0 to 150, median 75" in whole and "null" in whole


def test_what_is_the_same_in_all_rows_is_said_once() -> None:
    data = pd.DataFrame(
        {"study": "mine", "roi": ["a", "b", "c"], "r": [0.1, 0.2, 0.3], "p": np.nan}
    )
    table = sample.as_tables(one=data)["one"]
    assert table.same() == {"study": "mine", "p": "n/a"} and table.shown() == ["roi", "r"]
    assert table.rows()[0] == ["a", "0.1"]
    page = Page(sample.page(one=data)).text
    assert "The same in all rows: study mine; p n/a." in page
    few = sample.as_tables(one=data.head(2))["one"]
    assert few.same() == {} and few.shown() == list(data)


def test_a_table_of_ceilings_that_nobody_knows_is_left_out() -> None:
    known = pd.DataFrame({"kind": ["loo", "split"], "ceiling": [0.4, np.nan]})
    tables = sample.as_tables(ceilings=known)
    assert [one.name for one in report_tables.in_order(tables)] == ["ceilings"]
    assert report_tables.in_order(sample.as_tables(ceilings=known.assign(ceiling=np.nan))) == []


def test_a_table_says_what_it_is_of_in_a_few_words() -> None:
    said = "F of every text (a null text among others: few stand out). More."
    table = report_tables.Table("one", pd.DataFrame(), said)
    assert table.about == "F of every text"
    assert report_tables.Table("one", pd.DataFrame(), "Scans.").about == "Scans"


def test_what_stands_between_backticks_is_code() -> None:
    assert report_tables.marked("`a: <b>`, or 1 < 2") == "<code>a: &lt;b&gt;</code>, or 1 &lt; 2"


def test_tables_can_be_downloaded_whole_unless_they_are_very_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "t.tsv"
    path.write_text("x\n1.5\n")
    assert (
        base64.b64decode(report_tables.read_tables([path])["t"].link.split(",")[1]) == b"x\n1.5\n"
    )
    monkeypatch.setattr(report_tables, "MOST_BYTES", 3)
    table = report_tables.read_tables([path])["t"]
    assert (table.link, table.size) == ("", "0.1 kB")
    assert (
        "The whole table (0.1 kB) is in the study's results: t.tsv."
        in Page(sample.page(t=table.data)).text
    )


def test_tables_come_with_the_words_of_their_sidecars(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text("roi\tx\n01\tn/a\n")
    (tmp_path / "a.json").write_text(
        json.dumps(
            {"Description": "All.", "x": {"Description": "Ex."}, "Provenance": {"Rule": "r"}}
        )
    )
    table = report_tables.read_tables([tmp_path / "a.tsv"])["a"]
    assert (table.description, table.columns, table.data["roi"][0]) == ("All.", {"x": "Ex."}, "01")
