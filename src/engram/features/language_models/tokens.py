"""Words and a model's tokens: which tokens are whose, by character offsets."""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engram.errors import EngramError
from engram.words.punctuation import core, has_letters

logger = logging.getLogger(__name__)

#: A byte of a character that has no token of its own; some tokenizers mark these as special.
_BYTE = re.compile("<0x[0-9A-F]{2}>")
#: Words that a message names.
_NAMED = 5


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
        For each word, the tokens that stand for it: those that hold a part of the word without
        the punctuation around it.
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
        If the tokenizer gives no character offsets, or offsets that do not fit the text; if a token
        covers parts of two words; if a word has no token of its own, or special tokens (the unknown
        token among them) and none that holds a letter or a digit; if a word holds half a character.

    Notes
    -----
    A token belongs to the word whose characters it covers; a token for a space alone goes
    with the word after it. What looks like a special token in the story (``<s>``, ``[SEP]``)
    is read as plain text. Tokenizers whose tokens cover several words (SuperBPE; Liu et al.
    2025, arXiv 2503.13423) are refused: the vector of the first word would know the second,
    which the listener has not heard yet.
    """
    if not getattr(tokenizer, "is_fast", False):
        raise EngramError(
            f"the tokenizer ({type(tokenizer).__name__}) gives no character offsets, "
            "so tokens cannot be assigned to words. Convert it to a fast one: "
            "AutoTokenizer.from_pretrained(..., use_fast=True).save_pretrained(folder)."
        )
    text = " ".join(words)
    _check_whole(words, text)
    encoded = tokenizer(
        text,
        add_special_tokens=False,
        return_offsets_mapping=True,
        split_special_tokens=True,
        verbose=False,
    )
    ids, offsets = (
        np.asarray(encoded["input_ids"]),
        np.asarray(encoded["offset_mapping"]).reshape(-1, 2),
    )
    ends = np.cumsum([len(word) + 1 for word in words]) - 1  # end of each word in the text
    begins = np.concatenate([[0], ends[:-1] + 1])
    first = np.searchsorted(_owners(words, ends, offsets, tokenizer), np.arange(len(words) + 1))
    names = special_tokens(tokenizer)
    special = np.isin(ids, list(names))
    pooled, unknown, partly, shortened = [], list[str](), list[str](), list[str]()
    # How many tokens begin, less how many end, at each character.
    read = np.zeros(len(text) + 1, dtype=int)
    np.add.at(read, offsets[:, 0], 1)
    np.add.at(read, offsets[:, 1], -1)
    read = np.cumsum(read)
    for index, word in enumerate(words):
        tokens = np.arange(first[index], first[index + 1])
        begin, end = begins[index] + np.array(core(word))
        inside = tokens[(offsets[tokens, 0] < end) & (offsets[tokens, 1] > begin)]
        if len(tokens) == 0 or (len(inside) == 0 and has_letters(word)):
            raise EngramError(
                f"word {index} ('{word}') has no token of its own under this tokenizer "
                f"({type(tokenizer).__name__}). Write it with letters, or take it out."
            )
        inside = inside if len(inside) else tokens
        # A special token that stands for an unknown part of the word counts where another part
        # is known; one that is written in the word does not.
        kept = inside[
            [
                not special[token] or text[slice(*offsets[token])].strip() != names[ids[token]]
                for token in inside
            ]
        ]
        known = inside[~special[inside]]
        if has_letters(word) and len(known) < len(inside):
            known = known[
                [
                    says_something(tokenizer, ids[token], text[slice(*offsets[token])])
                    for token in known
                ]
            ]
        if len(known) == 0:
            unknown.append(f"word {index} ('{word}')")
        elif special[kept].any():
            partly.append(f"word {index} ('{word}')")
        if (read[begins[index] : ends[index]] == 0).any() and _lost_letters(word, tokenizer):
            shortened.append(f"word {index} ('{word}')")
        pooled.append(kept)
    if shortened:
        logger.warning(
            (
                "%d of %d words lose letters under this tokenizer (%s), which drops what it does "
                "not know: %s. The model reads them as other words"
            ),
            *(len(shortened), len(words), type(tokenizer).__name__, ", ".join(shortened[:_NAMED])),
        )
    if partly:
        logger.info(
            "%d of %d words have a part that the tokenizer does not know: %s",
            len(partly),
            len(words),
            ", ".join(partly[:_NAMED]),
        )
    if unknown:
        raise EngramError(
            f"{len(unknown)} of {len(words)} words are not known to this "
            f"tokenizer ({type(tokenizer).__name__}), which reads them "
            "as special tokens, such as the one for whatever is unknown: "
            f"{', '.join(unknown[:_NAMED])}{', ...' if len(unknown) > _NAMED else ''}. Their "
            "vectors would say nothing of them. Write these words with characters that the model "
            "knows, take them out, or use a model for this language."
        )
    return TokenizedStory(ids, first, pooled)


def says_something(tokenizer: Any, token: int, covered: str) -> bool:
    """Tell whether a token stands for a letter or a digit of the text that it covers.

    The comma of "10,000" does not; nor does the mark for a word's beginning ("▁"), whose offsets
    are those of the first letter.
    """
    return has_letters(covered) and bool(
        str(tokenizer.convert_ids_to_tokens(int(token))).strip("▁ ")
    )


def is_known(
    tokenizer: Any,
    text: str,
    ids: Sequence[int],
    offsets: Sequence[tuple[int, int]],
    special: Collection[int],
) -> bool:
    """Tell whether a tokenizer knows anything of a text.

    One of its tokens, none of the special ones, then holds a letter or a digit of it.

    A text without letters and digits is known.
    """
    tokens = zip(ids, offsets, strict=True)
    return not has_letters(text) or any(
        token not in special and says_something(tokenizer, token, text[slice(*offset)])
        for token, offset in tokens
    )


def _check_whole(words: Sequence[str], text: str) -> None:
    """Refuse half of a character beyond U+FFFF: JSON can hold one alone, tokenizers cannot."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        index = next(index for index, word in enumerate(words) if text[error.start] in word)
        raise EngramError(
            f"word {index} ({words[index]!a}) holds half a character. Write the "
            "character, or take it out."
        ) from None


def _lost_letters(word: str, tokenizer: Any) -> list[str]:
    """Return the letters of a word for which a tokenizer has no token.

    It has not even one for whatever is unknown.

    Offsets behind such a letter are those of the word without it, so that they cannot
    tell which one is lost.
    """
    return [
        letter
        for letter in sorted(set(word))
        if has_letters(letter) and not tokenizer(letter, add_special_tokens=False)["input_ids"]
    ]


def _owners(
    words: Sequence[str], ends: np.ndarray, offsets: np.ndarray, tokenizer: Any
) -> np.ndarray:
    """Return the word of each token, never decreasing.

    Parameters
    ----------
    words : sequence of str
    ends : array of shape (n_words, )
        End of each word in the text, where the space between words stands.
    offsets : array of shape (n_tokens, 2)
    tokenizer : transformers.PreTrainedTokenizerFast
    """
    length, last_word = int(ends[-1]), len(words) - 1
    if ((offsets < 0) | (offsets > length)).any() or (offsets[:, 0] > offsets[:, 1]).any():
        raise EngramError(
            f"the tokenizer ({type(tokenizer).__name__}) gives offsets outside the text: "
            "they are no positions of characters. "
            "Use a fast tokenizer of the tokenizers library (tokenizer.json)."
        )
    # The spaces at a token's edges are no part of a word: some tokenizers take along the one before
    # a word, others the one behind it.
    begin = offsets[:, 0] + np.isin(offsets[:, 0], ends)
    end = offsets[:, 1] - np.isin(offsets[:, 1] - 1, ends)
    visible = begin < end
    from_word, to_word = (
        np.minimum(np.searchsorted(ends, where, side="right"), last_word)
        for where in (begin, np.maximum(end - 1, begin))
    )
    across = np.flatnonzero(visible & (from_word != to_word))
    if len(across):
        one, other = int(from_word[across[0]]), int(to_word[across[0]])
        text = " ".join(words)[slice(*offsets[across[0]])]
        raise EngramError(
            f"{len(across)} tokens of this tokenizer ({type(tokenizer).__name__}) cover several "
            f"words: '{text}' covers parts of word {one} ('{words[one]}') and word {other} "
            f"('{words[other]}'), so that neither has a vector of its own, and the first would "
            "know the second before it is heard. Use a model whose tokens stay within words "
            "(no SuperBPE tokenizer)."
        )
    if (np.diff(to_word[visible]) < 0).any():
        raise EngramError(
            f"the offsets of this tokenizer ({type(tokenizer).__name__}) go backwards in the "
            "text, so tokens cannot be assigned to words. Use the tokenizer that the model was "
            "published with, or a newer version of it."
        )
    # An empty span (a token for nothing visible) goes with the text that begins
    # there, but never back.
    return np.maximum.accumulate(to_word)


def special_tokens(tokenizer: Any) -> dict[int, str]:
    """Return the special tokens by id, less what is text.

    Text is bytes of rare characters (``<0x56>``), and marks ("!" as padding).
    """
    added = getattr(tokenizer, "added_tokens_decoder", {})
    special = {number: token.content for number, token in added.items() if token.special}
    special |= dict(
        zip(
            getattr(tokenizer, "all_special_ids", []),
            getattr(tokenizer, "all_special_tokens", []),
            strict=True,
        )
    )
    unknown = unknown_token(tokenizer)
    if unknown is not None and (number := tokenizer.convert_tokens_to_ids(unknown)) is not None:
        special[number] = unknown
    return {
        number: token
        for number, token in special.items()
        if token == unknown or (has_letters(token) and not _BYTE.fullmatch(token))
    }


def unknown_token(tokenizer: Any) -> str | None:
    """Return the token for whatever is unknown.

    It is that of the model below, which need not be declared above.
    """
    return getattr(
        getattr(getattr(tokenizer, "backend_tokenizer", None), "model", None), "unk_token", None
    ) or getattr(tokenizer, "unk_token", None)
