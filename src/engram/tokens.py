"""Words and a model's tokens: which tokens are whose, by character offsets."""

from __future__ import annotations

import string
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engram.errors import EngramError

_PUNCTUATION = string.punctuation + "\u2018\u2019\u201c\u201d\u2013\u2014\u2026\u00ab\u00bb\u00bf\u00a1"


@dataclass(frozen=True)
class TokenizedStory:
    """A story as a model reads it.

    Attributes
    ----------
    ids : array of shape (n_tokens, )
        Token ids of the whole text, without special tokens.
    first : array of shape (n_words + 1, )
        Word w has the tokens ``first[w]`` to ``first[w + 1] - 1``, punctuation included.
    pooled : list of arrays
        For each word, the tokens that stand for it: those that hold a part of the word without the punctuation around it.
    """

    ids: np.ndarray
    first: np.ndarray
    pooled: list[np.ndarray]

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each word."""
        return np.diff(self.first)


def tokenize(words: Sequence[str], tokenizer: Any) -> TokenizedStory:
    """Tokenize a story and assign each token to a word.

    Parameters
    ----------
    words : sequence of str
        The story's text is the words joined by spaces.
    tokenizer : transformers.PreTrainedTokenizerFast

    Returns
    -------
    TokenizedStory

    Raises
    ------
    EngramError
        If the tokenizer gives no character offsets, or a word no token.

    Notes
    -----
    A token belongs to the word that holds its last character, so that a token for a space alone goes with the word after it.
    """
    if not getattr(tokenizer, "is_fast", False):
        raise EngramError(
            f"the tokenizer ({type(tokenizer).__name__}) gives no character offsets, so tokens cannot be assigned to words. Convert it to a "
            "fast one: AutoTokenizer.from_pretrained(..., use_fast=True).save_pretrained(folder)."
        )
    text = " ".join(words)
    encoded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
    ids, offsets = np.asarray(encoded["input_ids"]), np.asarray(encoded["offset_mapping"]).reshape(-1, 2)
    ends = np.cumsum([len(word) + 1 for word in words]) - 1  # end of each word in the text
    begins = np.concatenate([[0], ends[:-1] + 1])
    # An empty span (a token for nothing visible) goes with the text that begins there.
    last_character = np.maximum(offsets[:, 1] - 1, offsets[:, 0])
    # Tokens never go backwards, even where the parts of one character share its span.
    owner = np.maximum.accumulate(np.minimum(np.searchsorted(ends, last_character, side="right"), len(words) - 1))
    first = np.searchsorted(owner, np.arange(len(words) + 1))
    pooled = []
    for index, word in enumerate(words):
        tokens = np.arange(first[index], first[index + 1])
        if len(tokens) == 0:
            raise EngramError(
                f"word {index} ('{word}') has no token of its own under this tokenizer ({type(tokenizer).__name__}). Write it with letters, or take it out."
            )
        core = word.strip(_PUNCTUATION)
        begin = begins[index] + (word.index(core) if core else 0)
        end = begin + len(core or word)
        inside = tokens[(offsets[tokens, 0] < end) & (offsets[tokens, 1] > begin)]
        pooled.append(inside if len(inside) else tokens)
    return TokenizedStory(ids, first, pooled)
