"""Where a number of a table comes from: its row, its arrays, texts, features, BOLD and raw files.

`engram trace RESULTS TABLE VALUE ...`, or `python -m engram.trace ...`, prints the way from one
number to the raw files, with the code and the commit that made each, and the lines of Python that
make the number again. Values single a row out:
`engram trace results/alice association L IFG word-judged`.
Each file is held against the checksum that was written down when it was made; those above 64 MB
with `--check` alone. The exit status is 0, 1 where a file is another one now, 2 where nothing can
be traced.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engram.errors import EngramError
from engram.interactive import recomputed

if TYPE_CHECKING:
    import pandas as pd

    from engram.interactive.chain import Chain, Link

#: What files of a folder are called in the chain.
_SORTS = {
    "scores": "scores",
    "ceilings": "ceilings",
    "chance": "scores",
    "nuisance": "scores",
    "partitions": "scores",
    "associations": "text",
    "stories": "text",
    "activations": "features",
    "tunings": "tuning",
    "bold": "BOLD",
}
#: Their order.
_ORDER = ("scores", "ceilings", "text", "features", "tuning", "BOLD", "files")
#: The sort of files that a table's number is made of; those of other columns are left out.
_MADE_OF = {"scores": "scores", "association": "scores", "ceilings": "ceilings"}
#: Files of one sort that are named, unless all are asked for.
_MOST = 6
_WIDTH = 10
_FROM_RAW = "From the raw data, which takes as long as the jobs did (where the study was run):"

#: Said in the place of lines of Python that would find no array.
_GONE = (
    "The arrays are not here, so this number cannot be made again from this folder: a published\n"
    "folder has tables and figures alone. Run the study, and trace the number in its results."
)


def trace(folder: Path, table: str, words: Sequence[str], *, every: bool, check: bool) -> str:
    """Return where a number comes from, as text.

    Parameters
    ----------
    folder : Path
        Of the results.
    table : str
        A table's name.
    words : sequence of str
        What singles its row out (`engram.interactive.chain.one_row`).
    every : bool
        Name all files of a sort, and not only the first few.
    check : bool
        Hold large files against their checksums too.

    Raises
    ------
    EngramError
        If there is no such table or row, or it has no provenance.
    """
    # Here, and not above: the command `engram` has these arguments too, and begins at once.
    from engram.interactive.chain import Chain, one_row
    from engram.interactive.results import Results, missing_files

    study = Results(folder, unfinished=True)
    read = study.tables[table]
    row = one_row(read, words, study.config.get("reported_layer"))
    chain = Chain(folder, check)
    path = folder / ("scans.tsv" if table == "scans" else f"tables/{table}.tsv")
    first = chain.of_table(path)
    wanted = {
        name: str(row[name]) for name in ("group", "model", "text", "story") if name in row.index
    }
    arrays = [
        one
        for one in chain.behind(first, wanted)
        if table not in _MADE_OF or _sort(one) == _MADE_OF[table]
    ]
    groups = sorted(
        {one.record["Wildcards"]["group"] for one in arrays if "group" in _wildcards(one)}
    )
    finished = not missing_files(folder)
    gone = table in _MADE_OF and any(one.place is None for one in arrays)
    lines = recomputed.lines(table, _plain(row), groups, str(folder), finished)
    kind = str(study.config.get("dataset", {}).get("kind")) if finished else ""
    models = study.config.get("models") or {}
    raw = (
        recomputed.from_raw_data(_plain(row), kind, models, str(folder))
        if table == "scores"
        else []
    )
    parts = [
        *_number(table, row, path, first),
        *_files(chain, arrays, _plain(row), table, every),
        "",
        *_made_again(lines, gone, str(first.record.get("Rule"))),
        *(["", _FROM_RAW, "", *(f"    {line}" for line in raw)] if raw else []),
    ]
    return "\n".join(parts)


def _made_again(lines: Sequence[str], gone: bool, rule: str) -> list[str]:
    """Return the lines that make a number again, or why there are none."""
    if gone:
        return [_GONE]
    if not lines:
        return [f"The rule {rule} makes it of the files above."]
    return ["Python that makes it again:", "", *(f"    {line}" for line in lines)]


def _number(table: str, row: pd.Series, path: Path, link: Link) -> Iterator[str]:
    value = recomputed.VALUES.get(table)
    if value in row.index:
        yield f"{value} = {row[value]:.6g}" + (f"  ({said})" if (said := _said(row, value)) else "")
        yield ""
    yield _entry("table", f"{path}, row {row.name + 1}")
    for name, cell in row.items():
        if name != value:
            yield _entry("", f"{name} = {cell}")
    yield from _made(link)


def _said(row: pd.Series, value: str | None) -> str:
    keys = ("subject", "model", "text", "layer", "story", "kind", "hemisphere", "roi")
    return ", ".join(str(row[name]) for name in keys if name in row.index)


def _files(
    chain: Chain, arrays: Sequence[Link], row: Mapping[str, Any], table: str, every: bool
) -> Iterator[str]:
    """Yield the files behind a table, sort by sort, and the raw files last."""
    links = chain.every(arrays)
    sorts: dict[str, list[Link]] = {}
    for link in sorted(links, key=lambda one: _ORDER.index(_sort(one))):
        sorts.setdefault(_sort(link), []).append(link)
    for sort, found in sorts.items():
        yield ""
        if sort == _MADE_OF.get(table):
            yield _entry(sort, recomputed.index(table, row))
        for link in found if every else found[:_MOST]:
            named = sort if link is found[0] and sort != _MADE_OF.get(table) else ""
            yield _entry(named, f"{link.path}{_state(link)}")
            yield from _made(link)
        yield from _more(len(found), every)
    raw = {one.path: one for link in links for one in chain.raw(link)}
    if raw:
        yield ""
        yield from _raw(list(raw.values()), str(row.get("subject", "")), every)


def _raw(found: Sequence[Link], subject: str, every: bool) -> Iterator[str]:
    """Yield the raw files, those of a row's listener first."""
    mine = sorted(found, key=lambda one: f"sub-{subject}_" not in Path(one.path).name)
    for number, one in enumerate(mine if every else mine[:_MOST]):
        yield _entry("raw files" if number == 0 else "", f"{one.path}{_state(one)}")
        yield _entry("", f"  SHA-256 {one.recorded}")
    yield from _more(len(found), every)


def _more(number: int, every: bool) -> Iterator[str]:
    if number > _MOST and not every:
        yield _entry("", f"and {number - _MOST} more (--all)")


def _sort(link: Link) -> str:
    parts = Path(link.path).parts
    name = Path(link.path).name
    if name.endswith("_scores.nc"):
        return "scores"
    if "_activations." in name:
        return "features"
    folder = next((part for part in reversed(parts[:-1]) if part in _SORTS), "")
    return _SORTS.get(folder, "files")


def _state(link: Link) -> str:
    if link.state == "changed":
        return "  CHANGED since it was read"
    if link.state == "gone":
        kept = " (removed once it was read; its rule makes it again)" if link.record else ""
        return f"  not here any more{kept}"
    return "" if link.state else "  not checked (--check)"


def _made(link: Link) -> Iterator[str]:
    """Yield how a file was made."""
    record = link.record
    if link.recorded:
        yield _entry("", f"  SHA-256 {link.recorded}")
    if not record:
        return
    yield _entry(
        "",
        f"  rule {record.get('Rule')}, {record.get('Finished', 'at an unknown time')}, "
        f"commit {record.get('Revision') or 'unknown'}, code {record.get('Code')}",
    )
    model = (record.get("Config") or {}).get("model")
    if isinstance(model, Mapping):
        said = ", ".join(f"{name} {value}" for name, value in model.items() if value)
        yield _entry("", f"  model: {said}")


def _entry(sort: str, text: str) -> str:
    return f"{sort:<{_WIDTH}}{text}"


def _wildcards(link: Link) -> dict[str, Any]:
    found: dict[str, Any] = link.record.get("Wildcards", {})
    return found


def _plain(row: pd.Series) -> dict[str, Any]:
    """Return a row's cells as plain Python, so that they can be written as such."""
    return {str(name): getattr(cell, "item", lambda one=cell: one)() for name, cell in row.items()}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command line."""
    parser.add_argument("results", type=Path, help="folder of results, such as results/alice")
    parser.add_argument("table", help="scores, ceilings, association, ... (a name in tables/)")
    parser.add_argument("values", nargs="*", help="what singles a row out: values, or column=value")
    parser.add_argument("--all", action="store_true", help="name all files, not the first few")
    parser.add_argument("--check", action="store_true", help="read large files too, to check them")


def run(given: argparse.Namespace) -> int:
    """Print where a number comes from; return the exit status."""
    try:
        said = trace(given.results, given.table, given.values, every=given.all, check=given.check)
    except EngramError as error:
        print(f"engram: {error}", file=sys.stderr)
        return 2
    print(said)
    return int("CHANGED since" in said)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m engram.trace", description=(__doc__ or "").splitlines()[0]
    )
    add_arguments(parser)
    return run(parser.parse_args(arguments))


if __name__ == "__main__":
    sys.exit(main())
