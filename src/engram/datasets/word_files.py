"""The key `words` of a dataset: files of word timings, for any kind of dataset.

Planning and `engram.words.timings.read.story_timings` take the same sources: plain mappings whose
paths start at the dataset's folder.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from engram.datasets.given_folder import is_named
from engram.datasets.story_names import as_name
from engram.errors import EngramError
from engram.study.config.fields import Address, Seconds, Section, check_name
from engram.words.timings.names import FormatName, Role

#: What stands for a story's name in a path, and the key of what holds for every story.
EVERY = "{story}"
#: A source of words as jobs are told it: a file, and how it is read.
Source = dict[str, Any]
#: Bytes of a file of timings for each word, about.
_BYTES = {".textgrid": 130, ".json": 150, ".eaf": 400}
_LINE_BYTES = 30


def _check_braces(value: str) -> str:
    if set(value.replace(EVERY, "")) & set("{}<>"):
        raise ValueError(
            f"a path has no braces and angle brackets, except in '{EVERY}', which stands for the "
            "story's name"
        )
    return value


_Path = Annotated[Address, AfterValidator(_check_braces)]


class WordFile(Section):
    """A file of word timings (docs/data/word-timings.md)."""

    file: _Path
    """The file; relative paths start at the dataset's folder. `{story}` is the story's name, or one
    that becomes it when signs that names do not have are hyphens (`The Fox_2`: The-Fox-2)."""
    format: FormatName | None = None
    """What wrote it; null: its name and content say it."""
    tier: Annotated[str, Field(min_length=1)] | None = None
    """For formats with tiers: the tier of words, by name or number; null: found by its content."""
    columns: dict[Role, str] = {}
    """For tables: the names of columns, by what they are."""
    rows: dict[str, str] = {}
    """For tables: columns, and the value that a row must have in each to count."""
    transcript: _Path | None = None
    """The text that was read, in UTF-8: words get its punctuation and case back."""
    offset: Seconds = 0.0
    """Seconds on the story's clock at which the file's clock is 0 (for stories in sections)."""


def _by_story(value: Any) -> Any:
    """Return what was written in one form: a list of files for each story, or for every one."""
    if value is None:
        return None
    if isinstance(value, str) or (isinstance(value, dict) and isinstance(value.get("file"), str)):
        value = {EVERY: value}
    if isinstance(value, list):
        raise ValueError("a list of files belongs to a story: write '<story>: [{file: ...}, ...]'")
    if not isinstance(value, dict):
        raise ValueError(f"a path with '{EVERY}' in it, or '<story>: <file>' for each story")
    found = {story: [_one(file) for file in _listed(files)] for story, files in value.items()}
    for file in found.get(EVERY, []):
        if isinstance(file, dict) and EVERY not in str(file.get("file", EVERY)):
            raise ValueError(
                f"'{file['file']}' would be the words of every story. Write '{EVERY}' where the "
                "story's name stands, or '<story>: <file>'"
            )
    return found


def _listed(files: Any) -> list[Any]:
    return list(files) if isinstance(files, list) else [files]


def _one(file: Any) -> Any:
    return {"file": file} if isinstance(file, str) else file


def _check_story(value: str) -> str:
    return value if value == EVERY else check_name(value)


_Story = Annotated[str, AfterValidator(_check_story)]
_Written = str | WordFile
#: A list of files for each story; a single path or file holds for every story, by ``{story}``.
WordFiles = Annotated[
    dict[_Story, Annotated[list[WordFile], Field(min_length=1)]],
    BeforeValidator(
        _by_story, json_schema_input_type=_Written | dict[str, _Written | list[_Written]]
    ),
]


def stories_with_words(words: Mapping[str, Sequence[WordFile]], folder: Path) -> list[str]:
    """Return the stories that have words: those that are named, or whose file is there.

    Parameters
    ----------
    words : mapping
        The checked value of the key `words`.
    folder : Path
        The dataset's folder.

    Raises
    ------
    EngramError
        If no file fits a path with ``{story}``.
    """
    named = {story for story in words if story != EVERY}
    if EVERY not in words:
        return sorted(named)
    pattern = words[EVERY][0].file
    found = set(_written_names(folder, pattern))
    if not found | named:
        elsewhere = _matching(Path(), pattern)
        hint = (
            f" From the working directory there is '{elsewhere[0]}': write its whole path, "
            f"'{Path(pattern).absolute()}'."
            if elsewhere
            else ""
        )
        raise EngramError(
            f"dataset.words: no file fits '{pattern}' in '{folder}', where relative paths start. "
            f"'{EVERY}' stands for the story's name.{hint}"
        )
    return sorted(found | named)


def _written_names(folder: Path, pattern: str) -> dict[str, str]:
    """Return how files write the names of the stories that fit a pattern, by these names."""
    found: dict[str, str] = {}
    for path in sorted(_matching(folder, pattern)):
        written = _written_in(path, pattern)
        story = as_name(written or "")
        if not story or written is None:
            continue
        if found.setdefault(story, written) != written:
            raise EngramError(
                f"dataset.words: two files that fit '{pattern}' in '{folder}' would be of a story "
                f"'{story}': '{found[story]}' and '{written}'. Rename one, or give each story its "
                f"file: dataset: {{words: {{{story}: ...}}}}."
            )
    return found


def _matching(folder: Path, pattern: str) -> list[str]:
    """Return the paths that fit a pattern, as it is written: relative or absolute."""
    place = Path(pattern).expanduser()
    fixed = [part for part in place.parts if EVERY not in part]
    base = (
        Path(*place.parts[: next(index for index, part in enumerate(place.parts) if EVERY in part)])
        if fixed
        else Path()
    )
    rest = Path(*place.parts[len(base.parts) :])
    start = folder / base
    if not start.is_dir():
        return []
    found = start.glob(str(rest).replace("[", "[[]").replace(EVERY, "*"))
    return [str(base / path.relative_to(start)) for path in found if is_named(path)]


def _written_in(path: str, pattern: str) -> str | None:
    """Return the name that stands in a path for the story's; None where the path does not fit."""
    first, *others = re.escape(str(Path(pattern).expanduser())).split(re.escape(EVERY))
    match = re.fullmatch(rf"{first}(?P<story>[^/]+){'(?P=story)'.join(others)}", path)
    return match["story"] if match else None


def word_sources(
    words: Mapping[str, Sequence[WordFile]], story: str, folder: Path | None
) -> list[Source]:
    """Return a story's files of words as jobs are told them.

    Parameters
    ----------
    words : mapping
        The checked value of the key `words`.
    story : str
    folder : Path or None
        The dataset's folder, where files must be; None where they are fetched later.

    Returns
    -------
    list of dict
        What `engram.words.timings.read.story_timings` takes, in the order of the story.

    Raises
    ------
    EngramError
        If the story has no file, or one that it names is not there.
    """
    chosen, written = words.get(story), story
    if not chosen and (chosen := words.get(EVERY)) and folder is not None:
        written = _written_names(folder, chosen[0].file).get(story, story)
    if not chosen:
        raise EngramError(
            f"dataset.words names no file for story '{story}'. It has: {', '.join(sorted(words))}."
        )
    sources = [
        _named(file.model_dump(exclude_defaults=True), written, story, folder) for file in chosen
    ]
    if folder is not None:
        missing = [path for path in source_files(sources, folder) if not is_named(Path(path))]
        if missing:
            raise EngramError(
                f"dataset.words: story '{story}' has no file '{missing[0]}'. Relative paths start "
                f"at the dataset's folder, '{folder}'."
            )
    return sources


def _named(source: Source, written: str, story: str, folder: Path | None) -> Source:
    """Return a source with the story's name in its paths, as files write it where these are."""
    for key in ("file", "transcript"):
        if key in source:
            own, plain = (
                Path(source[key].replace(EVERY, name)).expanduser() for name in (written, story)
            )
            is_there = folder is not None and is_named(folder / own)
            source[key] = str(own if is_there else plain)
    return source


def source_files(sources: Sequence[Source], folder: Path) -> tuple[str, ...]:
    """Return the files that sources are read from, transcripts included."""
    paths = (source[key] for source in sources for key in ("file", "transcript") if key in source)
    return tuple(dict.fromkeys(str(folder / path) for path in paths))


def words_about(sources: Sequence[Source], folder: Path) -> float:
    """Return how many words files of timings hold, about, from their sizes."""
    found = 0.0
    for source in sources:
        path = folder / source["file"]
        size = path.stat().st_size if path.is_file() else 0
        found += size / _BYTES.get(path.suffix.casefold(), _LINE_BYTES)
    return max(1.0, found)
