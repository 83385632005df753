"""What an upgrade changed in a folder of results."""

from __future__ import annotations

from pathlib import Path

import pytest

from engram.compare_results import main


def written(folder: Path, **files: str) -> Path:
    """A folder of results: tables by name, and a report."""
    for name, text in {"report": "<p>", **files}.items():
        path = folder / ("report.html" if name == "report" else f"tables/{name}.tsv")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def compared(old: Path, new: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[str]]:
    return main([str(old), str(new)]), capsys.readouterr().out.splitlines()


def test_the_same_tables_are_the_same_whatever_benchmarks_and_reports_hold(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = (written(tmp_path / name, scores="r\n0.1\n", report=name) for name in ("old", "new"))
    (new / "benchmarks").mkdir()
    (new / "benchmarks" / "bold.tsv").write_text("s\n3\n")
    status, lines = compared(old, new, capsys)
    assert status == 0
    assert lines == [
        "report.html: differs (a report holds times and versions)",
        "1 of 1 tables are the same bytes (SHA-256)",
    ]


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (
            "roi\tr\na\t0.1\nb\t0.2\n",
            "roi\tr\na\t0.15\nb\t-0.2\n",
            "r: 2 of 2 cells; largest difference 0.4 (row 2: 0.2 before, -0.2 now)",
        ),
        ("r\nn/a\n1\n", "r\n0.5\n1\n", "1 not as numbers (row 1: 'n/a' before, '0.5' now)"),
        ("r\nnan\n", "r\ninf\n", "1 not as numbers"),
        ("r\tp\n1\t2\n", "r\tq\n1\t2\n", "p: column taken out"),
        ("r\n1\n2\n", "r\n1\n", "2 rows before, 1 now"),
        ("r\tp\n1\t2\n", "p\tr\n2\t1\n", "the same columns in another order"),
        ("r\n1\n", "r\r\n1\r\n", "the same cells, written differently"),
        ("", "r\n1\n", "r: new column"),
    ],
    ids=["numbers", "missing", "not finite", "columns", "rows", "order", "line ends", "empty"],
)
def test_a_difference_is_said_by_column(
    before: str, after: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = written(tmp_path / "old", scores=before), written(tmp_path / "new", scores=after)
    status, lines = compared(old, new, capsys)
    assert status == 1 and any(said in line for line in lines) and lines[-1].startswith("0 of 1")


def test_tables_in_other_places_are_found_by_name_and_missing_ones_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = (
        written(tmp_path / "old", scores="r\n1\n", gone="r\n1\n"),
        written(tmp_path / "new", come="r\n1\n"),
    )
    (new / "scores.tsv").write_text("r\n1\n")
    status, lines = compared(old, new, capsys)
    assert status == 1
    assert lines == [
        f"tables/gone.tsv: only in {old}",
        f"tables/come.tsv: only in {new}",
        "1 of 3 tables are the same bytes (SHA-256)",
    ]


def test_a_folder_without_results_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path / "none"), str(tmp_path)]) == 2
    assert "there is no folder" in capsys.readouterr().err
    assert main([str(tmp_path), str(tmp_path)]) == 2
    assert "holds no table" in capsys.readouterr().err


def test_renamed_columns_values_and_files_are_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = written(
        tmp_path / "old",
        **{"aug-a_controls": "model\taugmentation\ttext\ngpt2-untrained\ta\taugmented\n"},
    )
    new = written(
        tmp_path / "new",
        **{"text-a_controls": "model\ttext\tvariant\ngpt2-reinitialised\ta\tassociations\n"},
    )
    renames = tmp_path / "renames.tsv"
    rows = ["what\twhere\told\tnew", "column\t*_controls\ttext\tvariant",
        "column\t*\taugmentation\ttext", "value\tvariant\taugmented\tassociations",
            "ending\t*\t-untrained\t-reinitialised", "file\t*\taug-\ttext-"]  # fmt: skip
    renames.write_text("\n".join(rows) + "\n")
    assert main([str(old), str(new)]) == 1
    capsys.readouterr()
    assert main([str(old), str(new), "--renames", str(renames)]) == 0
    assert (
        capsys.readouterr().out.splitlines()[-1]
        == "1 of 1 tables are the same bytes once they are renamed"
    )
    (new / "tables" / "text-a_controls.tsv").write_text(
        "model\ttext\tvariant\ngpt2-untrained\ta\tassociations\n"
    )
    assert main([str(old), str(new), "--renames", str(renames)]) == 1
    assert capsys.readouterr().out.startswith("tables/text-a_controls.tsv: model: 1 of 1 cells")


@pytest.mark.parametrize(
    ("text", "message"), [(None, "there is no file"), ("old\tnew\n", "a table of renames has")]
)
def test_a_table_of_renames_that_is_none_is_refused(
    text: str | None, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = written(tmp_path / "old", scores="r\n0.1\n")
    if text:
        (tmp_path / "renames.tsv").write_text(text)
    assert main([str(old), str(old), "--renames", str(tmp_path / "renames.tsv")]) == 2
    assert message in capsys.readouterr().err
