"""Opens the report of a study, or says where it is."""

from __future__ import annotations

import os
import sys
import webbrowser
from pathlib import Path

import yaml

from engram.errors import EngramError

REPORT = "report.html"


def open_report(name: str) -> int:
    """Open a report in the browser; print its path, whether there is a browser or not.

    Parameters
    ----------
    name : str
        The study's file, its folder of results, or the report itself.

    Raises
    ------
    EngramError
        If there is no report yet.
    """
    report = report_of(Path(name))
    if not report.is_file():
        raise EngramError(
            f"there is no report '{report}' yet. 'engram run STUDY.yaml' makes it. Paths start at "
            f"the working directory, {Path.cwd()}."
        )
    print(report.absolute())
    if _has_screen():
        webbrowser.open(report.absolute().as_uri())
    return 0


def report_of(path: Path) -> Path:
    """Return where the report is that a study's file, a folder of results, or itself names."""
    if path.is_dir():
        return path / REPORT
    if not path.is_file():
        raise EngramError(f"there is no study and no folder of results '{path}'.")
    if path.suffix in (".html", ".htm"):
        return path
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise EngramError(f"'{path}' is no study: {' '.join(str(error).split())}") from None
    if not isinstance(raw, dict) or "study" not in raw:
        raise EngramError(f"'{path}' is no study: it has no line 'study: NAME'.")
    places = raw.get("pathvars") or {}
    return Path(places.get("results", Path("results") / str(raw["study"]))) / REPORT


def _has_screen() -> bool:
    """Tell whether a browser would be seen: a server has none, or one for text alone."""
    if sys.platform == "linux" and not {"DISPLAY", "WAYLAND_DISPLAY"} & set(os.environ):
        return False
    try:
        webbrowser.get()
    except webbrowser.Error:
        return False
    return True
