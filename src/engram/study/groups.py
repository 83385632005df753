"""Groups: listeners who heard the same stories."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Group:
    """Listeners who heard the same stories, and so share features; `average` may be one of them."""

    subjects: tuple[str, ...]
    stories: tuple[str, ...]
