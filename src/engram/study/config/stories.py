"""The section `stories`: words and sentences."""

from __future__ import annotations

from pydantic import Field

from engram.study.config.fields import Section


class Stories(Section):
    """Stories: words, sentences and times."""

    pseudo_sentence: int = Field(15, ge=1, le=10_000)
    """Words in a pseudo-sentence, where a story has no punctuation to find sentence ends by
    (marked so in the table)."""
