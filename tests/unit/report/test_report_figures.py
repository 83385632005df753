"""Figures of the report: images with the words of their sidecars."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engram.report import report_figures


def test_figures_are_drawn_unless_that_is_large_and_have_the_words_of_their_sidecar(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report_figures, "_LARGE", 250)
    for name, svg, png in (("a", 210, 200), ("b", 300, 200)):
        (tmp_path / f"{name}.svg").write_bytes(b'<svg width="241pt" height="50pt">' + b" " * svg)
        (tmp_path / f"{name}.png").write_bytes(b"p" * png)
    words, pieces = {"Title": "T", "Caption": "C", "Alt": "A"}, [[[0.0, 0.0, 0.5, 1.0]]]
    (tmp_path / "a.json").write_text(json.dumps({**words, "Pieces": pieces}))
    one, other = report_figures.read_figures(
        [tmp_path / "a.svg", tmp_path / "b.svg"], [tmp_path / "a.png", tmp_path / "b.png"]
    )
    assert (one.title, one.caption, one.alt, one.suffix) == (
        "T",
        "C",
        "A",
        "svg",
    ) and one.uri.startswith("data:image/svg+xml;base64,")
    assert (other.title, other.caption, other.alt, other.suffix) == (
        "b",
        "",
        "b",
        "png",
    ) and other.uri.startswith("data:image/png;base64,")
    assert one.width == round(241 * report_figures._SCALE)
    assert one.ratio == pytest.approx(50 / 241, abs=1e-4)
    assert one.pieces == pieces and not other.pieces
