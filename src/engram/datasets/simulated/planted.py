"""What is planted in simulated listeners: their regions, and what drives each of them."""

from __future__ import annotations

import re

import numpy as np

#: What drives each region, in the names of nilearn's Dosenbach coordinates.
PLANTED = {
    "temporal": "language",
    "angular gyrus": "language",
    "precuneus": "language",
    "IPL": "association",
    "parietal": "association",
    "post cingulate": "association",
    "vmPFC": "tuning",
    "post insula": "word rate",
    "sup temporal": "word rate",
    "dlPFC": "stimulus",
    "vFC": "stimulus",
    "occipital": "nothing",
    "precentral gyrus": "nothing",
}
#: Radius of a region around its coordinate in mm, and thickness under which
#: fsaverage5 is its medial wall.
_RADIUS, _WALL = 6.0, 0.1


def regions() -> dict[str, np.ndarray]:
    """Return the region of fsaverage6's vertices by hemisphere.

    It is a name, empty for cortex without one, or "Medial_wall".

    nilearn ships fsaverage5, whose vertices are the first of fsaverage6's; the others
    are taken to be the middles of its edges, which is how the one mesh is made from the other
    (in an order of our own).
    """
    from nilearn.datasets import fetch_coords_dosenbach_2010, load_fsaverage, load_fsaverage_data

    atlas = fetch_coords_dosenbach_2010()
    names = np.array([re.sub(r"\s*\d+$", "", label) for label in atlas["labels"]])
    places = np.asarray(atlas["rois"], dtype=float)
    mesh, thickness = (
        load_fsaverage("fsaverage5"),
        load_fsaverage_data(mesh="fsaverage5", data_type="thickness"),
    )
    found = {}
    for side, part, sign in (("L", "left", -1), ("R", "right", 1)):
        vertices = (
            mesh["pial"].parts[part].coordinates + mesh["white_matter"].parts[part].coordinates
        ) / 2
        wall = thickness.data.parts[part] <= _WALL
        faces = mesh["pial"].parts[part].faces
        edges = np.unique(
            np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [0, 2]]]), axis=1),
            axis=0,
        )
        vertices = np.concatenate([vertices, vertices[edges].mean(1)])
        wall = np.concatenate([wall, wall[edges].all(1)])
        here = np.flatnonzero((np.sign(places[:, 0]) == sign) & np.isin(names, list(PLANTED)))
        distance = np.linalg.norm(vertices[:, None] - places[here], axis=2)
        near = names[here][distance.argmin(1)]
        found[side] = np.where(wall, "Medial_wall", np.where(distance.min(1) < _RADIUS, near, ""))
    return found
