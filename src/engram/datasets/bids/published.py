"""A BIDS dataset that is fetched: its git repository says which files there are.

`engram clone` brings the repository by git alone: small files as they are, links in the place of
large ones. A study is planned from it, and its files are fetched one by one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from engram.datasets.bids.config import BidsSection
from engram.datasets.planned import Download
from engram.datasets.repository import Repository
from engram.errors import EngramError
from engram.fetch.annex_keys import named_key, read_key

#: Identifiers of OpenNeuro's datasets, and of what fMRIPrep made of them.
_RAW, _DERIVED = re.compile(r"ds\d{6}"), re.compile(r"ds\d{6}-fmriprep")
_RAW_SOURCE = "https://github.com/OpenNeuroDatasets"
_DERIVED_SOURCE = "https://github.com/OpenNeuroDerivatives"
#: Public buckets (``s3://openneuro.org``, ``s3://openneuro-derivatives/fmriprep``).
_RAW_BUCKET = "https://s3.amazonaws.com/openneuro.org"
_DERIVED_BUCKET = "https://s3.amazonaws.com/openneuro-derivatives/fmriprep"
#: Folders of downloads are named after the kind.
_NAME = "bids"


class Clone:
    """A dataset's repository among the downloads.

    Parameters
    ----------
    source : str
        OpenNeuro's identifier, or the address or path of a repository.
    by_https : bool
        Whether files come from OpenNeuro's public bucket, and not by DataLad.
    downloads : Path
        Where downloads go.

    Attributes
    ----------
    repository : Repository
    tree : Path
        The files of its newest commit when it was cloned, links to content that is not here
        among them. Nothing is fetched into it.
    git : Path
        Where git keeps the repository itself.
    """

    def __init__(self, source: str, by_https: bool, downloads: Path) -> None:
        self.repository = _repository(source, by_https)
        self._folder = downloads / self.repository.clone
        self.tree = self._folder / "tree"
        self.git = self._folder / "git"

    def holds(self, path: Path) -> bool:
        """Tell whether a path is below its tree."""
        return self.tree in path.parents

    def relative(self, path: Path) -> str:
        """Return a path of its tree as the repository has it."""
        return path.relative_to(self.tree).as_posix()

    def fetched(self, path: Path) -> Path:
        """Return where a file of its tree is once it is fetched."""
        return self._folder / "dataset" / path.relative_to(self.tree)

    def keys(self, paths: Iterable[Path]) -> dict[str, str]:
        """Return the annex keys of large files, by their paths in the repository."""
        found = ((self.relative(path), _key(path)) for path in paths)
        return {name: key for name, key in found if key is not None}

    def words(self, story: str, paths: Iterable[Path]) -> Download:
        """Return the download of a story's words."""
        files = sorted(set(paths))
        return self.repository.words(story, list(map(self.relative, files)), keys=self.keys(files))

    def scans(self, story: str, paths: Iterable[Path]) -> Download:
        """Return the download of a story's scans."""
        files = sorted(set(paths))
        return self.repository.scans(story, list(map(self.relative, files)), keys=self.keys(files))

    def bytes(self, paths: Iterable[Path]) -> int:
        """Return how many bytes large files have, by their keys."""
        return sum(read_key(key).size for key in self.keys(set(paths)).values())


def clones(dataset: BidsSection, downloads: Path) -> tuple[Clone, Clone]:
    """Return the repositories of the raw dataset and of its derivatives, which may be the same."""
    by_https = dataset.download == "s3"
    raw = Clone(str(dataset.source), by_https, downloads)
    if dataset.derivatives_source is None:
        return raw, raw
    return raw, Clone(dataset.derivatives_source, by_https, downloads)


def folders(dataset: BidsSection, raw: Clone, derived: Clone) -> tuple[Path, Path]:
    """Return the dataset, and the folder of its derivatives, in the trees of clones.

    Raises
    ------
    EngramError
        If one was not cloned yet, or the derivatives are not in it.
    """
    for one in (raw, derived):
        if not one.tree.is_dir():
            raise EngramError(
                f"which files '{one.repository.source}' has is not known yet. Run 'engram clone "
                "STUDY.yaml' once: it clones the repository by git, without the images "
                f"('{one.tree}')."
            )
    if dataset.derivatives is not None:
        folder = derived.tree / dataset.derivatives
    else:
        usual = derived.tree / "derivatives" / "fmriprep"
        folder = usual if usual.is_dir() else derived.tree
    if not folder.is_dir():
        raise EngramError(
            f"dataset.derivatives: the repository '{derived.repository.source}' has no folder "
            f"'{dataset.derivatives}'. With 'source' it is a folder in the repository; another "
            "repository is named by dataset.derivatives_source."
        )
    if not any(folder.iterdir()):
        raise EngramError(
            f"'{derived.relative(folder)}' of '{derived.repository.source}' is a dataset of its "
            "own (a sub-dataset). Name its address (it stands in .gitmodules): dataset: "
            "{derivatives_source: https://...}."
        )
    return raw.tree, folder


def _repository(source: str, by_https: bool) -> Repository:
    for known, place, bucket in (
        (_RAW, _RAW_SOURCE, _RAW_BUCKET),
        (_DERIVED, _DERIVED_SOURCE, _DERIVED_BUCKET),
    ):
        if known.fullmatch(source):
            at = f"{bucket}/{source}" if by_https else None
            return Repository(_NAME, f"{place}/{source}", at, source)
    if by_https:
        raise EngramError(
            f"dataset.download: s3 is OpenNeuro's public bucket, which has its datasets by their "
            f"identifiers; '{source}' is none (such as ds002345, or ds002345-fmriprep for "
            "derivatives). Write download: datalad."
        )
    return Repository(_NAME, source)


def _key(path: Path) -> str | None:
    """Return the annex key that a link or a pointer file names; None for a small file."""
    if path.is_symlink():
        return named_key(PurePosixPath(path.readlink()).as_posix().encode())
    with path.open("rb") as stream:
        return named_key(stream.read(4097))
