"""How files in a folder of tables are called."""

from __future__ import annotations


def words_table(story: str) -> str:
    """Return the name of a story's table of words."""
    return f"story-{story}_words.tsv"
