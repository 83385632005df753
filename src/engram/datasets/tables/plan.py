"""What is known of a folder of tables from the names of its files."""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import cache
from pathlib import Path
from typing import Any

from engram.datasets.given_folder import is_named, refuse_unfetched
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
from engram.datasets.tables.layout import WORDS_END, words_table
from engram.datasets.told_words import check_told
from engram.datasets.word_files import (
    EVERY,
    Source,
    source_files,
    stories_with_words,
    word_sources,
    words_about,
)
from engram.errors import EngramError
from engram.files import delimited
from engram.study.config.fields import NAME
from engram.vocabulary import AVERAGE, TARGET_COLUMNS

#: Bytes of time courses that are read before a run.
READ_BEFOREHAND = 400 << 20
_WORDS = f"(?:{'|'.join(WORDS_END)})"
_SCAN = re.compile(rf"sub-({NAME})_story-({NAME})_timeseries\.tsv")
#: Bytes of a table up to which its lines are counted; those of larger ones are estimated from so
#: many at the beginning.
_COUNTED, _LOOKED_AT = 4 << 20, 1 << 16


class PlannedTables(PlannedDataset):
    """A folder of tables, as described in docs/data/tables.md."""

    reader = "tables"

    def __init__(self, dataset: TableSection, context: Context) -> None:
        self._path, self._start = dataset.path, dataset.start
        self.tr = dataset.tr
        folder = _folder(dataset.path)
        _check_file_names(folder, dataset)
        words = _words(folder, dataset)
        targets = folder / "targets.tsv"
        if not is_named(targets):
            raise EngramError(
                f"dataset.path: '{folder}' has no 'targets.tsv' (columns: target, hemisphere, "
                "roi). See docs/data/tables.md."
            )
        self._sources = {
            story: sources
            for story, sources in words.items()
            if dataset.stories is None or story in dataset.stories
        }
        self.story_files = {
            story: source_files(sources, folder) for story, sources in self._sources.items()
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
        of_scans = [path for scan in self.scans for path in scan.files]
        of_words = [path for paths in self.story_files.values() for path in paths]
        refuse_unfetched([*self.common_files, *of_words, *of_scans])
        has_places = {"x", "y", "z"} <= set(delimited.read_header(targets, TARGET_COLUMNS))
        self.brain = "markers" if has_places else None

    def words_config(self, story: str) -> dict[str, Any]:
        """Return the files of a story's words, unless they are the table of its name."""
        sources = self._sources[story]
        return {} if sources == [{"file": words_table(story)}] else {"words": {story: sources}}

    def scans_config(self, story: str) -> dict[str, Any]:
        """Return when scans start, and the TR."""
        return {"start": self._start, "tr": self.tr}

    def check(self) -> None:
        """Look at words that are no table of their story's name."""
        named = {story: self._sources[story] for story in self.stories if self.words_config(story)}
        check_told(named, Path(self._path).expanduser())

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
        """Return the rows of the words table, or what the size of other files lets expect."""
        if not self.words_config(story):
            return _lines(self.story_files[story][0])
        return words_about(self._sources[story], Path(self._path).expanduser())

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


def _words(folder: Path, dataset: TableSection) -> dict[str, list[Source]]:
    """Return the files of words of every story, those that are not chosen included."""
    told = dataset.words or {}
    named = {
        story: word_sources(told, story, folder)
        for story in (stories_with_words(told, folder) if told else [])
    }
    if EVERY in told:  # there may be timings of stories that nobody heard
        heard = {match[2] for path in folder.iterdir() if (match := _SCAN.fullmatch(path.name))}
        named = {
            story: sources for story, sources in named.items() if story in told or story in heard
        }
    stories = {**_found_words(folder, named), **named}
    if not stories:
        raise EngramError(
            f"dataset.path: '{folder}' has no 'story-<story>_words.tsv'. docs/data/tables.md says "
            "which files a study needs."
        )
    check_known("dataset.stories", dataset.stories or [], sorted(stories))
    if isinstance(dataset.language, dict):
        check_known("dataset.language", list(dataset.language), sorted(stories))
    if isinstance(dataset.start, dict):
        check_known("dataset.start", list(dataset.start), sorted(stories))
        missing = sorted(set(dataset.stories or stories) - set(dataset.start))
        if missing:
            raise EngramError(
                f"dataset.start gives no time for {missing}. Give one for each story, "
                f"such as '{missing[0]}: 0.0', or one number for all."
            )
    return stories


def _found_words(folder: Path, others: Collection[str]) -> dict[str, list[Source]]:
    """Return the files in the folder that are named as words of a story, `others` left out."""
    stories: dict[str, list[Source]] = {}
    for path in sorted(folder.iterdir()):
        match = re.fullmatch(rf"story-({NAME})_words\.{_WORDS}", path.name)
        if match is None or (path.suffix == ".json" and path.with_suffix(".tsv").exists()):
            continue  # JSON beside a table is its sidecar
        if match[1] in others:
            continue
        if match[1] in stories:
            raise EngramError(
                f"dataset.path: '{folder}' has two files of words for story '{match[1]}': "
                f"'{stories[match[1]][0]['file']}' and '{path.name}'. Keep one, or say which by "
                f"'words: {{{match[1]}: <file>}}'."
            )
        stories[match[1]] = [{"file": path.name}]
        transcript = f"story-{match[1]}_transcript.txt"
        if path.suffix != ".tsv" and is_named(folder / transcript):
            stories[match[1]][0]["transcript"] = transcript
    return stories


def _scans(folder: Path, words: Collection[str]) -> list[Scan]:
    """Return every listener's scan of every story in the folder."""
    scans = []
    for path in sorted(folder.glob("sub-*_timeseries.tsv")):
        match = _SCAN.fullmatch(path.name)
        if match is None:
            continue  # refused by `_check_file_names`
        subject, story = match[1], match[2]
        if story not in words:
            raise EngramError(
                f"'{path}' is of story '{story}', which has no '{words_table(story)}'. "
                f"Stories with words: {sorted(words)}."
            )
        if subject == AVERAGE:
            raise EngramError(
                f"'{path}': '{AVERAGE}' is the name of the average listener. Give "
                "the listener another id."
            )
        confounds = folder / f"sub-{subject}_story-{story}_confounds.tsv"
        beside = (confounds, path.with_suffix(".json"))  # the sidecar may give the TR
        files: Files = (str(path), *(str(one) for one in beside if is_named(one)))
        scans.append(Scan(subject, story, files))
    return scans


def _check_file_names(folder: Path, dataset: TableSection) -> None:
    """Refuse files that look like a study's and are none of it.

    A misspelt name would be passed over in silence.
    """
    patterns = (
        rf"story-{NAME}_words\.{_WORDS}",
        rf"sub-{NAME}_story-{NAME}_(timeseries|confounds)\.tsv",
    )
    looks_like_ours = re.compile(
        r"(sub|story)[-_].*\.(tsv|csv|textgrid|ctm)(\.\w+)?", re.IGNORECASE
    )
    told = {one.file for files in (dataset.words or {}).values() for one in files}
    of_words = tuple(one.rsplit(EVERY, 1)[-1] for one in told)
    names = sorted(
        path.name
        for path in folder.iterdir()
        if not (of_words and path.name.startswith("story") and path.name.endswith(of_words))
    )
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
