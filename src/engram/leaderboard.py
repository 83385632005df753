"""Set models beside each other over finished studies: one table, one page.

`engram leaderboard results/*` (or `python -m engram.leaderboard`) writes `leaderboard.tsv`, with a
JSON sidecar that explains each column, and `leaderboard.html` into the folder that `--output` names
(default: the working directory). Studies must have predicted BOLD by the same rules (delays and gap
in seconds, folds, penalties ...); what differs is named, and nothing is written. Scores that others
published stand below, from a table that `--published` names (`leaderboard_published.tsv`).
"""

from __future__ import annotations

import argparse
import html
import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from engram.errors import EngramError
from engram.files import storage
from engram.statistics.finished_study import FinishedStudy
from engram.statistics.leaderboard_table import (
    ALL,
    LEADERBOARD,
    LEADERBOARD_COLUMNS,
    check_comparable,
    leaderboard,
)
from engram.statistics.published_scores import PUBLISHED, PUBLISHED_COLUMNS, read_published
from engram.wording import NONE, count, number

NAME = "leaderboard"
_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:75rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse;font-size:13px}th,td{padding:.2rem .5rem;text-align:left;"
    "border-bottom:1px solid #ddd}caption{text-align:left;font-weight:600;padding:.6rem 0}"
    # A wide table scrolls by itself; what a row is of stays in sight.
    ".wide{overflow-x:auto}td,th{white-space:nowrap}"
    "th:first-child,td:first-child{position:sticky;left:0;background:#fff}"
    ".control{color:#666}dt{font-family:monospace}"
    "p,li,dd{overflow-wrap:anywhere}@media(max-width:40rem){th:first-child,td:first-child"
    "{white-space:normal;min-width:7rem;max-width:9rem;overflow-wrap:anywhere}}"
)


def write(
    folders: Sequence[Path], output: Path, seed: int, published: Path | None = None
) -> pd.DataFrame:
    """Write the table and the page of some finished studies, and return the table.

    Raises
    ------
    EngramError
        If a folder holds no finished study, their rules differ, or what was published cannot be
        read (`engram.statistics.published_scores`).
    """
    others = None if published is None else read_published(published)
    studies = [FinishedStudy.read(folder) for folder in folders]
    check_comparable(studies)
    table = leaderboard(studies, seed)
    storage.write_table(output / f"{NAME}.tsv", table, LEADERBOARD, LEADERBOARD_COLUMNS)
    if others is not None:
        beside = output / f"{NAME}_published.tsv"
        storage.write_table(beside, others, PUBLISHED, PUBLISHED_COLUMNS)
    with storage.atomic(output / f"{NAME}.html") as path:
        path.write_text(page(table, studies, others), encoding="utf-8")
    return table


def page(
    table: pd.DataFrame, studies: Sequence[FinishedStudy], published: pd.DataFrame | None = None
) -> str:
    """Return the page: a table for each data set, all together first, and the rules.

    What others published stands below the tables of studies.
    """
    order = [name for name in (ALL, *(one.name for one in studies)) if name in set(table["data"])]
    tables = "\n".join(_ranked(name, table[table["data"] == name]) for name in order)
    if published is not None:
        tables += f"<h2>Published by others</h2><p>{html.escape(PUBLISHED)}</p>"
        tables += _table("published", published, ["model"] * len(published))
    rules = "".join(
        f"<li>{html.escape(str(name))}: {html.escape(str(value))}</li>"
        for name, value in studies[0].rules.items()
    )
    meanings = "".join(
        f"<dt>{html.escape(name)}</dt><dd>{html.escape(text)}</dd>"
        for name, text in LEADERBOARD_COLUMNS.items()
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>Leaderboard</title><style>{_STYLE}</style></head><body><h1>Leaderboard</h1>"
        f"<p>{html.escape(LEADERBOARD)}</p>{tables}<h2>Rules of all studies "
        f"({studies[0].digest})</h2><ul>{rules}</ul>"
        f"<h2>Columns</h2><dl>{meanings}</dl></body></html>\n"
    )


def _ranked(name: str, part: pd.DataFrame) -> str:
    part = part.sort_values(["rank", "model"]).dropna(axis=1, how="all")
    kinds = ["model" if kind == "model" else "control" for kind in part["kind"]]
    return _table(name, part.drop(columns=["data", "rules"]), kinds)


def _table(name: str, part: pd.DataFrame, kinds: Sequence[str]) -> str:
    head = "".join(f'<th scope="col">{html.escape(column)}</th>' for column in part)
    rows = "".join(
        f'<tr class="{kind}">'
        + "".join(f"<td>{html.escape(_cell(value))}</td>" for value in row)
        + "</tr>"
        for kind, (_, row) in zip(kinds, part.iterrows(), strict=True)
    )
    label = html.escape(name, quote=True)
    return (
        f'<div class="wide" role="region" aria-label="{label}" tabindex="0">'
        f"<table><caption>{html.escape(name)}</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{rows}</tbody></table></div>"
    )


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if value.is_integer() else number(value)
    return NONE if pd.isna(value) else str(value)


def run(results: Sequence[Path], output: Path, seed: int, published: Path | None = None) -> int:
    """Write table and page, say where they are, and return 0.

    Parameters
    ----------
    results : sequence of Path
        Folders of finished studies; files among them are passed over, as `results/*` names them.
    output : Path
    seed : int
    published : Path, optional
        A table of scores that others published.

    Raises
    ------
    EngramError
        As `write` does, and where there is no such folder.
    """
    if missing := [str(path) for path in results if not path.exists()]:
        raise EngramError(f"there is no {', '.join(missing)}. Name folders of finished studies.")
    folders = [path for path in results if path.is_dir()]
    if not folders:
        raise EngramError("no folder is named. Name folders of finished studies: results/demo.")
    table = write(folders, output, seed, published)
    studies = table.loc[table["data"] != ALL, "data"].nunique()
    said = f"{count(studies, 'study')}, {count(table['model'].nunique(), 'model')}"
    print(f"{said}: {output / NAME}.html")
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser(prog="engram.leaderboard", description=__doc__)
    parser.add_argument("results", nargs="+", type=Path, help="folders of finished studies")
    parser.add_argument("--output", type=Path, default=Path(), help="where table and page go")
    parser.add_argument("--seed", type=int, default=0, help="of the bootstrap")
    parser.add_argument("--published", type=Path, help="table of scores that others published")
    given = parser.parse_args(arguments)
    try:
        return run(given.results, given.output, given.seed, given.published)
    except EngramError as error:
        print(f"engram: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
