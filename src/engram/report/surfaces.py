"""Surfaces of the report: maps on the inflated cortex that can be turned."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from engram.features.layers import reported_layer
from engram.figures.maps import ASSOCIATION_DIFFERENCE, layer_name, on_fsaverage5, read_maps
from engram.vocabulary import ORIGINAL

#: Surfaces in the page.
MOST_MAPS = 12
#: The colour scales of R and of F reach at least this far, so that noise stays pale.
_LEAST_R, _LEAST_F = 0.05, 0.01


@dataclass(frozen=True)
class SurfaceMap:
    """A map of the cortex: vertices of fsaverage5 by hemisphere, NaN where there is no target."""

    label: str
    values: Mapping[str, np.ndarray]
    least: float
    diverging: bool = True


def surface_maps(
    config: Mapping[str, Any],
    scores: pd.DataFrame,
    score_files: Sequence[str],
    association_files: Sequence[str],
    ceiling_files: Sequence[str],
) -> list[SurfaceMap]:
    """Return the maps that can be turned.

    They are R of each model shown, F minus that of null texts, and the
    ceiling of single listeners.

    Parameters
    ----------
    config : mapping
        With `shown` models and `association_maps` (text and model), in the order of the files.
    scores : pandas.DataFrame
        Says how deep each model is.
    score_files, association_files, ceiling_files : sequences of paths
        Left and right of each map.
    """
    maps = []
    depths = scores[scores["text"] == ORIGINAL].groupby("model")["layer"].max()
    for model, sides in zip(config["shown"], _sides(score_files), strict=bool(score_files)):
        layer = reported_layer(int(depths[model]), config["reported_layer"])
        maps.append(
            SurfaceMap(
                f"R (Pearson r): {model}, layer {layer}",
                _values(sides, layer_name(layer)),
                _LEAST_R,
            )
        )
    for (text, model), sides in zip(
        config["association_maps"], _sides(association_files), strict=True
    ):
        maps.append(
            SurfaceMap(
                f"F minus null texts (Pearson r): {text}, {model}",
                _values(sides, ASSOCIATION_DIFFERENCE),
                _LEAST_F,
            )
        )
    for sides in _sides(ceiling_files):
        maps.append(
            SurfaceMap(
                "Ceiling of single listeners (Pearson r)",
                _values(sides, "single listeners"),
                _LEAST_R,
                diverging=False,
            )
        )
    return [one for one in maps if any(np.isfinite(values).any() for values in one.values.values())]


def _sides(files: Sequence[str]) -> list[tuple[str, str]]:
    return list(zip(files[::2], files[1::2], strict=True))


def _values(sides: tuple[str, str], name: str) -> dict[str, np.ndarray]:
    named = zip(("left", "right"), ("L", "R"), sides, strict=True)
    return {
        side: on_fsaverage5(read_maps(path, hemisphere)[name]) for side, hemisphere, path in named
    }


def surface_data(maps: Sequence[SurfaceMap]) -> str:
    """Return nilearn's view of maps on the inflated cortex, packed (JSON, gzip, base64).

    nilearn writes a page for each map. Of the first page the parts before and after its data are
    kept, and the mesh; of each map only what differs between maps. So the mesh and the plotting
    library, which are large, are there once.
    """
    views = [_view(one) for one in maps]
    head, first, tail = views[0]
    mesh = {name: value for name, value in first.items() if name != "vertexcolor_both"}
    varying = ("vertexcolor_both", "colorscale", "cmin", "cmax")
    content = {
        "head": head,
        "tail": tail,
        "mesh": mesh,
        "maps": [
            {"label": one.label, **{name: info[name] for name in varying}}
            for one, (_, info, _) in zip(maps, views, strict=True)
        ],
    }
    # The archive holds no time, so that the same maps give the same bytes.
    return base64.b64encode(gzip.compress(json.dumps(content).encode(), 9, mtime=0)).decode()


def _view(one: SurfaceMap) -> tuple[str, dict[str, Any], str]:
    """Return nilearn's page of a map: what is before its data, the data, and what is after."""
    from nilearn import plotting
    from nilearn.datasets import load_fsaverage, load_fsaverage_data
    from nilearn.surface import SurfaceImage

    mesh = load_fsaverage("fsaverage5")["inflated"]
    # Vertices without a target get 0, which the threshold hides: the grey cortex is seen there.
    # The sequential colour map is viridis, which holds no grey.
    image = SurfaceImage(
        mesh,
        {side: np.nan_to_num(values).astype(np.float32) for side, values in one.values.items()},
    )
    largest = max(
        one.least,
        *(float(np.nanmax(np.abs(values), initial=0.0)) for values in one.values.values()),
    )
    html = plotting.view_surf(
        surf_map=image,
        bg_map=load_fsaverage_data(mesh="fsaverage5", mesh_type="inflated", data_type="sulcal"),
        hemi="both",
        threshold=1e-9,
        cmap="RdBu_r" if one.diverging else "viridis",
        symmetric_cmap=one.diverging,
        vmin=None if one.diverging else 0.0,
        vmax=largest,
        colorbar_fontsize=14,
        title="",
    ).html
    # nilearn misspells plotly's option, so that plotly's logo, a link to its site, would be shown.
    html = html.replace("displayLogo", "displaylogo")
    start = html.index('{"inflated_both"')
    info, length = json.JSONDecoder().raw_decode(html[start:])
    return html[:start], info, html[start + length :]
