"""A template to print, for people who annotate a story."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from engram.associations.association_files import COLUMNS


def annotation_template(words: Sequence[str], sentence: Sequence[int]) -> str:
    """Return a text to print for people who annotate a story.

    It goes sentence by sentence, each word with its number behind it.

    Parameters
    ----------
    words : sequence of str
    sentence : sequence of int
        The sentence of each word.
    """
    lines = [
        (
            f"{len(words)} words. The number behind a word is its after_word: an association "
            "with that number stands between it and the next word."
        ),
        (
            "Read up to a place, write what comes to mind there, and only then read "
            "on (docs/how-to/annotating.md)."
        ),
        f"Columns of the file: {', '.join(COLUMNS)}.",
    ]
    begins = [
        index for index in range(len(words)) if index == 0 or sentence[index] != sentence[index - 1]
    ]
    for number, (begin, end) in enumerate(
        zip(begins, [*begins[1:], len(words)], strict=True), start=1
    ):
        text = " ".join(f"{words[index]}[{index}]" for index in range(begin, end))
        lines += ["", f"Sentence {number}"]
        lines += textwrap.wrap(
            text,
            110,
            initial_indent="    ",
            subsequent_indent="    ",
            break_long_words=False,
            break_on_hyphens=False,
        )
        lines += ["    after word ______ : " + "_" * 80]
    return "\n".join(lines) + "\n"
