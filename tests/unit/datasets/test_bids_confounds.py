"""Confounds of fMRIPrep: strategies, columns, and what cannot be taken."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from bids_studies import opened, planned
from made_bids import Made

from engram.datasets.bids import confounds
from engram.datasets.bids.config import BidsSection
from engram.datasets.planned import Context
from engram.errors import EngramError

pytest_plugins = "bids_studies"


def test_a_strategy_is_nilearns(made: dict[str, Made], copied: Callable[[str], Made]) -> None:
    from nilearn.interfaces.fmriprep import load_confounds

    one = copied("volume")
    path = one.func("01") / "sub-01_task-tale_desc-confounds_timeseries.tsv"
    table = pd.read_csv(path, sep="\t")
    table["non_steady_state_outlier00"] = (np.arange(len(table)) == 0).astype(float)
    table.to_csv(path, sep="\t", index=False, na_rep="n/a")
    chosen = {"strategy": ["motion", "wm_csf", "high_pass"], "motion": "basic"}
    image = next(one.func("01").glob("*tale*_bold.nii.gz"))
    expected, kept = load_confounds(
        str(image), strategy=tuple(chosen["strategy"]), motion="basic", demean=False
    )
    assert kept.tolist() == list(range(1, len(table)))
    spike = np.eye(len(table))[:, :1]
    for high_pass, columns in ((None, expected), (1 / 128, expected.drop(columns="cosine00"))):
        context = Context(0, 8.0, high_pass, Path("d"), None)
        found = opened(planned(one.root, context, confounds=chosen)).confounds("01", "tale")
        assert found is not None
        # The volume before the steady state stays a row, with a regressor of its own.
        np.testing.assert_allclose(found, np.hstack([columns, spike]), rtol=1e-6)
    none = planned(one.root, confounds=None)
    assert opened(none).confounds("01", "tale") is None
    assert not any("confounds" in path for scan in none.scans for path in scan.files)


def test_columns_by_their_beginnings(tmp_path: Path) -> None:
    path = tmp_path / "sub-1_desc-confounds_timeseries.tsv"
    path.write_text("a_1\ta_2\tb\n1\t2\tn/a\n3\t4\t5\n6\t7\t8\n")
    chosen = {"columns": ["a_*", "b", "motion_outlier*"], "strategy": None}
    np.testing.assert_array_equal(
        confounds.read(path, chosen, False), [[1, 2, 5], [3, 4, 5], [6, 7, 8]]
    )
    with pytest.raises(EngramError, match=r"has no column 'c\*'"):
        confounds.read(path, {"columns": ["c*"]}, False)
    path.write_text("a\n1\n2\nn/a\n")
    with pytest.raises(EngramError, match="'a' has no number in row 2"):
        confounds.read(path, {"columns": ["a"]}, False)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("scrubbing", "rows that follow each other in the table would not do so in time"),
        ({"strategy": ["motion", "scrub"]}, "scrubbing takes rows out"),
        ({"strategy": ["moton"]}, "there is no 'moton'"),
        ({"strategy": "simple", "columns": ["csf"]}, "and not both"),
        ({}, "give a strategy or columns"),
        ({"columns": ["a*b"]}, "no name of a column"),
    ],
)
def test_confounds_that_cannot_be_taken(given: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        BidsSection.model_validate({"kind": "bids", "path": "x", "confounds": given})


def test_drifts_are_never_removed_twice(made: dict[str, Made]) -> None:
    root = made["volume"].root
    with pytest.raises(EngramError, match="they would be removed twice"):
        planned(root, confounds={"columns": ["cosine00"]})
    slow = Context(0, 8.0, 0.005, Path("d"), None)
    with pytest.raises(EngramError, match="slower drifts would come back"):
        planned(root, slow, confounds="compcor")
