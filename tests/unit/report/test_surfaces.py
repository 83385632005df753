"""Surfaces of the report: nilearn's view once, and colours for each map."""

from __future__ import annotations

import base64
import gzip
import json
import re

import pytest
import report_sample as sample

from engram.report import html_report, surfaces


@pytest.mark.slow
def test_the_surface_is_nilearns_view_once_and_its_colours_for_each_map() -> None:
    first = sample.surface()
    second = surfaces.SurfaceMap("ceiling", first.values, 0.5, diverging=False)
    packed = surfaces.surface_data([first, second])
    assert packed == surfaces.surface_data([first, second])
    content = json.loads(gzip.decompress(base64.b64decode(packed)))
    assert [one["label"] for one in content["maps"]] == [first.label, "ceiling"]
    assert all(len(one["vertexcolor_both"]) == 2 * 10242 for one in content["maps"])
    assert content["maps"][0]["vertexcolor_both"] != content["maps"][1]["vertexcolor_both"]
    assert (content["maps"][0]["cmin"], content["maps"][0]["cmax"]) == pytest.approx(
        (-0.2, 0.2), abs=0.1
    )
    assert (content["maps"][1]["cmin"], content["maps"][1]["cmax"]) == (0.0, 0.5)
    frame = (
        content["head"] + json.dumps({**content["mesh"], **content["maps"][0]}) + content["tail"]
    )
    assert (
        "Plotly" in frame
        and "surfaceMapInfo" in frame
        and not re.search(r"<(script|link|img)[^>]* (src|href)=", frame)
    )
    assert len(packed) < 2_000_000


@pytest.mark.slow
def test_maps_beyond_the_most_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "maps are here" not in sample.page(with_surface=True)
    monkeypatch.setattr(html_report, "MOST_MAPS", 1)
    html = sample.page(with_surface=True)
    assert "The first 1 of 2 maps are here" in html and html.count("<option") == 1


def test_a_study_without_a_surface_has_none() -> None:
    html = sample.page()
    assert 'id="surface"' not in html and "unsafe-eval" not in html
    assert "these targets are not on a cortical surface" in html
