"""Whether the segments of decoding fit into the stories' test blocks, before the first job."""

from __future__ import annotations

from math import ceil

from engram.datasets.planned import PlannedDataset
from engram.decoding.segments import segment_rows
from engram.encoding.story_folds import scored_stories
from engram.encoding.timing import fir_delays, fold_gap
from engram.errors import EngramError
from engram.study.config.study import Study

#: Numbers of rows are estimates before the data are read: a job that finds fewer says so itself.
_TOLERANCE = 1.2
#: Fewest pairs of segments that RSA takes (`engram.similarity.scoring.story_pairs`).
_FEWEST_PAIRS = 10


def check_segments(study: Study, dataset: PlannedDataset) -> None:
    """Refuse segments of which a test block cannot hold two that are far enough apart.

    Where whole stories are left out, a tested story is a block.

    Raises
    ------
    EngramError
        With the longest segments that would fit.
    """
    encoding = study.encoding
    if not study.decoding.directions:
        return
    delays = fir_delays(dataset.tr, encoding.longest_delay, encoding.delays)
    gap = fold_gap(delays, encoding.words_to_trs)
    length = segment_rows(study.decoding.seconds, dataset.tr)
    needed = (ceil((length + gap) / length) + 1) * length
    blocks = encoding.folds if isinstance(encoding.folds, int) else 1
    folds = encoding.model_dump(mode="json")["folds"]
    short = {
        story: rows
        for story in scored_stories(folds, dataset.stories)
        if (rows := dataset.n_rows(story) / blocks) * _TOLERANCE < needed
    }
    if short:
        story = min(short, key=lambda name: short[name])
        fewer = "fewer folds (encoding: {folds: ...}), " if blocks > 1 else ""
        raise EngramError(
            f"decoding.seconds: a test block of {story} has about {short[story]:.0f} rows, and "
            f"segments of {study.decoding.seconds:g} s ({length} rows) need {needed}, since a "
            f"segment is told from others that begin {length + gap} rows away. Write shorter "
            f"segments (decoding: {{seconds: ...}}), {fewer}a shorter longest_delay, or leave such "
            "stories out (dataset.stories)."
        )


def check_pairs(study: Study, dataset: PlannedDataset) -> None:
    """Refuse segments of which a story has too few pairs for RSA.

    Raises
    ------
    EngramError
        With how many pairs there are.
    """
    encoding = study.encoding
    if "rsa" not in study.similarity.metrics:
        return
    delays = fir_delays(dataset.tr, encoding.longest_delay, encoding.delays)
    gap = fold_gap(delays, encoding.words_to_trs)
    length = segment_rows(study.similarity.seconds, dataset.tr)
    folds = encoding.model_dump(mode="json")["folds"]
    for story in scored_stories(folds, dataset.stories):
        segments = int(dataset.n_rows(story) * _TOLERANCE) // length
        # A lag with a single pair is left out.
        pairs = sum(segments - lag for lag in range(ceil((length + gap) / length), segments - 1))
        if pairs < _FEWEST_PAIRS:
            raise EngramError(
                f"similarity.seconds: {story} has about {dataset.n_rows(story)} rows, which hold "
                f"{pairs} pairs of segments of {study.similarity.seconds:g} s ({length} rows) that "
                f"are {length + gap} rows apart; RSA needs {_FEWEST_PAIRS}. Write shorter segments "
                "(similarity: {seconds: ...}), or leave such stories out (dataset.stories)."
            )
