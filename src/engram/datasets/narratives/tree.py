"""The raw files of a study in a folder with the tree of Narratives."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from engram.datasets.given_folder import check_there, inside, is_named, refuse_unfetched
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
        If a file is missing.
    """
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
    check_there(folder, needed)

    def there(paths: Iterable[str]) -> list[str]:
        return [path for path in paths if (folder / path).exists()]

    texts = {
        story: [one for one in [transcript_file(stimuli[story])] if is_named(folder / one)]
        for story in stories
    }
    refuse_unfetched(str(folder / path) for paths in texts.values() for path in paths)
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
        {story: inside(folder, [*words[story], *texts[story]]) for story in stories},
        inside(folder, [*parcellation, *there(METADATA)]),
        {key: inside(folder, [*paths, *beside[key]]) for key, paths in bold.items()},
    )
