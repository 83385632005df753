"""Tuning samples that a test makes up."""

from __future__ import annotations

from typing import Any

from engram.tunings.samples import Sample


def sample(number: int, text: str = "", output: str = "", **changes: Any) -> Sample:
    """Return a sample that differs from those of other numbers."""
    content = {
        "instruction": f"Task {number}.",
        "input": text or f"Passage number {number} here.",
        "output": output or f"Output {number}.",
    }
    return Sample(**{**content, "split": None, "line": number + 1, **changes})
