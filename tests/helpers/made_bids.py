"""A small BIDS dataset with fMRIPrep's outputs, and the same data as tables."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import nibabel
import numpy as np
import pandas as pd
from conftest import write_table_study
from nibabel import cifti2

TR = 1.5
#: The story begins so many seconds after the scan.
ONSET = 6.0
AFFINE = np.array([[3.0, 0, 0, -8], [0, 3, 0, -9], [0, 0, 3, -6], [0, 0, 0, 1]])
SHAPE = (6, 7, 6)
#: What a table of confounds has, as fMRIPrep calls it.
MOTION = ["trans_x", "trans_y", "trans_z", "rot_x", "rot_y", "rot_z"]
N_VERTICES = 30
TEXT = (
    "Once a keeper lived in a tower by the sea. He lit the lamp each night. One night no ship came,"
    " and the lamp burned low. He thought of his brother, who had sailed north. In the morning a"
    " bird sat on the rail. It had a letter tied to its leg. The keeper read it and laughed."
)


@dataclass(frozen=True)
class Made:
    """What a dataset was made of.

    Attributes
    ----------
    root : Path
    words : dict
        Of each story: word, onset, offset.
    bold, confounds : dict
        Of each (listener, story): rows x targets, and rows x confounds.
    targets : pandas.DataFrame
        target, hemisphere, roi, and x, y, z of voxels.
    """

    root: Path
    words: dict[str, pd.DataFrame]
    bold: dict[tuple[str, str], np.ndarray]
    confounds: dict[tuple[str, str], pd.DataFrame]
    targets: pd.DataFrame

    @property
    def derivatives(self) -> Path:
        return self.root / "derivatives" / "fmriprep"

    def func(self, subject: str) -> Path:
        return self.derivatives / f"sub-{subject}" / "func"


def words_of(story: str, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    words = TEXT.split()[seed:] * 2
    onsets = np.cumsum(rng.uniform(0.3, 1.4, len(words))).round(3)
    return pd.DataFrame({"word": words, "onset": onsets, "offset": (onsets + 0.25).round(3)})


def make(
    root: Path,
    kind: str,
    subjects: tuple[str, ...] = ("01", "02", "03", "04", "05", "06"),
    stories: tuple[str, ...] = ("tale", "fable"),
    textgrids: bool = True,
) -> Made:
    """Write a dataset whose BOLD is of a kind: volume, surface, parcels or dense."""
    words = {story: words_of(story, number) for number, story in enumerate(stories)}
    _write_words(root, words, textgrids)
    (root / "dataset_description.json").write_text('{"Name": "made", "BIDSVersion": "1.9.0"}')
    bold, confounds = {}, {}
    masks = _masks(subjects)
    targets = _targets(kind, masks)
    for s, subject in enumerate(subjects):
        for t, story in enumerate(stories):
            rng = np.random.default_rng([s, t])
            n_trs = int((words[story]["offset"].max() + ONSET + 14) / TR)
            table = pd.DataFrame(rng.normal(size=(n_trs, 10)).round(6))
            table.columns = pd.Index(
                [*MOTION, "csf", "white_matter", "trans_x_derivative1", "cosine00"]
            )
            table.loc[0, "trans_x_derivative1"] = np.nan
            heard = np.histogram(words[story]["onset"] + ONSET + 5, np.arange(n_trs + 1) * TR)[0]
            values = rng.normal(size=(n_trs, len(targets))) + heard[:, None] * rng.uniform(
                0.2, 0.9, len(targets)
            )
            values = (
                values + table[MOTION[:2]].to_numpy() @ rng.normal(size=(2, len(targets)))
            ) * 9
            bold[subject, story] = (values + 500).astype(np.float32)
            confounds[subject, story] = table
    made = Made(root, words, bold, confounds, targets)
    for number, subject in enumerate(subjects):
        for story in stories:
            _write_scan(made, kind, subject, story, masks[number], np.all(masks, axis=0))
    return made


def as_tables(made: Made, folder: Path, columns: list[str]) -> Path:
    """Write the same data as tables, with some of the confounds."""
    for story, words in made.words.items():
        mine = {subject: bold for (subject, told), bold in made.bold.items() if told == story}
        write_table_study(folder, {}, words, made.targets, story)
        for subject, values in mine.items():
            pd.DataFrame(values.astype(float), columns=made.targets["target"]).to_csv(
                folder / f"sub-{subject}_story-{story}_timeseries.tsv", sep="\t", index=False
            )
            table = made.confounds[subject, story][columns].bfill(limit=1)
            table.to_csv(
                folder / f"sub-{subject}_story-{story}_confounds.tsv", sep="\t", index=False
            )
    return folder


def _masks(subjects: tuple[str, ...]) -> np.ndarray:
    masks = np.zeros((len(subjects), *SHAPE), dtype=bool)
    masks[:, 1:5, 1:6, 1:5] = True
    for number in range(len(subjects)):
        masks[number, 1, 1, 1 + number % 3] = False  # some voxels are not in every mask
    return masks


def _targets(kind: str, masks: np.ndarray) -> pd.DataFrame:
    if kind == "volume":
        voxels = np.argwhere(masks.all(0))
        places = voxels * 3.0 + AFFINE[:3, 3]
        names = [f"V{(i * SHAPE[1] + j) * SHAPE[2] + k}" for i, j, k in voxels]
        table = pd.DataFrame({"target": names, "hemisphere": "B", "roi": "brain"})
        table.loc[places[:, 0] < 0, "hemisphere"] = "L"
        table.loc[places[:, 0] > 0, "hemisphere"] = "R"
        return table.assign(x=places[:, 0], y=places[:, 1], z=places[:, 2])
    if kind == "surface":
        return pd.DataFrame(
            [
                {"target": f"{side}{vertex}", "hemisphere": side, "roi": "cortex"}
                for side in "LR"
                for vertex in range(N_VERTICES)
            ]
        )
    if kind == "parcels":
        return pd.DataFrame(
            [
                {"target": f"{side}_area{number}", "hemisphere": side, "roi": f"area{number}"}
                for side in "LR"
                for number in range(4)
            ]
        )
    return pd.DataFrame(
        [
            {"target": f"cortex-{side}-{vertex}", "hemisphere": side, "roi": "cortex"}
            for side in "LR"
            for vertex in range(0, N_VERTICES, 2)
        ]
    )


def _write_words(root: Path, words: dict[str, pd.DataFrame], textgrids: bool) -> None:
    folder = root / "stimuli"
    folder.mkdir(parents=True)
    for story, table in words.items():
        if not textgrids:
            table.to_csv(folder / f"story-{story}_words.tsv", sep="\t", index=False)
            continue
        bare = table["word"].str.strip(".,").str.lower()
        intervals = [
            label
            for word, begin, end in zip(bare, table["onset"], table["offset"], strict=True)
            for label in (f'{begin} {end} "{word}"',)
        ]
        last = table["offset"].max() + 1
        (folder / f"{story}.TextGrid").write_text(
            f'File type = "ooTextFile"\nObject class = "TextGrid"\n\n0\n{last}\n<exists>\n1\n'
            f'"IntervalTier"\n"words"\n0\n{last}\n{len(intervals)}\n' + "\n".join(intervals) + "\n"
        )
        (folder / f"{story}.txt").write_text(" ".join(table["word"]))


def _write_scan(
    made: Made, kind: str, subject: str, story: str, mask: np.ndarray, everywhere: np.ndarray
) -> None:
    name = f"sub-{subject}_task-{story}"
    raw, func = made.root / f"sub-{subject}" / "func", made.func(subject)
    for folder in (raw, func):
        folder.mkdir(parents=True, exist_ok=True)
    end = made.words[story]["offset"].max()
    (raw / f"{name}_events.tsv").write_text(
        f"onset\tduration\ttrial_type\tstim_file\n0\t{ONSET}\tfixation\tn/a\n"
        f"{ONSET}\t{end}\tstory\taudio/{story}.wav\n"
    )
    (made.root / f"task-{story}_bold.json").write_text(json.dumps({"RepetitionTime": TR}))
    table = made.confounds[subject, story]
    table.to_csv(
        func / f"{name}_desc-confounds_timeseries.tsv", sep="\t", index=False, na_rep="n/a"
    )
    (func / f"{name}_desc-confounds_timeseries.json").write_text("{}")
    values = made.bold[subject, story]
    sidecar = {"RepetitionTime": TR, "SliceTimingCorrected": True, "StartTime": TR / 2}
    for stem in write_bold(func, name, kind, values, mask, everywhere):
        (func / f"{stem}.json").write_text(json.dumps(sidecar))


def write_bold(
    func: Path, name: str, kind: str, values: np.ndarray, mask: np.ndarray, everywhere: np.ndarray
) -> list[str]:
    """Write a scan's BOLD; return the names of its files without extensions."""
    if kind == "volume":
        space = f"{name}_space-MNI152NLin2009cAsym_res-2"
        data = np.zeros((*SHAPE, len(values)), dtype=np.float32)
        data[everywhere] = values.T
        image = nibabel.Nifti1Image(data, AFFINE)
        image.header.set_zooms((3, 3, 3, TR))
        image.header.set_xyzt_units("mm", "sec")
        image.to_filename(func / f"{space}_desc-preproc_bold.nii.gz")
        nibabel.Nifti1Image(mask.astype(np.uint8), AFFINE).to_filename(
            func / f"{space}_desc-brain_mask.nii.gz"
        )
        return [f"{space}_desc-preproc_bold"]
    if kind == "surface":
        stems = []
        for side, part in zip("LR", np.split(values, 2, axis=1), strict=True):
            stem = f"{name}_hemi-{side}_space-fsLR_den-2k_bold"
            arrays = [
                nibabel.gifti.GiftiDataArray(row, intent="NIFTI_INTENT_TIME_SERIES") for row in part
            ]
            meta = nibabel.gifti.GiftiMetaData({"TimeStep": str(TR * 1000)})
            nibabel.gifti.GiftiImage(darrays=arrays, meta=meta).to_filename(
                func / f"{stem}.func.gii"
            )
            stems.append(stem)
        return stems
    axis = parcels_axis() if kind == "parcels" else dense_axis()
    series = cifti2.SeriesAxis(0, TR, len(values), unit="SECOND")
    end = "ptseries" if kind == "parcels" else "dtseries"
    stem = f"{name}_space-fsLR_den-91k_bold"
    cifti2.Cifti2Image(values, cifti2.Cifti2Header.from_axes((series, axis))).to_filename(
        func / f"{stem}.{end}.nii"
    )
    return [stem]


def parcels_axis(names: list[str] | None = None) -> cifti2.ParcelsAxis:
    """Four parcels in each hemisphere."""
    names = names or [f"{side}_area{number}" for side in "LR" for number in range(4)]
    vertices = [
        {f"CIFTI_STRUCTURE_CORTEX_{'LEFT' if name[0] == 'L' else 'RIGHT'}": np.arange(n, n + 2)}
        for n, name in enumerate(names)
    ]
    sizes = {f"CIFTI_STRUCTURE_CORTEX_{side}": N_VERTICES for side in ("LEFT", "RIGHT")}
    empty = [np.zeros((0, 3), dtype=int)] * len(names)
    return cifti2.ParcelsAxis(names, empty, vertices, nvertices=sizes)


def dense_axis() -> cifti2.BrainModelAxis:
    """Every second vertex of both hemispheres."""
    kept = np.arange(N_VERTICES) % 2 == 0
    left, right = (
        cifti2.BrainModelAxis.from_mask(kept, name=f"CIFTI_STRUCTURE_CORTEX_{side}")
        for side in ("LEFT", "RIGHT")
    )
    return left + right
