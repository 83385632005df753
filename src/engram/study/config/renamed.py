"""Keys of earlier versions: what each is called now, and the lines to write.

A configuration with an old key is refused. Here it is first brought up to date, so that one
message names every old key and whatever else is wrong.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from engram.fetch.addresses import secret_in
from engram.study.config.messages import yaml_lines

#: Characters of a value beyond which a message shows none.
_LONGEST_SHOWN = 500
_MIRROR_PREFIX = "mirror:"


def _always(value: Any) -> bool:
    return True


def _is_count(value: Any) -> bool:
    """Tell whether `listeners` is the number of them, as it was in simulated studies."""
    return not isinstance(value, list | dict | None)


def _is_in_the_mirror(value: Any) -> bool:
    return str(value).startswith(_MIRROR_PREFIX)


def _without_mirror(value: Any) -> Any:
    return str(value).removeprefix(_MIRROR_PREFIX).removeprefix("models/")


def _names_untrained(value: Any) -> bool:
    return isinstance(value, list) and "untrained" in value


def _names_reinitialised(value: Any) -> Any:
    return ["reinitialised" if one == "untrained" else one for one in value]


def _with_twins(value: Any) -> list[str]:
    return ["word-rate", "reinitialised"] if value else ["word-rate"]


def _same(value: Any) -> Any:
    return value


@dataclass(frozen=True)
class Change:
    """What became of a key: its new name, or how its values are written now.

    Attributes
    ----------
    old, new : str
        Dotted keys. `*` stands for a name that the study gives: the same name in both, or one that
        the new key no longer has.
    applies : callable
        Whether a value is one of an earlier version.
    written : callable
        The value as it is written now.
    says : str
        What the message says; ``{new}`` is the new key.
    """

    old: str
    new: str
    applies: Callable[[Any], bool] = _always
    written: Callable[[Any], Any] = _same
    says: str = "is called {new} now"


#: In the order in which they are applied: the number of simulated listeners leaves its key before
#: the listeners to use take it.
CHANGES = (
    Change("associating", "association_effect"),
    Change("figures.layer", "reported_layer"),
    Change("encoding.trim", "bold.trim"),
    Change("encoding.tail", "bold.tail"),
    Change("encoding.backend", "compute.backend"),
    Change("activations.device", "compute.device"),
    Change("activations.dtype", "compute.reading_dtype"),
    Change("tunings.*.dtype", "compute.tuning_dtype"),
    Change("tunings.*.checkpointing", "tunings.*.gradient_checkpointing"),
    Change("dataset.listeners", "dataset.n_listeners", applies=_is_count),
    Change("dataset.subjects", "dataset.listeners"),
    Change("models.*.untrained", "models.*.reinitialised"),
    Change(
        "untrained",
        "baselines",
        written=_with_twins,
        says="is no key of a study: each model's re-initialised twin is a baseline, and one model "
        "is re-initialised with 'reinitialised: true' below its name",
    ),
    Change(
        "baselines",
        "baselines",
        applies=_names_untrained,
        written=_names_reinitialised,
        says="'untrained' is called 'reinitialised' now",
    ),
    Change(
        "models.*.source",
        "models.*.source",
        applies=_is_in_the_mirror,
        written=_without_mirror,
        says="with a mirror, a source that is no folder is looked up under its models/",
    ),
    Change(
        "models.*.only",
        "models.*",
        written=lambda _: None,
        says="is gone: a run reads all models that its files name. Where one is to do without "
        "this model, stack a file that takes it out (docs/data/offline.md)",
    ),
)


def with_new_keys(raw: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return a configuration with today's keys, and a message for each old one that it had.

    Parameters
    ----------
    raw : mapping
        The configuration as it was given; it is left as it is.
    """
    made, messages = copy.deepcopy(dict(raw)), []
    for change in CHANGES:
        for path in list(_places(made, change.old.split("."))):
            value = _value(made, path)
            if not change.applies(value):
                continue
            new, written = _new_path(change, path), change.written(value)
            says = change.says.format(new=".".join(new))
            lines = yaml_lines(new, _shown(written))
            messages.append(f"  {'.'.join(path)}: {says}. Write:\n{lines}")
            _remove(made, path)
            if written is not None:
                _add(made, new, written)
    return made, messages


def _places(raw: Any, parts: list[str], before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the paths in a configuration that a dotted key with `*` stands for."""
    if not parts:
        yield before
    elif isinstance(raw, dict):
        for key in list(raw) if parts[0] == "*" else [parts[0]]:
            if key in raw:
                yield from _places(raw[key], parts[1:], (*before, key))


def _new_path(change: Change, path: tuple[str, ...]) -> list[str]:
    names = (name for part, name in zip(change.old.split("."), path, strict=True) if part == "*")
    return [str(next(names)) if part == "*" else part for part in change.new.split(".")]


def _value(raw: dict[str, Any], path: tuple[str, ...]) -> Any:
    for key in path:
        raw = raw[key]
    return raw


def _remove(raw: dict[str, Any], path: tuple[str, ...]) -> None:
    _value(raw, path[:-1]).pop(path[-1])


def _add(raw: dict[str, Any], path: list[str], value: Any) -> None:
    """Put a value where its new key stands, unless something is there already."""
    for key in path[:-1]:
        raw = raw.setdefault(key, {})
        if not isinstance(raw, dict):
            return
    raw.setdefault(path[-1], value)


def _shown(value: Any) -> str:
    """Return a value as YAML in one line; "..." for what is long or may hold a secret."""
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=float("inf"))
    text = text.removesuffix("\n").removesuffix("\n...")
    return "..." if len(text) > _LONGEST_SHOWN or secret_in(str(value)) else text
