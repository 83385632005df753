"""The section `stories`: words and sentences."""

from __future__ import annotations

from pydantic import Field

from engram.study.config.fields import Section


class Stories(Section):
    """Stories: how the words of a story are grouped into sentences."""

    pseudo_sentence: int = Field(15, ge=1, le=10_000)
    """Words in a pseudo-sentence. A story without punctuation is cut into these, because there are
    no sentence ends to find; its table of words marks them."""
