"""BIDS with fMRIPrep's outputs: volumes, surfaces, grayordinates and parcels are read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import made_bids
import nibabel
import numpy as np
import pandas as pd
import pytest
from bids_studies import COLUMNS, KINDS, opened, planned
from made_bids import ONSET, TR, Made
from nibabel import cifti2

from engram.datasets.bids import headers, names
from engram.datasets.bids.reader import open_words

pytest_plugins = "bids_studies"


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_written_is_read(made: dict[str, Made], kind: str) -> None:
    one = made[kind]
    plan = planned(one.root)
    assert plan.stories == ["fable", "tale"] and plan.tr == TR and plan.excluded == ()
    assert [(scan.subject, scan.story) for scan in plan.scans] == [
        (subject, story) for story in ("fable", "tale") for subject in ("01", "02")
    ]
    dataset = opened(plan)
    targets = dataset.targets()
    expected = one.targets
    pd.testing.assert_frame_equal(
        targets[expected.columns.tolist()], expected, check_dtype=False, check_exact=False
    )
    for subject in ("01", "02"):
        np.testing.assert_array_equal(
            dataset.timeseries(subject, "tale"), one.bold[subject, "tale"]
        )
        found = dataset.confounds(subject, "tale")
        wanted = one.confounds[subject, "tale"][COLUMNS].bfill(limit=1)
        assert found is not None
        np.testing.assert_allclose(found, wanted.to_numpy(), rtol=1e-6)
        # Slices are brought to the middle of the volume, which is the middle of a row.
        assert dataset.start(subject, "tale") == -ONSET
    assert dataset.scan_names("01", "tale") == "sub-01_task-tale"
    words = open_words(plan.words_config("tale"), one.root).words("tale")
    assert words["word"].tolist() == one.words["tale"]["word"].tolist()
    assert plan.n_rows("tale") == len(one.bold["01", "tale"])
    # About: of volumes, as many as the first mask has.
    assert 0.9 < plan.n_targets() / len(targets) < 1.1
    assert plan.tables_here()[0] == str(one.root)


def test_headers_are_read_as_nibabel_reads_them(made: dict[str, Made], tmp_path: Path) -> None:
    for kind in KINDS:
        files = names.bold_files(made[kind].derivatives)
        path = files[0].path
        header, image = headers.read(path, kind), nibabel.load(path)
        assert header.rows == len(made[kind].bold["01", "fable"])
        if kind == "volume":
            assert header.shape == image.shape and header.tr == TR
            np.testing.assert_allclose(np.reshape(header.affine, (3, 4)), image.affine[:3])
        elif kind != "surface":
            assert header.shape == image.shape and header.tr == TR
        else:
            assert header.tr == TR
    rng = np.random.default_rng(0)
    for number, cls in enumerate((nibabel.Nifti1Image, nibabel.Nifti2Image)):
        # An oblique affine that only quaternions give, in the other byte order.
        rotation = np.linalg.qr(rng.normal(size=(3, 3)))[0]
        affine = np.eye(4)
        affine[:3, :3], affine[:3, 3] = rotation * [2, 2.5, 3], [-4, 5, 6]
        image = cls(np.zeros((3, 4, 5, 6), np.int16), affine)
        image.set_sform(None, 0)
        image.set_qform(affine, 1)
        image.header.set_xyzt_units("mm", "msec")
        image.header["pixdim"][4] = 800
        path = tmp_path / f"{number}.nii"
        cls(image.dataobj, None, image.header.as_byteswapped()).to_filename(path)
        found = headers.read(path, "volume")
        assert found.tr == pytest.approx(0.8) and found.shape == (3, 4, 5, 6)
        np.testing.assert_allclose(
            np.reshape(found.affine, (3, 4)), nibabel.load(path).affine[:3], atol=1e-5
        )


def test_a_volume_is_read_whole_whatever_its_length(
    copied: Callable[[str], Made], monkeypatch: pytest.MonkeyPatch
) -> None:
    from engram.datasets.images import volumes

    one = copied("volume")
    path = next(one.func("01").glob("*tale*_bold.nii.gz"))
    image = nibabel.load(path)
    scaled = nibabel.Nifti1Image(np.array(image.dataobj), image.affine, image.header)
    scaled.header.set_data_dtype(np.int16)  # with a scale
    scaled.to_filename(path)
    expected = np.asanyarray(nibabel.load(path).dataobj)
    for number in (1, 7, 16, 500):
        monkeypatch.setattr(volumes, "_AT_ONCE", number)
        found = opened(planned(one.root)).timeseries("01", "tale")
        inside = np.zeros(expected.shape[:3], dtype=bool)
        inside[1:5, 1:6, 1:5] = True
        inside[1, 1, 1:3] = False
        np.testing.assert_array_equal(found, expected[inside].T.astype(np.float32))


def test_atlas_mask_and_smoothing(made: dict[str, Made], tmp_path: Path) -> None:
    one = made["volume"]
    # Regions on another grid, of twice the size of voxels: brought to the scans'.
    affine = made_bids.AFFINE @ np.diag([2, 2, 2, 1.0])
    affine[:3, 3] = made_bids.AFFINE[:3, 3] + 1.5 - 6
    values = np.zeros((5, 6, 5), dtype=np.int16)
    values[2], values[3] = 1, 2
    nibabel.Nifti1Image(values, affine).to_filename(tmp_path / "mine.nii.gz")
    (tmp_path / "mine.tsv").write_text("index\tname\n1\tfirst\n2\tsecond\n")
    plan = planned(one.root, atlas=str(tmp_path / "mine.nii.gz"))
    targets = opened(plan).targets()
    assert set(targets["roi"]) == {"first", "second"}
    sides = targets.groupby("roi")["x"].agg(["min", "max"])
    assert sides.to_numpy().tolist() == [[-2, 1], [4, 7]]
    only = planned(one.root, atlas=str(tmp_path / "mine.nii.gz"), regions=["second"])
    assert set(opened(only).targets()["roi"]) == {"second"}
    assert str(tmp_path / "mine.tsv") in only.common_files
    # A mask of the user's own gives its region its name.
    mask = np.zeros(made_bids.SHAPE, dtype=np.uint8)
    mask[2:4, 2:5, 2:4] = 1
    nibabel.Nifti1Image(mask, made_bids.AFFINE).to_filename(tmp_path / "cortex.nii")
    plain = opened(planned(one.root, mask=str(tmp_path / "cortex.nii")))
    assert set(plain.targets()["roi"]) == {"cortex"} and len(plain.targets()) == mask.sum()
    smooth = opened(planned(one.root, mask=str(tmp_path / "cortex.nii"), smoothing=4.0))
    from nilearn.image import smooth_img

    path = next(one.func("01").glob("*tale*_bold.nii.gz"))
    expected = smooth_img(str(path), 4.0).get_fdata()[mask > 0].T
    np.testing.assert_allclose(smooth.timeseries("01", "tale"), expected, rtol=1e-5)


def test_labels_of_surfaces_and_grayordinates(made: dict[str, Made], tmp_path: Path) -> None:
    labels = np.arange(made_bids.N_VERTICES) % 3
    table = nibabel.gifti.GiftiLabelTable()
    for key, name in enumerate(("???", "front", "back")):
        label = nibabel.gifti.GiftiLabel(key)
        label.label = name
        table.labels.append(label)
    array = nibabel.gifti.GiftiDataArray(labels.astype(np.int32), intent="NIFTI_INTENT_LABEL")
    for side in ("lh", "rh"):
        nibabel.gifti.GiftiImage(darrays=[array], labeltable=table).to_filename(
            tmp_path / f"{side}.mine.label.gii"
        )
    plan = planned(made["surface"].root, atlas=str(tmp_path / "{hemi}.mine.label.gii"))
    dataset = opened(plan)
    assert set(dataset.targets()["roi"]) == {"front", "back"}
    kept = np.tile(labels > 0, 2)
    np.testing.assert_array_equal(
        dataset.timeseries("01", "tale"), made["surface"].bold["01", "tale"][:, kept]
    )
    axis = made_bids.dense_axis()
    keys = np.arange(len(axis)) % 3
    label_axis = cifti2.LabelAxis(
        ["mine"], {0: ("???", (0, 0, 0, 0)), 1: ("front", (1, 0, 0, 1)), 2: ("back", (0, 1, 0, 1))}
    )
    cifti2.Cifti2Image(
        keys[None].astype(np.float32), cifti2.Cifti2Header.from_axes((label_axis, axis))
    ).to_filename(tmp_path / "mine.dlabel.nii")
    dense = opened(planned(made["dense"].root, atlas=str(tmp_path / "mine.dlabel.nii")))
    np.testing.assert_array_equal(
        dense.timeseries("01", "tale"), made["dense"].bold["01", "tale"][:, keys > 0]
    )
