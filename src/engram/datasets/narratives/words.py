"""Words of Narratives: a story's Gentle alignment, with the punctuation of its transcript.

Words are on the clock of the audio file.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from engram.datasets.given_folder import is_named
from engram.datasets.images.image_files import need
from engram.datasets.narratives import layout
from engram.datasets.narratives.facts import Fact
from engram.files import text_files
from engram.words.timings.gentle import read_alignment
from engram.words.timings.transcript import punctuate

logger = logging.getLogger(__name__)

#: Seconds by which words may come before the story's onset in the events.
EARLY = 5.0


class NarrativesWords:
    """The words of Narratives.

    Parameters
    ----------
    folder : Path
        The dataset's root.
    scans : sequence of Fact
        All that was told in a scan of the story.
    """

    def __init__(self, folder: Path, scans: Sequence[Fact]) -> None:
        self.folder, self._facts = folder, scans

    def words(self, story: str) -> pd.DataFrame:
        """Return a story's words, with the transcript's punctuation where there is one."""
        fact = next(fact for fact in self._facts if fact.story == story)
        alignment = self.folder / layout.alignment_file(fact.stimulus)
        need(alignment)
        table = read_alignment(alignment)
        transcript = self.folder / layout.transcript_file(fact.stimulus)
        if is_named(transcript):
            table["word"] = punctuate(
                table["word"].tolist(), text_files.read_text(transcript, prose=True)
            )
        table["sentence_end"] = pd.NA
        _drop_impossible_times(table, fact)
        parts = sorted(
            (one for one in self._facts if (one.scan, one.stimulus) == (fact.scan, fact.stimulus)),
            key=lambda one: one.story_onset,
        )
        if len(parts) == 1:
            return table
        # Several stories in one audio file: cut between the end of one and the
        # beginning of the next.
        cuts = [
            (one.story_end + other.story_onset) / 2 - fact.audio_onset
            for one, other in itertools.pairwise(parts)
        ]
        part_of_word = np.searchsorted(cuts, table["onset"].ffill().fillna(-np.inf).to_numpy())
        return table[part_of_word == [one.story for one in parts].index(story)].reset_index(
            drop=True
        )


def _drop_impossible_times(table: pd.DataFrame, fact: Fact) -> None:
    """Make times unknown that lie before the story begins, during the music.

    The aligner placed these words wrongly.
    """
    wrong = table["onset"] < fact.story_onset - fact.audio_onset - EARLY
    if wrong.any():
        logger.warning(
            (
                "story %s: %d words are aligned to a time before the story; their "
                "times are interpolated"
            ),
            fact.story,
            wrong.sum(),
        )
        table.loc[wrong, ["onset", "offset"]] = np.nan
