"""Lines of Python that make a number of a table again from the arrays that it was made of."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from engram.vocabulary import ORIGINAL, RANDOM, WORD_RATE

#: Kinds of datasets that `engram.brain_score` reads without the workflow.
_READ_HERE = ("table", "alice")
#: The number that a row of a table is about.
VALUES = {"scores": "score", "ceilings": "ceiling", "association": "F", "tuning": "M"}


def lines(
    table: str, row: Mapping[str, Any], groups: Sequence[str], folder: str, finished: bool
) -> list[str]:
    """Return lines that print the number of a row; none for tables that have none.

    Parameters
    ----------
    table : str
    row : mapping
        The row's cells by column.
    groups : sequence of str
        The groups of listeners behind it.
    folder : str
        Of the results.
    finished : bool
        Whether the study is finished.
    """
    make = _MAKERS.get(table)
    if make is None:
        return []
    opened = f"study = engram.load({folder!r}{'' if finished else ', unfinished=True'})"
    return make(row, groups, opened)


def from_raw_data(
    row: Mapping[str, Any], kind: str, models: Collection[str], folder: str
) -> list[str]:
    """Return lines that print a brain score anew from raw data; none where these do not reach it.

    Parameters
    ----------
    row : mapping
        Of the table of scores.
    kind : str
        Of the dataset.
    models : collection of str
        The study's language models: other feature spaces are made by the workflow alone.
    folder : str
        Of the results, of a finished study.
    """
    if kind not in _READ_HERE or row["text"] != ORIGINAL:
        return []
    model = row["model"]
    if model not in (*models, WORD_RATE):
        return []
    entry = f'study.config["models"][{model!r}]' if model != WORD_RATE else repr(WORD_RATE)
    keys = {name: row[name] for name in ("subject", "layer", "hemisphere", "roi")}
    wanted = " and ".join(f"{name} == {value!r}" for name, value in keys.items())
    return [
        "import engram",
        f"study = engram.load({folder!r})",
        f"model = {entry}",
        'found = engram.brain_score(model, study.config["dataset"], settings=study.settings)',
        f'print(found.to_frame().query({wanted!r})["score"].item())',
    ]


def index(table: str, row: Mapping[str, Any]) -> str:
    """Return in words which values of the arrays a number is the mean of."""
    region = f"targets of {row['hemisphere']} {row['roi']}"
    if table == "scores":
        return (
            f"r at layer {row['layer']}, subject {row['subject']}, mean over stories and {region}"
        )
    if table == "ceilings":
        return f"{row['kind']} of subject {row['subject']}, mean over {region}"
    return (
        f"r of variant 'associations' minus that of 'original', region {row['hemisphere']} "
        f"{row['roi']}, mean over stories, then over single listeners"
    )


def _scores(row: Mapping[str, Any], groups: Sequence[str], opened: str) -> list[str]:
    named = _named(row, "group", "model", "text")
    return [
        "import engram",
        opened,
        f'scores = study.array("scores", {named})',
        f'r = scores["r"].sel(layer={row["layer"]}, subject={row["subject"]!r}).mean("story")',
        f"mine = {_in_region('scores', row)}",
        "print(float(r[mine.values].mean()))",
    ]


def _ceilings(row: Mapping[str, Any], groups: Sequence[str], opened: str) -> list[str]:
    return [
        "import engram",
        opened,
        f'ceilings = study.array("ceilings", {_named(row, "story")})',
        f"found = ceilings[{row['kind']!r}]",
        f'if "subject" in found.dims: found = found.sel(subject={row["subject"]!r})',
        f"mine = {_in_region('ceilings', row)}",
        "print(float(found[mine.values].mean()))",
    ]


def _association(row: Mapping[str, Any], groups: Sequence[str], opened: str) -> list[str]:
    one = f'"associations", suffix="scores", group=group, {_named(row, "model", "text")}'
    side, roi = row["hemisphere"], row["roi"]
    null = row.get("null", RANDOM)
    return [
        "import engram, numpy",
        opened,
        "listeners = []",
        f"for group in {list(groups)!r}:",
        f'    r = study.array({one})["r"].mean("story")',
        f'    mine = (r["region_hemisphere"] == {side!r}) & (r["region_roi"] == {roi!r})',
        '    r = r[:, (r["subject"] != "average").values, mine.values]',
        '    listeners.append((r - r.sel(variant="original")).values[..., 0])',
        "f = numpy.concatenate(listeners, axis=1).mean(axis=1)  # F of each text",
        'names = list(r["variant"].values)',
        'F = f[names.index("associations")]',
        "print(float(F))",
        f'null = [one for one, name in zip(f, names) if name.startswith("{null}-")]',
        'print("p_texts", (1 + sum(one >= F for one in null)) / (1 + len(null)))',
    ]


def _named(row: Mapping[str, Any], *names: str) -> str:
    return ", ".join(f"{name}={row[name]!r}" for name in names)


def _in_region(dataset: str, row: Mapping[str, Any]) -> str:
    side, roi = row["hemisphere"], row["roi"]
    return f'({dataset}["hemisphere"] == {side!r}) & ({dataset}["roi"] == {roi!r})'


_MAKERS: dict[str, Callable[[Mapping[str, Any], Sequence[str], str], list[str]]] = {
    "scores": _scores,
    "ceilings": _ceilings,
    "association": _association,
}
