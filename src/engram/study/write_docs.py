"""Writes config/README.md and config/schema.json from the config models.

``python -m engram.study.write_docs [--check]``.
"""

from __future__ import annotations

import ast
import difflib
import inspect
import json
import sys
import types
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import PydanticUndefined, core_schema

from engram.paths import RESOURCES
from engram.study.config import features
from engram.study.config.associations import Annotator, Associations, Norms, NormsColumns
from engram.study.config.datasets import SECTIONS
from engram.study.config.models import Model
from engram.study.config.study import Study

_CONFIG = RESOURCES.parent / "config"
_INTRODUCTION = """# Configuration

Generated from the config models (`src/engram/study/config/`) by `make docs`; do not edit.

A study is a YAML file that states what differs from the defaults below:

```sh
snakemake --cores all --configfile my_study.yaml
```

- Without `--configfile` the demo's `config.yaml` is used; nothing of it leaks into a study of yours.
- Several files after `--configfile` are stacked, later ones win; `null` takes a model of an earlier file out.
- Single values: `--config seed=1`, or nested: `--config encoding='{folds: 4}'`.
- Every key is checked before the first job; unknown keys are errors. `schema.json` lets editors check while you type.
- Threads, memory, devices and clusters belong to profiles (`profiles/`), not here.
"""  # noqa: E501


def readme() -> str:
    """Return the text of config/README.md."""
    shown: set[type[BaseModel]] = {Annotator, Associations, Model, Norms, NormsColumns}
    shown |= {*SECTIONS.values(), *features.SECTIONS.values()}
    parts = [_INTRODUCTION, _section("Study", "", Study)]
    for name, kind in SECTIONS.items():
        parts.append(_section(f"`dataset`, kind `{name}`", kind.__doc__ or "", kind))
        for key, field in kind.model_fields.items():
            parts += _sections_of(f"dataset.{key}", field.annotation, shown)
    parts.append(_section("`models`, for each name", Model.__doc__ or "", Model))
    for name, space in features.SECTIONS.items():
        parts.append(_section(f"`features`, kind `{name}`", space.__doc__ or "", space))
    parts.append(
        _section("`associations`, for each name", Associations.__doc__ or "", Associations)
    )
    parts.append(_section("`annotator` of a text", Annotator.__doc__ or "", Annotator))
    parts.append(_section("`norms` of an annotator", Norms.__doc__ or "", Norms))
    parts.append(_section("`columns` of norms", NormsColumns.__doc__ or "", NormsColumns))
    for name, field in Study.model_fields.items():
        parts += _sections_of(name, field.annotation, shown)
    return "\n".join(parts)


def schema() -> str:
    """Return the text of config/schema.json."""
    made = Study.model_json_schema(schema_generator=_WithMeanings)
    return json.dumps(_flat(made), indent=2) + "\n"


class _WithMeanings(GenerateJsonSchema):
    """A schema whose properties have the docstrings of keys as their descriptions."""

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        made = super().model_schema(schema)
        model: type[BaseModel] = schema["cls"]
        meanings = _meanings(model)
        for name, described in made.get("properties", {}).items():
            if name in meanings:
                described["description"] = meanings[name]
        return made


@cache
def _meanings(model: type[BaseModel]) -> dict[str, str]:
    """Return the docstrings of a section's keys: the texts that follow them in its class."""
    found: dict[str, str] = {}
    for base in reversed(model.__mro__):
        if issubclass(base, BaseModel) and base is not BaseModel:
            (tree,) = ast.parse(inspect.getsource(base)).body
            assert isinstance(tree, ast.ClassDef)
            found |= dict(_with_docstrings(tree.body))
    return found


def _with_docstrings(body: list[ast.stmt]) -> Iterator[tuple[str, str]]:
    """Yield the names in a class that a docstring follows, with it."""
    for statement, after in pairwise(body):
        if (
            isinstance(statement, ast.AnnAssign)
            and isinstance(statement.target, ast.Name)
            and isinstance(after, ast.Expr)
            and isinstance(after.value, ast.Constant)
            and isinstance(after.value.value, str)
        ):
            yield statement.target.id, inspect.cleandoc(after.value.value)


def _paragraphs(text: str) -> str:
    """Return a docstring with each paragraph in one line, however wide the source is."""
    return "\n\n".join(" ".join(part.split()) for part in text.strip().split("\n\n"))


def _flat(schema: Any) -> Any:
    """Return a schema whose descriptions have each paragraph in one line."""
    if isinstance(schema, dict):
        return {
            key: (
                _paragraphs(value)
                if key == "description" and isinstance(value, str)
                else _flat(value)
            )
            for key, value in schema.items()
        }
    return [_flat(value) for value in schema] if isinstance(schema, list) else schema


def _section(title: str, text: str, model: type[BaseModel]) -> str:
    lines = [
        f"## {title}",
        "",
        *([_paragraphs(text), ""] if text else []),
        "| key | type | default | meaning |",
        "|---|---|---|---|",
    ]
    for name, field in model.model_fields.items():
        default = field.default
        shown = (
            "**needed**"
            if default is PydanticUndefined
            else "(see below)"
            if isinstance(default, BaseModel)
            else f"`{json.dumps(default)}`"
        )
        lines.append(
            f"| `{name}` | {_type(field.annotation)} | {shown} | "
            f"{' '.join(_meanings(model).get(name, '').split()).replace('|', chr(92) + '|')} |"
        )
    return "\n".join(lines) + "\n"


def _sections_of(name: str, annotation: Any, shown: set[type[BaseModel]]) -> Iterator[str]:
    """Yield the sections that a key holds, and those in them, which were not shown before."""
    each = ", for each name" if get_origin(annotation) is dict else ""
    for section in _models_in(annotation):
        if section not in shown:
            shown.add(section)
            yield _section(f"`{name}`{each}", section.__doc__ or "", section)
            for key, field in section.model_fields.items():
                yield from _sections_of(f"{name}.{key}", field.annotation, shown)


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """Yield the sections in an annotation."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models_in(inner)


def _type(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return ", ".join(f"`{value}`" for value in arguments)
    if origin in (Union, types.UnionType):
        kinds = [_type(argument) for argument in arguments]
        return "see below" if all(kind == "section" for kind in kinds) else " or ".join(kinds)
    if origin in (list, dict):
        inner = _type(arguments[-1])
        return f"list of {inner}" if origin is list else f"mapping of {inner}"
    if origin is not None:
        return _type(arguments[0])
    if annotation is type(None):
        return "null"
    return {"str": "text", "int": "whole number", "float": "number", "bool": "true or false"}.get(
        getattr(annotation, "__name__", ""), "section"
    )


def write(pages: Mapping[Path, str], source: str, *, check: bool) -> None:
    """Write generated pages.

    Parameters
    ----------
    pages : mapping
        Text by path.
    source : str
        What they are made from, for the message.
    check : bool
        Write nothing; end the process with a message, and what differs, if a page is out of step.
    """
    stale = []
    for path, text in pages.items():
        old = path.read_text(encoding="utf-8") if path.exists() else ""
        if old == text:
            continue
        name = str(path.relative_to(RESOURCES.parent))
        stale.append(name)
        if check:
            lines = old.splitlines(True), text.splitlines(True)
            print("".join(difflib.unified_diff(*lines, name, f"from {source}")))
        else:
            path.write_text(text, encoding="utf-8")
    if stale and check:
        sys.exit(
            f"{', '.join(stale)} out of step with {source}: run 'make docs' and commit the result"
        )


def main() -> None:
    """Write the files, or with --check fail if they are out of step."""
    pages = {_CONFIG / "README.md": readme(), _CONFIG / "schema.json": schema()}
    write(pages, "src/engram/study/config", check="--check" in sys.argv)


if __name__ == "__main__":
    main()
