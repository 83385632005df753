"""What may go into the page: files as data URIs, and texts without private paths."""

from __future__ import annotations

import base64
import re


def data_uri(kind: str, content: bytes) -> str:
    """Return content as a data URI."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def public(text: str) -> str:
    """Return a text without what is private in paths and addresses.

    Absolute paths are shortened to their last part, and addresses lose names and passwords.
    """
    text = re.sub(r"//[^/\s@]+@", "//", text)
    text = re.sub(r"/(home|Users)/[^/\s'\"<>|]+", "~", text)
    return re.sub(r"(?<![\w.:/~])~?/(?:[^/\s'\"<>|]+/)+", "…/", text)
