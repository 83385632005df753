"""Names of stories, made of the names of files."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9.]+|\.(?![A-Za-z0-9])|(?<![A-Za-z0-9])\.")


def story_name(stimulus: str) -> str:
    """Return the story that a file of a stimulus holds: its name without folder and extension.

    Signs that names of stories do not have become hyphens.
    """
    return as_name(PurePosixPath(stimulus.replace("\\", "/")).stem)


def as_name(text: str) -> str:
    """Return a text as a story's name: signs that names do not have become hyphens."""
    return _NOT_IN_NAMES.sub("-", text).strip("-.")
