"""Cells of tables: formulas are kept from running, and come back as they were.

What breaks a row is refused.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from engram.errors import EngramError
from engram.files import storage

#: Cells, and whether a spreadsheet would run them.
CELLS = {
    **dict.fromkeys(
        [
            "=1+1",
            '=HYPERLINK("http://h")',
            "@SUM(1)",
            "+1+1",
            "-2+3|cmd",
            "-ish",
            "-2+3+cmd|' /C calc'!A0",
            "'=1",
            "''@x",
        ],
        True,
    ),
    **dict.fromkeys(
        [
            "-",
            "--",
            "\u2013",
            "-5",
            "+3.5e-4",
            "-5%",
            "-0.018 to +0.1",
            "'tis",
            "'",
            "'-",
            "a=b",
            "word",
        ],
        False,
    ),
}


def test_formulas_are_written_as_text_and_read_as_they_were(tmp_path: Path) -> None:
    table = pd.DataFrame({"word": list(CELLS), "number": range(len(CELLS))})
    storage.write_table(tmp_path / "t.tsv", table, "words", {"word": "w", "number": "n"})
    lines = (tmp_path / "t.tsv").read_text().splitlines()[1:]
    written = [line.split("\t")[0] for line in lines]
    assert {cell: text != cell for cell, text in zip(CELLS, written, strict=True)} == CELLS
    assert not any(text[0] in "=@" for text in written)
    assert storage.read_table(tmp_path / "t.tsv", dtype={"word": str})["word"].tolist() == list(
        CELLS
    )


@pytest.mark.parametrize("cell", ["a\tb", "a\nb", "a\rb", "a\x00b"])
def test_what_breaks_a_row_is_refused(cell: str, tmp_path: Path) -> None:
    with pytest.raises(EngramError, match="column 'roi'.*a tab, a line break or NUL"):
        storage.write_table(
            tmp_path / "t.tsv", pd.DataFrame({"roi": ["IFG", cell]}), "regions", {"roi": "r"}
        )
    assert not list(tmp_path.iterdir())
