"""The files of an atlas or a mask in a volume that a user names."""

from __future__ import annotations

from pathlib import Path

from engram.datasets.given_folder import is_named
from engram.errors import EngramError
from engram.vocabulary import NILEARN_PREFIX


def atlas_files(atlas: str | None) -> tuple[str, ...]:
    """Return the image of an atlas, and the table beside it if there is one.

    There are none for an atlas that nilearn downloads.

    Raises
    ------
    EngramError
        If the image is not there.
    """
    if atlas is None or atlas.startswith(NILEARN_PREFIX):
        return ()
    image = Path(atlas).expanduser()
    if not image.exists():
        raise EngramError(
            f"dataset.atlas: there is no file '{image}'. It is looked for from the working "
            f"directory, {Path.cwd()}."
        )
    table = image.with_name(image.name.removesuffix(".gz").removesuffix(".nii") + ".tsv")
    return (str(image), *([str(table)] if is_named(table) else ()))
