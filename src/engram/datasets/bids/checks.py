"""What is looked at before the first job: headers, sidecars and tables of confounds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from engram.datasets.bids import confounds, headers, sidecars
from engram.datasets.bids.config import BidsSection
from engram.datasets.bids.names import BidsFile, listed
from engram.datasets.bids.recordings import Recording
from engram.datasets.bids.whole_images import check_whole
from engram.datasets.given_folder import is_named
from engram.datasets.images.parcels import check_parcels
from engram.datasets.repetition_time import SAME, check_tr
from engram.errors import EngramError
from engram.files.text_files import LINE_END
from engram.vocabulary import NILEARN_PREFIX

#: Entries of two affines that differ by less put a voxel in the same place, in mm.
_SAME_ENTRY = 1e-3
#: Factors beyond which numbers of an image leave single precision.
_LARGEST_SCALE = 1e30
#: fMRIPrep computes components of CompCor without drifts below this frequency, in Hz.
_COMPCOR_HIGH_PASS = 1 / 128
#: Hemispheres, as FreeSurfer writes them.
SIDES = {"L": "lh", "R": "rh"}


def check_keys(dataset: BidsSection, chosen_format: str, high_pass: float | None) -> None:
    """Refuse keys that do not go together with the format of the BOLD, or with each other."""
    for name in ("mask", "smoothing"):
        if chosen_format != "volume" and getattr(dataset, name) is not None:
            raise EngramError(
                f"dataset.{name} is for volumes, and the BOLD chosen is of the format "
                f"{chosen_format}. Take it out, or choose volumes (dataset: {{format: volume}})."
            )
    atlas = dataset.atlas
    if atlas is not None:
        ends = {
            "volume": (".nii", ".nii.gz"),
            "surface": (".annot", ".label.gii"),
            "dense": (".dlabel.nii",),
            "parcels": (),
        }[chosen_format]
        named = atlas.startswith(NILEARN_PREFIX)
        if chosen_format == "parcels":
            raise EngramError(
                "dataset.atlas: parcels have regions already, by their names. Take the atlas out."
            )
        if named and chosen_format != "volume":
            raise EngramError(
                f"dataset.atlas: nilearn's atlases are volumes; for the format {chosen_format} "
                f"give a file that ends with {' or '.join(ends)}."
            )
        if not named and not atlas.endswith(ends):
            raise EngramError(
                f"dataset.atlas: '{atlas}' does not end with {' or '.join(ends)}, as an atlas for "
                f"the format {chosen_format} does."
            )
        if chosen_format == "surface" and "{hemi}" not in atlas:
            raise EngramError(
                "dataset.atlas: on a surface an atlas is a file for each hemisphere: write {hemi} "
                "in its path, where lh and rh stand."
            )
    chosen = dataset.confounds
    if chosen is None or high_pass is None:
        return
    cosines = [name for name in chosen.columns or () if name.startswith(confounds.COSINE)]
    if cosines:
        raise EngramError(
            f"dataset.confounds.columns names {cosines[0]}, and bold.high_pass ({high_pass:g} Hz) "
            "removes drifts too: they would be removed twice. Write bold: {high_pass: null}, or "
            "take the cosines out."
        )
    if "compcor" in (chosen.strategy or ()) and high_pass < 0.99 * _COMPCOR_HIGH_PASS:
        raise EngramError(
            f"bold.high_pass is {high_pass:g} Hz, and fMRIPrep computed the components of CompCor "
            f"without drifts below {_COMPCOR_HIGH_PASS:.7g} Hz: slower drifts would come back with "
            "them. Write bold: {high_pass: 0.0078125}, or null for fMRIPrep's own cosines."
        )


def named_files(dataset: BidsSection, chosen_format: str) -> tuple[str, ...]:
    """Return the files of an atlas and a mask that the user names, which must be there."""
    found: list[Path] = []
    if dataset.mask is not None:
        found.append(Path(dataset.mask).expanduser())
    atlas = dataset.atlas
    if atlas is not None and not atlas.startswith(NILEARN_PREFIX):
        if chosen_format == "surface":
            wanted = dataset.entities.get("hemi", list(SIDES))
            found += [Path(atlas.replace("{hemi}", SIDES[side])).expanduser() for side in wanted]
        else:
            image = Path(atlas).expanduser()
            table = image.with_name(image.name.removesuffix(".gz").removesuffix(".nii") + ".tsv")
            found += [image, *([table] if is_named(table) else [])]
    for path in found:
        if not path.exists():
            raise EngramError(
                f"dataset.{'mask' if str(path) == str(dataset.mask) else 'atlas'}: there is no "
                f"file '{path}'. It is looked for from the working directory, {Path.cwd()}."
            )
        headers.check_fetched(path)
    return tuple(map(str, found))


def brain_mask(recording: Recording, is_here: bool = True) -> Path:
    """Return fMRIPrep's brain mask of a recording, on the grid of its BOLD.

    Its content must be here, unless it is fetched later.
    """
    bold = recording.files[0]
    wanted = {**bold.entities, "desc": "brain"}
    for one in listed(bold.path.parent):
        if one.suffix == "mask" and dict(one.entities) == wanted and ".nii" in one.extension:
            if is_here:
                headers.check_fetched(one.path)
            return one.path
    raise EngramError(
        f"'{bold.path}' has no brain mask beside it (desc-brain_mask, with the same space and "
        "resolution). Name a mask (dataset: {mask: ...}) or an atlas (dataset: {atlas: ...})."
    )


def check_recordings(
    recordings: Sequence[Recording],
    dataset: BidsSection,
    chosen_format: str,
    tr: float,
    cosines: bool,
    sidecars_of: Callable[[BidsFile], list[Path]],
) -> dict[str, int]:
    """Return the rows of recordings; refuse those that cannot be read together.

    Headers and small files say it.

    Parameters
    ----------
    recordings : sequence of Recording
        Those in use.
    dataset : BidsSection
    chosen_format : str
    tr : float
        Seconds.
    cosines : bool
        Whether drifts are removed by fMRIPrep's cosines.
    sidecars_of : callable
        Returns the sidecars that hold for a file, the nearest first.
    """
    _check_all_fetched(recordings)
    first: tuple[Path, headers.Header] | None = None
    of_sides: dict[str, tuple[Path, headers.Header]] = {}
    rows: dict[str, int] = {}
    for one in recordings:
        found = [headers.read(file.path, chosen_format) for file in one.files]
        for file, header in zip(one.files, found, strict=True):
            mine = sidecars_of(file)
            check_tr(tr, file.path, header.tr, mine)
            if dataset.start is None:
                sidecars.first_row_begins(mine, tr)
            first = first or (file.path, header)
            _check_shape(file.path, header, chosen_format)
            like = of_sides.setdefault(file.entities.get("hemi", ""), (file.path, header))
            _check_like_first(file.path, header, *like, chosen_format)
            if dataset.tr is None:
                _check_like_first_tr(file.path, header.tr, *like)
            if chosen_format != "surface":
                check_whole(file.path)
        if len({header.rows for header in found}) > 1:
            raise EngramError(
                f"'{one.files[0].path}' has {found[0].rows} rows and its other hemisphere "
                f"{found[1].rows}. Both need the same: make them anew, or leave the listener out "
                "(dataset.exclude)."
            )
        rows[one.name] = found[0].rows
        _check_confounds(one, found[0].rows, dataset, cosines)
    if chosen_format == "volume" and first is not None:
        masks = [dataset.mask] if dataset.mask else []
        if not masks and dataset.atlas is None:
            masks = [str(brain_mask(one)) for one in recordings]
        for mask in masks:
            _check_mask(Path(mask).expanduser(), *first)
    return rows


def _check_all_fetched(recordings: Sequence[Recording]) -> None:
    """Refuse a clone in which files were not fetched, and say how many."""
    paths = [
        path
        for one in recordings
        for path in (*(file.path for file in one.files), one.confounds)
        if path is not None
    ]
    missing = [path for path in paths if path.is_symlink() and not path.exists()]
    if missing:
        raise EngramError(
            f"'{missing[0]}' is a link whose content was not fetched; so are {len(missing)} of the "
            f"{len(paths)} files of BOLD and confounds that the study needs. 'datalad get' and "
            "their names, in their dataset, brings them."
        )


def _check_shape(path: Path, header: headers.Header, chosen_format: str) -> None:
    if chosen_format == "volume" and len(header.shape) != 4:
        one = len(header.shape) > 4 and set(header.shape[4:]) == {1}
        raise EngramError(
            f"'{path}' has the shape {header.shape}; BOLD has four dimensions, the last one of "
            "them time."
            + (
                " Save it without the empty dimension (nibabel: "
                "nibabel.funcs.squeeze_image; FSL: fslsplit and fslmerge -t)."
                if one
                else " Is it one volume, or a map?"
            )
        )
    if not 1 / _LARGEST_SCALE < abs(header.scale) < _LARGEST_SCALE:
        raise EngramError(
            f"the header of '{path}' multiplies its numbers by {header.scale:g} (scl_slope), which "
            "single precision does not hold. Save it anew as 32-bit floats with the scale 1."
        )
    if header.rows < 2:
        raise EngramError(f"'{path}' has {header.rows} row: BOLD has one for each TR.")


def _check_like_first(
    path: Path, header: headers.Header, first: Path, expected: headers.Header, chosen_format: str
) -> None:
    """Refuse a scan with other voxels, parcels or grayordinates than the first one."""
    remedy = "Choose one grid (dataset.entities), resample it, or leave the listener out"
    if chosen_format == "volume":
        if header.shape[:3] != expected.shape[:3]:
            raise EngramError(
                f"'{path}' has the grid {header.shape[:3]}, '{first}' {expected.shape[:3]}: all "
                f"scans need the same voxels. {remedy} (dataset.exclude)."
            )
        apart = _apart(header, expected)
        if apart > _SAME_ENTRY:
            raise EngramError(
                f"'{path}' lies elsewhere in space than '{first}': their affines differ by up to "
                f"{apart:.3g}. {remedy} (dataset.exclude)."
            )
    elif chosen_format == "surface" and header.shape[1] != expected.shape[1]:
        raise EngramError(
            f"'{path}' has {header.shape[1]} vertices, '{first}' {expected.shape[1]}. {remedy} "
            "(dataset.exclude)."
        )
    elif chosen_format == "parcels":
        check_parcels(path, header.targets, first, expected.targets)
    elif chosen_format == "dense" and (header.targets, header.shape[1]) != (
        expected.targets,
        expected.shape[1],
    ):
        raise EngramError(
            f"'{path}' has other grayordinates ({header.shape[1]}) than '{first}' "
            f"({expected.shape[1]}). {remedy} (dataset.exclude)."
        )


def _check_like_first_tr(
    path: Path, tr: float | None, first: Path, expected: headers.Header
) -> None:
    """Refuse a scan whose header gives another TR than the first one's, whatever sidecars say.

    A sidecar at the top of a dataset holds for all scans, those with another protocol too.
    """
    if tr is None or expected.tr is None or abs(tr - expected.tr) <= SAME * expected.tr:
        return
    raise EngramError(
        f"the header of '{path}' gives a TR of {tr:g} s, that of '{first}' {expected.tr:g} s. "
        "Leave the scan's listener out (dataset.exclude), or, if one header is wrong, write the "
        "TR of all: dataset: {tr: ...}."
    )


def _apart(one: headers.Header, other: headers.Header) -> float:
    if len(one.affine) != len(other.affine):
        return float("inf")
    return max(abs(a - b) for a, b in zip(one.affine, other.affine, strict=True))


def _check_mask(path: Path, first: Path, expected: headers.Header) -> None:
    """Refuse a mask on another grid than the scans'."""
    header = headers.read(path, "volume")
    apart = _apart(header, expected) if header.shape[:3] == expected.shape[:3] else None
    if apart is None or apart > _SAME_ENTRY or any(one != 1 for one in header.shape[3:]):
        raise EngramError(
            f"the mask '{path}' (shape {header.shape}) does not lie on the grid of '{first}' "
            f"(shape {expected.shape[:3]})"
            + ("" if apart is None else f": their affines differ by up to {apart:.3g}")
            + ". Resample it to the scans' grid (nilearn.image.resample_to_img with "
            "interpolation='nearest')."
        )
    if headers.is_all_zero(path):
        raise EngramError(
            f"the mask '{path}' has no voxel: all its numbers are 0. Did its segmentation fail? "
            "Name another mask (dataset.mask), or leave the listener out (dataset.exclude)."
        )


def _check_confounds(recording: Recording, rows: int, dataset: BidsSection, cosines: bool) -> None:
    """Refuse a table of confounds that is not there, or lacks columns or rows."""
    if dataset.confounds is None:
        return
    path = recording.confounds
    if path is None:
        raise EngramError(
            f"{recording.name} has no confounds: no '{recording.name}_desc-confounds_timeseries"
            f".tsv' in '{recording.files[0].path.parent}'. Copy it from fMRIPrep's outputs, or "
            "take no confounds: dataset: {confounds: null}."
        )
    headers.check_fetched(path)
    lines = LINE_END.split(path.read_text(encoding="utf-8-sig", errors="replace").rstrip())
    confounds.check_columns(
        path, lines[0].split("\t"), dataset.confounds.model_dump(mode="json"), cosines
    )
    confounds.check_values(path, lines, dataset.confounds.columns)
    if len(lines) - 1 != rows:
        raise EngramError(
            f"'{path}' has {len(lines) - 1} rows, and the BOLD {rows} "
            f"('{recording.files[0].path.name}'). Both need a row for each volume: were volumes "
            "dropped from one of them?"
        )
