"""A digest of the code behind a result.

A rule's `code` param holds it, so that an edit reruns exactly its dependents.

Imports are followed by their dotted names, through packages, wherever in a file they stand.
An `__init__.py` counts once it holds code. A module that is imported by a text is followed where
the text leaves one folder open: `import_module(f"engram.datasets.{kind}.reader")` is the reader of
every folder, or of the one that a digest is taken for.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import engram
from engram.errors import EngramError
from engram.study.digest_cache import DigestCache

_ROOT = "engram"
_PACKAGE = Path(engram.__file__).parent
#: Functions that import a module by a text.
_BY_TEXT = ("import_module", "__import__")
#: What engram's own `__init__.py` holds itself.
_VERSION = "__version__"
#: The place of a folder that such a text leaves open.
_OPEN = "{}"
#: Where what is found in files is kept: one place or none.
_CACHES: list[DigestCache] = []


@dataclass(frozen=True)
class _Import:
    """An import statement: `from` the module `source`, `level` packages up, or None without `from`.

    It is kept in plain values: parsing the statement again takes longer than all that is asked
    of it.
    """

    line: int
    statement: str
    source: str | None
    level: int
    names: tuple[str, ...]


@dataclass(frozen=True)
class _Source:
    """A file of Python: what it holds and what it imports.

    That is its own digest, whether it holds code, the names that it binds, its imports of engram,
    and the texts of modules of engram that leave a folder open.
    """

    digest: str
    is_empty: bool
    names: frozenset[str]
    imports: tuple[_Import, ...]
    texts: tuple[str, ...]


def keep_in(folder: str | Path) -> None:
    """Keep what is found in files of Python in a folder, for later processes.

    Parameters
    ----------
    folder : path
        One that is there, or nothing is kept.
    """
    _CACHES[:] = [DigestCache(Path(folder), Path(__file__))]


def digest(script: str | Path, folder: str | None = None) -> str:
    """Return a digest of a script and of every engram module that it imports, directly or not.

    It is taken from the syntax tree without docstrings: comments, layout and
    documentation change nothing.

    Parameters
    ----------
    script : path
        A Python file.
    folder : str, optional
        What modules that are imported by a text have in the place that it leaves open;
        None: every folder.

    Returns
    -------
    str
        16 hexadecimal digits.

    Raises
    ------
    EngramError
        If something of engram is imported that is not there, or in a form that cannot be followed:
        its digest would miss an edit.
    """
    files = {module: _file(module) for module in modules(script, folder)} | {"script": Path(script)}
    lines = [f"{name} {_read(path).digest}" for name, path in sorted(files.items()) if path]
    for kept in _CACHES[-1:]:
        kept.save()
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def modules(script: str | Path, folder: str | None = None) -> set[str]:
    """Return the modules of engram behind a script, as `encoding.ridge`.

    Packages are among them only where their `__init__.py` holds code.

    Parameters
    ----------
    script : path
        A Python file.
    folder : str, optional
        As `digest` has it.

    Raises
    ------
    EngramError
        As `digest` does.
    """
    found = set(_imported(Path(script), None, folder))
    waiting = list(found)
    while waiting:
        module = waiting.pop()
        path = _file(module)
        new = set(_imported(path, module, folder)) - found if path else set()
        found |= new
        waiting.extend(new)
    return found


@cache
def _imported(path: Path, module: str | None, folder: str | None = None) -> frozenset[str]:
    """Return the modules that a file imports itself.

    `module` is its own name, None for a script.
    """
    source = _read(path)
    targets = [target for node in source.imports for target in _targets(node, path, module)]
    targets += [target for text in source.texts for target in _matching(text, folder)]
    return frozenset(name for target in targets for name in _with_packages(target))


def _matching(text: str, folder: str | None) -> list[str]:
    """Return the modules below engram that a text stands for: those of one folder, or of all."""
    before, after = text.split(_OPEN)
    place = _PACKAGE.joinpath(*before.strip(".").split("."))
    names = [path.name for path in sorted(place.iterdir()) if folder in (None, path.name)]
    return [module for name in names if _file(module := before + name + after)]


def _targets(node: _Import, path: Path, module: str | None) -> Iterator[str]:
    """Yield the names below engram that an import needs; "" is engram itself."""
    place = (path, node.line, node.statement)
    if node.source is None:
        for name in node.names:
            if _is_engram(name):
                target = name.removeprefix(_ROOT).lstrip(".")
                if _file(target) is None:
                    raise _error(*place, f"there is no module {name}")
                yield target
        return
    base = _base(node, path, module)
    if base is None:
        return
    source = _file(base)
    if source is None:
        raise _error(*place, f"there is no module {_dotted(base)}")
    for name in node.names:
        submodule = f"{base}.{name}".lstrip(".")
        if name == "*":
            raise _error(
                *place, "write which names are imported: what * stands for is not followed"
            )
        if source.name == "__init__.py" and _file(submodule):
            yield submodule
        elif base != module and name in _read(source).names and _is_followed(base, name):
            yield base
        else:
            raise _error(*place, f"{_dotted(base)} has neither a module nor a name {name}")


def _is_followed(base: str, name: str) -> bool:
    """Tell whether a name leads to the code behind it.

    Engram's own `__init__.py` reaches `engram.api` when it is asked; only its version is its own.
    """
    return bool(base) or name == _VERSION


def _base(node: _Import, path: Path, module: str | None) -> str | None:
    """Return what `from` names, below engram; None for other libraries."""
    name, place = node.source or "", (path, node.line, node.statement)
    if node.level == 0:
        return name.removeprefix(_ROOT).lstrip(".") if _is_engram(name) else None
    if module is None:
        raise _error(*place, "a script is in no package: write the import from engram on")
    parts = module.split(".")
    up = node.level - (path.name == "__init__.py")
    if up > len(parts):
        raise _error(*place, "this leads out of engram")
    return ".".join([*parts[: len(parts) - up], *([name] if name else [])])


def _with_packages(name: str) -> Iterator[str]:
    """Yield a module and the packages round it whose `__init__.py` holds code.

    Engram's own `__init__.py` holds its version, which no result depends on, and names of
    `engram.api`, which no job imports.
    """
    parts = name.split(".") if name else []
    for depth in range(1, len(parts) + 1):
        module = ".".join(parts[:depth])
        path = _file(module)
        if path and not (path.name == "__init__.py" and _read(path).is_empty):
            yield module


def _file(module: str) -> Path | None:
    """Return where a module, or a package's `__init__.py`, lies; None if there is none.

    A folder without `__init__.py` is no package.
    """
    return _file_in(_PACKAGE, module)


@cache
def _file_in(place: Path, module: str) -> Path | None:
    for part in module.split(".") if module else []:
        if not (place / "__init__.py").exists():
            return None
        place = place / part
    return next(
        (
            path
            for path in (place / "__init__.py", place.with_name(f"{place.name}.py"))
            if path.exists()
        ),
        None,
    )


def _dotted(name: str) -> str:
    return f"{_ROOT}.{name}" if name else _ROOT


def _is_engram(name: str) -> bool:
    return name.split(".")[0] == _ROOT


@cache
def _read(path: Path) -> _Source:
    text = path.read_text(encoding="utf-8")
    make = partial(_parsed, text, path)
    found = _CACHES[-1].entry(text, make) if _CACHES else make()
    own, is_empty, names, imports, texts = found
    statements = tuple(
        _Import(line, statement, source, level, tuple(imported))
        for line, statement, source, level, imported in imports
    )
    return _Source(own, is_empty, frozenset(names), statements, tuple(texts))


def _parsed(text: str, path: Path) -> list[Any]:
    """Return what a file of Python holds, as plain values: the fields of `_Source`.

    Imports are lists of the fields of `_Import`.
    """
    tree = ast.parse(text)
    imports: list[list[Any]] = []
    texts: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            if _may_need_engram(node):
                source, level = None, 0
                if isinstance(node, ast.ImportFrom):
                    source, level = node.module or "", node.level
                imported = [alias.name for alias in node.names]
                imports.append([node.lineno, ast.unparse(node), source, level, imported])
        elif isinstance(node, ast.Call):
            texts += _open_texts(node, path)
        if (
            isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
            and ast.get_docstring(node, clean=False) is not None
        ):
            node.body = node.body[1:]
    digest_of_code = hashlib.sha256(ast.unparse(tree).encode()).hexdigest()
    return [digest_of_code, not tree.body, sorted(_bound(tree)), imports, texts]


def _may_need_engram(node: ast.Import | ast.ImportFrom) -> bool:
    """Tell whether an import is of engram, or a relative one."""
    if isinstance(node, ast.ImportFrom):
        return node.level > 0 or _is_engram(node.module or "")
    return any(_is_engram(alias.name) for alias in node.names)


def _bound(tree: ast.Module) -> Iterator[str]:
    """Yield the names that a module binds outside functions and classes."""
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name
        elif isinstance(node, ast.alias):
            yield node.asname or node.name.split(".")[0]
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        else:
            waiting.extend(ast.iter_child_nodes(node))


def _open_texts(node: ast.Call, path: Path) -> list[str]:
    """Return the text by which a call imports modules of engram, where it leaves a folder open.

    There is none for other calls, and for texts that name another library. Any other text is
    refused: nobody could tell which modules it stands for.
    """
    function = (
        node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    )
    if function not in _BY_TEXT:
        return []
    name = _text(node.args[0]) if node.args else ""
    inside = name.removeprefix(f"{_ROOT}.")
    if inside != name and inside.count(_OPEN) == inside.count(f".{_OPEN}.") == 1:
        return [inside]
    if not name or name.startswith(".") or _is_engram(name) or _OPEN in name:
        raise _error(
            path,
            node.lineno,
            ast.unparse(node),
            "a module that is imported by a text is not followed: write an import statement, or "
            "leave one folder open, as in f'engram.datasets.{kind}.reader'",
        )
    return []


def _text(node: ast.expr) -> str:
    """Return a text with its variables left open; "" for what is no text."""
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    return (
        "".join(str(part.value) if isinstance(part, ast.Constant) else _OPEN for part in parts)
        if all(isinstance(part, ast.Constant | ast.FormattedValue) for part in parts)
        else ""
    )


def _error(path: Path, line: int, statement: str, message: str) -> EngramError:
    return EngramError(
        f"{path}, line {line}: `{statement}`: {message}. The digest of code "
        "(engram.study.code_digest) would miss edits of it."
    )
