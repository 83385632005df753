"""What is known of a BIDS dataset before a run: of one in a folder, or of one that is fetched."""

from __future__ import annotations

from engram.datasets.bids.config import BidsSection
from engram.datasets.bids.fetched_bids import FetchedBids
from engram.datasets.bids.planned_bids import PlannedBids
from engram.datasets.planned import Context


def planned(dataset: BidsSection, context: Context) -> PlannedBids:
    """Return what is known of a BIDS dataset from names of files, events and sidecars."""
    kind = PlannedBids if dataset.source is None else FetchedBids
    return kind(dataset, context)


PLAN = planned
