"""The section `dataset` of kind `bids`."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from engram.datasets.section import DatasetSection
from engram.datasets.word_files import WordFiles
from engram.study.config.fields import (
    Address,
    Language,
    Name,
    Place,
    Reason,
    RepetitionTime,
    Seconds,
    Section,
)
from engram.vocabulary import NILEARN_ATLASES, NILEARN_PREFIX

#: Why `load_confounds` of nilearn is not asked for these.
_REFUSED = {
    "scrub": (
        "scrubbing takes rows out of a scan, and then delays of features no longer count in TRs: "
        "rows that follow each other in the table would not do so in time. Leave it out; or "
        "regress single rows out, which keeps them (columns: [motion_outlier*])"
    ),
    "ica_aroma": (
        "regress out the components that ICA-AROMA names (columns: [aroma_motion*]), or choose "
        "BOLD that is cleaned by it (entities: {desc: smoothAROMAnonaggr}) and other confounds"
    ),
    "tedana": "its files are not fMRIPrep's; give the columns of its table (columns: [...])",
}
#: Strategies that nilearn has names for (`load_confounds_strategy`).
_PRESETS: dict[str, dict[str, Any]] = {
    "simple": {"strategy": ["high_pass", "motion", "wm_csf"], "motion": "full", "wm_csf": "basic"},
    "compcor": {
        "strategy": ["high_pass", "motion", "compcor"],
        "motion": "full",
        "compcor": "anat_combined",
    },
}
#: Addresses of OpenNeuro's pages, and what looks like its identifiers.
_PAGE = re.compile(r"https?://(?:www\.)?openneuro\.org/datasets/(ds\d{6})\S*")
_IDENTIFIER = re.compile(r"ds\d{6}(?:-fmriprep)?")


def _check_source(value: str) -> str:
    if page := _PAGE.fullmatch(value):
        raise ValueError(f"the address of a page, and not of a repository; write {page[1]}")
    is_word = not set(value) & set("/:~.\\")
    if is_word and not _IDENTIFIER.fullmatch(value) and not Path(value).is_dir():
        raise ValueError(
            "expected an identifier of OpenNeuro, ds and six digits, such as ds002345 (of "
            "derivatives ds002345-fmriprep), or the address or path of a repository"
        )
    return value


#: Entities by their names in words, and as names of files have them.
_LONG_NAMES = {
    "session": "ses",
    "acquisition": "acq",
    "reconstruction": "rec",
    "direction": "dir",
    "resolution": "res",
    "density": "den",
    "description": "desc",
    "hemisphere": "hemi",
}
#: Where a dataset is fetched from.
Source = Annotated[Address, AfterValidator(_check_source)]
Model = Literal["basic", "power2", "derivatives", "full"]


def _and(names: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _as_list(value: Any) -> Any:
    return value if isinstance(value, list | dict) or value is None else [value]


def _label(value: Any) -> Any:
    if isinstance(value, bool | float):
        raise ValueError(f"a label is text: write it in quotes ('{value}')")
    text = str(value)
    if written := re.fullmatch(r"([a-z]+)-([A-Za-z0-9+]+)", text):
        raise ValueError(f"a label stands without its entity: write {written[1]}: {written[2]}")
    if not re.fullmatch(r"[A-Za-z0-9+]+", text):
        raise ValueError("a label has letters and digits alone, as names of files have it")
    return text


#: Labels of an entity: one, or several of which a file may have any.
Labels = Annotated[
    list[Annotated[str, BeforeValidator(_label)]],
    BeforeValidator(_as_list, json_schema_input_type=str | int | list[str | int]),
    Field(min_length=1),
]


class BidsConfounds(Section):
    """Which of fMRIPrep's confounds are regressed out: by a strategy, or by columns."""

    strategy: list[str] | None = None
    """Groups of confounds, by the names that nilearn's `load_confounds` gives them: motion, wm_csf,
    global_signal, compcor, high_pass. `strategy: simple` is [high_pass, motion, wm_csf] with 24
    regressors of motion, `strategy: compcor` is [high_pass, motion, compcor]."""
    motion: Model = "full"
    """Regressors of head motion: `basic` 6, `derivatives` or `power2` 12, `full` 24."""
    wm_csf: Model = "basic"
    """Mean signals of white matter and cerebrospinal fluid: `basic` 2, `derivatives` or `power2` 4,
    `full` 8."""
    global_signal: Model = "basic"
    """Global signal: `basic` 1, `derivatives` or `power2` 2, `full` 4."""
    compcor: Literal[
        "anat_combined", "anat_separated", "temporal", "temporal_anat_combined",
        "temporal_anat_separated",
    ] = "anat_combined"  # fmt: skip
    """Which components of CompCor."""
    n_compcor: int | None = Field(None, ge=1, le=1000)
    """How many of them, of each mask; null: all that fMRIPrep kept."""
    columns: list[str] | None = None
    """Instead of a strategy: columns of the table of confounds. `*` at the end of a name stands for
    anything: a_comp_cor_0*."""

    @model_validator(mode="before")
    @classmethod
    def _preset(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        named = values.get("strategy")
        if isinstance(named, str):
            if named in _REFUSED or named == "scrubbing":
                raise ValueError(f"strategy: {named}: {_REFUSED.get(named, _REFUSED['scrub'])}")
            preset = _PRESETS.get(named, {"strategy": [named]})
            values = {**preset, **{k: v for k, v in values.items() if k != "strategy"}}
        return values

    @model_validator(mode="after")
    def _one_way(self) -> BidsConfounds:
        known = ("motion", "wm_csf", "global_signal", "compcor", "high_pass")
        if (self.strategy is None) == (self.columns is None):
            raise ValueError(
                "give a strategy or columns, and not both: {strategy: simple}, or {columns: "
                "[trans_x, trans_y, trans_z, rot_x, rot_y, rot_z]}; confounds: null takes none"
            )
        if not (self.strategy or self.columns):
            raise ValueError("an empty list; write confounds: null to take none")
        for one in self.strategy or ():
            if one in _REFUSED:
                raise ValueError(f"strategy: {one}: {_REFUSED[one]}")
            if one not in known:
                raise ValueError(
                    f"strategy: there is no '{one}'. There are {', '.join(known)}; and as whole "
                    f"strategies {', '.join(_PRESETS)}"
                )
        for name in self.columns or ():
            if not re.fullmatch(r"[A-Za-z0-9_.]+\*?", name):
                raise ValueError(
                    f"columns: '{name}' is no name of a column; '*' stands at its end alone"
                )
        return self

    def said(self) -> str:
        """Return which confounds are removed, for the report's methods."""
        if self.columns is not None:
            return f"the confounds {_and(self.columns)} of fMRIPrep"
        details = [
            f"{name} ({getattr(self, name)})" if name in type(self).model_fields else name
            for name in self.strategy or ()
            if name != "high_pass"
        ]
        many = f", the first {self.n_compcor} components of each mask" if self.n_compcor else ""
        return (
            f"confounds of fMRIPrep by nilearn's load_confounds: {_and(details)}{many}; volumes "
            "before the steady state by a regressor each"
        )


def _named_strategy(value: Any) -> Any:
    return {"strategy": value} if isinstance(value, str) else value


class BidsSection(DatasetSection):
    """A BIDS dataset with derivatives of fMRIPrep (docs/data/bids.md)."""

    kind: Literal["bids"]
    path: Place | None = None
    """The BIDS dataset; relative paths start at the working directory. Or give `source`."""
    source: Source | None = None
    """Fetch the dataset instead, file by file: OpenNeuro's identifier (ds002345), or the address
    or path of a DataLad dataset. `engram clone` brings its list of files, once."""
    derivatives: Place | None = None
    """The folder with fMRIPrep's outputs; null: `derivatives/fmriprep` in the dataset, or the
    dataset itself where it is one of derivatives. With `source` it is a folder in the repository.
    """
    derivatives_source: Source | None = None
    """With `source`: the repository of the derivatives, where that is another one: an identifier
    of OpenNeuro's derivatives (ds002345-fmriprep), an address or a path."""
    download: Literal["datalad", "s3"] = "datalad"
    """With `source`: how files come. `s3`: from OpenNeuro's public bucket by plain HTTPS, which
    needs git, and neither DataLad nor git-annex."""
    words: WordFiles | None = None
    """Files of word timings (docs/data/word-timings.md): a path with `{story}` in it, or for each
    story a file or a list of files; null: `<story>.TextGrid` (or .tsv, .csv, .json, .ctm, .eaf) in
    the dataset's folder `stimuli`, with a transcript `<story>.txt` beside it if there is one."""
    entities: dict[str, Labels] = {}
    """Which files of BOLD to use, by entities of their names: `{space: MNI152NLin2009cAsym, res: 2,
    task: [tale, fable]}`. `none` stands for files without an entity."""
    format: Literal["volume", "surface", "dense", "parcels"] | None = None
    """Which files are BOLD: NIfTI volumes, GIFTI surfaces (.func.gii), CIFTI dense (.dtseries.nii)
    or by parcel (.ptseries.nii); null: the one that there is."""
    tr: RepetitionTime | None = None
    """Repetition time in seconds; null: the one that sidecars or headers give, which must agree."""
    start: Seconds | dict[str, Seconds] | None = None
    """Time of the first volume on the story's clock, in seconds: one number, or one for each story;
    below 0 where the story began after the scan. null: from the onset in events.tsv."""
    story_from: Literal["events", "task"] | None = None
    """What names the story of a scan: the `stim_file` of its events, or its task; null: the former
    where events have it."""
    story_names: dict[str, Name] = {}
    """Names of stories, by the file of the stimulus (`tale_part1.wav: tale1`) or by entities
    (`task-tale_run-1: tale1`), where they are not to be those of `story_from`."""
    trial_type: str | None = None
    """Only events of this type count; null: all."""
    runs: Literal["sections", "mean", "first", "last"] | None = None
    """What several runs of a listener with one story are: `sections`, each a story of its own
    (`tale-run-1`), or the same again, of which the `mean` (only without confounds), the `first` or
    the `last` is used; null: refuse them."""
    atlas: Place | None = None
    """Regions. Volumes: an image with a table (index, name) beside it, a mask, or `nilearn:` and
    one of harvard-oxford-cort, harvard-oxford-sub, aal, juelich, destrieux, schaefer-100 to
    schaefer-1000, brought to the scans' grid by nearest neighbours. Surfaces:
    `folder/{hemi}.mine.annot` (or .label.gii; lh and rh take the place of {hemi}). Dense: a
    .dlabel.nii. null: all targets of a mask, a hemisphere or a structure are one region."""
    mask: Place | None = None
    """Volumes: a mask on the scans' grid; null: the voxels that are in fMRIPrep's brain masks of
    all scans, or with an atlas all its voxels."""
    regions: Annotated[list[str], Field(min_length=1)] | None = None
    """Regions to keep: names of the atlas, or of ROI sets (resources/roi_sets.tsv); null: all."""
    confounds: Annotated[
        BidsConfounds | None,
        BeforeValidator(
            _named_strategy,
            json_schema_input_type=Literal["simple", "compcor"] | BidsConfounds | None,
        ),
    ] = BidsConfounds(**_PRESETS["simple"])
    """Which of fMRIPrep's confounds are regressed out: `simple`, `compcor`, or keys of its own;
    null: none."""
    smoothing: float | None = Field(None, gt=0, le=30)
    """Volumes: smooth by a Gaussian of this full width at half maximum, in mm; null: do not."""
    language: Language | dict[Name, Language] = "en"
    """Language of the stories, as a BCP-47 code such as en, fr or zh: one code, or one for each
    story (docs/data/languages.md)."""
    stories: list[Name] | None = None
    """The stories to use; null: every story."""
    listeners: list[Name] | None = None
    """The listeners to use; null: every listener."""
    exclude: dict[Name, Reason] = {}
    """Listeners to leave out, each with the reason (it is written into scans.tsv)."""

    @model_validator(mode="after")
    def _keys_fit(self) -> BidsSection:
        if (self.path is None) == (self.source is None):
            raise ValueError(
                "give path, a folder with the dataset, or source, from where it is fetched "
                "(OpenNeuro's identifier, or an address of DataLad), and not both"
            )
        alone = {"derivatives_source": self.derivatives_source, "download": self.download}
        said = [name for name, value in alone.items() if value not in (None, "datalad")]
        if self.path is not None and said:
            raise ValueError(f"{said[0]} goes with source; with path the files are there already")
        if listeners := {"sub", "subject"} & set(self.entities):
            raise ValueError(
                f"entities: listeners are chosen by 'listeners: [...]', not by {listeners.pop()}"
            )
        for name in self.entities:
            if name in _LONG_NAMES:
                raise ValueError(
                    f"entities: names of files have '{_LONG_NAMES[name]}', not '{name}'"
                )
        if self.runs == "mean" and self.confounds is not None:
            raise ValueError(
                "runs: mean: each run has confounds of its own, which cannot be taken from a mean "
                "of runs. Write runs: first, or confounds: null for BOLD that is cleaned already"
            )
        volume_only = [name for name in ("mask", "smoothing") if getattr(self, name) is not None]
        if self.format not in (None, "volume") and volume_only:
            raise ValueError(f"{volume_only[0]} is for volumes; the format is {self.format}")
        named = self.atlas is not None and self.atlas.startswith(NILEARN_PREFIX)
        if named and not re.fullmatch(
            NILEARN_ATLASES, str(self.atlas).removeprefix(NILEARN_PREFIX)
        ):
            raise ValueError(
                f"atlas: '{self.atlas}' is none of nilearn's atlases that can be used here: "
                "harvard-oxford-cort, -sub, aal, juelich, destrieux, schaefer-400"
            )
        return self

    @property
    def folder(self) -> str | None:
        """The BIDS dataset, where it lies in a folder."""
        return self.path

    def description(self) -> str:
        """Return what the data are, for the report's methods."""
        space = ", ".join(self.entities.get("space", [])) or "a standard space"
        regions = (
            f"regions of {PurePosixPath(self.atlas.removeprefix(NILEARN_PREFIX)).name}"
            if self.atlas
            else "no atlas"
        )
        fetched = ""
        if self.source is not None:
            how = "by DataLad [@datalad]" if self.download == "datalad" else "from a public bucket"
            fetched = f", fetched {how}"
        parts = [
            f"A BIDS dataset preprocessed by fMRIPrep [@fmriprep]{fetched}: {{who}}, "
            f"BOLD in {space}, {regions}"
        ]
        if self.smoothing is not None:
            parts.append(f"smoothed with a Gaussian of {self.smoothing:g} mm (FWHM)")
        parts.append(self.confounds.said() if self.confounds else "no confounds")
        if self.runs in ("mean", "first", "last"):
            parts.append(f"of several runs with one story the {self.runs} is used")
        return "; ".join(parts) + "."


SECTION = BidsSection
