"""A published dataset that is fetched file by file: by DataLad, or from its public bucket."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engram.datasets.planned import Download

WORDS_MANIFEST = "<downloads>/{clone}/words-{story}.tsv"
SCANS_MANIFEST = "<downloads>/{clone}/scans-{story}-{files}.tsv"
#: What `dataset: {source: ...}` says for the public bucket.
S3 = "s3"


@dataclass(frozen=True)
class Repository:
    """Where a dataset's files come from.

    Attributes
    ----------
    name : str
        What folders of downloads begin with, and what its folder in a mirror is called.
    source : str
        Its git repository, which DataLad clones: an address or a path.
    bucket : str or None
        Its public bucket, where files come from there.
    mirrored : str or None
        Its folder in a mirror, where it has another name.
    """

    name: str
    source: str
    bucket: str | None = None
    mirrored: str | None = None

    @property
    def clone(self) -> str:
        """The folder under which its files are kept: one for each place they come from."""
        place = self.source if self.bucket is None else f"{self.source} {self.bucket}"
        return f"{self.name}-{hashlib.sha256(place.encode()).hexdigest()[:8]}"

    def words(
        self,
        story: str,
        files: Sequence[str],
        optional: Sequence[str] = (),
        keys: Mapping[str, str] | None = None,
    ) -> Download:
        """Return the download of a story's words; `optional` files may not be there."""
        manifest = WORDS_MANIFEST.format(clone=self.clone, story=story)
        return Download(manifest, self._settings(files, optional, keys))

    def scans(
        self,
        story: str,
        files: Sequence[str],
        optional: Sequence[str] = (),
        keys: Mapping[str, str] | None = None,
    ) -> Download:
        """Return the download of a story's scans.

        The manifest is named after the files: studies that want others have one of their own.
        """
        name = hashlib.sha256("\n".join(files).encode()).hexdigest()[:8]
        manifest = SCANS_MANIFEST.format(clone=self.clone, story=story, files=name)
        return Download(manifest, self._settings(files, optional, keys))

    def _settings(
        self, files: Sequence[str], optional: Sequence[str], keys: Mapping[str, str] | None
    ) -> dict[str, Any]:
        settings: dict[str, Any] = {
            "files": list(files),
            "optional": list(optional),
            "source": self.source,
        }
        if self.bucket is not None:
            settings |= {"bucket": self.bucket, "name": self.mirrored or self.name}
        if keys is not None:
            settings["keys"] = dict(keys)
        return settings
