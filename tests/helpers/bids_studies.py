"""BIDS datasets of every kind, planned and opened as a run does it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from made_bids import Made, make

from engram.datasets.bids.config import BidsSection
from engram.datasets.bids.planned_bids import PlannedBids
from engram.datasets.bids.reader import BidsDataset, open_dataset
from engram.datasets.planned import Context

KINDS = ("volume", "surface", "parcels", "dense")
COLUMNS = ["trans_x", "trans_x_derivative1", "csf"]
CONTEXT = Context(seed=0, tail=8.0, high_pass=1 / 128, downloads=Path("downloads"), mirror=None)


def planned(root: Path, context: Context = CONTEXT, **keys: Any) -> PlannedBids:
    """Return the checked plan of a dataset."""
    section = BidsSection.model_validate(
        {"kind": "bids", "path": str(root), "confounds": {"columns": COLUMNS}, **keys}
    )
    plan = PlannedBids(section, context)
    plan.check()
    return plan


def opened(plan: PlannedBids, story: str = "tale") -> BidsDataset:
    config = json.loads(json.dumps(plan.scans_config(story)))  # as a job gets it
    return open_dataset(config, Path(), None)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Made]:
    """A dataset of each kind: two listeners, two stories."""
    return {
        kind: make(tmp_path_factory.mktemp("made") / kind, kind, ("01", "02"), textgrids=False)
        for kind in KINDS
    }


@pytest.fixture
def copied(made: dict[str, Made], tmp_path: Path) -> Callable[[str], Made]:
    """Return a copy of a dataset, which a test may break."""

    def copy(kind: str) -> Made:
        root = tmp_path / kind
        shutil.copytree(made[kind].root, root, symlinks=True)
        one = made[kind]
        return Made(root, one.words, one.bold, one.confounds, one.targets)

    return copy
