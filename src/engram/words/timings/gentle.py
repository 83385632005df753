"""Read Gentle's alignments: its CSV file, and its JSON file with the transcript in it."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pandas as pd

from engram.errors import EngramError
from engram.files import delimited
from engram.words.timings.joined import joined
from engram.words.timings.json_file import is_list_of_objects, number_in, read_object
from engram.words.word_checks import check_words

logger = logging.getLogger(__name__)

#: What Gentle says of a word that it heard and that its transcript does not have.
_EXTRA = "not-found-in-transcript"


def read_gentle(path: Path) -> pd.DataFrame:
    """Return the words of an alignment, CSV or JSON as its content says.

    Returns
    -------
    pandas.DataFrame
        word, onset, offset in seconds on the audio's clock, NaN where Gentle did not find the
        word. From JSON, words have the punctuation of the transcript in it.

    Raises
    ------
    EngramError
        If it is neither.
    """
    with path.open("rb") as stream:
        begin = stream.read(64).lstrip(b"\xef\xbb\xbf \t\r\n")
    return read_json(path) if begin.startswith(b"{") else read_alignment(path)


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


def is_gentle(content: Any) -> bool:
    """Tell whether JSON is Gentle's: words that each say whether they were found."""
    return (
        isinstance(content, dict)
        and is_list_of_objects(content.get("words"))
        and ("transcript" in content or all("case" in word for word in content["words"]))
    )


def read_json(path: Path) -> pd.DataFrame:
    """Return the words of Gentle's JSON."""
    content = read_object(path)
    if not is_gentle(content):
        raise EngramError(
            f"'{path}' is no alignment by Gentle: it needs a list 'words', each with its 'case'. "
            f"It has {sorted(content)[:8]}."
        )
    found = [word for word in content["words"] if word.get("case") != _EXTRA]
    if len(found) < len(content["words"]):
        extra = len(content["words"]) - len(found)
        logger.info("'%s': %d words that are not in Gentle's transcript are left out", path, extra)
    if not found:
        raise EngramError(f"'{path}' has no words that are in Gentle's transcript.")
    frame = pd.DataFrame(
        {
            "word": [str(word.get("word", "")) for word in found],
            "onset": [number_in(word, "start", n, path) for n, word in enumerate(found, start=1)],
            "offset": [number_in(word, "end", n, path) for n, word in enumerate(found, start=1)],
        },
        index=pd.RangeIndex(1, len(found) + 1),
    ).astype({"onset": float, "offset": float})
    spans = [(word.get("startOffset"), word.get("endOffset")) for word in found]
    return joined(frame, _written(frame["word"].tolist(), spans, content.get("transcript")))


def _written(
    words: list[str], spans: list[tuple[int | None, int | None]], transcript: Any
) -> list[str | None]:
    """Return the words with what stands around them in the transcript.

    Gentle takes words with a hyphen apart: None stands for what belongs to the word before.
    """
    if not isinstance(transcript, str) or any(
        begin is None or end is None or transcript[begin:end] != word
        for word, (begin, end) in zip(words, spans, strict=True)
    ):
        return list(words)
    result: list[str | None] = []
    head, place, last = "", 0, 0  # what belongs to the next word; the last whole word; its end
    for word, (begin, end) in zip(words, spans, strict=True):
        gap = transcript[last:begin]
        if result and gap.split() == [gap] * bool(gap):
            result[place] = f"{result[place]}{gap}{word}"  # no blank between both
            result.append(None)
        else:
            tail, head = _sides(gap) if result else ("", " ".join(gap.split()))
            if result:
                result[place] = f"{result[place]}{tail}"
            place = len(result)
            result.append(head + word)
        last = end or 0
    result[place] = f"{result[place]}{_sides(transcript[last:] + ' ')[0]}"
    return result


def _sides(gap: str) -> tuple[str, str]:
    """Return what of a gap with blanks belongs to the word before it, and to the one after."""
    pieces = gap.split()
    head = pieces.pop() if pieces and not gap[-1].isspace() else ""
    tail = " ".join(pieces)
    return (tail if not gap[:1].isspace() or not tail else f" {tail}"), head
