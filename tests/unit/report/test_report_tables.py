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
