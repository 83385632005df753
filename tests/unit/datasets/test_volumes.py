"""BOLD in MNI space with an atlas image, on small made files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from nibabel.affines import apply_affine

from engram.datasets.images.surfaces import VERTICES
from engram.datasets.images.volumes import Volume
from engram.datasets.narratives import layout
from engram.datasets.narratives.facts import Fact
from engram.datasets.narratives.reader import NarrativesDataset
from engram.errors import EngramError

SHAPE, N_TRS = (6, 7, 5), 30
#: Voxels of 4 mm with centres at x = -8, -4, 0, 4, 8, 12; y = -12 ... 12; z = -8 ... 8.
AFFINE = nibabel.affines.from_matvec(np.diag([4.0, 4.0, 4.0]), [-8.0, -12.0, -8.0])
#: The atlas: voxels of 2 mm around more space.
FINE_SHAPE = (20, 20, 20)
FINE = nibabel.affines.from_matvec(np.diag([2.0, 2.0, 2.0]), [-18.0, -20.0, -16.0])
TABLE = "index\tname\n0\tBackground\n1\tHippocampus\n2\tAmygdala\n17\tLeft Cerebral-White Matter\n"
SCANS = [
    Fact(subject, "pieman", None, "pieman", "pieman", 1.5, 4.5, 40.0, None)
    for subject in ("001", "002")
]
PATHS = [layout.bold_files("afni-nosmooth", layout.VOLUME, fact.scan)[0] for fact in SCANS]
N_VERTICES = VERTICES["fsaverage5"]
RNG = np.random.default_rng(0)


def numbers(places: np.ndarray) -> np.ndarray:
    """The atlas, as a function of places in mm.

    It is 1 behind, 2 in front and below, 17 in front and above, 0 between.
    """
    y, z = places[..., 1], places[..., 2]
    return np.select([y < -3, (y > 3) & (z < 0), (y > 3) & (z > 0)], [1, 2, 17], 0)


def grid(shape: tuple[int, ...], affine: np.ndarray) -> np.ndarray:
    """The places of an image's voxels in mm, of the image's shape."""
    return apply_affine(affine, np.moveaxis(np.indices(shape), 0, -1))


def write_image(path: Path, values: np.ndarray, affine: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(values, affine), path)
    return path


def write_atlas(
    path: Path,
    shape: tuple[int, ...] = FINE_SHAPE,
    affine: np.ndarray = FINE,
    table: str | None = TABLE,
) -> Path:
    write_image(path, numbers(grid(shape, affine)).astype(np.int16), affine)
    if table is not None:
        (path.parent / (path.name.removesuffix(".gz").removesuffix(".nii") + ".tsv")).write_text(
            table
        )
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two listeners of pieman in MNI space."""
    for path in PATHS:
        write_image(
            tmp_path / path, RNG.standard_normal((*SHAPE, N_TRS)).astype(np.float32), AFFINE
        )
    return tmp_path


@pytest.fixture
def atlas(tmp_path: Path) -> Path:
    return write_atlas(tmp_path / "atlases" / "mine.nii.gz")


def reader(folder: Path, atlas: Path | None, **options: Any) -> NarrativesDataset:
    return NarrativesDataset(
        folder, SCANS, space=layout.VOLUME, atlas=None if atlas is None else str(atlas), **options
    )


def cut(path: Path, size: int | None = None) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[: size or len(whole) // 2])


def voxels(dataset: NarrativesDataset) -> np.ndarray:
    """The targets' voxels, by their places in mm."""
    return np.rint(
        apply_affine(np.linalg.inv(AFFINE), dataset.targets()[["x", "y", "z"]].to_numpy())
    ).astype(int)


def test_an_atlas_on_another_grid_labels_the_voxels(folder: Path, atlas: Path) -> None:
    targets = reader(folder, atlas).targets()
    wanted = numbers(grid(SHAPE, AFFINE))
    names = {1: "Hippocampus", 2: "Amygdala", 17: "Left Cerebral-White Matter"}
    assert targets.groupby("roi").size().to_dict() == {
        name: int((wanted == number).sum()) for number, name in names.items()
    }
    places = targets[["x", "y", "z"]].to_numpy()
    assert targets["roi"].tolist() == [names[int(number)] for number in numbers(places)]
    assert targets["target"].is_unique and list(targets.columns) == [
        "target",
        "hemisphere",
        "roi",
        "x",
        "y",
        "z",
    ]


def test_hemispheres_are_sides_of_the_midline(folder: Path, atlas: Path) -> None:
    targets = reader(folder, atlas).targets()
    assert {float(x): set(part) for x, part in targets.groupby("x")["hemisphere"]} == {
        -8: {"L"},
        -4: {"L"},
        0: {"B"},
        4: {"R"},
        8: {"R"},
        12: {"R"},
    }
    assert targets[["y", "z"]].agg(["min", "max"]).to_numpy().tolist() == [[-12, -8], [12, 8]]


def test_time_courses_are_those_of_the_voxels(folder: Path, atlas: Path) -> None:
    dataset = reader(folder, atlas)
    for fact, path in zip(SCANS, PATHS, strict=True):
        values = dataset.timeseries(fact.subject, "pieman")
        assert values.dtype == np.float32 and values.shape == (N_TRS, len(dataset.targets()))
        x, y, z = voxels(dataset).T
        np.testing.assert_array_equal(
            values, nibabel.load(folder / path).get_fdata(dtype=np.float32)[x, y, z].T
        )
    assert dataset.start("001", "pieman") == -1.5 and dataset.confounds("001", "pieman") is None
    assert dataset.scan_names("002", "pieman") == "sub-002_task-pieman"


def test_scaled_integers_are_read_in_their_units(folder: Path, atlas: Path) -> None:
    path = folder / PATHS[0]
    values = nibabel.load(path).get_fdata(dtype=np.float32)
    image = nibabel.Nifti1Image(values, AFFINE)
    image.set_data_dtype(np.int16)
    nibabel.save(image, path)
    dataset = reader(folder, atlas)
    x, y, z = voxels(dataset).T
    np.testing.assert_allclose(dataset.timeseries("001", "pieman"), values[x, y, z].T, atol=1e-3)


def test_images_stored_from_right_to_left_have_the_same_regions(
    folder: Path, atlas: Path, tmp_path: Path
) -> None:
    """The order of voxels in a file is its own.

    Places in mm are what counts, of the atlas and of the scans.
    """
    plain = reader(folder, atlas)
    values = plain.timeseries("001", "pieman")
    flip = nibabel.affines.from_matvec(np.diag([-1.0, 1.0, 1.0]), [SHAPE[0] - 1.0, 0.0, 0.0])
    flipped = tmp_path / "flipped"
    for path in PATHS:
        write_image(
            flipped / path,
            nibabel.load(folder / path).get_fdata(dtype=np.float32)[::-1],
            AFFINE @ flip,
        )
    backwards = nibabel.affines.from_matvec(np.diag([-2.0, 2.0, 2.0]), [20.0, -20.0, -16.0])
    other = reader(flipped, write_atlas(tmp_path / "backwards.nii.gz", affine=backwards))
    order, other_order = (
        one.targets().reset_index().sort_values(["x", "y", "z"]) for one in (plain, other)
    )
    columns = ["hemisphere", "roi", "x", "y", "z"]
    assert order[columns].to_numpy().tolist() == other_order[columns].to_numpy().tolist()
    np.testing.assert_array_equal(
        values[:, order["index"]], other.timeseries("001", "pieman")[:, other_order["index"]]
    )


def test_a_table_of_regions_that_was_not_fetched_is_no_mask(folder: Path, tmp_path: Path) -> None:
    atlas = write_image(
        tmp_path / "mine.nii.gz", numbers(grid(FINE_SHAPE, FINE)).astype(np.int16), FINE
    )
    table = tmp_path / "mine.tsv"
    table.symlink_to(tmp_path / "nowhere")
    with pytest.raises(EngramError, match=r"mine\.tsv' is not there, or is a link whose content"):
        reader(folder, atlas).targets()


def test_a_mask_without_a_table_is_one_region(folder: Path, tmp_path: Path) -> None:
    mask = (numbers(grid(FINE_SHAPE, FINE)) == 2).astype(np.uint8)
    targets = reader(folder, write_image(tmp_path / "amygdala.nii.gz", mask, FINE)).targets()
    assert set(targets["roi"]) == {"amygdala"} and len(targets) == int(
        (numbers(grid(SHAPE, AFFINE)) == 2).sum()
    )


def test_an_uncompressed_atlas_has_its_table_too(folder: Path, tmp_path: Path) -> None:
    targets = reader(folder, write_atlas(tmp_path / "plain.nii")).targets()
    assert set(targets["roi"]) == {"Hippocampus", "Amygdala", "Left Cerebral-White Matter"}


@pytest.mark.parametrize("wanted", [["Amygdala"], ["Amygdala", "Hippocampus"]])
def test_regions_are_chosen(folder: Path, atlas: Path, wanted: list[str]) -> None:
    every, some = reader(folder, atlas), reader(folder, atlas, regions=wanted)
    kept = every.targets()["roi"].isin(wanted).to_numpy()
    assert set(some.targets()["roi"]) == set(wanted)
    assert some.targets().equals(every.targets()[kept].reset_index(drop=True))
    np.testing.assert_array_equal(
        some.timeseries("002", "pieman"), every.timeseries("002", "pieman")[:, kept]
    )


def test_runs_on_one_grid_are_averaged(folder: Path, atlas: Path) -> None:
    runs = [Fact("003", "pieman", run, "pieman", "pieman", 1.5, 4.5, 40.0, None) for run in "12"]
    made = [RNG.standard_normal((*SHAPE, N_TRS - number)).astype(np.float32) for number in range(2)]
    for fact, values in zip(runs, made, strict=True):
        write_image(
            folder / layout.bold_files("afni-nosmooth", layout.VOLUME, fact.scan)[0], values, AFFINE
        )
    dataset = NarrativesDataset(folder, [*SCANS, *runs], space=layout.VOLUME, atlas=str(atlas))
    x, y, z = voxels(dataset).T
    mean = (made[0][..., : N_TRS - 1] + made[1]) / 2
    np.testing.assert_allclose(dataset.timeseries("003", "pieman"), mean[x, y, z].T, atol=1e-6)


def test_voxels_outside_of_the_field_of_view_are_counted(folder: Path, atlas: Path) -> None:
    values = nibabel.load(folder / PATHS[1]).get_fdata(dtype=np.float32)
    values[0, 0, 0] = 0
    write_image(folder / PATHS[1], values, AFFINE)
    constant = np.ptp(reader(folder, atlas).timeseries("002", "pieman"), axis=0) == 0
    assert constant.sum() == 1
    values[:3] = 0
    write_image(folder / PATHS[1], values, AFFINE)
    with pytest.raises(
        EngramError,
        match=(
            r"sub-002_task-pieman \(afni-nosmooth, MNI152NLin2009cAsym\): "
            r"target 'V\d+' is constant"
        ),
    ):
        reader(folder, atlas).timeseries("002", "pieman")


@pytest.mark.parametrize(
    ("shape", "affine", "message"),
    [
        ((6, 7, 6, N_TRS), AFFINE, r"has the shape \(6, 7, 6, 30\), '.*sub-001.*' \(6, 7, 5, 30\)"),
        (
            (*SHAPE, N_TRS),
            AFFINE + np.eye(4, k=3) * 4,
            "lies elsewhere in space than '.*sub-001.*up to 4 mm apart",
        ),
        (SHAPE, AFFINE, r"has the shape \(6, 7, 5\), "),
    ],
    ids=["shape", "place", "one volume"],
)
def test_a_scan_on_another_grid_is_refused(
    folder: Path, atlas: Path, shape: tuple[int, ...], affine: np.ndarray, message: str
) -> None:
    dataset = reader(folder, atlas)
    write_image(folder / PATHS[1], np.zeros(shape, dtype=np.float32), affine)
    with pytest.raises(EngramError, match=rf"sub-002_task-pieman_.*_bold\.nii\.gz' {message}"):
        dataset.timeseries("002", "pieman")


@pytest.mark.parametrize("size", [None, 800, 20])
@pytest.mark.parametrize("which", [0, 1])
def test_a_truncated_scan_is_named(folder: Path, atlas: Path, which: int, size: int | None) -> None:
    """Also the scan whose grid is that of all."""
    cut(folder / PATHS[which], size)
    with pytest.raises(
        EngramError,
        match=rf"sub-00{which + 1}_task-pieman_.*_bold\.nii\.gz' cannot be read .* fetch it again",
    ):
        reader(folder, atlas).timeseries(SCANS[which].subject, "pieman")


@pytest.mark.parametrize("size", [None, 20])
def test_a_truncated_atlas_is_named(folder: Path, atlas: Path, size: int | None) -> None:
    cut(atlas, size)
    with pytest.raises(EngramError, match=r"mine\.nii\.gz' cannot be read"):
        reader(folder, atlas)


def test_an_atlas_of_several_volumes_is_refused(folder: Path, tmp_path: Path) -> None:
    """Maps of probabilities, say: which region a voxel is in would be anybody's guess."""
    number = numbers(grid(FINE_SHAPE, FINE))
    path = write_image(
        tmp_path / "probabilities.nii.gz",
        np.stack([number == 1, number == 2], axis=-1).astype(np.float32),
        FINE,
    )
    with pytest.raises(EngramError, match=r"probabilities\.nii\.gz"):
        reader(folder, path)


def test_the_first_scan_must_have_volumes(folder: Path, atlas: Path) -> None:
    write_image(folder / PATHS[0], np.zeros(SHAPE, dtype=np.float32), AFFINE)
    with pytest.raises(EngramError, match=r"sub-001_task-pieman_.*_bold\.nii\.gz"):
        reader(folder, atlas)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("number\tname\n1\tHippocampus\n", r"lacks the column\(s\) \['index'\]"),
        ("index,name\n1,Hippocampus\n", "separated by commas"),
        ("index\tname\none\tHippocampus\n", "line 2: index 'one' is no whole number"),
        ("index\tname\n1\n", "line 2: 1 cells"),
        ("index\tname\n1\tHippocampus\n1\tAmygdala\n", "line 3: index 1 is there twice"),
    ],
)
def test_a_table_that_is_wrong_is_refused(
    folder: Path, atlas: Path, table: str, message: str
) -> None:
    (atlas.parent / "mine.tsv").write_text(table)
    with pytest.raises(EngramError, match=rf"mine\.tsv'.*{message}"):
        reader(folder, atlas)


def test_an_unknown_region_is_refused_with_those_there_are(folder: Path, atlas: Path) -> None:
    with pytest.raises(
        EngramError,
        match=(
            r"dataset\.regions: 'Hipocampus' is no region .* Did you mean Hippocampus\?.* "
            r"Regions: Amygdala, Hippocampus, Left "
        ),
    ):
        reader(folder, atlas, regions=["Hipocampus"])


def test_an_atlas_elsewhere_is_refused(folder: Path, tmp_path: Path) -> None:
    far = nibabel.affines.from_matvec(np.diag([2.0, 2.0, 2.0]), [-18.0, 300.0, -16.0])
    with pytest.raises(
        EngramError,
        match=r"far\.nii\.gz' has no voxel of .* on the grid of .*sub-001.*MNI152NLin2009cAsym",
    ):
        reader(folder, write_atlas(tmp_path / "far.nii.gz", affine=far))


def test_a_chosen_region_without_a_voxel_is_refused(folder: Path, tmp_path: Path) -> None:
    atlas = write_atlas(tmp_path / "more.nii.gz", table=TABLE + "99\tNowhere\n")
    with pytest.raises(EngramError, match="has no voxel of .'Nowhere'"):
        reader(
            folder,
            atlas,
            regions=["Nowhere", "Left Hippocampus"] if "Left Hippocampus" in TABLE else ["Nowhere"],
        )


def test_missing_files_are_named(folder: Path, atlas: Path) -> None:
    with pytest.raises(EngramError, match=r"nothing\.nii\.gz' is not there"):
        reader(folder, atlas.with_name("nothing.nii.gz"))
    dataset = reader(folder, atlas)
    (folder / PATHS[1]).unlink()
    with pytest.raises(EngramError, match=r"sub-002_.*_bold\.nii\.gz' is not there"):
        dataset.timeseries("002", "pieman")
    (folder / PATHS[0]).unlink()
    with pytest.raises(EngramError, match=r"sub-001_.*_bold\.nii\.gz' is not there"):
        reader(folder, atlas)


def test_a_volume_needs_an_atlas(folder: Path) -> None:
    with pytest.raises(EngramError, match=r"has no parcellation: name one \(dataset\.atlas\)"):
        reader(folder, None)


def test_a_volume_reads_without_a_dataset(folder: Path, atlas: Path) -> None:
    volume = Volume(folder / PATHS[0], atlas, ["Amygdala"])
    assert volume.read([folder / PATHS[1]]).shape == (N_TRS, len(volume.targets()))
