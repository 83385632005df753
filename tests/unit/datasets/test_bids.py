"""BIDS with fMRIPrep's outputs: what is read, and what is said of data that are wrong."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import made_bids
import nibabel
import numpy as np
import pandas as pd
import pytest
from made_bids import ONSET, TR, Made, make
from nibabel import cifti2

from engram.datasets.bids import confounds, events, headers, names, sidecars
from engram.datasets.bids.config import BidsSection
from engram.datasets.bids.planned_bids import PlannedBids
from engram.datasets.bids.reader import BidsDataset, open_dataset, open_words
from engram.datasets.planned import Context
from engram.datasets.story_names import story_name
from engram.errors import EngramError
from engram.study.config.read import read_study
from engram.study.plan import make_plan

KINDS = ("volume", "surface", "parcels", "dense")
COLUMNS = ["trans_x", "trans_x_derivative1", "csf"]
CONTEXT = Context(seed=0, tail=8.0, high_pass=1 / 128, downloads=Path("downloads"), mirror=None)


def planned(root: Path, context: Context = CONTEXT, **keys: Any) -> PlannedBids:
    """Return the checked plan of a dataset."""
    section = BidsSection.model_validate(
        {"kind": "bids", "path": str(root), "confounds": {"columns": COLUMNS}, **keys}
    )
    plan = PlannedBids(section, context)
    plan.check()
    return plan


def opened(plan: PlannedBids, story: str = "tale") -> BidsDataset:
    config = json.loads(json.dumps(plan.scans_config(story)))  # as a job gets it
    return open_dataset(config, Path(), None)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Made]:
    """A dataset of each kind: two listeners, two stories."""
    return {
        kind: make(tmp_path_factory.mktemp("made") / kind, kind, ("01", "02"), textgrids=False)
        for kind in KINDS
    }


@pytest.fixture
def copied(made: dict[str, Made], tmp_path: Path) -> Callable[[str], Made]:
    """Return a copy of a dataset, which a test may break."""

    def copy(kind: str) -> Made:
        root = tmp_path / kind
        shutil.copytree(made[kind].root, root, symlinks=True)
        one = made[kind]
        return Made(root, one.words, one.bold, one.confounds, one.targets)

    return copy


# ------------------------------------------------------------------------------ what is read
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
    assert 0.9 < plan.n_targets() / len(targets) < 1.1 or kind == "surface"
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


# ------------------------------------------------------------------------------ confounds
def test_a_strategy_is_nilearns(made: dict[str, Made], copied: Callable[[str], Made]) -> None:
    from nilearn.interfaces.fmriprep import load_confounds

    one = copied("volume")
    path = one.func("01") / "sub-01_task-tale_desc-confounds_timeseries.tsv"
    table = pd.read_csv(path, sep="\t")
    table["non_steady_state_outlier00"] = (np.arange(len(table)) == 0).astype(float)
    table.to_csv(path, sep="\t", index=False, na_rep="n/a")
    chosen = {"strategy": ["motion", "wm_csf", "high_pass"], "motion": "basic"}
    image = next(one.func("01").glob("*tale*_bold.nii.gz"))
    expected, kept = load_confounds(
        str(image), strategy=tuple(chosen["strategy"]), motion="basic", demean=False
    )
    assert kept.tolist() == list(range(1, len(table)))
    spike = np.eye(len(table))[:, :1]
    for high_pass, columns in ((None, expected), (1 / 128, expected.drop(columns="cosine00"))):
        context = Context(0, 8.0, high_pass, Path("d"), None)
        found = opened(planned(one.root, context, confounds=chosen)).confounds("01", "tale")
        assert found is not None
        # The volume before the steady state stays a row, with a regressor of its own.
        np.testing.assert_allclose(found, np.hstack([columns, spike]), rtol=1e-6)
    none = planned(one.root, confounds=None)
    assert opened(none).confounds("01", "tale") is None
    assert not any("confounds" in path for scan in none.scans for path in scan.files)


def test_columns_by_their_beginnings(tmp_path: Path) -> None:
    path = tmp_path / "sub-1_desc-confounds_timeseries.tsv"
    path.write_text("a_1\ta_2\tb\n1\t2\tn/a\n3\t4\t5\n6\t7\t8\n")
    chosen = {"columns": ["a_*", "b", "motion_outlier*"], "strategy": None}
    np.testing.assert_array_equal(
        confounds.read(path, chosen, False), [[1, 2, 5], [3, 4, 5], [6, 7, 8]]
    )
    with pytest.raises(EngramError, match=r"has no column 'c\*'"):
        confounds.read(path, {"columns": ["c*"]}, False)
    path.write_text("a\n1\n2\nn/a\n")
    with pytest.raises(EngramError, match="'a' has no number in row 2"):
        confounds.read(path, {"columns": ["a"]}, False)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("scrubbing", "rows that follow each other in the table would not do so in time"),
        ({"strategy": ["motion", "scrub"]}, "scrubbing takes rows out"),
        ({"strategy": ["moton"]}, "there is no 'moton'"),
        ({"strategy": "simple", "columns": ["csf"]}, "and not both"),
        ({}, "give a strategy or columns"),
        ({"columns": ["a*b"]}, "no name of a column"),
    ],
)
def test_confounds_that_cannot_be_taken(given: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        BidsSection.model_validate({"kind": "bids", "path": "x", "confounds": given})


def test_drifts_are_never_removed_twice(made: dict[str, Made]) -> None:
    root = made["volume"].root
    with pytest.raises(EngramError, match="they would be removed twice"):
        planned(root, confounds={"columns": ["cosine00"]})
    slow = Context(0, 8.0, 0.005, Path("d"), None)
    with pytest.raises(EngramError, match="slower drifts would come back"):
        planned(root, slow, confounds="compcor")


# ------------------------------------------------------------------------------ stories
def test_stories_by_events_task_or_name(copied: Callable[[str], Made]) -> None:
    one = copied("parcels")
    plan = planned(one.root, story_from="task")
    assert opened(plan).start("01", "tale") == -ONSET
    # Two stories in one scan.
    for story in ("tale", "fable"):
        for path in one.root.glob(f"sub-*/func/*task-{story}_events.tsv"):
            path.write_text(
                "onset\tduration\tstim_file\n6\t5\ttale.wav\n11\t5\ttale.wav\n"
                f"30\t9\t{'fable' if story == 'tale' else 'third'}.wav\n"
            )
    with pytest.raises(EngramError, match=r"no words of third.*story_names: {third: fable}"):
        planned(one.root, entities={"task": "fable"})
    plan = planned(one.root, entities={"task": "tale"})
    assert plan.stories == ["fable", "tale"]
    assert opened(plan, "fable").start("01", "fable") == -30.0
    with pytest.raises(EngramError, match=r"2 recordings of the story 'tale'.*runs: sections"):
        planned(one.root, stories=["tale"])
    first = planned(one.root, stories=["tale"], runs="first")
    assert opened(first).scan_names("01", "tale") == "sub-01_task-fable"
    assert [one.scan for one in first.excluded] == ["sub-01_task-tale", "sub-02_task-tale"]
    named = planned(one.root, story_names={"third.wav": "fable"}, stories=["fable"], runs="last")
    assert opened(named, "fable").scan_names("01", "fable") == "sub-01_task-tale"
    by_task = planned(
        one.root, story_names={"task-tale": "fable", "task-fable": "tale"}, start=-2.0
    )
    assert opened(by_task).start("01", "tale") == -2.0
    assert opened(by_task).scan_names("01", "tale") == "sub-01_task-fable"
    left = planned(one.root, entities={"task": "tale"}, exclude={"02": "fell asleep"})
    assert {(one.subject, one.story) for one in left.excluded} == {("02", "fable"), ("02", "tale")}


def test_runs_are_sections_or_the_same_again(copied: Callable[[str], Made]) -> None:
    one = copied("parcels")
    for path in sorted(one.root.rglob("sub-*_task-*")):
        number = 1 if "tale" in path.name else 2
        path.rename(
            path.with_name(
                path.name.replace("task-tale", "task-x_run-01").replace(
                    "task-fable", "task-x_run-02"
                )
            )
        )
        assert number
    (one.root / "task-tale_bold.json").rename(one.root / "task-x_bold.json")
    stimuli = one.root / "stimuli"
    (stimuli / "story-tale_words.tsv").rename(stimuli / "story-x-run-1_words.tsv")
    (stimuli / "story-fable_words.tsv").rename(stimuli / "story-x-run-2_words.tsv")
    plan = planned(one.root, story_from="task", runs="sections")
    assert plan.stories == ["x-run-1", "x-run-2"]
    assert opened(plan, "x-run-2").scan_names("02", "x-run-2") == "sub-02_task-x_run-02"
    with pytest.raises(ValueError, match="each run has confounds of its own"):
        planned(one.root, runs="mean")
    (stimuli / "story-x-run-1_words.tsv").rename(stimuli / "story-x_words.tsv")
    (stimuli / "story-x-run-2_words.tsv").unlink()
    mean = planned(one.root, story_from="task", runs="mean", confounds=None)
    runs = [one.bold["01", story] for story in ("tale", "fable")]
    shortest = min(map(len, runs))
    np.testing.assert_allclose(
        opened(mean, "x").timeseries("01", "x"),
        np.mean([run[:shortest] for run in runs], axis=0),
        rtol=1e-6,
    )


def test_names_of_stories_and_events(tmp_path: Path) -> None:
    assert story_name("audio/lpp_EN section.1.wav") == "lpp-EN-section.1"
    path = tmp_path / "events.tsv"
    path.write_text(
        "onset\tduration\ttrial_type\tstim_file\n3\t1\tbeep\ta.wav\n9\t5\tstory\ta.wav\n"
    )
    with pytest.raises(EngramError, match="do not follow each other without a break"):
        events.presentations(path, None)
    assert events.presentations(path, "story") == [events.Presentation("a.wav", 9.0, 14.0)]
    with pytest.raises(EngramError, match=r"no event of trial_type 'x'.*'beep', 'story'"):
        events.presentations(path, "x")
    path.write_text("onset\tduration\ttrial_type\n3\t1\tmusic\n9\t5\tstory\n")
    with pytest.raises(EngramError, match=r"2 events and no 'stim_file'.*'music', 'story'"):
        events.presentations(path, None)
    path.write_text("onset\tduration\n6000000\t5\n")
    with pytest.raises(EngramError, match="milliseconds"):
        events.presentations(path, None)


def test_where_the_first_row_begins(tmp_path: Path) -> None:
    path = tmp_path / "bold.json"

    def begins(**content: object) -> float:
        path.write_text(json.dumps(content))
        return sidecars.first_row_begins([path], 2.0)

    assert begins() == begins(StartTime=0) == 0.0
    assert begins(StartTime=0.95, SliceTimingCorrected=True) == pytest.approx(-0.05)
    assert begins(StartTime=0, SliceTimingCorrected=True) == -1.0
    for wrong in ({"StartTime": 0.95}, {"StartTime": 950, "SliceTimingCorrected": True}):
        with pytest.raises(EngramError, match="StartTime is"):
            begins(**wrong)


# ------------------------------------------------------------------------------ what is refused
def bold_of(made: Made, subject: str = "02", story: str = "tale") -> Path:
    return next(
        path
        for path in sorted(made.func(subject).iterdir())
        if f"task-{story}" in path.name and names.format_of(names.parsed(path)) is not None  # type: ignore[arg-type]
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
