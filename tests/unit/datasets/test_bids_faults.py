"""BIDS datasets that are wrong: each natural mistake is named before the first job."""

from __future__ import annotations

import gzip
import re
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import made_bids
import nibabel
import numpy as np
import pytest
from bids_studies import COLUMNS, opened, planned
from made_bids import Made, make
from nibabel import cifti2

from engram.datasets.bids import names
from engram.errors import EngramError
from engram.study.config.read import read_study
from engram.study.plan import make_plan

pytest_plugins = "bids_studies"


def bold_of(made: Made, subject: str = "02", story: str = "tale") -> Path:
    files = ((path, names.parsed(path)) for path in sorted(made.func(subject).iterdir()))
    return next(
        path
        for path, name in files
        if f"task-{story}" in path.name and name is not None and names.format_of(name) is not None
    )


def confounds_of(made: Made) -> Path:
    return made.func("02") / "sub-02_task-tale_desc-confounds_timeseries.tsv"


def other_grid(made: Made, affine: bool) -> None:
    path = next(made.func("02").glob("*tale*brain_mask.nii.gz"))
    image = nibabel.load(path)
    data = np.array(image.dataobj)
    moved = image.affine.copy()
    moved[0, 3] += 1.5
    nibabel.Nifti1Image(
        data if affine else data[:-1], moved if affine else image.affine
    ).to_filename(path)


def pointer(path: Path, text: str | None) -> None:
    path.unlink()
    if text is None:
        path.symlink_to("../../../.git/annex/objects/xx/yy/MD5E-s1--0.nii.gz")
    else:
        path.write_text(text)


def fifth_dimension(path: Path) -> None:
    image = nibabel.load(path)
    nibabel.Nifti1Image(np.array(image.dataobj)[..., None], image.affine).to_filename(path)


def huge_scale(path: Path) -> None:
    content = bytearray(gzip.decompress(path.read_bytes()))
    content[112:116] = np.float32(3e38).tobytes()
    path.write_bytes(gzip.compress(bytes(content)))


def shorter_hemisphere(path: Path) -> None:
    image = nibabel.load(path)
    nibabel.gifti.GiftiImage(darrays=image.darrays[:-1], meta=image.meta).to_filename(path)


def other_parcels(path: Path, change: str) -> None:
    image = nibabel.load(path)
    values, series = np.array(image.dataobj), image.header.get_axis(0)
    parcels = [f"{side}_area{number}" for side in "LR" for number in range(4)]
    if change == "order":
        parcels[0], parcels[1] = parcels[1], parcels[0]
    elif change == "number":
        parcels, values = parcels[:-1], values[:, :-1]
    else:
        parcels[0] = "L_new"
    axis = made_bids.parcels_axis(parcels)
    cifti2.Cifti2Image(values, cifti2.Cifti2Header.from_axes((series, axis))).to_filename(path)


def other_series(path: Path, tr: float) -> None:
    image = nibabel.load(path)
    series = cifti2.SeriesAxis(0, tr, image.shape[0], unit="SECOND")
    axes = (series, image.header.get_axis(1))
    cifti2.Cifti2Image(image.get_fdata(), cifti2.Cifti2Header.from_axes(axes)).to_filename(path)


def more_vertices(paths: Iterable[Path]) -> None:
    for path in list(paths):
        image = nibabel.load(path)
        arrays = [
            nibabel.gifti.GiftiDataArray(np.pad(row.data, (0, 5)), "NIFTI_INTENT_TIME_SERIES")
            for row in image.darrays
        ]
        nibabel.gifti.GiftiImage(darrays=arrays, meta=image.meta).to_filename(path)


def zeros(path: Path) -> None:
    image = nibabel.load(path)
    nibabel.Nifti1Image(np.zeros(image.shape, np.uint8), image.affine).to_filename(path)


def rewritten(path: Path, change: Callable[[str], str]) -> None:
    path.write_text(change(path.read_text()))


def in_milliseconds(made: Made) -> None:
    (made.root / "task-tale_bold.json").write_text('{"RepetitionTime": 1500}')
    for path in made.func("02").glob("*task-tale*bold.json"):
        path.unlink()


FAULTS: dict[str, tuple[str, Callable[[Made], object], str]] = {
    "TR in ms": ("volume", in_milliseconds, r"task-tale_bold.json': RepetitionTime is 1500.*1.5"),
    "another TR": (
        "volume",
        lambda made: next(made.func("02").glob("*tale*_bold.json")).write_text(
            '{"RepetitionTime": 2.0}'
        ),
        r"sub-02_task-tale.*gives a TR of 2 s, the study one of 1.5 s",
    ),
    "no events": (
        "volume",
        lambda made: (made.root / "sub-02/func/sub-02_task-tale_events.tsv").unlink(),
        r"sub-02_task-tale has no events: no 'sub-02_task-tale_events.tsv'",
    ),
    "no confounds": (
        "volume",
        lambda made: confounds_of(made).unlink(),
        r"sub-02_task-tale has no confounds.*confounds: null",
    ),
    "no column": (
        "surface",
        lambda made: rewritten(confounds_of(made), lambda text: text.replace("csf", "dsf", 1)),
        r"sub-02_task-tale.*has no column 'csf'",
    ),
    "unequal lengths": (
        "parcels",
        lambda made: rewritten(confounds_of(made), lambda text: text.rsplit("\n", 2)[0] + "\n"),
        r"sub-02_task-tale_desc-confounds.*rows, and the BOLD",
    ),
    "mask elsewhere": (
        "volume",
        lambda made: other_grid(made, affine=True),
        r"mask '.*sub-02_task-tale.*does not lie on the grid.*affines differ by up to 1.5",
    ),
    "mask of another shape": (
        "volume",
        lambda made: other_grid(made, affine=False),
        r"mask '.*\(shape \(5, 7, 6\)\) does not lie on the grid",
    ),
    "link to nowhere": (
        "volume",
        lambda made: pointer(bold_of(made), None),
        r"sub-02_task-tale.*is a link whose content was not fetched.*datalad get",
    ),
    "pointer of annex": (
        "volume",
        lambda made: pointer(bold_of(made), "/annex/objects/MD5E-s1--0.nii.gz\n"),
        r"is a pointer of git-annex or Git LFS",
    ),
    "pointer of LFS": (
        "dense",
        lambda made: pointer(bold_of(made), "version https://git-lfs.github.com/spec/v1\n"),
        r"is a pointer of git-annex or Git LFS",
    ),
    "several spaces": (
        "volume",
        lambda made: shutil.copy(bold_of(made), str(bold_of(made)).replace("res-2", "res-1")),
        r"sub-02_task-tale has 2 files of BOLD.*entities.*res: 1, 2",
    ),
    "several formats": (
        "volume",
        lambda made: (
            made.func("02") / "sub-02_task-tale_space-fsLR_den-91k_bold.dtseries.nii"
        ).touch(),
        r"several formats: dense, volume.*format: \.\.\.",
    ),
    "own space": (
        "volume",
        lambda made: [
            path.rename(path.with_name(path.name.replace("MNI152NLin2009cAsym", "T1w")))
            for path in made.derivatives.rglob("*_bold.nii.gz")
        ],
        r"is in the listener's own space \(T1w\)",
    ),
    "five dimensions": (
        "volume",
        lambda made: fifth_dimension(bold_of(made)),
        r"sub-02_task-tale.*has the shape \(6, 7, 6, \d+, 1\).*without the empty dimension",
    ),
    "overflow": (
        "volume",
        lambda made: huge_scale(bold_of(made)),
        r"multiplies its numbers by 3e\+38 \(scl_slope\)",
    ),
    "broken": (
        "volume",
        lambda made: bold_of(made).write_bytes(b"\x1f\x8b" + bytes(3000)),
        r"sub-02_task-tale.*cannot be read as an image",
    ),
    "one hemisphere": (
        "surface",
        lambda made: bold_of(made).unlink(),
        r"has no other hemisphere beside it \(hemi-L\)",
    ),
    "unequal hemispheres": (
        "surface",
        lambda made: shorter_hemisphere(bold_of(made)),
        r"sub-02_task-tale_hemi-L.* rows and its other hemisphere",
    ),
    "parcels in another order": (
        "parcels",
        lambda made: other_parcels(bold_of(made), "order"),
        r"sub-02_task-tale.*in another order: number 0 .* is 'L_area1' here and 'L_area0' there",
    ),
    "parcels of another number": (
        "parcels",
        lambda made: other_parcels(bold_of(made), "number"),
        r"has 7 parcels, '.*' 8",
    ),
    "other parcels": (
        "parcels",
        lambda made: other_parcels(bold_of(made), "names"),
        r"has other parcels than .*\['L_new'\]",
    ),
    "two files of one name": (
        "volume",
        lambda made: rewritten(
            made.root / "sub-02/func/sub-02_task-tale_events.tsv",
            lambda text: text.replace("audio/", "other/"),
        ),
        r"would be the story 'tale': 'audio/tale.wav' and 'other/tale.wav'.*story_names",
    ),
    "events that were not fetched": (
        "volume",
        lambda made: pointer(made.root / "sub-02/func/sub-02_task-tale_events.tsv", None),
        r"sub-02_task-tale_events.tsv' is a link whose content was not fetched",
    ),
    "words that nobody heard": (
        "volume",
        lambda made: shutil.copy(
            made.root / "stimuli/story-tale_words.tsv", made.root / "stimuli/story-more_words.tsv"
        ),
        r"there are words of more, which nobody heard",
    ),
    "events in milliseconds": (
        "volume",
        lambda made: rewritten(
            made.root / "sub-02/func/sub-02_task-tale_events.tsv",
            lambda text: text.replace("6.0\t", "6000\t"),
        ),
        r"'tale' would begin 6000 s after the first volume of sub-02_task-tale, which has \d+ vol",
    ),
    "a header with another TR": (
        "dense",
        lambda made: other_series(bold_of(made), 2.0),
        r"header of '.*sub-02_task-tale.*gives a TR of 2 s, that of '.*sub-01.* 1.5 s. Leave",
    ),
    "another surface": (
        "surface",
        lambda made: more_vertices(made.func("02").glob("*task-tale*.func.gii")),
        r"sub-02_task-tale_hemi-L.* has 35 vertices, '.*' 30",
    ),
    "half of a file": (
        "volume",
        lambda made: bold_of(made).write_bytes(bold_of(made).read_bytes()[:-5000]),
        r"sub-02_task-tale.* is cut short: it holds \d.* MB of the .* that its header promises",
    ),
    "half of a file of parcels": (
        "parcels",
        lambda made: bold_of(made).write_bytes(bold_of(made).read_bytes()[:-500]),
        r"sub-02_task-tale.* is cut short",
    ),
    "a mask of nothing": (
        "volume",
        lambda made: zeros(next(made.func("02").glob("*tale*brain_mask.nii.gz"))),
        r"the mask '.*sub-02_task-tale.*' has no voxel",
    ),
    "a confound that is missing": (
        "volume",
        lambda made: rewritten(
            confounds_of(made),
            lambda text: re.sub(r"^(?:.*\n){3}", lambda rows: rows[0] + "n/a\t" * 9 + "0\n", text),
        ),
        r"the column 'trans_x' has no number in row 2",
    ),
    "a sidecar that was not fetched": (
        "volume",
        lambda made: pointer(next(made.func("02").glob("*task-tale*bold.json")), None),
        r"preproc_bold.json' is a link whose content was not fetched",
    ),
    "words in another encoding": (
        "volume",
        lambda made: (made.root / "stimuli/story-tale_words.tsv").write_bytes(
            "word\tonset\toffset\ncafé\t1\t2\n".encode("latin-1")
        ),
        r"story-tale_words.tsv', line 2: its text is not UTF-8",
    ),
    "no words": (
        "volume",
        lambda made: (made.root / "stimuli/story-tale_words.tsv").unlink(),
        r"there are no words of tale, which was heard in sub-01_task-tale",
    ),
}


def test_a_run_looks_at_headers_before_its_first_job(copied: Callable[[str], Made]) -> None:
    made = copied("volume")
    dataset = {"kind": "bids", "path": str(made.root), "confounds": {"columns": COLUMNS}}
    study = read_study({"study": "n", "dataset": dataset, "models": {}})
    assert len(make_plan(study, look=True).groups) == 1
    other_grid(made, affine=False)
    make_plan(study)  # as each job's process plans it
    with pytest.raises(EngramError, match="does not lie on the grid"):
        make_plan(study, look=True)


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_named_before_the_first_job(copied: Callable[[str], Made], fault: str) -> None:
    kind, harm, message = FAULTS[fault]
    made = copied(kind)
    harm(made)
    with pytest.raises(EngramError, match=message):
        planned(made.root)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (
            {"words": {"file": "stimuli/{story}.TextGrid", "tier": "word"}},
            r"tale.TextGrid' has no tier 'word'. Its tiers: 1: 'words' \(\d+ intervals",
        ),
        ({"start": 6.0}, r"first volume is then at -6 s. Write dataset: {start: -6}, or take"),
        ({"start": -5000.0}, r"dataset.start: the story 'tale' would begin 5000 s after"),
        ({"listeners": ["sub-01"]}, r"has: \['01'\]. Write it without 'sub-': 01"),
        (
            {"entities": {"task": "task-tale"}},
            "a label stands without its entity: write task: tale",
        ),
        ({"entities": {"session": 1}}, "names of files have 'ses', not 'session'"),
        ({"entities": {"subject": 1}}, "listeners are chosen by 'listeners: .*not by subject"),
        ({"entities": {"space": "MNI 6"}}, "a label has letters and digits alone"),
    ],
)
def test_keys_that_cannot_be(tmp_path: Path, keys: dict[str, Any], message: str) -> None:
    made = make(tmp_path / "made", "parcels", ("01",), ("tale",))
    with pytest.raises((EngramError, ValueError), match=message):
        planned(made.root, **keys)


def test_a_file_of_many_pieces_is_whole(copied: Callable[[str], Made]) -> None:
    path = bold_of(made := copied("volume"))
    content = gzip.decompress(path.read_bytes())
    path.write_bytes(gzip.compress(content[:9000]) + gzip.compress(content[9000:]))
    planned(made.root)


def test_derivatives_of_another_name_are_suggested(copied: Callable[[str], Made]) -> None:
    made = copied("parcels")
    made.derivatives.rename(made.derivatives.with_name("fmriprep-23.1"))
    with pytest.raises(EngramError, match=r"dataset: {derivatives: .*/derivatives/fmriprep-23.1}"):
        planned(made.root)


def test_missing_values_and_numbers_beyond_single_precision(
    copied: Callable[[str], Made],
) -> None:
    one = copied("volume")
    path = bold_of(one)
    image = nibabel.load(path)
    for value, message in ((np.nan, "missing value in row 3"), (1e300, "too large in row 3")):
        data = np.array(image.dataobj).astype(np.float64)
        data[2, 2, 2, 3] = value
        nibabel.Nifti1Image(data, image.affine, dtype=np.float64).to_filename(path)
        with pytest.raises(EngramError, match=rf"sub-02_task-tale.*{message}"):
            opened(planned(one.root)).timeseries("02", "tale")
