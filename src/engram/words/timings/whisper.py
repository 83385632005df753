"""Read the words of Whisper and WhisperX, and of programs that write as they do."""

from __future__ import annotations

import logging
import math
from pathlib import Path
from typing import Any

import pandas as pd

from engram.errors import EngramError
from engram.words.timings.json_file import is_list_of_objects, number_in, read_object

logger = logging.getLogger(__name__)

#: Keys of what holds words, in the order in which they are looked at.
_KEYS = ("segments", "chunks", "word_segments", "words")
_HOW = (
    "Run Whisper with word times (word_timestamps=True, or return_timestamps='word'), or align by "
    "WhisperX"
)


def is_whisper(content: Any) -> bool:
    """Tell whether JSON is Whisper's or WhisperX's."""
    return isinstance(content, dict) and any(is_list_of_objects(content.get(key)) for key in _KEYS)


def read_whisper(path: Path) -> pd.DataFrame:
    """Return the words of a transcription.

    Parameters
    ----------
    path : Path
        JSON with ``segments`` that have ``words`` (Whisper, WhisperX, faster-whisper), with
        ``chunks`` (transformers), or with ``words`` alone.

    Returns
    -------
    pandas.DataFrame
        word, onset, offset (NaN for words without a time, such as numbers in WhisperX), and
        speaker where they were told apart. The index counts words.

    Raises
    ------
    EngramError
        If it is no such file, or only segments have times.
    """
    content = read_object(path)
    if not is_whisper(content):
        raise EngramError(
            f"'{path}' is no transcription by Whisper or WhisperX: it has none of "
            f"{', '.join(_KEYS)}, but {sorted(content)[:8]}."
        )
    key = _key_of_words(content)
    pieces = (
        _of_segments(content[key], path)
        if key == "segments"
        else [(word, word.get("speaker"), False) for word in content[key]]
    )
    texts = [str(word.get("word", word.get("text", ""))) for word, _, _ in pieces]
    if sum(" " in text.strip() for text in texts) > len(texts) / 2:
        raise EngramError(f"'{path}' has times of phrases, not of words. {_HOW}.")
    has_blanks = sum(text[:1].isspace() for text in texts) > len(texts) / 2
    rows: list[list[Any]] = []
    for number, ((word, speaker, is_first), text) in enumerate(
        zip(pieces, texts, strict=True), start=1
    ):
        onset, offset = _times(word, number, path)
        if has_blanks and rows and not is_first and not text[:1].isspace():
            rows[-1][1] += text.strip()  # the end of a word, such as "-known"
            rows[-1][3] = offset if math.isfinite(offset) else rows[-1][3]
        else:
            rows.append([number, text.strip(), onset, offset, speaker])
    frame = pd.DataFrame(rows, columns=["place", "word", "onset", "offset", "speaker"])
    frame = frame.set_index("place").astype({"onset": float, "offset": float})
    if frame["speaker"].isna().all():
        return frame.drop(columns="speaker")
    return _by_onset(frame) if frame["speaker"].nunique() > 1 else frame


def _key_of_words(content: dict[str, Any]) -> str:
    """Return the key of what holds words; of segments without words only where nothing else is."""
    there = [key for key in _KEYS if is_list_of_objects(content.get(key))]
    if there[0] == "segments" and not any(one.get("words") for one in content["segments"]):
        return there[1] if len(there) > 1 else there[0]
    return there[0]


def _by_onset(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the words of several speakers, who may talk at once, by onset.

    A word without a time stays behind the one before it. Nothing is sorted where one speaker's
    own words are in disorder: that is for people to look at.
    """
    own = frame.dropna(subset="onset").groupby("speaker")["onset"]
    if not all(onsets.is_monotonic_increasing for _, onsets in own):
        return frame
    order = frame["onset"].ffill().sort_values(kind="stable", na_position="first").index
    return frame.loc[order]


def _of_segments(
    segments: list[dict[str, Any]], path: Path
) -> list[tuple[dict[str, Any], str | None, bool]]:
    """Return the words of segments, each with its speaker and whether it is its segment's first.

    A segment that could not be aligned has a text alone: its words have no time.
    """
    if not any(segment.get("words") for segment in segments):
        raise EngramError(f"'{path}' has times of segments, not of words. {_HOW}.")
    found = []
    for segment in segments:
        words = segment.get("words") or []
        if not words and str(segment.get("text", "")).strip():
            words = [{"word": f" {text}"} for text in str(segment["text"]).split()]
            logger.warning("'%s': the words '%s' have no time", path, segment["text"].strip()[:60])
        if words and not is_list_of_objects(words):
            raise EngramError(f"'{path}': 'words' of a segment is no list of objects.")
        for place, word in enumerate(words):
            found.append((word, word.get("speaker", segment.get("speaker")), place == 0))
    return found


def _times(word: dict[str, Any], number: int, path: Path) -> tuple[float, float]:
    pair = word.get("timestamp")
    if isinstance(pair, list) and len(pair) == 2:
        word = {"start": pair[0], "end": pair[1]}
    return number_in(word, "start", number, path), number_in(word, "end", number, path)
