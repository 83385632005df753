"""How files in a folder of tables are called."""

from __future__ import annotations

#: How files of words may end that are found by their names.
WORDS_END = ("tsv", "TextGrid", "json", "ctm")


def words_table(story: str) -> str:
    """Return the name of a story's table of words."""
    return f"story-{story}_words.tsv"
