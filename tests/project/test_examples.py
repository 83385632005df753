"""The scripts of the gallery run as they stand, and each writes its picture."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
#: Other examples draw nothing, and have tests of their own.
SCRIPTS = [
    path
    for path in sorted((ROOT / "examples").glob("*.py"))
    if f'{path.stem}.png"' in path.read_text(encoding="utf-8")
]


def test_the_gallery_shows_all_scripts() -> None:
    page = (ROOT / "docs" / "gallery.md").read_text(encoding="utf-8")
    for script in SCRIPTS:
        assert f"(../examples/{script.name})" in page
        assert (ROOT / "docs" / "images" / "gallery" / f"{script.stem}.png").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_writes_its_picture(script: Path, tmp_path: Path) -> None:
    (tmp_path / "published").symlink_to(ROOT / "published")
    ended = subprocess.run(
        [sys.executable, str(script)],
        cwd=tmp_path,
        env={**os.environ, "MPLBACKEND": "agg"},
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / f"{script.stem}.png").stat().st_size > 5000
