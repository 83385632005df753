"""The Narratives dataset (Nastase et al. 2021, Sci Data 8:250), from a folder with its tree: a DataLad clone, or a plain copy.

Times: words are on the clock of the audio file; a scan's TR k begins 1.5 k seconds after the scan does, and the audio
``audio_onset`` seconds after it. BOLD is afni-nosmooth's or afni-smooth's `desc-clean` on a FreeSurfer average surface;
vertices without data (the medial wall) are left out.
"""

from __future__ import annotations

import csv
import itertools
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from engram import datasets
from engram.errors import EngramError
from engram.facts import Fact, read_facts
from engram.paths import NARRATIVES_FACTS

logger = logging.getLogger(__name__)

TR = 1.5
#: Vertices of a hemisphere; those of fsaverage5 are the first of fsaverage6's.
VERTICES = {"fsaverage6": 40962, "fsaverage5": 10242}
#: Labels of an annotation that are no region.
_NO_REGION = ("unknown", "medial_wall", "???")
#: Scans of a story, and runs of a listener, may differ by so many TRs; they are cut to the shortest.
SLACK_TRS = 5
#: Seconds by which words may come before the story's onset in the events.
EARLY = 5.0


def surface_file(folder: Path, pipeline: str, scan: str, space: str, hemisphere: str) -> Path:
    """Return the path of a scan's BOLD on one hemisphere."""
    subject = scan.split("_")[0]
    return folder / "derivatives" / pipeline / subject / "func" / f"{scan}_space-{space}_hemi-{hemisphere}_desc-clean.func.gii"


class NarrativesDataset:
    """Narratives on a surface.

    Parameters
    ----------
    folder : Path
    pipeline : {"afni-nosmooth", "afni-smooth"}
    space : {"fsaverage6", "fsaverage5"}
    runs : {"mean", "first", "last"}
        Which of a listener's runs of a story count.
    """

    tr = TR
    slack_trs = SLACK_TRS

    def __init__(self, folder: Path, pipeline: str, space: str, runs: str) -> None:
        self.folder, self.pipeline, self.space, self.runs = folder, pipeline, space, runs
        self._facts = [fact for fact in read_facts(NARRATIVES_FACTS) if fact.excluded is None]
        self._region_cache: dict[str, np.ndarray] | None = None

    def start(self, story: str) -> float:
        """Return the time of a scan's first row on the audio's clock, in seconds."""
        onsets = {fact.audio_onset for fact in self._facts if fact.story == story}
        if len(onsets) != 1:
            raise EngramError(f"story {story}: its audio begins at different times in different scans: {sorted(onsets)} s.")
        return -onsets.pop()

    def words(self, story: str) -> pd.DataFrame:
        """Return a story's words, with the transcript's punctuation where there is one."""
        fact = next(fact for fact in self._facts if fact.story == story)
        folder = self.folder / "stimuli" / "gentle" / fact.stimulus
        table = read_alignment(folder / "align.csv")
        transcript = folder / "transcript.txt"
        if transcript.exists():
            table["word"] = punctuate(table["word"].tolist(), transcript.read_text(encoding="utf-8"))
        table["sentence_end"] = pd.NA
        _drop_impossible_times(table, fact)
        parts = sorted((one for one in self._facts if (one.scan, one.stimulus) == (fact.scan, fact.stimulus)), key=lambda one: one.story_onset)
        if len(parts) == 1:
            return table
        # Several stories in one audio file: cut between the end of one and the beginning of the next.
        cuts = [(one.story_end + other.story_onset) / 2 - fact.audio_onset for one, other in itertools.pairwise(parts)]
        part_of_word = np.searchsorted(cuts, table["onset"].ffill().fillna(-np.inf).to_numpy())
        return table[part_of_word == [one.story for one in parts].index(story)].reset_index(drop=True)

    def targets(self) -> pd.DataFrame:
        """Return every vertex with data, by hemisphere and region of the dataset's Destrieux parcellation."""
        tables = []
        for side, regions in self._regions().items():
            vertices = np.flatnonzero(regions != "")
            tables.append(
                pd.DataFrame({"target": [f"{side}{vertex}" for vertex in vertices], "hemisphere": side, "roi": regions[vertices], "vertex": vertices})
            )
        return pd.concat(tables, ignore_index=True)

    def timeseries(self, subject: str, story: str) -> np.ndarray:
        """Return a scan's BOLD; of a listener's runs, the chosen one or their mean."""
        scans = self._scans(subject, story)
        masks = {side: regions != "" for side, regions in self._regions().items()}
        runs = []
        for scan in scans:
            sides = [read_surface(surface_file(self.folder, self.pipeline, scan, self.space, side), self.space)[:, mask] for side, mask in masks.items()]
            lengths = {len(side) for side in sides}
            if len(lengths) > 1:
                raise EngramError(f"{scan}: its hemispheres have {sorted(lengths)} TRs; both must have the same number. Fetch the files again.")
            runs.append(np.concatenate(sides, axis=1))
        shortest = min(map(len, runs))
        if max(map(len, runs)) > shortest + SLACK_TRS:
            raise EngramError(
                f"sub-{subject}, story {story}: its runs have {[len(run) for run in runs]} TRs, too different to be averaged. Write 'runs: first'."
            )
        values = np.stack([run[:shortest] for run in runs]).mean(0)
        names = [f"{side}{vertex}" for side, mask in masks.items() for vertex in np.flatnonzero(mask)]
        return datasets.check_timeseries(values, names, f"{' and '.join(scans)} ({self.pipeline}, {self.space})", subject)

    def confounds(self, subject: str, story: str) -> np.ndarray | None:
        """Return None: confounds are removed from `desc-clean` data already."""
        return None

    def _scans(self, subject: str, story: str) -> list[str]:
        scans = [fact.scan for fact in self._facts if (fact.subject, fact.story) == (subject, story)]
        return {"mean": scans, "first": scans[:1], "last": scans[-1:]}[self.runs]

    def _regions(self) -> dict[str, np.ndarray]:
        """Return the region of every vertex by hemisphere; empty where there is none (the medial wall)."""
        if self._region_cache is None:
            labels = self.folder / "derivatives" / "freesurfer" / "fsaverage6" / "label"
            self._region_cache = {side: read_regions(labels / f"{side.lower()}h.aparc.a2009s.annot")[: VERTICES[self.space]] for side in ("L", "R")}
        return self._region_cache


def _drop_impossible_times(table: pd.DataFrame, fact: Fact) -> None:
    """Make times unknown that lie before the story begins, during the music: the aligner placed these words wrongly."""
    wrong = table["onset"] < fact.story_onset - fact.audio_onset - EARLY
    if wrong.any():
        logger.warning("story %s: %d words are aligned to a time before the story; their times are interpolated", fact.story, wrong.sum())
        table.loc[wrong, ["onset", "offset"]] = np.nan


def read_alignment(path: Path) -> pd.DataFrame:
    """Read a Gentle alignment: word, aligned word or ``<unk>``, onset, offset; no header, blank times where it failed.

    Returns
    -------
    pandas.DataFrame
        word; onset and offset in seconds on the audio's clock, NaN where unknown.
    """
    if not path.exists():
        raise EngramError(f"'{path}' is not there. Is the dataset's folder right, and is its sub-dataset stimuli/gentle installed ('datalad get')?")
    rows = []
    with path.open(encoding="utf-8", newline="") as stream:
        for line, row in enumerate(csv.reader(stream), start=1):
            try:
                rows.append((row[0].strip(), float(row[2]) if row[2].strip() else np.nan, float(row[3]) if row[3].strip() else np.nan))
            except (IndexError, ValueError):
                raise EngramError(f"'{path}', line {line}: {row} is not 'word,aligned word,onset,offset'. Fetch the file again.") from None
    if not rows:
        raise EngramError(f"'{path}' is empty. Is it a link whose content was not fetched ('datalad get')?")
    return pd.DataFrame(rows, columns=["word", "onset", "offset"])


def punctuate(words: Sequence[str], transcript: str) -> list[str]:
    """Return the words with the punctuation that the transcript has around them.

    Words and transcript are compared by their letters and digits alone; where they go apart the bare word stays.
    """
    import difflib

    written = transcript.split()
    matcher = difflib.SequenceMatcher(None, [_letters(word) for word in words], [_letters(word) for word in written], autojunk=False)
    result = list(words)
    for block in matcher.get_matching_blocks():
        result[block.a : block.a + block.size] = written[block.b : block.b + block.size]
    return result


def _letters(word: str) -> str:
    return "".join(character for character in word.lower() if character.isalnum())


def _present(path: Path) -> Path:
    if not path.exists():
        raise EngramError(f"'{path}' is not there, or is a link whose content was not fetched ('datalad get').")
    return path


def read_surface(path: Path, space: str) -> np.ndarray:
    """Read a scan's BOLD on one hemisphere: float32, of shape (n_trs, n_vertices)."""
    import nibabel

    try:
        image = nibabel.load(_present(path))
        values = np.stack([array.data for array in image.darrays]).astype(np.float32)
    except EngramError:
        raise
    except Exception as error:  # a truncated file fails in the XML parser, in zlib or in numpy
        raise EngramError(f"'{path}' cannot be read ({type(error).__name__}: {error}). It is broken or incomplete: fetch it again.") from error
    if values.shape[1] != VERTICES[space]:
        raise EngramError(f"'{path}' has {values.shape[1]} vertices; {space} has {VERTICES[space]} a hemisphere. Is dataset.space right?")
    return values


def read_regions(path: Path) -> np.ndarray:
    """Read the region of every vertex from a FreeSurfer annotation; empty for the medial wall and the like."""
    import nibabel

    if not path.exists():
        raise EngramError(f"'{path}' is not there. Is the dataset's sub-dataset derivatives/freesurfer installed ('datalad get')?")
    labels, _, names = nibabel.freesurfer.read_annot(path)
    regions = np.array([name.decode() for name in names] + [""])
    regions[[name.lower() in _NO_REGION for name in regions]] = ""
    return regions[labels]  # a vertex without a label has -1: the last, empty name
