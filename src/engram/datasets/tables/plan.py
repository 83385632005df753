"""What is known of a folder of tables from the names of its files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from engram.datasets.planned import (
    Context,
    Files,
    PlannedDataset,
    Scan,
    check_heard,
    check_known,
    divided,
)
from engram.datasets.tables.config import TableSection
from engram.errors import EngramError
from engram.files import delimited
from engram.study.config.fields import NAME
from engram.vocabulary import AVERAGE, TARGET_COLUMNS

#: Bytes of time courses that are read before a run.
READ_BEFOREHAND = 400 << 20
#: Bytes of a table up to which its lines are counted; those of larger ones are estimated from so
#: many at the beginning.
_COUNTED, _LOOKED_AT = 4 << 20, 1 << 16


class PlannedTables(PlannedDataset):
    """A folder of tables, as described in docs/data.md."""

    reader = "tables"

    def __init__(self, dataset: TableSection, context: Context) -> None:
        self._path, self._start = dataset.path, dataset.start
        self.tr = dataset.tr
        folder = _folder(dataset.path)
        _check_file_names(folder)
        words = _word_tables(folder, dataset)
        targets = folder / "targets.tsv"
        if not targets.exists():
            raise EngramError(
                f"dataset.path: '{folder}' has no 'targets.tsv' (columns: target, hemisphere, "
                "roi). See docs/data.md."
            )
        self.story_files = {
            story: (str(path),)
            for story, path in words.items()
            if dataset.stories is None or story in dataset.stories
        }
        every = _scans(folder, words)
        scans = [scan for scan in every if scan.story in self.story_files]
        if not scans:
            raise EngramError(
                f"dataset.path: '{folder}' has no "
                f"'sub-<id>_story-<story>_timeseries.tsv' for {sorted(self.story_files)}."
            )
        known = sorted({scan.subject for scan in every})
        self.scans, self.excluded = divided(scans, dataset, known)
        check_heard(list(self.story_files), self.scans, dataset, known)
        self.common_files = (str(targets),)
        has_places = {"x", "y", "z"} <= set(delimited.read_header(targets, TARGET_COLUMNS))
        self.brain = "markers" if has_places else None

    def scans_config(self, story: str) -> dict[str, Any]:
        """Return when scans start, and the TR."""
        return {"start": self._start, "tr": self.tr}

    def tables_here(self) -> tuple[str | None, str]:
        """Return the folder, unless its time courses are too large to be read in a moment."""
        size = sum(Path(path).stat().st_size for scan in self.scans for path in scan.files)
        if size > READ_BEFOREHAND:
            return (
                None,
                (
                    f"The time courses ({size / 1e9:.1f} GB) are not read here: each story's job "
                    "'bold' reads and checks them first, its clock included."
                ),
            )
        return str(Path(self._path).expanduser()), ""

    def n_targets(self) -> float:
        """Return the rows of the table of targets."""
        return _lines(self.common_files[0])

    def n_rows(self, story: str) -> float:
        """Return the rows of the longest time course."""
        return max(_lines(scan.files[0]) for scan in self.scans if scan.story == story)

    def n_words(self, story: str) -> float:
        """Return the rows of the words table."""
        return _lines(self.story_files[story][0])

    def sources(self) -> list[dict[str, str]]:
        """Return the folder."""
        return [{"URL": self._path}]


PLAN = PlannedTables


def _folder(path: str) -> Path:
    folder = Path(path).expanduser()
    if folder.is_file():
        raise EngramError(
            f"dataset.path: '{folder}' is a file. Give the folder that holds the study's tables, "
            f"here '{folder.parent}'."
        )
    if not folder.is_dir():
        raise EngramError(
            f"dataset.path: there is no folder '{folder}'. It is looked for from the working "
            f"directory, {Path.cwd()}."
        )
    return folder


def _word_tables(folder: Path, dataset: TableSection) -> dict[str, Path]:
    """Return the words table of every story in the folder, those that are not chosen included."""
    stories = {
        match[1]: path
        for path in sorted(folder.iterdir())
        if (match := re.fullmatch(rf"story-({NAME})_words\.tsv", path.name))
    }
    if not stories:
        raise EngramError(
            f"dataset.path: '{folder}' has no 'story-<story>_words.tsv'. docs/data.md says "
            "which files a study needs."
        )
    check_known("dataset.stories", dataset.stories or [], sorted(stories))
    if isinstance(dataset.start, dict):
        check_known("dataset.start", list(dataset.start), sorted(stories))
        missing = sorted(set(dataset.stories or stories) - set(dataset.start))
        if missing:
            raise EngramError(
                f"dataset.start gives no time for {missing}. Give one for each story, "
                f"such as '{missing[0]}: 0.0', or one number for all."
            )
    return stories


def _scans(folder: Path, words: Mapping[str, Path]) -> list[Scan]:
    """Return every listener's scan of every story in the folder."""
    scans = []
    for path in sorted(folder.glob("sub-*_timeseries.tsv")):
        match = re.fullmatch(rf"sub-({NAME})_story-({NAME})_timeseries\.tsv", path.name)
        if match is None:
            continue  # refused by `_check_file_names`
        subject, story = match[1], match[2]
        if story not in words:
            raise EngramError(
                f"'{path}' is of story '{story}', which has no 'story-{story}_words.tsv'. "
                f"Stories with words: {sorted(words)}."
            )
        if subject == AVERAGE:
            raise EngramError(
                f"'{path}': '{AVERAGE}' is the name of the average listener. Give "
                "the listener another id."
            )
        confounds = folder / f"sub-{subject}_story-{story}_confounds.tsv"
        beside = (confounds, path.with_suffix(".json"))  # the sidecar may give the TR
        files: Files = (str(path), *(str(one) for one in beside if one.exists()))
        scans.append(Scan(subject, story, files))
    return scans


def _check_file_names(folder: Path) -> None:
    """Refuse files that look like a study's and are none of it.

    A misspelt name would be passed over in silence.
    """
    patterns = (
        rf"story-{NAME}_words\.tsv",
        rf"sub-{NAME}_story-{NAME}_(timeseries|confounds)\.tsv",
    )
    looks_like_ours = re.compile(r"(sub|story)[-_].*\.(tsv|csv)(\.\w+)?", re.IGNORECASE)
    names = sorted(path.name for path in folder.iterdir())
    strange = [
        name
        for name in names
        if looks_like_ours.fullmatch(name) and not any(re.fullmatch(one, name) for one in patterns)
    ]
    if strange:
        raise EngramError(
            f"dataset.path: '{folder}' has files with names that mean nothing here: {strange}. "
            "They are named 'story-<story>_words.tsv', 'sub-<id>_story-<story>_timeseries.tsv' "
            "or 'sub-<id>_story-<story>_confounds.tsv', with letters, digits, '-' and "
            "'.' for <id> and <story>."
        )
    alone = sorted(
        path.name
        for path in folder.glob("sub-*_confounds.tsv")
        if not path.with_name(path.name.replace("_confounds.", "_timeseries.")).exists()
    )
    if alone:
        raise EngramError(
            f"dataset.path: '{folder}' has confounds without a time course: "
            f"{alone}. Is a name misspelt?"
        )


@cache
def _lines(path: str) -> float:
    """Return the rows of a table, its header apart; of a large one as its beginning lets expect."""
    size = Path(path).stat().st_size
    with Path(path).open("rb") as stream:
        content = stream.read(_COUNTED if size <= _COUNTED else _LOOKED_AT)
    lines = max(content.count(b"\n"), content.count(b"\r"))
    return max(1.0, (lines if size <= _COUNTED else size * lines / len(content)) - 1)
