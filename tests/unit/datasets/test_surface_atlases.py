"""Surfaces with another atlas than the dataset's, on small made files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from engram.datasets.images.surfaces import VERTICES, Surface
from engram.datasets.narratives import layout
from engram.datasets.narratives.facts import Fact
from engram.datasets.narratives.reader import NarrativesDataset
from engram.errors import EngramError

SCANS = [
    Fact(subject, "pieman", None, "pieman", "pieman", 1.5, 4.5, 40.0, None)
    for subject in ("001", "002")
]
N_VERTICES = VERTICES["fsaverage5"]
RNG = np.random.default_rng(0)


def cut(path: Path, size: int | None = None) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[: size or len(whole) // 2])


def write_annot(path: Path, labels: np.ndarray) -> None:
    names = ["???", "front", "back"]
    colours = np.array([[40 * i, 20, 10, 0, 0] for i in range(1, 4)])
    nibabel.freesurfer.write_annot(path, labels, colours, names, fill_ctab=True)


def write_label_gii(path: Path, labels: np.ndarray) -> None:
    table = nibabel.gifti.GiftiLabelTable()
    for number, name in enumerate(["???", "front", "back"]):
        label = nibabel.gifti.GiftiLabel(number, 0.1, 0.2, 0.3, 1.0)
        label.label = name
        table.labels.append(label)
    array = nibabel.gifti.GiftiDataArray(labels.astype(np.int32), intent="NIFTI_INTENT_LABEL")
    nibabel.save(nibabel.gifti.GiftiImage(darrays=[array], labeltable=table), path)


def write_surface(path: Path, values: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = [
        nibabel.gifti.GiftiDataArray(row.astype(np.float32), intent="NIFTI_INTENT_TIME_SERIES")
        for row in values
    ]
    nibabel.save(nibabel.gifti.GiftiImage(darrays=arrays), path)


#: Two regions of one hemisphere, by vertex: most of it has none.
LABELS = {
    "lh": np.where(np.arange(N_VERTICES) < 100, np.arange(N_VERTICES) % 3, 0),
    "rh": np.where(np.arange(N_VERTICES) >= N_VERTICES - 60, 2, 0),
}
FORMS: dict[str, Callable[[Path, np.ndarray], None]] = {
    "annot": write_annot,
    "label.gii": write_label_gii,
}


def surface(folder: Path, form: str, **options: Any) -> NarrativesDataset:
    return NarrativesDataset(
        folder, SCANS, space="fsaverage5", atlas=str(folder / f"{{hemi}}.mine.{form}"), **options
    )


@pytest.mark.parametrize("form", FORMS)
def test_a_surface_takes_another_atlas(tmp_path: Path, form: str) -> None:
    for side, labels in LABELS.items():
        FORMS[form](tmp_path / f"{side}.mine.{form}", labels)
    made = [RNG.standard_normal((4, N_VERTICES)) for _ in "LR"]
    for path, values in zip(
        layout.bold_files("afni-nosmooth", "fsaverage5", SCANS[0].scan), made, strict=True
    ):
        write_surface(tmp_path / path, values)
    dataset = surface(tmp_path, form)
    targets = dataset.targets()
    assert targets.groupby(["hemisphere", "roi"]).size().to_dict() == {
        ("L", "back"): 33,
        ("L", "front"): 33,
        ("R", "back"): 60,
    }
    assert (
        targets["target"].tolist()[:3] == ["L1", "L2", "L4"]
        and targets["target"].iloc[-1] == f"R{N_VERTICES - 1}"
    )
    assert targets["roi"].tolist()[:3] == ["front", "back", "front"]
    vertices = [np.flatnonzero(labels) for labels in LABELS.values()]
    direct = np.concatenate(
        [values[:, index] for values, index in zip(made, vertices, strict=True)], axis=1
    )
    np.testing.assert_array_equal(dataset.timeseries("001", "pieman"), direct.astype(np.float32))
    front = surface(tmp_path, form, regions=["front"]).targets()
    assert set(front["hemisphere"]) == {"L"} and len(front) == 33


@pytest.mark.parametrize("form", FORMS)
def test_an_atlas_of_a_finer_surface_is_cut(tmp_path: Path, form: str) -> None:
    for side, labels in LABELS.items():
        FORMS[form](
            tmp_path / f"{side}.mine.{form}",
            np.append(labels, np.ones(VERTICES["fsaverage6"] - N_VERTICES, dtype=int)),
        )
    assert len(surface(tmp_path, form).targets()) == 126


@pytest.mark.parametrize("length", [2562, 32492])
@pytest.mark.parametrize("form", FORMS)
def test_an_atlas_of_another_surface_is_refused(tmp_path: Path, form: str, length: int) -> None:
    for side, labels in LABELS.items():
        FORMS[form](
            tmp_path / f"{side}.mine.{form}", labels if side == "lh" else np.resize(labels, length)
        )
    with pytest.raises(
        EngramError,
        match=(
            rf"rh\.mine\.{form}' labels {length} vertices; fsaverage5 has 10242 a hemisphere .* "
            r"Is dataset\.atlas right\?"
        ),
    ):
        surface(tmp_path, form)


@pytest.mark.parametrize("form", FORMS)
def test_broken_and_missing_atlases_are_named(tmp_path: Path, form: str) -> None:
    for side, labels in LABELS.items():
        FORMS[form](tmp_path / f"{side}.mine.{form}", labels)
    with pytest.raises(
        EngramError,
        match=(
            r"dataset\.regions: 'fornt' is no region .* Did you mean front\?.* "
            r"Regions: back, front\."
        ),
    ):
        surface(tmp_path, form, regions=["fornt"])
    cut(tmp_path / f"lh.mine.{form}")
    with pytest.raises(EngramError, match=rf"lh\.mine\.{form}' cannot be read"):
        surface(tmp_path, form)
    (tmp_path / f"lh.mine.{form}").unlink()
    with pytest.raises(EngramError, match=rf"lh\.mine\.{form}' is not there"):
        surface(tmp_path, form)


@pytest.mark.parametrize("name", ["???", "Unknown", "Medial_wall", "unknown", ""])
def test_labels_that_are_no_region(tmp_path: Path, name: str) -> None:
    for side, labels in LABELS.items():
        path = tmp_path / f"{side}.label.gii"
        write_label_gii(path, labels)
        path.write_text(path.read_text().replace("???", name))
    atlas = {"L": tmp_path / "lh.label.gii", "R": tmp_path / "rh.label.gii"}
    assert set(Surface("fsaverage5", atlas, None).targets()["roi"]) == {"front", "back"}


def test_vertices_without_a_label_have_no_region(tmp_path: Path) -> None:
    for side, labels in LABELS.items():
        write_annot(tmp_path / f"{side}.annot", labels - 1)  # -1: in no label at all
    targets = Surface(
        "fsaverage5", {"L": tmp_path / "lh.annot", "R": tmp_path / "rh.annot"}, None
    ).targets()
    assert targets.groupby(["hemisphere", "roi"]).size().to_dict() == {
        ("L", "front"): 33,
        ("R", "front"): 60,
    }
