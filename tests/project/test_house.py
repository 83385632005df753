"""Sizes: no module, function or rules file grows beyond what is read at a glance."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from conftest import ROOT

LONGEST_MODULE, LONGEST_FUNCTION = 450, 60
LONGEST_COMMON, LONGEST_GLUE = 95, 5
#: A function beyond the limit says with these words why a split would make it worse.
REASON = "In one piece:"
FILES = sorted([*(ROOT / "src" / "engram").rglob("*.py"), *(ROOT / "workflow").rglob("*.py")])
COMMON = ROOT / "workflow" / "rules" / "common.smk"


def name_of(path: Path) -> str:
    """Return a file's name below the project."""
    return path.relative_to(ROOT).as_posix().removeprefix("src/engram/")


def functions(path: Path) -> Iterator[tuple[str, int, str]]:
    """Yield each function's name, its lines with the docstring, and the docstring."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            yield node.name, node.end_lineno - node.lineno + 1, ast.get_docstring(node) or ""


def test_modules_are_short() -> None:
    sizes = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in FILES}
    long = {name: lines for name, lines in sizes.items() if lines > LONGEST_MODULE}
    assert len(sizes) > 100 and not long, (
        f"modules with more than {LONGEST_MODULE} lines: {long}. Split them by responsibility"
    )


def test_functions_are_short_or_say_why_not() -> None:
    found = [(name_of(path), *one) for path in FILES for one in functions(path)]
    long = [
        f"{path}: {name} ({lines} lines)"
        for path, name, lines, docstring in found
        if lines > LONGEST_FUNCTION and REASON not in docstring
    ]
    assert len(found) > 1000 and not long, (
        f"functions with more than {LONGEST_FUNCTION} lines: {long}. Split them, or say in their "
        f"docstrings, after '{REASON}', why not"
    )


def test_rules_share_little_glue() -> None:
    """No checker reads common.smk, so nothing is decided in it."""
    text = COMMON.read_text(encoding="utf-8")
    assert len(text.splitlines()) < LONGEST_COMMON
    found = re.findall(r"^def (\w+)\(.*\n((?:    .*\n|\n(?=    ))*)", text, flags=re.MULTILINE)
    assert len(found) >= 2
    assert [name for name, body in found if body.count("\n") + 1 > LONGEST_GLUE] == []
