"""Whether trimming and drifts leave something of the BOLD, before the first job."""

from __future__ import annotations

from engram.datasets.planned import PlannedDataset
from engram.errors import EngramError
from engram.study.config.study import Study

#: Scans may begin before their story, by less than the story's length.
_LONGEST_SCAN = 2


def check_rows(study: Study, dataset: PlannedDataset) -> None:
    """Refuse settings that would leave nothing of a story's BOLD.

    Raises
    ------
    EngramError
        With about how many rows there are, and what to write.
    """
    _check_drifts(study, dataset)
    _check_trim(study, dataset)


def _check_drifts(study: Study, dataset: PlannedDataset) -> None:
    fastest = 1 / (2 * dataset.tr)
    if study.bold.high_pass is not None and study.bold.high_pass >= fastest:
        raise EngramError(
            f"bold.high_pass: with a TR of {dataset.tr:g} s nothing is faster than "
            f"{fastest:.3g} Hz, so that {study.bold.high_pass:g} Hz would take all of the BOLD "
            "away. Write a frequency in Hz such as 0.0078125 (1/128 s), or null to leave drifts in."
        )


def _check_trim(study: Study, dataset: PlannedDataset) -> None:
    for story in dataset.stories:
        rows = dataset.n_rows(story)
        if study.bold.trim and study.bold.trim >= rows * _LONGEST_SCAN:
            raise EngramError(
                f"bold.trim: {study.bold.trim} rows are dropped from the start of each scan, and "
                f"{story} has about {rows:.0f}. Write the number of rows before the signal is "
                "steady, such as 6."
            )
