"""The raw files of a study in a folder with the tree of Narratives."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from engram.datasets.narratives.config import NarrativesSection
from engram.datasets.narratives.facts import Fact
from engram.datasets.narratives.layout import (
    METADATA,
    alignment_file,
    bold_files,
    events_file,
    parcellation_files,
    tr_files,
    transcript_file,
)
from engram.datasets.planned import Files
from engram.errors import EngramError


class TreeFiles(NamedTuple):
    """Raw files of a study.

    Attributes
    ----------
    words : dict
        Of each story's words.
    common : tuple of str
        Of all scans: the dataset's parcellation, and the metadata that scans are checked against.
    scans : dict
        Of each scan, by story and listener.
    """

    words: dict[str, Files]
    common: Files
    scans: dict[tuple[str, str], Files]


def tree_files(
    folder: Path,
    dataset: NarrativesSection,
    facts: Sequence[Fact],
    runs: Mapping[tuple[str, str], Sequence[Fact]],
) -> TreeFiles:
    """Return the raw files of a study in the user's folder.

    Parameters
    ----------
    folder : Path
    dataset : NarrativesSection
    facts : sequence of Fact
    runs : mapping
        The scans in use, by story and listener.

    Raises
    ------
    EngramError
        If there is no such folder, or a file is missing.
    """
    if not folder.is_dir():
        raise EngramError(
            f"dataset.path: there is no folder '{folder}'. Leave the key out to "
            "fetch the data by DataLad."
        )
    stimuli = {fact.story: fact.stimulus for fact in facts}
    stories = sorted(set(dataset.stories))
    words = {story: [alignment_file(stimuli[story])] for story in stories}
    bold = {
        key: [
            path for fact in mine for path in bold_files(dataset.pipeline, dataset.space, fact.scan)
        ]
        for key, mine in runs.items()
    }
    parcellation = [] if dataset.atlas else parcellation_files()
    needed = [path for paths in (*words.values(), *bold.values(), parcellation) for path in paths]
    _check_there(folder, needed)

    def there(paths: Iterable[str]) -> list[str]:
        return [path for path in paths if (folder / path).exists()]

    texts = {story: there([transcript_file(stimuli[story])]) for story in stories}
    beside = {
        key: there(
            path
            for fact in mine
            for path in (
                events_file(fact.scan),
                *tr_files(dataset.pipeline, dataset.space, fact.scan),
            )
        )
        for key, mine in runs.items()
    }
    return TreeFiles(
        {story: _inside(folder, [*words[story], *texts[story]]) for story in stories},
        _inside(folder, [*parcellation, *there(METADATA)]),
        {key: _inside(folder, [*paths, *beside[key]]) for key, paths in bold.items()},
    )


def _inside(folder: Path, paths: Iterable[str]) -> Files:
    return tuple(str(folder / path) for path in paths)


def _check_there(folder: Path, needed: Sequence[str]) -> None:
    missing = [str(folder / path) for path in needed if not (folder / path).exists()]
    if not missing:
        return
    links = sum(Path(path).is_symlink() for path in missing)
    not_fetched = (
        (f" ({links} of them are links whose content was not fetched: 'datalad get' brings it)")
        if links
        else ""
    )
    raise EngramError(
        f"dataset.path: {len(missing)} of {len(needed)} files that the "
        f"study needs are not in '{folder}'{not_fetched}"
        f". The first: {', '.join(missing[:3])}. Leave 'path' out to fetch them "
        "by DataLad, or choose other stories or listeners."
    )
