"""Clones the repositories of a study's dataset, by git alone: which files there are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import yaml
from pydantic import ValidationError

from engram.datasets.bids.config import BidsSection
from engram.datasets.bids.published import Clone, clones
from engram.datasets.kinds import KINDS
from engram.errors import EngramError
from engram.fetch.git_tree import GitTree
from engram.study.config.messages import explain

#: Where downloads go unless `pathvars.downloads` says otherwise.
_DOWNLOADS = "resources/downloads"


def clone(studies: Sequence[str]) -> int:
    """Clone what the files of a study name as `dataset.source`; what is there stays as it is.

    Parameters
    ----------
    studies : sequence of str
        The study's files, which are stacked.

    Raises
    ------
    EngramError
        If a file is no study, its dataset is not of the kind `bids` with a source, or a
        repository cannot be had.
    """
    raw: dict[str, object] = {}
    for path in map(Path, studies):
        raw = _merged(raw, _read(path))
    dataset = raw.get("dataset")
    if not (isinstance(dataset, dict) and dataset.get("kind") == "bids" and dataset.get("source")):
        raise EngramError(
            f"'{studies[-1]}' has no dataset: {{kind: bids, source: ...}}, which alone needs this. "
            f"Of the other kinds ({', '.join(sorted(set(KINDS) - {'bids'}))}) Engram knows the "
            "files; run 'engram check'."
        )
    try:
        checked = BidsSection.model_validate(dataset)
    except ValidationError as error:
        said = (explain({**item, "loc": ("dataset", *item["loc"])}) for item in error.errors())
        raise EngramError("\n".join(said)) from None
    places = raw.get("pathvars")
    downloads = Path((places if isinstance(places, dict) else {}).get("downloads", _DOWNLOADS))
    for one in dict.fromkeys(clones(checked, downloads)):
        _check_out(one)
    return 0


def _check_out(one: Clone) -> None:
    if one.tree.is_dir():
        print(f"{one.repository.source} is there: {one.tree}. Remove '{one.git.parent}' to renew.")
        return
    print(f"cloning {one.repository.source} (names and small files, no images)", flush=True)
    GitTree(one.repository.source, one.git).check_out(one.tree)
    print(f"done: {one.tree}")


def _read(path: Path) -> dict[str, object]:
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise EngramError(f"'{path}' cannot be read: {' '.join(str(error).split())}") from None
    if not isinstance(raw, dict):
        raise EngramError(f"'{path}' is no study: it has no line 'dataset: ...'.")
    return raw


def _merged(first: dict[str, object], then: dict[str, object]) -> dict[str, object]:
    """Return two configurations as Snakemake stacks them."""
    both = {**first, **then}
    for key, value in then.items():
        under = first.get(key)
        if isinstance(value, dict) and isinstance(under, dict):
            both[key] = _merged(under, value)
    return both
