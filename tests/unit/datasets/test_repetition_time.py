"""The TR that files give of themselves against the one of the study.

Also places in space, flat targets, and numbers in other files.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pandas as pd
import pytest
from conftest import story_bold

from engram.datasets import repetition_time
from engram.datasets.images.surfaces import VERTICES, read_regions, read_surface
from engram.datasets.images.volumes import Volume, displacement
from engram.datasets.narratives import layout
from engram.datasets.narratives.facts import Fact
from engram.datasets.narratives.reader import NarrativesDataset
from engram.datasets.tables.reader import TableDataset
from engram.errors import EngramError
from engram.study import disk
from engram.study.config.read import read_study
from engram.study.config.study import Study
from engram.study.plan import make_plan

FACT = Fact("001", "tale", None, "tale", "tale", 3.0, 3.0, 60.0, None)
AFFINE = nibabel.affines.from_matvec(np.diag([3.0, 3.0, 3.0]), [-9.0, -9.0, -9.0])
SHAPE = (4, 4, 4)
BOLD = layout.bold_files("afni-nosmooth", layout.VOLUME, FACT.scan)[0]
BESIDE, RAW, TASK = layout.tr_files("afni-nosmooth", layout.VOLUME, FACT.scan)


def volume(path: Path, tr: float, unit: str | None = "sec", affine: np.ndarray = AFFINE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = nibabel.Nifti1Image(
        np.random.default_rng(0).normal(100, 5, (*SHAPE, 40)).astype(np.float32), affine
    )
    image.header.set_zooms((3, 3, 3, tr))
    image.header.set_xyzt_units("mm", unit)
    nibabel.save(image, path)
    return path


def reader(folder: Path, **options: Any) -> NarrativesDataset:
    mask = folder / "mask.nii.gz"
    nibabel.save(nibabel.Nifti1Image(np.ones(SHAPE, np.uint8), AFFINE), mask)
    return NarrativesDataset(folder, [FACT], space=layout.VOLUME, atlas=str(mask), **options)


@pytest.mark.parametrize(
    ("tr", "unit", "found"),
    [
        (2.0, "sec", 2.0), (2000, "msec", 2.0), (2e6, "usec", 2.0), (0.72, "sec", 0.72),
        (2.0, "unknown", 2.0),
        (2000, "sec", 2.0), (2000, "unknown", 2.0),  # units that were never set
        (0, "sec", None), (1.0, "sec", None), (1000, "msec", None), (1.0, "unknown", None),
        (2.0, "hz", None),
    ],
)  # fmt: skip
def test_headers_of_volumes(tmp_path: Path, tr: float, unit: str, found: float | None) -> None:
    header = repetition_time.volume_tr(nibabel.load(volume(tmp_path / "a.nii.gz", tr, unit)))
    assert header == (None if found is None else pytest.approx(found))


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("2.0", 2.0),
        ("2000.000000", 2.0),
        ("1.000000", None),
        ("0", None),
        ("x", None),
        (None, None),
    ],
)
def test_headers_of_surfaces(tmp_path: Path, written: str | None, found: float | None) -> None:
    array = nibabel.gifti.GiftiDataArray(np.zeros(5, np.float32), intent="NIFTI_INTENT_TIME_SERIES")
    array.meta.update({"Name": "x"} | ({} if written is None else {"TimeStep": written}))
    nibabel.save(nibabel.gifti.GiftiImage(darrays=[array]), tmp_path / "a.func.gii")
    assert repetition_time.surface_tr(tmp_path / "a.func.gii") == found


def test_a_scan_whose_header_contradicts_the_study_is_refused(tmp_path: Path) -> None:
    volume(tmp_path / BOLD, 2.0)
    with pytest.raises(
        EngramError,
        match=(
            r"header of '.*_bold\.nii\.gz' gives a TR of 2 s, the study one of 1\.5 s.*200 "
            r"s.*dataset: \{tr: 2\}.*_bold\.json'"
        ),
    ):
        reader(tmp_path).timeseries("001", "tale")
    dataset = reader(tmp_path, tr=2.0)
    assert dataset.tr == 2.0 and dataset.timeseries("001", "tale").shape == (40, 64)
    volume(tmp_path / BOLD, 1.5 * 1.02)  # 2 % would be 12 s after ten minutes
    with pytest.raises(EngramError, match=r"gives a TR of 1\.53 s"):
        reader(tmp_path).timeseries("001", "tale")
    volume(tmp_path / BOLD, 1.5004)
    reader(tmp_path).timeseries("001", "tale")


@pytest.mark.parametrize("sidecar", [BESIDE, RAW, TASK])
def test_a_sidecar_counts_more_than_a_header(
    tmp_path: Path, sidecar: str, caplog: pytest.LogCaptureFixture
) -> None:
    volume(tmp_path / BOLD, 2.0)
    (tmp_path / sidecar).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / sidecar).write_text(json.dumps({"RepetitionTime": 1.5}))
    reader(tmp_path).timeseries("001", "tale")
    assert "gives a TR of 2 s; its sidecar's 1.5 s count" in caplog.text
    (tmp_path / sidecar).write_text(json.dumps({"RepetitionTime": 2.0}))
    with pytest.raises(
        EngramError, match=rf"{Path(sidecar).name}' gives a TR of 2 s, the study one of 1\.5 s"
    ):
        reader(tmp_path).timeseries("001", "tale")
    reader(tmp_path, tr=2.0).timeseries("001", "tale")


@pytest.mark.parametrize("tr", [0.0, 1.0])
def test_a_header_without_a_tr_is_not_trusted_and_that_is_said_once(
    tmp_path: Path, tr: float, caplog: pytest.LogCaptureFixture
) -> None:
    volume(tmp_path / BOLD, tr)
    dataset = reader(tmp_path)
    with caplog.at_level("INFO"):
        dataset.timeseries("001", "tale")
        dataset.timeseries("001", "tale")
    assert caplog.text.count("1.5 s are taken on trust") == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"RepetitionTime": 2000}', "milliseconds.*write 2"),
        ('{"RepetitionTime": "1.5"}', "a number above 0"),
        ("[", "cannot be read"),
        ("[1]", "no JSON object"),
        (
            '{"RepetitionTime": 2, "SamplingFrequency": 0.66}',
            "RepetitionTime gives a TR of 2 s, SamplingFrequency one of 1.51515 s",
        ),
        (
            '{"RepetitionTime": 2, "VolumeTiming": [0, 1.5, 3]}',
            "RepetitionTime gives a TR of 2 s, VolumeTiming one of 1.5 s",
        ),
        (
            '{"VolumeTiming": [0, 2, 6, 8]}',
            (
                "VolumeTiming gives volumes that do not follow each other evenly "
                ".volume 1 comes at 2 s"
            ),
        ),
        ('{"VolumeTiming": [0, 0, 0]}', "do not follow each other evenly"),
        ('{"VolumeTiming": [4, 2, 0]}', "do not follow each other evenly"),
        ('{"VolumeTiming": [0, "2"]}', "VolumeTiming is no list of seconds"),
        ('{"VolumeTiming": [0, 2000, 4000]}', "milliseconds"),
    ],
)
def test_sidecars_that_are_wrong_are_named(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(EngramError, match=f"a.json'.*{message}"):
        repetition_time.sidecar_tr(tmp_path / "a.json")


@pytest.mark.parametrize(
    ("content", "tr"),
    [
        ('{"RepetitionTime": 1.5, "SamplingFrequency": 0.67}', 1.5),
        ('{"SamplingFrequency": 0.5, "RepetitionTime": null}', 2.0),
        ('{"VolumeTiming": [0.1, 1.6, 3.1, 4.61]}', 1.50333),
        ('{"VolumeTiming": [0]}', None),
        ("{}", None),
    ],
)
def test_every_key_of_a_sidecar_that_gives_a_tr_counts(
    tmp_path: Path, content: str, tr: float | None
) -> None:
    (tmp_path / "a.json").write_text(content)
    assert repetition_time.sidecar_tr(tmp_path / "a.json") == (
        None if tr is None else pytest.approx(tr, rel=1e-5)
    )


def test_tables_are_held_against_their_sidecars(tmp_path: Path) -> None:
    (tmp_path / "targets.tsv").write_text("target\themisphere\troi\nt\tL\tone\n")
    (tmp_path / "sub-a_story-tale_timeseries.tsv").write_text("t\n1\n2\n3\n")
    for content, tr in (
        ({"RepetitionTime": 2}, 2.0),
        ({"SamplingFrequency": 0.5}, 2.0),
        ({"Description": "x"}, 1.5),
    ):
        (tmp_path / "sub-a_story-tale_timeseries.json").write_text(json.dumps(content))
        assert len(TableDataset(tmp_path, tr, 0.0).timeseries("a", "tale")) == 3
    (tmp_path / "sub-a_story-tale_timeseries.json").write_text('{"RepetitionTime": 2}')
    with pytest.raises(
        EngramError, match=r"timeseries\.json' gives a TR of 2 s, the study one of 1\.5 s"
    ):
        TableDataset(tmp_path, 1.5, 0.0).timeseries("a", "tale")


def study(**dataset: object) -> Study:
    return read_study(
        {
            "study": "n",
            "dataset": {"kind": "narratives", "stories": ["pieman"], **dataset},
            "models": {},
        }
    )


def test_what_is_planned_follows_the_tr() -> None:
    one, other = study(), study(tr=3.0)
    plans = make_plan(one), make_plan(other)
    for made, tr in zip(plans, (1.5, 3.0), strict=True):
        assert made.dataset.tr == made.dataset.scans_config("pieman")["tr"] == tr
    for part in ("BOLD", "raw data"):
        assert disk.estimate(one, plans[0])[part] == pytest.approx(
            2 * disk.estimate(other, plans[1])[part], rel=0.01
        )
    download = plans[0].dataset.scans_download("pieman")
    assert download is not None
    assert {"task-pieman_bold.json", "sub-002/func/sub-002_task-pieman_run-1_bold.json"} <= set(
        download.settings["optional"]
    )


@pytest.mark.parametrize(
    "dataset", [{"kind": "narratives", "tr": 2000}, {"kind": "table", "path": "x", "tr": 1500}]
)
def test_a_tr_in_milliseconds_is_named(dataset: dict[str, object]) -> None:
    with pytest.raises(EngramError, match=r"tr.*looks like milliseconds.*write (2|1\.5)"):
        read_study({"study": "n", "dataset": dataset, "models": {}})


# ---------------------------------------------------------------- places in space


@pytest.mark.parametrize(
    ("where", "size", "apart"),
    [((0, 1), 2e-8, 6e-8), ((0, 1), 1e-6, 3e-6), ((0, 3), 2e-4, 2e-4), ((2, 2), 1e-3, 3e-3)],
)
def test_rounding_in_affines_is_no_other_place(
    tmp_path: Path, where: tuple[int, int], size: float, apart: float
) -> None:
    other = AFFINE.copy()
    other[where] += size
    assert displacement(AFFINE, other, SHAPE) == pytest.approx(apart, rel=1e-3)
    first, second = (
        volume(tmp_path / "a.nii.gz", 1.5),
        volume(tmp_path / "b.nii.gz", 1.5, affine=other),
    )
    mask = np.ones(SHAPE, np.uint8)
    # The atlas is off too, and loses no voxel at the edge.
    nibabel.save(nibabel.Nifti1Image(mask, other), tmp_path / "mask.nii.gz")
    space = Volume(first, tmp_path / "mask.nii.gz", None)
    assert len(space.targets()) == 64
    np.testing.assert_array_equal(space.read([second]), space.read([first]))


@pytest.mark.parametrize(("where", "size"), [((0, 3), 0.1), ((0, 0), -6.0), ((1, 2), 0.02)])
def test_another_place_is_refused_with_both_affines(
    tmp_path: Path, where: tuple[int, int], size: float
) -> None:
    other = AFFINE.copy()
    other[where] += size
    nibabel.save(nibabel.Nifti1Image(np.ones(SHAPE, np.uint8), AFFINE), tmp_path / "mask.nii.gz")
    space = Volume(volume(tmp_path / "a.nii.gz", 1.5), tmp_path / "mask.nii.gz", None)
    with pytest.raises(
        EngramError, match=r"b\.nii\.gz' lies elsewhere in space than '.*a\.nii\.gz': .* mm apart"
    ) as error:
        space.read([volume(tmp_path / "b.nii.gz", 1.5, affine=other)])
    assert str(nibabel.load(tmp_path / "b.nii.gz").affine) in str(error.value) and str(
        AFFINE
    ) in str(error.value)


# ------------------------------------------------ flat within the story, and starts in milliseconds
WORDS = pd.DataFrame(
    {"word": ["a"] * 20, "onset": np.arange(20) * 2.0 + 20, "offset": np.arange(20) * 2.0 + 20.5}
)
OPTIONS: dict[str, Any] = {
    "confounds": True,
    "high_pass": 1 / 128,
    "targets": "all",
    "average": True,
    "trim": 0,
    "tail": 4.0,
}


def flat_study(folder: Path, start: float = 0.0) -> TableDataset:
    """Two listeners, one with a target that is flat in the story.

    Its second target has no variance from row 8 to the last row but five,
    and the story lies in there.
    """
    (folder / "targets.tsv").write_text("target\themisphere\troi\nt1\tL\tone\nt2\tR\ttwo\n")
    rng = np.random.default_rng(0)
    for subject in "ab":
        values = rng.normal(100, 5, (60, 2)).round(3)
        if subject == "b":
            values[8:55, 1] = 100.0
        pd.DataFrame(values, columns=["t1", "t2"]).to_csv(
            folder / f"sub-{subject}_story-tale_timeseries.tsv", sep="\t", index=False
        )
    return TableDataset(folder, 1.5, start)


def test_a_target_that_is_flat_within_the_story_is_refused_or_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    dataset = flat_study(tmp_path)
    with pytest.raises(
        EngramError,
        match=(
            r"sub-b, story tale: target 't2' is constant within the story; 1 of 2 "
            r"targets are.*exclude: \{'b'"
        ),
    ):
        story_bold(dataset, "tale", ["a", "b"], WORDS, **OPTIONS)
    # As for Narratives, whose targets may lie outside of the field of view.
    dataset.most_constant = 0.5
    result, scans = story_bold(dataset, "tale", ["a", "b"], WORDS, **OPTIONS)
    assert scans["n_constant"].tolist() == [0, 1]
    assert (result["bold"].sel(subject="b").values[:, 1] == 0).all() and result["bold"].sel(
        subject="b"
    ).values[:, 0].std() > 0.9
    assert "no variance; they count as 0" in caplog.text


def test_a_start_in_milliseconds_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        EngramError, match=r"only 0% of the words.* looks like milliseconds: write 12\."
    ):
        story_bold(flat_study(tmp_path, 12_000.0), "tale", ["a"], WORDS, **OPTIONS)


# ---------------------------------------------------------------- numbers that are in another file


def test_gifti_with_numbers_in_another_file_is_refused(tmp_path: Path) -> None:
    vertices = VERTICES["fsaverage5"]
    array = nibabel.gifti.GiftiDataArray(
        np.zeros(vertices, np.float32), intent="NIFTI_INTENT_TIME_SERIES", encoding="B64BIN"
    )
    nibabel.save(nibabel.gifti.GiftiImage(darrays=[array]), tmp_path / "a.func.gii")
    assert read_surface(tmp_path / "a.func.gii", "fsaverage5").shape == (1, vertices)
    text = (tmp_path / "a.func.gii").read_text()
    data = base64.b64encode(np.zeros(vertices, np.float32).tobytes()).decode()
    assert data in text and 'Encoding="Base64Binary"' in text
    (tmp_path / "other.bin").write_bytes(np.ones(vertices, np.float32).tobytes())
    outside = (
        text.replace(data, "")
        .replace("Base64Binary", "ExternalFileBinary")
        .replace('ExternalFileName=""', 'ExternalFileName="other.bin"')
    )
    for name in ("b.func.gii", "b.label.gii"):
        (tmp_path / name).write_text(outside)
    with pytest.raises(EngramError, match=r"b\.func\.gii' keeps its numbers in another file"):
        read_surface(tmp_path / "b.func.gii", "fsaverage5")
    with pytest.raises(EngramError, match=r"b\.label\.gii' keeps its numbers in another file"):
        read_regions(tmp_path / "b.label.gii")


def test_an_image_of_two_files_is_refused(tmp_path: Path) -> None:
    nibabel.save(nibabel.Nifti1Pair(np.ones(SHAPE, np.uint8), AFFINE), tmp_path / "mask.img")
    with pytest.raises(EngramError, match=r"mask\.hdr' is a pair of files"):
        Volume(volume(tmp_path / "a.nii.gz", 1.5), tmp_path / "mask.hdr", None)


@pytest.mark.parametrize(
    "content", ['{"SamplingFrequency": 1e-320}', '{"RepetitionTime": 1' + "0" * 400 + "}"]
)
def test_numbers_beyond_any_clock_are_refused(content: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(EngramError, match="a number above 0 is needed"):
        repetition_time.sidecar_tr(tmp_path / "a.json")


def test_an_empty_surface_file_gives_no_tr(tmp_path: Path) -> None:
    (tmp_path / "a.func.gii").touch()
    assert repetition_time.surface_tr(tmp_path / "a.func.gii") is None


def test_keys_that_stand_twice_and_times_that_no_scan_has(tmp_path: Path) -> None:
    (tmp_path / "twice.json").write_text('{"RepetitionTime": 1.5, "RepetitionTime": 2.0}')
    with pytest.raises(EngramError, match="'RepetitionTime' stands in it twice"):
        repetition_time.sidecar_tr(tmp_path / "twice.json")
    with pytest.raises(
        EngramError,
        match=r"gives a TR of 0.002 s.* No scan has that TR: write the right one into a sidecar",
    ):
        repetition_time.check_tr(2.0, tmp_path / "bold.nii.gz", 0.002, [])
