"""Atlases by nilearn, whose downloads are replaced by local images.

Nothing here opens the network.
"""

from __future__ import annotations

import inspect
import socket
from pathlib import Path
from typing import Any

import nibabel
import nilearn.datasets
import numpy as np
import pandas as pd
import pytest

from engram.datasets.images.volumes import Volume
from engram.errors import EngramError
from engram.fetch import atlases

AFFINE = nibabel.affines.from_matvec(np.diag([4.0, 4.0, 4.0]), [-8.0, -8.0, -8.0])
NUMBERS = np.zeros((5, 5, 5), dtype=np.int16)
NUMBERS[:2], NUMBERS[3:, :2] = 1, 2
NAMES = {
    "harvard-oxford-cort": "fetch_atlas_harvard_oxford",
    "harvard-oxford-sub": "fetch_atlas_harvard_oxford",
    "juelich": "fetch_atlas_juelich",
    "aal": "fetch_atlas_aal",
    "destrieux": "fetch_atlas_destrieux_2009",
    "schaefer-200": "fetch_atlas_schaefer_2018",
    "schaefer-1000": "fetch_atlas_schaefer_2018",
}


class Fetcher:
    """In place of nilearn's: notes what it was asked, and returns an image with labels."""

    def __init__(self, atlas: dict[str, Any] | None = None, error: Exception | None = None) -> None:
        self.atlas, self.error = atlas, error
        self.asked: tuple[tuple[Any, ...], dict[str, Any]] = ((), {})

    def __call__(self, *arguments: Any, **options: Any) -> dict[str, Any]:
        self.asked = (arguments, options)
        if self.error is not None:
            raise self.error
        assert self.atlas is not None
        return self.atlas


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a test opened the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def image() -> Any:
    return nibabel.Nifti1Image(NUMBERS, AFFINE)


def replace(monkeypatch: pytest.MonkeyPatch, name: str, fetcher: Fetcher) -> Fetcher:
    monkeypatch.setattr(nilearn.datasets, NAMES[name], fetcher)
    return fetcher


def rows(folder: Path) -> list[list[str]]:
    return [line.split("\t") for line in (folder / "atlas.tsv").read_text().splitlines()]


def regions(folder: Path) -> dict[str, int]:
    """The regions that a scan's voxels are given, and how many."""
    grid = folder / "scan.nii.gz"
    nibabel.save(nibabel.Nifti1Image(np.zeros((5, 5, 5, 2), dtype=np.float32), AFFINE), grid)
    sizes: dict[str, int] = (
        Volume(grid, folder / "atlas.nii.gz", None).targets().groupby("roi").size().to_dict()
    )
    return sizes


def test_labels_in_order_name_the_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    labels = ["Background", "Left Hippocampus", b"Right Amygdala", "Not in the image"]
    replace(monkeypatch, "harvard-oxford-sub", Fetcher({"maps": image(), "labels": labels}))
    atlases.fetch("harvard-oxford-sub", tmp_path)
    assert rows(tmp_path) == [
        ["index", "name"],
        ["0", "Background"],
        ["1", "Left Hippocampus"],
        ["2", "Right Amygdala"],
    ]
    assert regions(tmp_path) == {"Left Hippocampus": 50, "Right Amygdala": 20}


def test_a_look_up_table_names_the_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In AAL the numbers are not the labels' positions."""
    numbers = np.choose(NUMBERS, [0, 2001, 9170]).astype(np.int16)
    nibabel.save(nibabel.Nifti1Image(numbers, AFFINE), tmp_path / "raw.nii")
    lut = pd.DataFrame(
        {
            "index": [0, 9170, 2001],
            "name": ["Background", "Vermis_10", "Precentral_L"],
            "color": "#000000",
        }
    )
    replace(
        monkeypatch,
        "aal",
        Fetcher({"maps": str(tmp_path / "raw.nii"), "labels": lut["name"].tolist(), "lut": lut}),
    )
    atlases.fetch("aal", tmp_path / "aal")
    assert rows(tmp_path / "aal") == [
        ["index", "name"],
        ["0", "Background"],
        ["9170", "Vermis_10"],
        ["2001", "Precentral_L"],
    ]
    assert regions(tmp_path / "aal") == {"Precentral_L": 50, "Vermis_10": 20}


def test_the_image_is_whole_and_in_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace(
        monkeypatch, "juelich", Fetcher({"maps": image(), "labels": ["Background", "one", "two"]})
    )
    atlases.fetch("juelich", tmp_path)
    found = nibabel.load(tmp_path / "atlas.nii.gz")
    np.testing.assert_array_equal(found.get_fdata(), NUMBERS)
    np.testing.assert_array_equal(found.affine, AFFINE)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        ".nilearn",
        "atlas.nii.gz",
        "atlas.tsv",
    ]


@pytest.mark.parametrize(
    ("name", "arguments", "options"),
    [
        ("harvard-oxford-cort", ("cort-maxprob-thr25-2mm",), {}),
        ("harvard-oxford-sub", ("sub-maxprob-thr25-2mm",), {}),
        ("juelich", ("maxprob-thr25-2mm",), {}),
        ("aal", (), {}),
        ("destrieux", (), {}),
        ("schaefer-200", (), {"n_rois": 200}),
        ("schaefer-1000", (), {"n_rois": 1000}),
    ],
)
def test_nilearn_is_asked_for_the_atlas(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    arguments: tuple[str, ...],
    options: dict[str, int],
) -> None:
    signature = inspect.signature(getattr(nilearn.datasets, NAMES[name]))
    fetcher = replace(
        monkeypatch, name, Fetcher({"maps": image(), "labels": ["Background", "one", "two"]})
    )
    atlases.fetch(name, tmp_path)
    assert fetcher.asked == (arguments, {**options, "data_dir": str(tmp_path / ".nilearn")})
    signature.bind(*fetcher.asked[0], **fetcher.asked[1])  # this nilearn takes these arguments


@pytest.mark.parametrize(
    "error", [ConnectionError("no route to host"), OSError("disk full"), ValueError("bad archive")]
)
def test_a_download_that_fails_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    replace(monkeypatch, "destrieux", Fetcher(error=error))
    with pytest.raises(
        EngramError,
        match=(
            rf"the atlas 'destrieux' could not be downloaded .*{type(error).__name__}: "
            rf"{error}.* run again.*dataset\.atlas"
        ),
    ):
        atlases.fetch("destrieux", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [".nilearn"]


def test_an_image_that_cannot_be_read_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image().to_filename(tmp_path / "raw.nii.gz")
    (tmp_path / "raw.nii.gz").write_bytes((tmp_path / "raw.nii.gz").read_bytes()[:40])
    replace(
        monkeypatch,
        "aal",
        Fetcher({"maps": str(tmp_path / "raw.nii.gz"), "labels": ["Background", "one", "two"]}),
    )
    with pytest.raises(EngramError, match="the atlas 'aal' could not be downloaded"):
        atlases.fetch("aal", tmp_path / "aal")
