"""Begins a study: writes its file for a folder of data, and says what is missing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from engram.command.look import Key, Look, look_at
from engram.datasets.kinds import KINDS, section
from engram.errors import EngramError
from engram.files.storage import atomic
from engram.study.config.read import read_study
from engram.study.plan import Plan, make_plan
from engram.wording import count

_MODELS = """# Language models: a Hugging Face id or a folder; any causal model or encoder.
models:
  gpt2: {source: gpt2}
# Models to beat: the number of words in each TR, and each model with random weights.
baselines: [word-rate, reinitialised]

# What else can be said, with every default: config/README.md. For example:
# targets: roi                      # score regions' mean time courses, not every target
# encoding: {folds: {by: story}}    # leave whole stories out: what generalises to other stories
# nuisance: {method: banded}        # what models predict beyond rate, length and place of words
"""


def begin(
    folder: Path,
    output: Path | None,
    force: bool,
    tr: float | None,
    derivatives: Path | None = None,
    words: Path | None = None,
) -> int:
    """Write a study for a folder of data, and print what was found and what comes next.

    Parameters
    ----------
    folder : Path
    output : Path, optional
        The study's file; None: named after the folder, in the working directory.
    force : bool
        Whether a file that is there may be written over.
    tr : float, optional
        Repetition time in seconds, where no file gives it.
    derivatives, words : Path, optional
        Folders of a BIDS dataset that are not in it.

    Returns
    -------
    int
        The exit code: 0.

    Raises
    ------
    EngramError
        If nothing can be made of the folder, or the file is there.
    """
    look = look_at(folder, tr, derivatives, words)
    name = _name(folder)
    path = output or Path(f"{name}.yaml")
    if path.exists() and not force:
        raise EngramError(
            f"'{path}' is there already and was not touched. Write --force to write over it, or "
            "--output for another file."
        )
    if look.kind not in KINDS:
        raise EngramError(
            f"'{folder}' looks like a dataset of kind {look.kind}, which this version of Engram "
            f"does not read; it reads {', '.join(KINDS)}."
        )
    text = study_text(name, look, folder)
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    print("\n".join(_said(path, text, look)))
    return 0


def study_text(name: str, look: Look, folder: Path) -> str:
    """Return the file of a study, with comments.

    Parameters
    ----------
    name : str
        Of the study.
    look : Look
    folder : Path
        What was looked at.
    """
    known = section(look.kind).model_fields
    lines = [
        f"# A study of '{folder}', begun by `engram init`. Results go to results/{name}.",
        *(f"# Found: {one}." for one in look.found),
        *(f"# Missing: {one}." for one in look.missing),
        f"study: {name}",
        "dataset:",
        f"  kind: {look.kind}",
        *(_line(key, one) for key, one in look.keys.items() if key in known),
        *(f"  # {key}:    # NEEDED: {comment}" for key, comment in look.needed.items()),
    ]
    if look.bold:
        lines += ["bold:", *(_line(key, one) for key, one in look.bold.items())]
    return "\n".join(lines) + "\n" + _MODELS


def _line(key: str, one: Key) -> str:
    value = yaml.safe_dump(one.value, default_flow_style=True, width=10_000, allow_unicode=True)
    written = f"  {key}: {value.removesuffix(chr(10)).removesuffix('...').strip()}"
    return f"{written}    # {one.comment}" if one.comment else written


def _name(folder: Path) -> str:
    """Return a study's name: the folder's, in letters and digits."""
    name = re.sub(r"[^A-Za-z0-9]+", "-", folder.resolve().name).strip("-")[:40].strip("-")
    return name or "my-study"


def _said(path: Path, text: str, look: Look) -> list[str]:
    """Return what is printed: what was found, what is missing, and what comes next."""
    lines = [f"wrote {path}", *(f"  found: {one}" for one in look.found)]
    lines += [f"  missing: {one}" for one in look.missing]
    lines += [f"  to write by hand: dataset.{key} ({why})" for key, why in look.needed.items()]
    problem, plan = (None, None) if look.needed else _planned(yaml.safe_load(text))
    if plan is not None:
        people = {scan.subject for scan in plan.dataset.scans}
        lines.append(
            f"  a run would score {count(len(people), 'listener')} in "
            f"{count(len(plan.stories), 'story')}"
        )
    if problem:
        lines.append(f"  not yet to be run: {problem}")
    return [
        *lines,
        "next:",
        f"  1. look at {path}: its models, and what is missing",
        f"  2. engram check {path}    what a run would take, and every fault in the tables",
        f"  3. engram run {path}",
        f"  4. engram open {path}",
    ]


def _planned(raw: Mapping[str, Any]) -> tuple[str | None, Plan | None]:
    """Return why a study cannot be planned, or its plan."""
    try:
        return None, make_plan(read_study(dict(raw)))
    except EngramError as error:
        return str(error), None
