"""The site of the documentation: what is peculiar to it (docs/conf.py)."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest
from conftest import ROOT

CONF = runpy.run_path(str(ROOT / "docs" / "conf.py"))
ONE, OTHER = "https://one.example/page", "https://other.example/page"


def said(statuses: dict[str, str], folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """What is said after links were followed; each stands on two pages."""
    lines = [
        json.dumps({"uri": uri, "status": status, "filename": page})
        for page in ("a.md", "b.md")
        for uri, status in {**statuses, "../README.md": "local"}.items()
    ]
    (folder / "output.json").write_text("\n".join(lines) + "\n", encoding="utf-8")
    app = SimpleNamespace(builder=SimpleNamespace(name="linkcheck"), outdir=folder)
    CONF["say_which_links_are_lost"](app, None)
    return capsys.readouterr().err


def test_links_that_lead_nowhere_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    message = said({ONE: "working", OTHER: "broken"}, tmp_path, capsys)
    assert message.startswith(f"2 links to other sites, 1 could not be followed\n  {OTHER}\n")
    assert "output.json" in message and "network" not in message
    assert said({ONE: "working", OTHER: "redirected"}, tmp_path, capsys) == (
        "2 links to other sites, 0 could not be followed\n"
    )


def test_a_machine_without_a_network_is_told_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "may have no network" in said({ONE: "broken", OTHER: "timeout"}, tmp_path, capsys)


def test_index_pages_are_the_sites_navigation() -> None:
    source = ["# Methods\n\n- **Idea**: no link\n- [How?](methods/how.md): a page\n"]
    CONF["add_navigation"](None, "docs/methods", source)
    assert "\nHow? <methods/how>\n" in source[0] and "Idea" not in source[0].split("toctree")[1]
    page = ["- [How?](how.md)"]
    CONF["add_navigation"](None, "docs/methods/how", page)
    assert page == ["- [How?](how.md)"]
