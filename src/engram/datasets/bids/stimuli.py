"""The files of stories' words in the folder of stimuli, found by the names of stories."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from engram.datasets.story_names import story_name
from engram.datasets.word_files import Source
from engram.errors import EngramError

#: The folder, in a BIDS dataset.
STIMULI = "stimuli"
#: How names of files with words and their times end, in lower case.
_ENDS = (".textgrid", ".tsv", ".csv", ".json", ".ctm", ".eaf")
#: How a table of words and a transcript are called besides (docs/data/word-timings.md).
_BEGIN, _WORDS, _TRANSCRIPT = "story-", "_words", "_transcript"


def found_words(root: Path) -> dict[str, list[Source]]:
    """Return the files of each story's words, as `engram.datasets.word_files` has them.

    They are called `<story>.TextGrid` (or the like) and `<story>.txt`, or
    `story-<story>_words.tsv` and `story-<story>_transcript.txt`.

    Parameters
    ----------
    root : Path
        The dataset, where paths start.

    Raises
    ------
    EngramError
        If there are none, or several for a story.
    """
    folder = root / STIMULI
    timed: dict[str, list[Path]] = defaultdict(list)
    transcripts: dict[str, Path] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.suffix.casefold() == ".txt":
            transcripts[_story(path, _TRANSCRIPT)] = path
        elif path.suffix.casefold() in _ENDS:
            timed[_story(path, _WORDS)].append(path)
    if not timed:
        raise EngramError(
            f"dataset.words: '{folder}' has no words with times: no '<story>.TextGrid' (or "
            f"{', '.join(_ENDS[1:])}) and no 'story-<story>_words.tsv'. Put them there, or say "
            f'where they are: dataset: {{words: "alignments/{{story}}.TextGrid"}}.'
        )
    found: dict[str, list[Source]] = {}
    for story, paths in timed.items():
        # A sidecar in JSON may stand beside a stimulus, or a table.
        files = [one for one in paths if one.suffix.casefold() != ".json"] or paths
        if len(files) > 1:
            raise EngramError(
                f"'{folder}' has {len(files)} files with the words of '{story}': "
                f"{', '.join(path.name for path in files)}. Keep one, or say which by dataset: "
                f"{{words: {{{story}: {STIMULI}/{files[0].name}}}}}."
            )
        source: Source = {"file": str(files[0].relative_to(root))}
        if story in transcripts and files[0].suffix.casefold() != ".tsv":
            source["transcript"] = str(transcripts[story].relative_to(root))
        found[story] = [source]
    return found


def _story(path: Path, end: str) -> str:
    """Return the story that a file is of, by its name."""
    if path.stem.startswith(_BEGIN) and path.stem.endswith(end):
        return path.stem.removeprefix(_BEGIN).removesuffix(end)
    return story_name(path.name)
