"""A digest of the code behind a result: what a rule's `code` param holds, so that an edit reruns exactly its dependents."""

from __future__ import annotations

import ast
import hashlib
from functools import cache
from pathlib import Path

_PACKAGE = Path(__file__).parent


def digest(script: str | Path) -> str:
    """Return a digest of a script and of every engram module that it imports, directly or not.

    It is taken from the syntax tree without docstrings: comments, layout and documentation change nothing.

    Parameters
    ----------
    script : path
        A Python file.

    Returns
    -------
    str
        16 hexadecimal digits.
    """
    seen: dict[str, str] = {}
    _collect(Path(script), "script", seen)
    return hashlib.sha256("\n".join(f"{name} {seen[name]}" for name in sorted(seen)).encode()).hexdigest()[:16]


def _collect(path: Path, name: str, seen: dict[str, str]) -> None:
    seen[name], modules = _parse(path)
    for module in modules:
        if module not in seen:
            _collect(_PACKAGE / f"{module}.py", module, seen)


@cache
def _parse(path: Path) -> tuple[str, tuple[str, ...]]:
    """Return a file's own digest and the engram modules that it imports."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    modules: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level == 0 and (node.module or "").split(".")[0] == "engram":
            parts = (node.module or "").split(".")
            modules |= {parts[1]} if len(parts) > 1 else {alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            modules |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith("engram.")}
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:]
    known = tuple(sorted(module for module in modules if (_PACKAGE / f"{module}.py").exists()))
    return hashlib.sha256(ast.unparse(tree).encode()).hexdigest(), known
