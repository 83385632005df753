"""A whole table as numbers, beside each of its columns as numbers."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from engram.errors import EngramError
from engram.files.delimited import all_numbers, numbers, read_frame


@pytest.mark.parametrize("cells", ["1\t2.5\n3\t-4\n", "1\tn/a\n3\t0.5\n"])
def test_a_table_is_what_its_columns_are(cells: str, tmp_path: Path) -> None:
    path = tmp_path / "table.tsv"
    path.write_text("a\tb\n" + cells, encoding="utf-8")
    table = read_frame(path)
    expected = pd.DataFrame({name: numbers(table[name], path) for name in table})
    pd.testing.assert_frame_equal(all_numbers(table, path), expected)


@pytest.mark.parametrize("cell", ["inf", "1,5", "True", "word"])
def test_what_is_no_number_is_named_with_its_line(cell: str, tmp_path: Path) -> None:
    path = tmp_path / "table.tsv"
    path.write_text(f"a\tb\n1\t2\n3\t{cell}\n", encoding="utf-8")
    with pytest.raises(EngramError, match=f"line 3, column 'b': '{cell}' is no number"):
        all_numbers(read_frame(path), path)
