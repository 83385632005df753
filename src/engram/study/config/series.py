"""Series of checkpoints: an entry of `models` that stands for one model at several steps.

`revisions` and `checkpoints` are written out as an entry for each step, before anything is checked:
later stages know models alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from engram.paths import found

#: A step in a name: `step1000` (Pythia), `checkpoint-500` (transformers' trainer), or the number
#: at its end.
_STEPS = (re.compile(r"(?:step|checkpoint)[-_]?(\d+)", re.IGNORECASE), re.compile(r"(\d+)$"))
#: A commit tells no step, though it may end in a digit.
_COMMIT = re.compile(r"[0-9a-f]{40}")
_EXAMPLES = "such as step1000, checkpoint-500, or a number at its end"
#: Keys that stand for several models.
REVISIONS, CHECKPOINTS = "revisions", "checkpoints"


def step_of(name: str) -> int | None:
    """Return the training step that the name of a revision or a folder tells; None: it has none."""
    if _COMMIT.fullmatch(name):
        return None
    for pattern in _STEPS:
        if told := pattern.search(name):
            return int(told[1])
    return None


def with_series(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return a study's configuration with an entry of `models` for each step of a series.

    Parameters
    ----------
    raw : mapping
        As it was written; what else is wrong with it is said where it is checked.

    Raises
    ------
    ValueError
        If a series has fewer than two steps, a name without a step, two of one step, or revisions
        in another order than that of their steps; if a pattern matches no folder.
    """
    models = raw.get("models")
    if not isinstance(models, Mapping):
        return dict(raw)
    result: dict[str, Any] = {}
    for name, entry in models.items():
        several = isinstance(entry, Mapping) and (
            entry.get(REVISIONS) is not None or entry.get(CHECKPOINTS) is not None
        )
        made = _members(str(name), entry) if several else {name: entry}
        if taken := sorted(set(made) & ({*models} - {name} | {*result})):
            raise ValueError(f"models: {taken} are names of steps of '{name}' too; rename them")
        result |= made
    return {**raw, "models": result}


def _members(name: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return the models of a series, by name."""
    key = f"models.{name}"
    if entry.get(REVISIONS) is not None and entry.get(CHECKPOINTS) is not None:
        raise ValueError(
            f"{key}: revisions are of a hub id, and checkpoints are folders; keep one of the two"
        )
    if strange := [one for one in ("reinitialised", "base", "revision") if entry.get(one)]:
        raise ValueError(
            f"{key}: a series is a whole, trained model at several steps; take out {strange}"
        )
    shared = {one: entry[one] for one in entry if one not in (REVISIONS, CHECKPOINTS)}
    if entry.get(REVISIONS) is not None:
        _check_is_of_hub(str(entry.get("source", "")), f"{key}.{REVISIONS}")
        names = _listed(entry[REVISIONS], f"{key}.{REVISIONS}")
        own: list[dict[str, Any]] = [{"revision": one} for one in names]
    else:
        names = _matched(str(entry.get("source", ".")), entry[CHECKPOINTS], key)
        own = [{"source": one} for one in names]
    steps = [step_of(one.rstrip("/").rpartition("/")[2]) for one in names]
    return {
        f"{name}-step{step}": {**shared, **mine, "series": name, "step": step}
        for step, mine in zip(steps, own, strict=True)
    }


def _check_is_of_hub(source: str, key: str) -> None:
    """Refuse revisions of a folder: it has one revision, which all steps would be."""
    if source and found(source).is_dir():
        raise ValueError(
            f"{key}: '{source}' is a folder, which has no revisions: all steps would be the same. "
            f"Write the folder that holds the steps as source, and {CHECKPOINTS}: checkpoint-*"
        )


def _listed(value: Any, key: str) -> list[str]:
    """Return revisions, in rising order of their steps."""
    if isinstance(value, str) or not isinstance(value, Sequence) or len(value) < 2:
        raise ValueError(
            f"{key}: expected a list of two revisions or more, {_EXAMPLES}; found {value!r}"
        )
    names = [str(one) for one in value]
    steps = _steps(names, key)
    if sorted(steps) != steps:
        order = [name for _, name in sorted(zip(steps, names, strict=True))]
        raise ValueError(f"{key}: steps do not rise; write {', '.join(order)}")
    return names


def _matched(source: str, pattern: Any, key: str) -> list[str]:
    """Return the folders below a source that match a pattern, in rising order of their steps."""
    folder, key = found(source), f"{key}.{CHECKPOINTS}"
    if not isinstance(pattern, str) or not pattern.strip():
        raise ValueError(
            f"{key}: expected a pattern of folders below source, such as checkpoint-*; "
            f"found {pattern!r}"
        )
    if pattern.startswith(("/", "~")) or ".." in pattern.split("/"):
        raise ValueError(
            f"{key}: '{pattern}' is a pattern of folders below source, such as checkpoint-*"
        )
    if not folder.is_dir():
        raise ValueError(
            f"{key}: source '{source}' is no folder here; checkpoints are folders below it. Of a "
            f"hub id write {REVISIONS}: [step1000, step2000] instead"
        )
    try:
        matched = [path for path in sorted(folder.glob(pattern)) if path.is_dir()]
    except ValueError as error:
        raise ValueError(
            f"{key}: '{pattern}' is no pattern ({error}); write one such as checkpoint-*"
        ) from None
    if len(matched) < 2:
        raise ValueError(
            f"{key}: '{pattern}' matches {len(matched)} folders below '{folder}', expected two or "
            "more; write the folder as source and a pattern of checkpoints in it, such as "
            "checkpoint-*"
        )
    steps = _steps([path.name for path in matched], key)
    # As it was written: a study below the working directory stays so.
    names = [f"{source.rstrip('/')}/{path.relative_to(folder)}" for path in matched]
    return [name for _, name in sorted(zip(steps, names, strict=True))]


def _steps(names: Sequence[str], key: str) -> list[int]:
    """Return the step of each name; refuse names without, and two of one step."""
    steps = [step_of(name) for name in names]
    known = [step for step in steps if step is not None]
    if without := [name for name, step in zip(names, steps, strict=True) if step is None]:
        raise ValueError(
            f"{key}: no step in {', '.join(without)}; expected names {_EXAMPLES}. Take these out "
            "(a pattern such as checkpoint-* leaves them out), or rename them"
        )
    if twice := sorted({step for step in known if known.count(step) > 1}):
        raise ValueError(f"{key}: two of step {twice[0]}: {', '.join(names)}; keep one of each")
    return known
