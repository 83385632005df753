"""Writes config/README.md and config/schema.json from the config models.

``python -m engram.study.write_docs [--check]``.
"""

from __future__ import annotations

import difflib
import json
import sys
import types
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

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

```
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
    parts = [_INTRODUCTION, _section("Study", "", Study)]
    for name, kind in SECTIONS.items():
        parts.append(_section(f"`dataset`, kind `{name}`", kind.__doc__ or "", kind))
        for key, inner in _inner_sections(kind).items():
            parts.append(_section(f"`{key}`, kind `{name}`", inner.__doc__ or "", inner))
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
        section = field.annotation
        if isinstance(section, type) and issubclass(section, BaseModel):
            parts.append(_section(f"`{name}`", section.__doc__ or "", section))
    return "\n".join(parts)


def schema() -> str:
    """Return the text of config/schema.json."""
    return json.dumps(_flat(Study.model_json_schema()), indent=2) + "\n"


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
            f"{' '.join((field.description or '').split()).replace('|', chr(92) + '|')} |"
        )
    return "\n".join(lines) + "\n"


def _inner_sections(section: type[BaseModel]) -> dict[str, type[BaseModel]]:
    """Return the sections in a section, by their keys."""
    return {
        key: one
        for key, field in section.model_fields.items()
        for one in (field.annotation, *get_args(field.annotation))
        if isinstance(one, type) and issubclass(one, BaseModel)
    }


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


def main() -> None:
    """Write the files, or with --check fail if they are out of step."""
    stale = []
    for path, text in ((_CONFIG / "README.md", readme()), (_CONFIG / "schema.json", schema())):
        old = path.read_text(encoding="utf-8") if path.exists() else ""
        if old != text:
            stale.append(path.name)
            if "--check" in sys.argv:
                print(
                    "".join(
                        difflib.unified_diff(
                            old.splitlines(True),
                            text.splitlines(True),
                            f"config/{path.name}",
                            "from the config models",
                        )
                    )
                )
            else:
                path.write_text(text, encoding="utf-8")
    if stale and "--check" in sys.argv:
        sys.exit(
            f"config/{', config/'.join(stale)} out of step with src/engram/study/config/: "
            "run 'make docs' and commit the result"
        )


if __name__ == "__main__":
    main()
