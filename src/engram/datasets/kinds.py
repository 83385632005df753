"""The kinds of datasets: a folder beside this module for each, and a line here.

`docs/development/extending.md` shows what a folder holds. A kind's modules are imported when a
study asks for them. Jobs do not import this module: they are told which folder reads their data.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from engram.datasets.planned import Context, PlannedDataset
from engram.datasets.section import DatasetSection

#: The folder of each kind, by what `dataset: {kind: ...}` says in a configuration.
KINDS = {
    "table": "tables",
    "alice": "alice",
    "simulated": "simulated",
    "narratives": "narratives",
    "littleprince": "littleprince",
    "lebel": "lebel",
    "bids": "bids",
}


def section(kind: str) -> type[DatasetSection]:
    """Return the section of the configuration that a kind of dataset has.

    Parameters
    ----------
    kind : str
        A key of `KINDS`.
    """
    folder = KINDS[kind]
    found: type[DatasetSection] = import_module(f"engram.datasets.{folder}.config").SECTION
    return found


def planned(dataset: DatasetSection, context: Context) -> PlannedDataset:
    """Return what is known of a dataset without its data.

    Parameters
    ----------
    dataset : DatasetSection
        Its checked section.
    context : Context

    Raises
    ------
    EngramError
        If a story or listener that the section names is not there, or a file is missing.
    """
    folder = KINDS[dataset.kind]
    plan: Callable[[DatasetSection, Context], PlannedDataset] = import_module(
        f"engram.datasets.{folder}.plan"
    ).PLAN
    made = plan(dataset, context)
    if not made.languages:
        made.languages = dataset.languages(made.stories)
    return made
