"""What an error of pydantic becomes: the key, its value, what is allowed and what to write."""

from __future__ import annotations

import difflib
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from engram.study.config import features
from engram.study.config.datasets import SECTIONS
from engram.study.config.encoding import OF_BLOCKS, OF_STORIES
from engram.study.config.fields import SECRET, section_keys
from engram.study.config.study import Study

#: What a message suggests to write for a key, where pydantic's words have no example.
_EXAMPLES = {
    "study": "my-study",
    "dataset": "{kind: table, path: my_data, tr: 1.5}",
    "dataset.path": "my_data",
    "dataset.tr": "1.5",
    "features": "{mine: {kind: norms, table: lynott2020}}",
    "features.*": "{kind: norms, table: lynott2020}",
    "models": "{gpt2: {source: gpt2}}",
    "dataset.kind": "table",
    "encoding.delays": "[1, 2, 3, 4, 5]",
    "encoding.alphas": "[1, 10, 100]",
    "activations.context": "512",
}


def explain(error: dict[str, Any]) -> str:
    """Return what is wrong with one key, and what to write instead.

    Parameters
    ----------
    error : dict
        One of the errors of a `pydantic.ValidationError`.
    """
    # Parts with brackets, and numbers with limits, say which of several types was meant.
    parts = [str(part) for part in error["loc"]]
    path, kind_of_section = _path(
        [one for one in parts if not set(one) & set("[(") and not one.startswith("constrained-")]
    )
    kind, found = error["type"], error["input"]
    if ("[key]" in parts and kind in ("string_type", "value_error")) or kind == "invalid_key":
        # What Python writes for it (True, None) is not what stands in the file.
        path = [*path[:-1], _AS_YAML.get(str(found), str(found))]
    key = ".".join(path)
    if kind == "extra_forbidden":
        return f"  {key}: {_no_such_key(path, kind_of_section)}"
    if kind == "missing":
        return (
            f"  {key}: is needed and was not given. Write, for example:\n"
            f"{yaml_lines(path, _EXAMPLES.get(key, '...'))}"
        )
    if kind in ("model_type", "model_attributes_type") and path[:1] == ["models"] == path[:-1]:
        return (
            f"  {key}: a model has keys of its own (found: {found!r}). Write, "
            f"for example:\n{yaml_lines([*path, 'source'], 'gpt2')}"
        )
    if kind.startswith("union_tag"):
        kinds, example = (
            (features.SECTIONS, "features.*") if path[:1] == ["features"] else (SECTIONS, "dataset")
        )
        return (
            f"  {key}: 'kind' says what it is: {', '.join(kinds)} (found: {found!r}). Write, "
            f"for example:\n{yaml_lines(path, _EXAMPLES[example])}"
        )
    message = _expected(error) or error["msg"].removeprefix("Value error, ")
    if not path:
        return f"  {message}."  # it names its key
    # The dataset's line would suggest another kind.
    example = (
        "" if kind_of_section and path == ["dataset"] else _EXAMPLES.get(key, _first_choice(error))
    )
    written = f" Write, for example:\n{yaml_lines(path, example)}" if example else ""
    return f"  {key}: {message}{_shown(message, found)}.{written}"


#: Keys that YAML reads as no text, and how it writes them.
_AS_YAML = {"True": "true", "False": "false", "None": "null"}


def yaml_lines(path: list[str], value: str) -> str:
    """Return the lines of YAML that set a key, indented as messages show them."""
    while path[-1].isdecimal():
        # The place of an item in a list, which has no line of its own here.
        path, value = path[:-1], f"[{value}]"
    lines = ["    " + "  " * depth + part + ":" for depth, part in enumerate(path)]
    lines[-1] += " " + value
    return "\n".join(lines)


def _expected(error: dict[str, Any]) -> str:
    """Return what is expected in the words of YAML; "" where pydantic's words say it."""
    kind, context = error["type"], error.get("ctx", {})
    if kind == "invalid_key" or (kind == "string_type" and "[key]" in error["loc"]):
        is_read = isinstance(error["input"], bool) or error["input"] is None
        hint = f"; YAML reads {_NO_NAMES}: write it in quotes" if is_read else ""
        return f"expected a name{hint}"
    if kind == "string_type" and isinstance(error["input"], bool):
        return f"expected text; YAML reads {_NO_NAMES}: write it in quotes, if it is meant"
    if kind.startswith("int_"):
        return f"expected a whole number{_whole(error['input'])}"
    if kind.startswith("bool_"):
        return "expected true or false"
    if kind == "list_type":
        name = error["input"] if isinstance(error["input"], str) else "a, b"
        return f"expected a list; write [{name}]" if error["input"] else "expected a list"
    if kind in ("dict_type", "model_type", "model_attributes_type"):
        is_empty = (
            error["input"] is None and len(error["loc"]) == 1 and error["loc"] != ("dataset",)
        )
        leave_out = "; leave the key out for its defaults" if is_empty else ""
        return f"expected keys with values below it{leave_out}"
    if kind in ("too_short", "too_long"):
        edge = "at least" if kind == "too_short" else "at most"
        number = context["min_length" if kind == "too_short" else "max_length"]
        return f"expected {edge} {number} of them"
    return ""


_NO_NAMES = "yes, no, on, off and null without quotes as true, false and nothing"


def _whole(value: Any) -> str:
    """Return the hint that a power of ten stands for a whole number: YAML reads 1e3 as text."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return ""
    if not isinstance(value, str) or not number.is_integer() or abs(number) >= 1e15:
        return ""
    return f"; write {number:.0f}"


def _path(path: list[str]) -> tuple[list[str], str | None]:
    """Return a key's path as it is written, and the kind of section that pydantic put into it.

    Datasets and feature spaces have kinds. What pydantic adds to say which of several types was
    meant is taken out.
    """
    if path[:1] == ["dataset"] and path[1:2] and path[1] in SECTIONS:
        return [path[0], *path[2:]], path[1]
    if path[:1] == ["features"] and path[2:3] and path[2] in features.SECTIONS:
        return [*path[:2], *path[3:]], path[2]
    return [part for part in path if part not in (OF_BLOCKS, OF_STORIES)], None


def is_other_form(error: dict[str, Any], errors: list[dict[str, Any]]) -> bool:
    """Tell whether an error is of a form of a value that was not meant: a mapping, say.

    Pydantic has an error for each form that a value could have, under the same key.
    """
    return error["type"] == "dict_type" and any(
        other is not error and other["loc"][:-1] == error["loc"][:-1] for other in errors
    )


def _no_such_key(path: list[str], kind: str | None) -> str:
    allowed = _allowed_keys(path[:-1], kind)
    close = difflib.get_close_matches(path[-1], allowed, n=1)
    hint = f" Did you mean '{close[0]}'?" if close else ""
    return f"there is no such key.{hint} Allowed here: {', '.join(allowed)}."


def _first_choice(error: dict[str, Any]) -> str:
    """Return the first of the values that pydantic expects; "" where it expects no certain ones."""
    expected = str(error.get("ctx", {}).get("expected", ""))
    return expected.split(",")[0].split(" or ")[0].strip("'")


def _shown(message: str, found: Any) -> str:
    """Return the wrong value as a message shows it; "" where it is long or may hold a secret."""
    long = isinstance(found, dict) and len(str(found)) > 80
    if long or "://" in str(found) or message.startswith(SECRET):
        return ""
    text = repr(found)
    text = text if len(text) <= 200 else f"{text[:150]}... ({len(text):,} characters)"
    return f" (found: {text})"


def _allowed_keys(path: list[str], kind: str | None) -> list[str]:
    """Return the keys that the section at `path` knows."""
    if path[:1] == ["dataset"]:
        return section_keys(SECTIONS[kind]) if kind else ["kind"]
    if path[:1] == ["features"] and path[1:]:
        return section_keys(features.SECTIONS[kind]) if kind else ["kind"]
    section: type[BaseModel] | None = Study
    parts = iter(path)
    for part in parts:
        annotation = section.model_fields[part].annotation if section else None
        section = _section_in(annotation)
        if get_origin(annotation) is dict:
            next(parts, None)  # a name that the study gives
    return section_keys(section) if section else []


def _section_in(annotation: Any) -> type[BaseModel] | None:
    """Return the section in a field's type: itself, or the values of a mapping of names."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inner = (_section_in(part) for part in get_args(annotation))
    return next((section for section in inner if section is not None), None)
