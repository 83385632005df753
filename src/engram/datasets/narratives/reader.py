"""The Narratives dataset (Nastase et al. 2021, Sci Data 8:250).

It is a DataLad clone, a plain folder with its tree, or a simulated one.

Times: words are on the clock of the audio file; row k of a scan begins k TRs (of 1.5 s
in Narratives) after the scan does, and the audio ``audio_onset`` seconds after it. BOLD
is `desc-clean` of afni-nosmooth or afni-smooth, on a FreeSurfer average surface or in MNI space;
vertices and voxels that the atlas gives no region are left out (the medial wall among them).
"""

from __future__ import annotations

import itertools
import logging
import re
from collections.abc import Sequence
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd

from engram.datasets import roi_sets, time_courses
from engram.datasets.narratives import facts
from engram.datasets.narratives.facts import Fact
from engram.datasets.repetition_time import check_tr, surface_tr, volume_tr
from engram.errors import EngramError
from engram.files import delimited
from engram.vocabulary import NARRATIVES_TR
from engram.words.word_checks import check_words

logger = logging.getLogger(__name__)

#: Vertices of a hemisphere; those of fsaverage5 are the first of fsaverage6's.
VERTICES = {"fsaverage6": 40962, "fsaverage5": 10242}
#: Vertices of fsaverage's hemispheres from the coarsest in use to the finest.
_AVERAGE_SURFACES = (10242, 40962, 163842)
#: Labels of an annotation that are no region.
_NO_REGION = ("unknown", "medial_wall", "???", "background")
#: Scans of a story, and runs of a listener, may differ by so many TRs; they
#: are cut to the shortest.
SLACK_TRS = 5
#: Share of a scan's targets that may be without variance (outside of the field of view,
#: say); they count as 0.
MOST_CONSTANT = 0.05
#: Millimetres by which the same voxel of two images may be apart; rounding in headers and of
#: rotations leaves far less.
SAME_PLACE = 0.01
#: Seconds by which words may come before the story's onset in the events.
EARLY = 5.0


class Space(Protocol):
    """Where BOLD lives: which targets there are, and how a scan's files become rows of them."""

    def targets(self) -> pd.DataFrame:
        """Return target, hemisphere, roi, and where each is."""

    def read(self, paths: Sequence[Path]) -> np.ndarray:
        """Return a scan's BOLD, float32, of shape (n_trs, n_targets)."""

    def tr(self, path: Path) -> float | None:
        """Return the TR that a file's own header gives, in seconds."""


class NarrativesWords:
    """The words of Narratives.

    Parameters
    ----------
    folder : Path
        The dataset's root.
    scans : sequence of Fact
        All that was told in a scan of the story.
    """

    def __init__(self, folder: Path, scans: Sequence[Fact]) -> None:
        self.folder, self._facts = folder, scans

    def words(self, story: str) -> pd.DataFrame:
        """Return a story's words, with the transcript's punctuation where there is one."""
        fact = next(fact for fact in self._facts if fact.story == story)
        table = read_alignment(self.folder / facts.alignment_file(fact.stimulus))
        transcript = self.folder / facts.transcript_file(fact.stimulus)
        if transcript.exists():
            table["word"] = punctuate(
                table["word"].tolist(), delimited.read_text(transcript, prose=True)
            )
        table["sentence_end"] = pd.NA
        _drop_impossible_times(table, fact)
        parts = sorted(
            (one for one in self._facts if (one.scan, one.stimulus) == (fact.scan, fact.stimulus)),
            key=lambda one: one.story_onset,
        )
        if len(parts) == 1:
            return table
        # Several stories in one audio file: cut between the end of one and the
        # beginning of the next.
        cuts = [
            (one.story_end + other.story_onset) / 2 - fact.audio_onset
            for one, other in itertools.pairwise(parts)
        ]
        part_of_word = np.searchsorted(cuts, table["onset"].ffill().fillna(-np.inf).to_numpy())
        return table[part_of_word == [one.story for one in parts].index(story)].reset_index(
            drop=True
        )


class NarrativesDataset:
    """Narratives.

    Parameters
    ----------
    folder : Path
        The dataset's root.
    scans : sequence of Fact
        The scans in use.
    pipeline : {"afni-nosmooth", "afni-smooth"}
    space : {"fsaverage6", "fsaverage5", "MNI152NLin2009cAsym"}
    runs : {"mean", "first", "last"}
        Which of a listener's runs of a story count.
    atlas : str or None
        A file instead of the dataset's Destrieux parcellation: `Surface` and `Volume` say which.
    regions : sequence of str or None
        ROI sets or regions to keep; None: all.
    tr : float
        Seconds; compared with what the scans' files give.
    simulated : bool
        Whether the listeners are simulated.
    """

    slack_trs = SLACK_TRS
    most_constant = MOST_CONSTANT

    def __init__(
        self,
        folder: Path,
        scans: Sequence[Fact],
        *,
        pipeline: str = "afni-nosmooth",
        space: str = "fsaverage6",
        runs: str = "mean",
        atlas: str | None = None,
        regions: Sequence[str] | None = None,
        tr: float = NARRATIVES_TR,
        simulated: bool = False,
    ) -> None:
        self.tr, self.simulated = tr, simulated
        self.folder, self.pipeline, self.space_name, self.runs = folder, pipeline, space, runs
        self._facts = [fact for fact in scans if fact.excluded is None]
        self._said: set[str] = set()
        self._space: Space
        if space == facts.VOLUME:
            if atlas is None:
                raise EngramError(
                    f"dataset.space is {space}, for which the dataset has no parcellation: "
                    "name one (dataset.atlas)."
                )
            grid = folder / facts.bold_files(pipeline, space, self._facts[0].scan)[0]
            self._space = Volume(grid, Path(atlas), regions)
        else:
            paths = (
                [atlas.replace("{hemi}", side) for side in facts.SIDES.values()]
                if atlas
                else [str(folder / path) for path in facts.parcellation_files()]
            )
            self._space = Surface(
                space, dict(zip(facts.SIDES, map(Path, paths), strict=True)), regions
            )

    def start(self, subject: str, story: str) -> float:
        """Return the time of a scan's first row on the audio's clock, in seconds."""
        return -self._runs(subject, story)[0].audio_onset

    def targets(self) -> pd.DataFrame:
        """Return every vertex or voxel with a region."""
        return self._space.targets()

    def timeseries(self, subject: str, story: str) -> np.ndarray:
        """Return a scan's BOLD; of a listener's runs, the chosen one or their mean."""
        chosen = self._runs(subject, story)
        self._check_metadata(chosen)
        runs = [self._read(fact.scan) for fact in chosen]
        begins = [fact.audio_onset for fact in chosen]
        if max(begins) - min(begins) > self.tr / 2:
            raise EngramError(
                f"sub-{subject}, story {story}: the audio begins at {begins} s in its runs, "
                "too different for a mean. Write 'runs: first'."
            )
        shortest = min(map(len, runs))
        if max(map(len, runs)) > shortest + SLACK_TRS:
            raise EngramError(
                f"sub-{subject}, story {story}: its runs have {[len(run) for run in runs]} TRs, "
                "too different to be averaged. Write 'runs: first'."
            )
        values = np.stack([run[:shortest] for run in runs]).mean(0)
        name = f"{self.scan_names(subject, story)} ({self.pipeline}, {self.space_name})"
        return time_courses.check_timeseries(
            values, self.targets()["target"].tolist(), name, subject, MOST_CONSTANT
        )

    def confounds(self, subject: str, story: str) -> np.ndarray | None:
        """Return None: confounds are removed from `desc-clean` data already."""
        return None

    def scan_names(self, subject: str, story: str) -> str:
        """Return the names of the scans that are read."""
        return " ".join(fact.scan for fact in self._runs(subject, story))

    def _read(self, scan: str) -> np.ndarray:
        """Return a scan's BOLD, after a look at the TR that its files give."""
        paths = [
            self.folder / path for path in facts.bold_files(self.pipeline, self.space_name, scan)
        ]
        sidecars = [
            self.folder / path for path in facts.tr_files(self.pipeline, self.space_name, scan)
        ]
        values = self._space.read(paths)
        for path in paths:
            said = check_tr(self.tr, path, self._space.tr(path), sidecars)
            kind = said.replace(str(path), "")
            if said and kind not in self._said:  # of many scans once
                self._said.add(kind)
                logger.log(
                    logging.WARNING if said.startswith("the header") else logging.INFO, "%s", said
                )
        return values

    def _runs(self, subject: str, story: str) -> list[Fact]:
        found = [fact for fact in self._facts if (fact.subject, fact.story) == (subject, story)]
        return {"mean": found, "first": found[:1], "last": found[-1:]}[self.runs]

    def _check_metadata(self, chosen: Sequence[Fact]) -> None:
        """Compare the facts that planned the study with the dataset's metadata.

        That is done where they are there.
        """
        there = [fact for fact in chosen if (self.folder / facts.events_file(fact.scan)).exists()]
        if len(there) < len(chosen):
            logger.warning(
                "no events of %s in '%s': its times are those of the facts table, unchecked",
                chosen[0].scan,
                self.folder,
            )
        if there:
            facts.check_facts(self.folder, there)


class Surface:
    """A FreeSurfer average surface.

    The atlas is an annotation (``.annot``) or a GIFTI label file for each hemisphere.
    """

    def __init__(self, name: str, atlas: dict[str, Path], regions: Sequence[str] | None) -> None:
        self.name = name
        labels = {side: read_regions(path) for side, path in atlas.items()}
        for side, path in atlas.items():
            # The vertices of a coarser average surface are the first of a finer one's.
            if len(labels[side]) not in _AVERAGE_SURFACES or len(labels[side]) < VERTICES[name]:
                raise EngramError(
                    f"'{path}' labels {len(labels[side])} vertices; {name} has {VERTICES[name]} "
                    "a hemisphere (an atlas of a finer fsaverage will do too). "
                    "Is dataset.atlas right?"
                )
            labels[side] = labels[side][: VERTICES[name]]
        kept = roi_sets.choose(
            regions, set(np.concatenate(list(labels.values()))) - {""}, "dataset.regions"
        )
        self._regions = {
            side: np.where(np.isin(names, sorted(kept)), names, "")
            for side, names in labels.items()
        }

    def targets(self) -> pd.DataFrame:
        """Return every vertex with a region: target, hemisphere, roi, vertex."""
        tables = []
        for side, regions in self._regions.items():
            vertices = np.flatnonzero(regions != "")
            tables.append(
                pd.DataFrame(
                    {
                        "target": [f"{side}{vertex}" for vertex in vertices],
                        "hemisphere": side,
                        "roi": regions[vertices],
                        "vertex": vertices,
                    }
                )
            )
        return pd.concat(tables, ignore_index=True)

    def read(self, paths: Sequence[Path]) -> np.ndarray:
        """Return a scan's BOLD from its two files."""
        sides = [
            read_surface(path, self.name)[:, regions != ""]
            for path, regions in zip(paths, self._regions.values(), strict=True)
        ]
        lengths = [len(side) for side in sides]
        if len(set(lengths)) > 1:
            raise EngramError(
                f"'{paths[0]}' and its other hemisphere have {lengths} TRs; both must have "
                "the same number. Fetch the files again."
            )
        return np.concatenate(sides, axis=1)

    def tr(self, path: Path) -> float | None:
        """Return the file's TimeStep in seconds, where it gives one."""
        return surface_tr(path)


class Volume:
    """MNI space; the atlas is an image of numbered regions, or a mask.

    The image has a table ``index, name`` beside it, which a mask does without.

    Parameters
    ----------
    grid : Path
        A scan, whose grid the atlas is brought to (nearest neighbour).
    atlas : Path
        NIfTI; the table has the same name with ``.tsv``. Without a table every voxel above 0
        belongs to one region, named as the file.
    regions : sequence of str or None
    """

    def __init__(self, grid: Path, atlas: Path, regions: Sequence[str] | None) -> None:
        import nibabel
        from nilearn.image import resample_to_img

        self._grid_path, self._grid, image = grid, _load_volume(grid), _load_volume(atlas)
        for path, found, dimensions in ((grid, self._grid, 4), (atlas, image, 3)):
            if found.ndim != dimensions:
                raise EngramError(
                    f"'{path}' has the shape {found.shape}; an image with {dimensions} "
                    "dimensions was expected."
                )
        first = nibabel.Nifti1Image(
            np.zeros(self._grid.shape[:3], dtype=np.uint8), self._grid.affine
        )
        try:
            # On the scans' own grid nothing is resampled: a voxel at the edge that lies 1e-8 mm
            # outside would be lost.
            values = (
                image.get_fdata()
                if image.shape == first.shape
                and displacement(image.affine, first.affine, first.shape) < SAME_PLACE
                else resample_to_img(
                    image, first, interpolation="nearest", force_resample=True, copy_header=True
                ).get_fdata()
            )
        except Exception as error:
            # The image's data are read here: a truncated file fails in gzip or zlib.
            raise _broken(atlas, error) from error
        names, numbers = _volume_regions(atlas, values)
        kept = roi_sets.choose(regions, set(names.values()), "dataset.regions")
        self._inside = np.isin(numbers, [number for number, name in names.items() if name in kept])
        absent = sorted(kept - {names[int(number)] for number in np.unique(numbers[self._inside])})
        if not self._inside.any() or (absent and regions is not None):
            raise EngramError(
                f"'{atlas}' has no voxel of {absent} on the grid of '{grid}'. Is it in the same "
                f"space ({facts.VOLUME})?"
            )
        if absent:
            logger.warning("no voxel of %s is on the grid of '%s'", ", ".join(absent), grid)
        self._names = [names[int(number)] for number in numbers[self._inside]]

    def targets(self) -> pd.DataFrame:
        """Return every voxel with a region.

        Columns are target, hemisphere (by its side of the midline), roi, and x, y, z in mm.
        """
        from nibabel.affines import apply_affine

        places = apply_affine(self._grid.affine, np.argwhere(self._inside))
        sides = np.select([places[:, 0] < 0, places[:, 0] > 0], ["L", "R"], "B")
        names = [f"V{voxel}" for voxel in np.flatnonzero(self._inside)]
        return pd.DataFrame(
            {
                "target": names,
                "hemisphere": sides,
                "roi": self._names,
                **dict(zip("xyz", places.T, strict=True)),
            }
        )

    def read(self, paths: Sequence[Path]) -> np.ndarray:
        """Return a scan's BOLD from its file."""
        image = _load_volume(paths[0])
        if image.ndim != 4 or image.shape[:3] != self._inside.shape:
            raise EngramError(
                f"'{paths[0]}' has the shape {image.shape}, '{self._grid_path}' "
                f"{self._grid.shape}: all scans need the same voxels. Resample it to the others' "
                "grid, or leave the listener out (dataset.exclude)."
            )
        apart = displacement(image.affine, self._grid.affine, self._inside.shape)
        if not apart < SAME_PLACE:
            raise EngramError(
                f"'{paths[0]}' lies elsewhere in space than '{self._grid_path}': voxels are up "
                f"to {apart:.3g} mm apart. Their affines:\n{image.affine}\nand\n"
                f"{self._grid.affine}\nResample it to the others' grid, or leave the listener "
                "out (dataset.exclude)."
            )
        try:
            return time_courses.as_float32(np.asanyarray(image.dataobj)[self._inside].T)
        except Exception as error:  # a truncated file fails in gzip, zlib or numpy
            raise _broken(paths[0], error) from error

    def tr(self, path: Path) -> float | None:
        """Return the TR of the file's header in seconds, where it gives one."""
        return volume_tr(_load_volume(path))


def displacement(one: np.ndarray, other: np.ndarray, shape: Sequence[int]) -> float:
    """Return how far apart two affines put the same voxel of an image, in mm, at most.

    That is at one of its corners.

    Entries of affines cannot be compared by themselves: an angle moves the far end of a large image
    more than its entry tells.
    """
    from nibabel.affines import apply_affine

    corners = np.array(list(itertools.product(*((0, length - 1) for length in shape[:3]))))
    return float(
        np.linalg.norm(apply_affine(one, corners) - apply_affine(other, corners), axis=1).max()
    )


def _drop_impossible_times(table: pd.DataFrame, fact: Fact) -> None:
    """Make times unknown that lie before the story begins, during the music.

    The aligner placed these words wrongly.
    """
    wrong = table["onset"] < fact.story_onset - fact.audio_onset - EARLY
    if wrong.any():
        logger.warning(
            (
                "story %s: %d words are aligned to a time before the story; their "
                "times are interpolated"
            ),
            fact.story,
            wrong.sum(),
        )
        table.loc[wrong, ["onset", "offset"]] = np.nan


def read_alignment(path: Path) -> pd.DataFrame:
    """Read a Gentle alignment: word, aligned word or ``<unk>``, onset, offset.

    It has no header, and blank times where it failed.

    Returns
    -------
    pandas.DataFrame
        word; onset and offset in seconds on the audio's clock, NaN where unknown.

    Raises
    ------
    EngramError
        If the file is not there, is no such table, or its words cannot be as they
        are (`engram.words.word_checks`).
    """
    _need(path)
    table = delimited.read_frame(
        path,
        text=("word", "aligned word"),
        separator=",",
        names=("word", "aligned word", "onset", "offset"),
    )
    times = {name: delimited.numbers(table[name], path) for name in ("onset", "offset")}
    for name, column in times.items():
        if (column < 0).any():
            early = column[column < 0]
            raise EngramError(
                f"'{path}', line {early.index[0]}: {name} is {early.iloc[0]:g}; times "
                "are seconds from the audio's beginning. Leave both blank where the aligner "
                "did not find the word."
            )
    words = pd.DataFrame({"word": table["word"].str.strip(), **times})
    check_words(words, path)
    return words.reset_index(drop=True)


def punctuate(words: Sequence[str], transcript: str) -> list[str]:
    """Return the words with the punctuation that the transcript has around them.

    Words and transcript are compared by their letters and digits alone; where they go
    apart the bare word stays.
    """
    import difflib

    written = transcript.split()
    matcher = difflib.SequenceMatcher(
        None,
        [_letters(word) for word in words],
        [_letters(word) for word in written],
        autojunk=False,
    )
    result = list(words)
    for block in matcher.get_matching_blocks():
        result[block.a : block.a + block.size] = written[block.b : block.b + block.size]
    return result


def _letters(word: str) -> str:
    return "".join(character for character in word.lower() if character.isalnum())


def _need(path: Path) -> None:
    if not path.exists():
        raise EngramError(
            f"'{path}' is not there, or is a link whose content was not fetched. In a clone "
            "of your own: 'datalad get' it; "
            "what Engram fetched: run again with --forcerun fetch_words fetch_scans."
        )


def _broken(path: Path, error: Exception) -> EngramError:
    return EngramError(
        f"'{path}' cannot be read ({type(error).__name__}: {error}). It is broken or incomplete: "
        "fetch it again (--forcerun fetch_scans)."
    )


def _refuse_external(path: Path) -> None:
    """Refuse a GIFTI file whose numbers are in another file.

    Nobody would notice that these changed.
    """
    with path.open("rb") as stream:
        try:
            with mmap(stream.fileno(), 0, access=ACCESS_READ) as content:
                external = content.find(b"ExternalFile") >= 0 and re.search(
                    rb'ExternalFileName\s*=\s*["\'][^"\']|ExternalFileBinary', content
                )
        except ValueError:  # an empty file
            return
    if external:
        raise EngramError(
            f"'{path}' keeps its numbers in another file (GIFTI's ExternalFileBinary). Write them "
            "into the file itself, such as with 'wb_command -gifti-convert GZIP_BASE64_BINARY'."
        )


def read_surface(path: Path, space: str) -> np.ndarray:
    """Read a scan's BOLD on one hemisphere: float32, of shape (n_trs, n_vertices)."""
    import nibabel

    _need(path)
    _refuse_external(path)
    try:
        image = nibabel.load(path)
        values = time_courses.as_float32(np.stack([array.data for array in image.darrays]))
    except Exception as error:  # a truncated file fails in the XML parser, in zlib or in numpy
        raise _broken(path, error) from error
    if values.ndim != 2:
        raise EngramError(
            f"'{path}' holds an array of shape {values.shape[1:]}; a time series has an array "
            "for each TR, of one number a vertex."
        )
    if values.shape[1] != VERTICES[space]:
        raise EngramError(
            f"'{path}' has {values.shape[1]} vertices; {space} has {VERTICES[space]} "
            "a hemisphere. Is dataset.space right?"
        )
    return values


def read_regions(path: Path) -> np.ndarray:
    """Read the region of every vertex from an annotation or a GIFTI label file.

    It is empty for the medial wall and the like.
    """
    import nibabel

    _need(path)
    try:
        if path.name.endswith(".gii"):
            _refuse_external(path)
            image = nibabel.load(path)
            table = {label.key: getattr(label, "label", "") for label in image.labeltable.labels}
            regions = np.array([table.get(int(key), "") for key in image.darrays[0].data])
        else:
            labels, _, names = nibabel.freesurfer.read_annot(path)
            # A vertex without a label has -1: the last, empty name.
            regions = np.array([name.decode() for name in names] + [""])[labels]
    except EngramError:
        raise
    except Exception as error:
        raise _broken(path, error) from error
    regions[np.isin(np.char.lower(regions), _NO_REGION)] = ""
    return regions


def _load_volume(path: Path) -> Any:
    import nibabel

    _need(path)
    try:
        image = nibabel.load(path)
    except Exception as error:
        raise _broken(path, error) from error
    if len({str(holder.filename) for holder in image.file_map.values()}) > 1:
        raise EngramError(
            f"'{path}' is a pair of files, header and image. Save it as one file (.nii.gz)."
        )
    return nibabel.funcs.squeeze_image(image) if image.ndim == 4 and image.shape[3] == 1 else image


def _volume_regions(atlas: Path, values: np.ndarray) -> tuple[dict[int, str], np.ndarray]:
    """Return the regions' names by number, and the number of every voxel."""
    stem = atlas.name.removesuffix(".gz").removesuffix(".nii")
    table = atlas.with_name(stem + ".tsv")
    if not table.exists():  # a mask, of zeros and ones or of probabilities
        return {1: stem}, (values > 0).astype(int)
    names: dict[int, str] = {}
    for line, row in enumerate(delimited.read_rows(table, ("index", "name")), start=2):
        number, name = row["index"].strip(), row["name"].strip()
        if not re.fullmatch(r"-?\d+(\.0*)?", number):
            raise EngramError(
                f"'{table}', line {line}: index '{number}' is no whole number. It is the "
                "region's number in the image."
            )
        if int(float(number)) in names:
            raise EngramError(
                f"'{table}', line {line}: index {number} is there twice. Each region of the image "
                "has a number of its own."
            )
        names[int(float(number))] = name
    return {
        number: name for number, name in names.items() if name.lower() not in _NO_REGION
    }, np.rint(values)
