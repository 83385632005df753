"""The digest of code: an edit is seen by exactly the scripts that can run it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from engram.errors import EngramError
from engram.study import code_digest

ROOT = Path(__file__).parents[3]
SCRIPT = '''"""A script."""
from engram import direct
from engram.other import function as name


def run(x: int) -> int:
    """Run."""
    return direct.double(x) + 1


class Holder:
    """Hold."""

    value = run(2)
'''
MODULES = {
    "__init__": '"""Engram."""\n\n__version__ = "1"\n',
    "direct": "from engram.indirect import half\n\ndef double(x):\n    return half(4 * x)\n",
    "other": "import numpy\n\ndef function():\n    import engram.lazy\n",
    "indirect": "from engram import direct\n\ndef half(x):\n    return x / 2\n",
    "lazy": "def half(x):\n    return x\n",
    "unrelated": "value = 1\n",
}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small package in the place of engram, and a script that imports from it."""
    folder = tmp_path / "engram"
    folder.mkdir()
    for name, text in MODULES.items():
        (folder / f"{name}.py").write_text(text)
    (tmp_path / "script.py").write_text(SCRIPT)
    monkeypatch.setattr(code_digest, "_PACKAGE", folder)
    return folder


@pytest.fixture
def digest(package: Path) -> Callable[[], str]:
    """The digest of the script as a new process would take it."""

    def fresh() -> str:
        forget()
        return code_digest.digest(package.parent / "script.py")

    return fresh


def forget() -> None:
    """Files are read once in a process, which edits none of them."""
    code_digest._read.cache_clear()
    code_digest._imported.cache_clear()
    code_digest._file_in.cache_clear()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("    return direct", "    # A comment.\n    return direct"),
        ('"""A script."""', '"""Another text."""'),
        ('"""Run."""', '"""Run it."""'),
        ('    """Run."""\n', ""),
        ('"""Hold."""', '"""Hold\n\n    a value.\n    """'),
        ("\n\n\ndef run", "\n\n\n\n\ndef run"),
        ("run(x: int)", "run(\n    x: int,\n)"),
    ],
)
def test_comments_docstrings_and_layout_change_nothing(
    old: str, new: str, package: Path, digest: Callable[[], str]
) -> None:
    before = digest()
    assert old in SCRIPT
    (package.parent / "script.py").write_text(SCRIPT.replace(old, new))
    assert digest() == before


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("+ 1", "+ 2"),
        ("run(2)", "run(3)"),
        ("double(x)", "double(-x)"),
        ("as name", "as other_name"),
    ],
)
def test_edit_of_the_script_changes_the_digest(
    old: str, new: str, package: Path, digest: Callable[[], str]
) -> None:
    before = digest()
    assert old in SCRIPT
    (package.parent / "script.py").write_text(SCRIPT.replace(old, new))
    assert digest() != before


@pytest.mark.parametrize("module", ["direct", "other", "indirect", "lazy"])
def test_edit_of_an_imported_module_changes_the_digest(
    module: str, package: Path, digest: Callable[[], str]
) -> None:
    before = digest()
    (package / f"{module}.py").write_text(MODULES[module] + "\nadded = 1\n")
    assert digest() != before


def test_comment_in_an_imported_module_changes_nothing(
    package: Path, digest: Callable[[], str]
) -> None:
    before = digest()
    (package / "indirect.py").write_text("# A comment.\n" + MODULES["indirect"])
    assert digest() == before


def test_edit_of_an_unrelated_module_changes_nothing(
    package: Path, digest: Callable[[], str]
) -> None:
    before = digest()
    (package / "unrelated.py").write_text("value = 2\n")
    assert digest() == before


def test_moving_code_between_modules_changes_the_digest(
    package: Path, digest: Callable[[], str]
) -> None:
    """The same two texts under each other's names are another program."""
    before = digest()
    (package / "lazy.py").write_text(MODULES["indirect"])
    (package / "indirect.py").write_text(MODULES["lazy"])
    assert digest() != before


@pytest.mark.slow
def test_every_script_of_the_workflow_has_a_digest_of_its_own() -> None:
    forget()
    scripts = sorted((ROOT / "workflow" / "scripts").glob("*.py"))
    digests = {code_digest.digest(script) for script in scripts}
    assert len(digests) == len(scripts) > 5
    assert all(len(value) == 16 for value in digests)


# A package with what imports can meet: a package in it, an `__init__.py` with code,
# one without, a circle.
PACKAGES = {
    "__init__.py": '__version__ = "1"\nif False:\n    from engram.flat import value as load\n',
    "flat.py": "value = 1\n",
    "room/__init__.py": '"""A room without code of its own."""\n',
    "room/table.py": "value = 1\n",
    "room/chair.py": "from . import table\n",
    "room/inner/__init__.py": "",
    "room/inner/lamp.py": "value = 1\n",
    "room/inner/uses_chair.py": "from ..chair import table\n",
    "room/inner/uses_flat.py": "from ...flat import value\n",
    "hall/__init__.py": "from engram.hall.door import handle\nfrom .key import turn as turned\n",
    "hall/door.py": "handle = 1\n",
    "hall/key.py": "def turn():\n    pass\n",
    "hall/window.py": "value = 1\n",
    "circle/__init__.py": "",
    "circle/one.py": "from engram.circle import two\n",
    "circle/two.py": "import engram.circle.three\n",
    "circle/three.py": "def later():\n    from .one import two\n",
    "no_package/module.py": "value = 1\n",
}
HALL = ["hall/__init__.py", "hall/door.py", "hall/key.py"]
CIRCLE = ["circle/one.py", "circle/two.py", "circle/three.py"]


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "engram"
    for name, text in PACKAGES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    monkeypatch.setattr(code_digest, "_PACKAGE", folder)
    return folder


def what_counts(house: Path, script: str) -> set[str]:
    """The files whose edit changes the digest of a script."""
    (house.parent / "script.py").write_text(script)

    def fresh() -> str:
        forget()
        return code_digest.digest(house.parent / "script.py")

    before, found = fresh(), set()
    for name, text in PACKAGES.items():
        (house / name).write_text(text + "\nadded = 1\n")
        if fresh() != before:
            found.add(name)
        (house / name).write_text(text)
    assert fresh() == before
    return found


#: Forms of import, the files whose edit must be seen (no others may), and the empty `__init__.py`
#: on the way, which count once they hold code.
FORMS = [
    ("import engram", [], []),
    ("import engram.flat", ["flat.py"], []),
    ("from engram import flat", ["flat.py"], []),
    ("from engram.flat import value", ["flat.py"], []),
    ("from engram import __version__", [], []),
    ("import engram.room.table", ["room/table.py"], ["room"]),
    ("import engram.room.table as t, engram.flat as f", ["room/table.py", "flat.py"], ["room"]),
    ("from engram.room import table", ["room/table.py"], ["room"]),
    ("from engram.room import table as t", ["room/table.py"], ["room"]),
    ("from engram.room.table import value", ["room/table.py"], ["room"]),
    ("from engram.room import table, chair", ["room/table.py", "room/chair.py"], ["room"]),
    ("from engram import room", [], ["room"]),
    ("from engram.room import inner", [], ["room", "room/inner"]),
    ("import engram.room.inner.lamp", ["room/inner/lamp.py"], ["room", "room/inner"]),
    ("from engram.room.inner import lamp", ["room/inner/lamp.py"], ["room", "room/inner"]),
    ("from engram.room.inner.lamp import value", ["room/inner/lamp.py"], ["room", "room/inner"]),
    ("from engram.room import chair", ["room/chair.py", "room/table.py"], ["room"]),
    (
        "from engram.room.inner import uses_chair",
        ["room/inner/uses_chair.py", "room/chair.py", "room/table.py"],
        ["room", "room/inner"],
    ),
    (
        "from engram.room.inner import uses_flat",
        ["room/inner/uses_flat.py", "flat.py"],
        ["room", "room/inner"],
    ),
    ("from engram import hall", HALL, []),
    ("from engram.hall import handle", HALL, []),
    ("from engram.hall import turned", HALL, []),
    ("from engram.hall import door", HALL, []),
    ("import engram.hall.window", ["hall/window.py", *HALL], []),
    ("from engram.circle import one", CIRCLE, ["circle"]),
    ("def run():\n    from engram.room import table", ["room/table.py"], ["room"]),
    ("class Holder:\n    import engram.flat", ["flat.py"], []),
    ("if False:\n    from engram import flat", ["flat.py"], []),
    ("try:\n    import engram.flat\nexcept ImportError:\n    pass", ["flat.py"], []),
    (
        (
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from "
            "engram.room.table import value"
        ),
        ["room/table.py"],
        ["room"],
    ),
    ("import engrams, numpy as engram\nfrom engraver import engram", [], []),
    ("import importlib\nimportlib.import_module('numpy')", [], []),
    (
        "from importlib import import_module\nimport_module(f'engram.room.{kind}.lamp')",
        ["room/inner/lamp.py"],
        ["room", "room/inner"],
    ),
]


@pytest.mark.parametrize(("script", "files", "empty"), FORMS, ids=[form[0] for form in FORMS])
def test_an_edit_is_seen_by_its_dependents_alone(
    script: str, files: list[str], empty: list[str], house: Path
) -> None:
    """Code in a package's `__init__.py` runs with each import from it.

    Without code it ties nothing, nor does a docstring in it.
    """
    assert what_counts(house, script) == {*files, *(f"{folder}/__init__.py" for folder in empty)}


@pytest.mark.parametrize(("script", "files", "empty"), FORMS, ids=[form[0] for form in FORMS])
def test_modules_names_what_is_behind_a_script(
    script: str, files: list[str], empty: list[str], house: Path
) -> None:
    (house.parent / "script.py").write_text(script)
    forget()
    assert code_digest.modules(house.parent / "script.py") == {
        name.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for name in files
    }


def test_a_text_that_leaves_a_folder_open_is_followed_into_one_or_all(house: Path) -> None:
    """So a job depends on the reader of its own study's data alone."""
    script = house.parent / "script.py"
    script.write_text("import importlib\nimportlib.import_module(f'engram.kinds.{one}.reader')")
    for name in ("__init__.py", "tables/__init__.py", "arrays/__init__.py", "flat.py"):
        (house / "kinds" / name).parent.mkdir(parents=True, exist_ok=True)
        (house / "kinds" / name).write_text("")
    for kind in ("tables", "arrays"):
        (house / "kinds" / kind / "reader.py").write_text(f"kind = '{kind}'\n")
    forget()
    readers = {"kinds.arrays.reader", "kinds.tables.reader"}
    assert code_digest.modules(script) == readers
    assert code_digest.modules(script, "tables") == {"kinds.tables.reader"}
    digests = {code_digest.digest(script, kind) for kind in (None, "tables", "arrays")}
    assert len(digests) == 3


@pytest.mark.parametrize(
    ("file", "text", "line", "found"),
    [
        ("script.py", "import engram.rom.table", 1, "no module engram.rom.table"),
        ("script.py", "\nfrom engram.rom import table", 2, "no module engram.rom"),
        (
            "script.py",
            "from engram.room import tabel",
            1,
            "engram.room has neither a module nor a name tabel",
        ),
        (
            "script.py",
            "from engram.room.table import vaule",
            1,
            "engram.room.table has neither a module nor a name vaule",
        ),
        (
            "script.py",
            "from engram import tabel",
            1,
            "engram has neither a module nor a name tabel",
        ),
        # A name of `engram.api`, which the package reaches when it is asked.
        ("script.py", "from engram import load", 1, "engram has neither a module nor a name load"),
        ("script.py", "import engram.flat.value", 1, "no module engram.flat.value"),
        ("script.py", "from engram.flat.value import x", 1, "no module engram.flat.value"),
        ("script.py", "def run():\n    from engram.room import tabel", 2, "neither"),
        ("script.py", "from engram.room import *", 1, "write which names"),
        ("script.py", "from . import table", 1, "a script is in no package"),
        ("script.py", "from engram.no_package import module", 1, "no module engram.no_package"),
        ("script.py", "import engram.no_package.module", 1, "no module engram.no_package.module"),
        (
            "script.py",
            "import importlib\nimportlib.import_module('engram.flat')",
            2,
            "write an import statement",
        ),
        (
            "script.py",
            "from importlib import import_module\nimport_module(f'engram.{name}')",
            2,
            "write an import statement",
        ),
        ("script.py", "__import__('engram')", 1, "write an import statement"),
        ("script.py", "__import__(f'{name}.x')", 1, "write an import statement"),
        ("script.py", "__import__(f'engram.{a}.{b}')", 1, "write an import statement"),
        ("script.py", "__import__(f'engram.x{a}.b')", 1, "write an import statement"),
        ("engram/flat.py", "value = 1\n\nfrom engram.room import tabel", 3, "neither"),
        ("engram/flat.py", "value = 1\nfrom .. import flat", 2, "leads out of engram"),
        ("engram/room/chair.py", "from .tabel import value", 1, "no module engram.room.tabel"),
        ("engram/room/__init__.py", "from . import tabel", 1, "engram.room has neither"),
    ],
)
def test_an_import_that_cannot_be_followed_is_an_error(
    file: str, text: str, line: int, found: str, house: Path
) -> None:
    (house.parent / "script.py").write_text(
        "from engram import flat\nfrom engram.room import chair\n"
    )
    (house.parent / file).write_text(text)
    forget()
    with pytest.raises(EngramError) as error:
        code_digest.digest(house.parent / "script.py")
    assert f"{house.parent / file}, line {line}: " in str(error.value) and found in str(error.value)


def test_a_later_process_parses_no_file_again(
    package: Path, digest: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is kept is by content: an edit is seen, and one that is taken back is known."""
    plain = digest()
    monkeypatch.setattr(code_digest, "_CACHES", [])
    parsed: list[Path] = []
    parse = code_digest._parsed

    def noted(text: str, path: Path) -> list[object]:
        parsed.append(path)
        return parse(text, path)

    monkeypatch.setattr(code_digest, "_parsed", noted)
    kept = tmp_path / "kept"
    kept.mkdir()

    def later() -> tuple[str, int]:
        """Return the digest that a new process takes, and how many files it parses."""
        parsed.clear()
        code_digest.keep_in(kept)
        return digest(), len(parsed)

    # The script, and all modules but engram itself and the unrelated one.
    assert later() == (plain, 5)
    assert later() == (plain, 0)
    (package / "lazy.py").write_text("def half(x):\n    return x / 3\n")
    changed, number = later()
    assert changed != plain and number == 1
    (package / "lazy.py").write_text(MODULES["lazy"])
    assert later() == (plain, 0)
    # An import that leads nowhere is the same error, with its line.
    (package / "lazy.py").write_text("value = 1\n\nfrom engram import nowhere\n")
    for _ in range(2):
        with pytest.raises(EngramError, match=r"lazy.py, line 3: `from engram import nowhere`"):
            later()
    (package / "lazy.py").write_text(MODULES["lazy"])
    (file,) = kept.iterdir()
    # Damaged: as none.
    for text in ("{", "[]"):
        file.write_text(text)
        assert later() == (plain, 5), text
    # Another maker has a file of its own.
    monkeypatch.setattr(sys, "version", "another Python")
    assert later() == (plain, 5)
    assert len(list(kept.iterdir())) == 2
    code_digest.keep_in(tmp_path / "no_folder")
    assert digest() == plain and not (tmp_path / "no_folder").exists()
