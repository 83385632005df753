"""The user's own words, read once before a run: a wrong tier is no reason to wait for a job."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from engram.datasets.word_files import Source, source_files

#: Bytes of files of words that are read beforehand; of more, each story's first job reads its own.
_MOST_BYTES = 20 << 20


def check_told(sources: Mapping[str, Sequence[Source]], folder: Path) -> None:
    """Read the words of every story as its job will.

    Parameters
    ----------
    sources : mapping
        Of each story (`engram.datasets.word_files.word_sources`).
    folder : Path
        Where their paths start.

    Raises
    ------
    EngramError
        What `engram.words.timings.read.story_timings` raises.
    """
    files = {Path(path) for mine in sources.values() for path in source_files(mine, folder)}
    if sum(path.stat().st_size for path in files if path.is_file()) > _MOST_BYTES:
        return
    from engram.words.timings.read import story_timings  # pandas: not for every process

    for mine in sources.values():
        story_timings(mine, folder)
