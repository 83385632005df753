"""Stories: one table of words with times and sentences, whatever the dataset gave."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd

from engram.errors import EngramError
from engram.words.language import ENGLISH
from engram.words.punctuation import ends_sentence

logger = logging.getLogger(__name__)

#: A transcript has punctuation if it has at least one sentence end in so many words.
_LONGEST_SENTENCE = 150
#: In the column sentence_source: nothing says where sentences end.
PSEUDO = "pseudo"

COLUMNS = {
    "word": "The word as the model reads it, with its punctuation where the transcript has it.",
    "onset": "Seconds on the story's clock.",
    "offset": "Seconds on the story's clock.",
    "sentence": "Index of the sentence, from 0.",
    "timed": "true: the time is the dataset's; false: interpolated between the neighbours' times.",
    "sentence_source": (
        "How sentence ends were found: dataset (a list), punctuation, or pseudo "
        "(a fixed number of words)."
    ),
}
#: What a words table may have beside them.
MORE_COLUMNS = {
    "log_frequency": (
        "Logarithm of how frequent the word is, as the dataset gives it; n/a where it is not known."
    ),
    "language": "Code of the story's language (BCP 47). Without this column it is English.",
}


def words_table(
    words: pd.DataFrame, pseudo_sentence: int, story: str, language: str = ENGLISH
) -> pd.DataFrame:
    """Return a story's words with complete times and sentences.

    Parameters
    ----------
    words : pandas.DataFrame
        word; onset, offset (seconds, NaN where unknown); sentence_end (bool, or NA where the
        dataset does not say); any of `MORE_COLUMNS`.
    pseudo_sentence : int
        Words in a pseudo-sentence, where neither the dataset nor punctuation tells sentences.
    story : str
        For messages.
    language : str
        Code of its language (`engram.words.language`).

    Returns
    -------
    pandas.DataFrame
        The columns of `COLUMNS`, and those of `MORE_COLUMNS` that there are.

    Raises
    ------
    EngramError
        If no word has a time.
    """
    timed = words["onset"].notna()
    if not timed.any():
        raise EngramError(
            f"story {story}: none of its {len(words)} words has a time. At least the onset "
            "of some words is needed (n/a for the others)."
        )
    if not timed.all():
        logger.info(
            "story %s: the times of %d of %d words are interpolated",
            story,
            (~timed).sum(),
            len(words),
        )
    onset, offset = complete_times(words["onset"].to_numpy(float), words["offset"].to_numpy(float))
    ends, source = _sentence_ends(words, pseudo_sentence, language)
    if source == PSEUDO:
        logger.warning(
            "story %s: no punctuation; every %d words count as a sentence", story, pseudo_sentence
        )
    return pd.DataFrame(
        {
            "word": words["word"],
            "onset": onset.round(4),
            "offset": offset.round(4),
            "sentence": np.concatenate([[0], np.cumsum(ends)[:-1]]).astype(int),
            "timed": np.where(timed, "true", "false"),
            "sentence_source": source,
            **{name: words[name] for name in MORE_COLUMNS if name in words},
            **({} if language == ENGLISH else {"language": language}),
        }
    )


def complete_times(onset: np.ndarray, offset: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return onsets and offsets with unknown times (NaN) filled in.

    A run of untimed words shares the time from the end of the word before to the beginning of
    the word after evenly; at the story's edges, where one side is missing, the words get the time
    of the edge and no duration.
    """
    onset, offset = onset.copy(), offset.copy()
    timed = np.flatnonzero(np.isfinite(onset))
    durations = (offset - onset)[np.isfinite(offset - onset)]
    usual = float(np.median(durations)) if len(durations) else 0.0
    for index, following in zip(timed, [*timed[1:], None], strict=True):
        if not np.isfinite(offset[index]):
            offset[index] = (
                onset[index] + usual
                if following is None
                else min(onset[index] + usual, onset[following])
            )
    for before, after in zip([None, *timed], [*timed, None], strict=True):
        first = 0 if before is None else before + 1
        last = len(onset) if after is None else after
        if first == last:
            continue
        begin = (
            onset[after]
            if before is None
            else offset[before]
            if after is None
            else min(offset[before], onset[after])
        )
        end = offset[before] if after is None else onset[after]
        edges = np.linspace(begin, end, last - first + 1)
        onset[first:last], offset[first:last] = edges[:-1], edges[1:]
    return onset, offset


def _sentence_ends(
    words: pd.DataFrame, pseudo_sentence: int, language: str
) -> tuple[np.ndarray, str]:
    if words["sentence_end"].notna().all():
        return words["sentence_end"].to_numpy(bool), "dataset"
    ends = np.array([ends_sentence(word, language) for word in words["word"]])
    if ends.sum() * _LONGEST_SENTENCE >= len(words) and ends.any():
        return ends, "punctuation"
    return (np.arange(len(words)) + 1) % pseudo_sentence == 0, PSEUDO
