"""Words and a model's tokens: which tokens are whose, by character offsets."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engram.errors import EngramError
from engram.features.language_models.cut_texts import in_pieces
from engram.features.language_models.special_tokens import says_something, special_tokens
from engram.vocabulary import SPLITS_LETTERS
from engram.words.language import ENGLISH, has_spaces
from engram.words.punctuation import core, has_letters
from engram.words.spacing import Layout, laid_out

logger = logging.getLogger(__name__)

#: Words that a message names.
_NAMED = 5
#: Share of letters that a tokenizer may split into bytes before that is warned of.
MOST_SPLIT = 0.1


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


def tokenize(words: Sequence[str], tokenizer: Any, language: str = ENGLISH) -> TokenizedStory:
    """Tokenize a story and assign each token to a word.

    Parameters
    ----------
    words : sequence of str
        The story's text is the words with blanks between them, but where people write none
        (`engram.words.spacing`).
    tokenizer : transformers.PreTrainedTokenizerFast
    language : str
        Code of the story's language.

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
    which the listener has not heard yet. So a language without spaces is cut into tokens between
    words.
    """
    _check_fast(tokenizer)
    _check_whole(words, " ".join(words))
    layout, encoded = _laid_out_and_encoded(words, tokenizer, language)
    begins, ends = layout.begins, layout.ends
    owners = _owners(words, layout, encoded.offsets, tokenizer)
    first = np.searchsorted(owners, np.arange(len(words) + 1))
    is_read = _characters_read(encoded)
    pooled, unknown, partly, shortened = [], list[str](), list[str](), list[str]()
    for index, word in enumerate(words):
        named, tokens = f"word {index} ('{word}')", np.arange(first[index], first[index + 1])
        inside = _without_punctuation(tokens, word, begins[index], encoded)
        if len(inside) == 0:
            raise EngramError(
                f"{named} has no token of its own under this tokenizer "
                f"({type(tokenizer).__name__}). Write it with letters, or take it out."
            )
        kept = _standing_for_text(inside, encoded)
        if len(_known(inside, word, encoded)) == 0:
            unknown.append(named)
        elif encoded.special[kept].any():
            partly.append(named)
        if not is_read[begins[index] : ends[index]].all() and _lost_letters(word, tokenizer):
            shortened.append(named)
        pooled.append(kept)
    _report_bytes(encoded, language)
    _report_unread(shortened, partly, unknown, len(words), tokenizer)
    return TokenizedStory(encoded.ids, first, pooled)


@dataclass(frozen=True)
class _Encoded:
    """A text's tokens.

    Attributes
    ----------
    text : str
    ids : array of shape (n_tokens, )
    offsets : array of shape (n_tokens, 2)
        Begin and end of each token in the text.
    special : array of shape (n_tokens, )
        Whether each is a special token.
    names : dict
        The special tokens by id.
    tokenizer : transformers.PreTrainedTokenizerFast
    """

    text: str
    ids: np.ndarray
    offsets: np.ndarray
    special: np.ndarray
    names: dict[int, str]
    tokenizer: Any

    def covered(self, token: int) -> str:
        """Return the part of the text that a token covers."""
        return self.text[slice(*self.offsets[token])]


def _encoded(text: str, tokenizer: Any, cuts: Sequence[int] | np.ndarray = ()) -> _Encoded:
    """Return the tokens of a text, which is cut into pieces at some places."""
    pieces = in_pieces(text, cuts, tokenizer)
    ids = np.concatenate([one.ids for one in pieces])
    offsets = np.concatenate([one.offsets for one in pieces])
    names = special_tokens(tokenizer)
    return _Encoded(text, ids, offsets, np.isin(ids, list(names)), names, tokenizer)


def _laid_out_and_encoded(
    words: Sequence[str], tokenizer: Any, language: str
) -> tuple[Layout, _Encoded]:
    """Return the text of a story, and its tokens.

    Where a token covers parts of two words between which people write no blank (don + 't), a blank
    stands between them after all: a token belongs to one word. A language that is written without
    blanks is cut there instead.
    """
    if not has_spaces(language):
        layout = laid_out(words, language=language)
        together = layout.begins[1:] == layout.ends[:-1]
        return layout, _encoded(layout.text, tokenizer, layout.begins[1:][together])
    apart = set[int]()
    while True:
        layout = laid_out(words, apart, language)
        encoded = _encoded(layout.text, tokenizer)
        _, from_word, to_word = _across(layout, encoded.offsets)
        found = {
            place
            for begin, end in zip(from_word.tolist(), to_word.tolist(), strict=True)
            for place in range(begin + 1, end + 1)
            if layout.begins[place] == layout.ends[place - 1]
        }
        if not found:
            break
        apart |= found
    if apart:
        logger.info(
            "a blank stands before %d words, such as '%s', which follow the word before without "
            "one where people write: tokens of this tokenizer (%s) cover parts of both",
            len(apart),
            words[min(apart)],
            type(tokenizer).__name__,
        )
    return layout, encoded


def _characters_read(encoded: _Encoded) -> np.ndarray:
    """Return whether each character of a text is covered by a token, (n_characters + 1, )."""
    return _tokens_by_character(encoded) != 0


def _tokens_by_character(encoded: _Encoded) -> np.ndarray:
    """Return how many tokens cover each character of a text, (n_characters + 1, )."""
    # How many tokens begin, less how many end, at each character.
    change = np.zeros(len(encoded.text) + 1, dtype=int)
    np.add.at(change, encoded.offsets[:, 0], 1)
    np.add.at(change, encoded.offsets[:, 1], -1)
    return np.cumsum(change)


def split_words(
    words: Sequence[str], tokenizer: Any, language: str = ENGLISH
) -> tuple[float, float, float]:
    """Return how a tokenizer cuts the words of a story, without a warning or a refusal.

    Parameters
    ----------
    words : sequence of str
    tokenizer : transformers.PreTrainedTokenizerFast
    language : str
        Code of the story's language.

    Returns
    -------
    tokens_a_word : float
    words_split : float
        Share of the words with a character that is split between tokens: into bytes.
    letters_split : float
        Share of the letters that are.

    Raises
    ------
    EngramError
        If the tokenizer gives no character offsets, or a word holds half a character.
    """
    _check_fast(tokenizer)
    _check_whole(words, " ".join(words))
    layout, encoded = _laid_out_and_encoded(words, tokenizer, language)
    split = np.concatenate([[0], np.cumsum(_tokens_by_character(encoded)[:-1] > 1)])
    broken = split[layout.ends] > split[layout.begins]
    return len(encoded.ids) / len(words), float(broken.mean()), _letters_split(encoded)


def _letters_split(encoded: _Encoded) -> float:
    """Return the share of the letters of a text that are split between tokens."""
    covered = _tokens_by_character(encoded)[:-1]
    letters = np.array([character.isalpha() for character in encoded.text])
    return float((covered[letters] > 1).mean()) if letters.any() else 0.0


def _report_bytes(encoded: _Encoded, language: str) -> None:
    """Warn where many letters are split into bytes: the model hardly knows the language."""
    share = _letters_split(encoded)
    if share > MOST_SPLIT:
        logger.warning(
            "the tokenizer (%s) %s: %.0f%% of the letters of this story (language %s), %.1f tokens "
            "for each letter. The model has seen little of this language; use one that was "
            "trained on it",
            *(type(encoded.tokenizer).__name__, SPLITS_LETTERS, 100 * share, language),
            len(encoded.ids) / sum(character.isalpha() for character in encoded.text),
        )


def _without_punctuation(
    tokens: np.ndarray, word: str, place: int, encoded: _Encoded
) -> np.ndarray:
    """Return the tokens that hold a part of a word without the punctuation around it.

    They are all of its tokens for a word without letters and digits, and none for one with letters
    of which no token holds a part.

    Parameters
    ----------
    tokens : array of int
        All tokens of the word.
    word : str
    place : int
        Where the word begins in the text.
    encoded : _Encoded
    """
    begin, end = place + np.array(core(word))
    offsets = encoded.offsets[tokens]
    inside = tokens[(offsets[:, 0] < end) & (offsets[:, 1] > begin)]
    return inside if len(inside) or has_letters(word) else tokens


def _standing_for_text(inside: np.ndarray, encoded: _Encoded) -> np.ndarray:
    """Return a word's tokens without special tokens that are written in the word.

    A special token that stands for an unknown part of the word is kept.
    """
    return inside[
        [
            not encoded.special[token]
            or encoded.covered(token).strip() != encoded.names[encoded.ids[token]]
            for token in inside
        ]
    ]


def _known(inside: np.ndarray, word: str, encoded: _Encoded) -> np.ndarray:
    """Return a word's tokens that say something of it; none for a word that is not known."""
    known = inside[~encoded.special[inside]]
    if has_letters(word) and len(known) < len(inside):
        known = known[
            [
                says_something(encoded.tokenizer, encoded.ids[token], encoded.covered(token))
                for token in known
            ]
        ]
    return known


def _report_unread(
    shortened: Sequence[str],
    partly: Sequence[str],
    unknown: Sequence[str],
    n_words: int,
    tokenizer: Any,
) -> None:
    """Say which words lose letters or are known in part, and refuse unknown ones."""
    kind = type(tokenizer).__name__
    if shortened:
        logger.warning(
            (
                "%d of %d words lose letters under this tokenizer (%s), which drops what it does "
                "not know: %s. The model reads them as other words"
            ),
            *(len(shortened), n_words, kind, ", ".join(shortened[:_NAMED])),
        )
    if partly:
        logger.info(
            "%d of %d words have a part that the tokenizer does not know: %s",
            len(partly),
            n_words,
            ", ".join(partly[:_NAMED]),
        )
    if unknown:
        raise EngramError(
            f"{len(unknown)} of {n_words} words are not known to this "
            f"tokenizer ({kind}), which reads them "
            "as special tokens, such as the one for whatever is unknown: "
            f"{', '.join(unknown[:_NAMED])}{', ...' if len(unknown) > _NAMED else ''}. Their "
            "vectors would say nothing of them. Write these words with characters that the model "
            "knows, take them out, or use a model for this language."
        )


def _check_fast(tokenizer: Any) -> None:
    """Refuse a tokenizer that does not say which characters a token covers."""
    if not getattr(tokenizer, "is_fast", False):
        raise EngramError(
            f"the tokenizer ({type(tokenizer).__name__}) gives no character offsets, "
            "so tokens cannot be assigned to words. Convert it to a fast one: "
            "AutoTokenizer.from_pretrained(..., use_fast=True).save_pretrained(folder)."
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

    It drops them: not even its unknown token stands for them.

    Offsets behind such a letter are those of the word without it, so that they cannot
    tell which one is lost.
    """
    return [
        letter
        for letter in sorted(set(word))
        if has_letters(letter) and not tokenizer(letter, add_special_tokens=False)["input_ids"]
    ]


def _spans(layout: Layout, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return whether tokens cover anything but a blank, and their first and last words.

    The blanks at a token's edges are no part of a word: some tokenizers take along the one before
    a word, others the one behind it.
    """
    begin = offsets[:, 0] + np.isin(offsets[:, 0], layout.blanks)
    end = offsets[:, 1] - np.isin(offsets[:, 1] - 1, layout.blanks)
    from_word, to_word = (
        np.minimum(np.searchsorted(layout.ends, where, side="right"), len(layout.ends) - 1)
        for where in (begin, np.maximum(end - 1, begin))
    )
    return begin < end, from_word, to_word


def _across(layout: Layout, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the tokens that cover parts of several words, and their first and last words."""
    visible, from_word, to_word = _spans(layout, offsets)
    tokens = np.flatnonzero(visible & (from_word != to_word))
    return tokens, from_word[tokens], to_word[tokens]


def _owners(
    words: Sequence[str], layout: Layout, offsets: np.ndarray, tokenizer: Any
) -> np.ndarray:
    """Return the word of each token, never decreasing.

    Parameters
    ----------
    words : sequence of str
    layout : Layout
        Where they stand in the text.
    offsets : array of shape (n_tokens, 2)
    tokenizer : transformers.PreTrainedTokenizerFast
    """
    length = int(layout.ends[-1])
    if ((offsets < 0) | (offsets > length)).any() or (offsets[:, 0] > offsets[:, 1]).any():
        raise EngramError(
            f"the tokenizer ({type(tokenizer).__name__}) gives offsets outside the text: "
            "they are no positions of characters. "
            "Use a fast tokenizer of the tokenizers library (tokenizer.json)."
        )
    visible, _, to_word = _spans(layout, offsets)
    across, ones, others = _across(layout, offsets)
    if len(across):
        one, other = int(ones[0]), int(others[0])
        text = layout.text[slice(*offsets[across[0]])]
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
