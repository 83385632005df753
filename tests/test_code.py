"""The digest of code: an edit is seen by exactly the scripts that can run it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from engram import code

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
    "direct": "from engram.indirect import half\n\ndef double(x):\n    return half(4 * x)\n",
    "other": "import numpy\n\ndef function():\n    import engram.lazy\n",
    "indirect": "from engram import direct\n\ndef half(x):\n    return x / 2\n",
    "lazy": "value = 1\n",
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
    monkeypatch.setattr(code, "_PACKAGE", folder)
    return folder


@pytest.fixture
def digest(package: Path) -> Callable[[], str]:
    """The digest of the script as a new process would take it."""

    def fresh() -> str:
        code._parse.cache_clear()
        return code.digest(package.parent / "script.py")

    return fresh


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
def test_comments_docstrings_and_layout_change_nothing(old: str, new: str, package: Path, digest: Callable[[], str]) -> None:
    before = digest()
    assert old in SCRIPT
    (package.parent / "script.py").write_text(SCRIPT.replace(old, new))
    assert digest() == before


@pytest.mark.parametrize(("old", "new"), [("+ 1", "+ 2"), ("run(2)", "run(3)"), ("double(x)", "double(-x)"), ("as name", "as other_name")])
def test_edit_of_the_script_changes_the_digest(old: str, new: str, package: Path, digest: Callable[[], str]) -> None:
    before = digest()
    assert old in SCRIPT
    (package.parent / "script.py").write_text(SCRIPT.replace(old, new))
    assert digest() != before


@pytest.mark.parametrize("module", ["direct", "other", "indirect", "lazy"])
def test_edit_of_an_imported_module_changes_the_digest(module: str, package: Path, digest: Callable[[], str]) -> None:
    before = digest()
    (package / f"{module}.py").write_text(MODULES[module] + "\nadded = 1\n")
    assert digest() != before


def test_comment_in_an_imported_module_changes_nothing(package: Path, digest: Callable[[], str]) -> None:
    before = digest()
    (package / "indirect.py").write_text("# A comment.\n" + MODULES["indirect"])
    assert digest() == before


def test_edit_of_an_unrelated_module_changes_nothing(package: Path, digest: Callable[[], str]) -> None:
    before = digest()
    (package / "unrelated.py").write_text("value = 2\n")
    assert digest() == before


def test_moving_code_between_modules_changes_the_digest(package: Path, digest: Callable[[], str]) -> None:
    """The same two texts under each other's names are another program."""
    before = digest()
    (package / "lazy.py").write_text(MODULES["indirect"])
    (package / "indirect.py").write_text(MODULES["lazy"])
    assert digest() != before


def test_every_script_of_the_workflow_has_a_digest_of_its_own() -> None:
    code._parse.cache_clear()
    scripts = sorted((Path(__file__).parents[1] / "workflow" / "scripts").glob("*.py"))
    digests = {code.digest(script) for script in scripts}
    assert len(digests) == len(scripts) > 5
    assert all(len(value) == 16 for value in digests)
