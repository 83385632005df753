"""A folder turned into a DataLad dataset, from which tests fetch.

``python tests/helpers/datalad_source.py FOLDER [SUB-DATASET ...]``.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from engram.fetch import datalad


def make_dataset(folder: Path, subdatasets: Sequence[str]) -> None:
    """Turn a folder into a DataLad dataset with sub-datasets, from which files can be fetched."""
    api = datalad._datalad()
    api.create(path=str(folder), force=True, cfg_proc="text2git", result_renderer="disabled")
    for path in subdatasets:
        api.create(
            dataset=str(folder), path=str(folder / path), force=True, result_renderer="disabled"
        )
    api.save(dataset=str(folder), recursive=True, message="made", result_renderer="disabled")


if __name__ == "__main__":
    make_dataset(Path(sys.argv[1]), sys.argv[2:])
