"""Tokens to words, for tokenizers of both types."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tokenizers
from conftest import MODELS, story_words
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import models, normalizers
from tokenizers.pre_tokenizers import BertPreTokenizer, ByteLevel, Metaspace, Split
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from engram.errors import EngramError
from engram.features.language_models.tokens import tokenize
from engram.words.punctuation import core

TOKENIZERS = {
    name: AutoTokenizer.from_pretrained(MODELS / name) for name in ("gpt2-tiny", "llama-tiny")
}


@pytest.mark.parametrize("name", TOKENIZERS)
def test_every_token_has_one_word_and_words_read_back(name: str) -> None:
    words = story_words(300)
    tokenizer = TOKENIZERS[name]
    story = tokenize(words, tokenizer)
    assert story.first[0] == 0 and story.first[-1] == len(story.ids) and (story.lengths > 0).all()
    for index, word in enumerate(words):
        read = tokenizer.decode(story.ids[story.first[index] : story.first[index + 1]]).strip()
        assert read == word, (index, read, word)


def test_contractions_are_read_without_a_blank() -> None:
    words = ["it", "didn", "'t", "matter", "said", "the", "prince"]
    tokenizer = TOKENIZERS["gpt2-tiny"]
    story = tokenize(words, tokenizer)
    whole = tokenize(["it", "didn't", "matter", "said", "the", "prince"], tokenizer)
    np.testing.assert_array_equal(story.ids, whole.ids)
    assert tokenizer.decode(story.ids[story.pooled[2]]).strip("'") == "t"
    np.testing.assert_array_equal(story.first[[0, 1, 3, 4]], whole.first[[0, 1, 2, 3]])


def test_a_blank_comes_back_where_a_token_covers_a_contraction(
    caplog: pytest.LogCaptureFixture,
) -> None:
    vocabulary = {"it": 0, "it's": 1, "'s": 2, "so": 3, "he": 4, "?": 5}
    made = tokenizers.Tokenizer(models.WordLevel(vocabulary, unk_token="?"))
    made.pre_tokenizer = Split(tokenizers.Regex("it's| |'s"), "isolated")
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=made)
    with caplog.at_level("INFO"):
        story = tokenize(["it", "'s", "so", "he", "'s"], tokenizer)
    tokens = [story.ids[story.pooled[place][-1]] for place in range(5)]
    assert tokens == [0, 2, 3, 4, 2]
    assert "a blank stands before 1 words, such as ''s'" in caplog.text


@pytest.mark.parametrize("name", TOKENIZERS)
def test_punctuation_around_a_word_is_not_pooled(name: str) -> None:
    tokenizer: Any = TOKENIZERS[name]
    words = ["He", 'whistled."', "(Perhaps)", "--", "it's", "end..."]
    story = tokenize(words, tokenizer)
    pooled = ["".join(tokenizer.decode(story.ids[tokens])).strip() for tokens in story.pooled]
    assert pooled[0] == "He"
    assert pooled[1].startswith("whistled") and not pooled[1].endswith('"')
    assert "(" not in pooled[2] or "Per" in pooled[2]
    assert pooled[3] == "--"  # nothing else there: all of it stands for the word
    assert pooled[4] == "it's"
    assert pooled[5].startswith("end") and not pooled[5].endswith("..")


@pytest.mark.parametrize("name", TOKENIZERS)
@settings(max_examples=60, deadline=None)
@given(
    words=st.lists(
        st.text(
            st.characters(
                min_codepoint=33, max_codepoint=0x2FFF, exclude_categories=["Z", "C", "M"]
            ),
            min_size=1,
            max_size=8,
        ),
        min_size=1,
        max_size=12,
    )
)
def test_any_text_is_partitioned(name: str, words: list[str]) -> None:
    try:
        story = tokenize(words, TOKENIZERS[name])
    except EngramError as error:
        assert "no token" in str(error) or "not known" in str(error)
        return
    assert story.first[0] == 0 and story.first[-1] == len(story.ids)
    for index, tokens in enumerate(story.pooled):
        assert (
            len(tokens) and story.first[index] <= tokens[0] and tokens[-1] < story.first[index + 1]
        )


def test_real_llama_tokenizer(mirror: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(mirror / "models" / "stories260K")
    words = [
        "Once",
        "upon",
        "a",
        "time,",
        "the",
        "na\u00efve",
        "\u4f60\u597d",
        "girl's",
        "--",
        "cat.",
    ]
    story = tokenize(words, tokenizer)
    read = [
        tokenizer.decode(story.ids[story.first[i] : story.first[i + 1]]).strip()
        for i in range(len(words))
    ]
    assert read == words


def test_slow_tokenizers_are_refused_with_advice() -> None:
    class Slow:
        is_fast = False

    with pytest.raises(EngramError, match="use_fast=True"):
        tokenize(["a"], Slow())


def test_a_word_without_a_token_is_named() -> None:
    class Dropping:
        is_fast = True

        def __call__(self, text: str, **_: object) -> dict[str, Any]:
            return {"input_ids": [5], "offset_mapping": [(0, 3)]}

    with pytest.raises(EngramError, match="word 1 \\('\u0300'\\)"):
        tokenize(["one", "\u0300"], Dropping())


def test_lengths_count_every_token() -> None:
    story = tokenize(story_words(50), TOKENIZERS["gpt2-tiny"])
    assert story.lengths.sum() == len(story.ids)
    assert all(np.isin(tokens, np.arange(len(story.ids))).all() for tokens in story.pooled)


# ------------------------------------------------------------- tokenizers of every kind, built here
POLYGLOT = [
    "the cat of the house.",
    "星球。 他 住在",
    "है। मैं",
    "نعم، لا",
    "café naïve cafe\u0301",
    "ﬁne",
    "İstanbul",
    "「花」",
] * 3


def fast(
    model: Any, pre: Any = None, normalizer: Any = None, train: bool = True, **options: Any
) -> Any:
    """Return a tokenizer of transformers around parts of the tokenizers library.

    It is trained on a few words.
    """
    made = tokenizers.Tokenizer(model)
    if pre is not None:
        made.pre_tokenizer = pre
    if normalizer is not None:
        made.normalizer = normalizer
    if train:
        training: dict[str, Any] = {
            "vocab_size": 600,
            "show_progress": False,
            "special_tokens": ["<unk>", "<s>", "[SEP]", "<|endoftext|>"],
        }
        training |= {"initial_alphabet": ByteLevel.alphabet()} if isinstance(pre, ByteLevel) else {}
        training |= {"unk_token": "<unk>"} if isinstance(model, models.Unigram) else {}
        trainer = type(made.model.get_trainer())(**training)
        made.train_from_iterator(POLYGLOT, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        **{"unk_token": "<unk>", "bos_token": "<s>", "sep_token": "[SEP]", **options},
    )


KINDS = {
    "byte-level": lambda: fast(models.BPE(), ByteLevel(add_prefix_space=False)),
    "byte-level, prefix space, untrimmed": lambda: fast(
        models.BPE(), ByteLevel(add_prefix_space=True, trim_offsets=False)
    ),
    "word pieces": lambda: fast(
        models.WordPiece(unk_token="<unk>"),
        BertPreTokenizer(),
        normalizers.BertNormalizer(lowercase=False),
    ),
    "word pieces, lower case without accents": lambda: fast(
        models.WordPiece(unk_token="<unk>"), BertPreTokenizer(), normalizers.BertNormalizer()
    ),
    "unigram": lambda: fast(models.Unigram(), Metaspace()),
    "unigram, NFKC and lower case": lambda: fast(
        models.Unigram(),
        Metaspace(),
        normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()]),
    ),
    "characters, NFC": lambda: fast(
        models.BPE(unk_token="<unk>"), Split("", "isolated"), normalizers.NFC()
    ),
    "characters, NFD": lambda: fast(
        models.BPE(unk_token="<unk>"), Split("", "isolated"), normalizers.NFD()
    ),
    "space behind the word": lambda: fast(
        models.BPE(unk_token="<unk>"), Split(" ", "merged_with_previous")
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_last_letter_is_pooled_in_any_script(kind: str) -> None:
    words = [
        "the",
        "house.",
        "星球。",
        "「花」",
        "है।",
        "نعم،",
        "cafe\u0301",
        "naïve",
        "ﬁne",
        "İstanbul",
        "the",
    ]
    tokenizer = KINDS[kind]()
    text = " ".join(words)
    offsets = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)[
        "offset_mapping"
    ]
    story = tokenize(words, tokenizer)
    begin = 0
    for index, word in enumerate(words):
        first, last = (begin + place for place in core(word))
        covered = set().union(*(range(*offsets[token]) for token in story.pooled[index]))
        # Marks may have no token of their own (stripped accents), or be covered by their letter's.
        letters = {
            place for place in range(first, last) if unicodedata.category(text[place])[0] in "LN"
        }
        assert letters <= covered, (
            word,
            [text[slice(*offsets[token])] for token in story.pooled[index]],
        )
        owned = set().union(
            *(range(*offsets[token]) for token in range(story.first[index], story.first[index + 1]))
        )
        assert owned <= set(range(begin - 1, begin + len(word) + 1))
        begin += len(word) + 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("word", ["<unk>", "<s>", "[SEP]", "<|endoftext|>"])
def test_a_word_that_looks_like_a_special_token_is_text_or_refused(kind: str, word: str) -> None:
    tokenizer = KINDS[kind]()
    try:
        story = tokenize(["the", word, "the"], tokenizer)
    except EngramError as error:
        assert f"word 1 ('{word}')" in str(error) and "special tokens" in str(error)
        return
    assert not set(story.ids[np.concatenate(story.pooled)].tolist()) & (
        set(tokenizer.all_special_ids) - {tokenizer.unk_token_id}
    )
    assert any(token != tokenizer.unk_token_id for token in story.ids[story.pooled[1]])
    if "byte" in kind:  # every character is known there
        assert not set(story.ids.tolist()) & set(tokenizer.all_special_ids) and story.lengths[1] > 1


def test_words_that_a_tokenizer_does_not_know_are_refused_by_name() -> None:
    tokenizer = KINDS["word pieces"]()
    with pytest.raises(
        EngramError, match="2 of 4 words .*word 1 \\('Ω'\\), word 3 \\('♪'\\).*take them out"
    ):
        tokenize(["the", "Ω", "the", "♪"], tokenizer)


def test_a_words_beginning_and_punctuation_are_no_part_that_is_known() -> None:
    """Of the first word a tokenizer may know its beginning alone ("▁").

    Of a number it may know its comma.
    """
    with pytest.raises(EngramError, match="1 of 2 words .*word 0 \\('ЩЮ'\\)"):
        tokenize(["ЩЮ", "the"], KINDS["unigram"]())
    vocabulary = {token: number for number, token in enumerate(["<unk>", "the", ",", "10"])}
    digits = fast(models.WordLevel(vocabulary, "<unk>"), BertPreTokenizer(), train=False)
    with pytest.raises(EngramError, match="1 of 3 words .*word 1 \\('20,000'\\)"):
        tokenize(["the", "20,000", ","], digits)
    assert len(tokenize(["the", "10,000"], digits).pooled[1]) == 3
    # Nothing but marks, one of them known.
    assert len(tokenize(["the", "\u266a,"], digits).pooled[1]) == 2


def test_half_a_character_is_refused_by_its_word() -> None:
    with pytest.raises(EngramError, match=r"word 1 \('a\\ud83d'\) holds half a character"):
        tokenize(["the", "a\ud83d", "b"], TOKENIZERS["gpt2-tiny"])


def test_an_unknown_token_that_is_not_declared_is_known_by_the_model_below() -> None:
    tokenizer = fast(
        models.WordLevel({"<unk>": 0, "the": 1}, "<unk>"),
        BertPreTokenizer(),
        train=False,
        unk_token=None,
        bos_token=None,
        sep_token=None,
    )
    with pytest.raises(EngramError, match="word 1 \\('hat'\\)"):
        tokenize(["the", "hat"], tokenizer)


def test_a_part_that_a_tokenizer_does_not_know_is_said(caplog: pytest.LogCaptureFixture) -> None:
    tokenizer = KINDS["characters, NFC"]()
    with caplog.at_level("INFO", logger="engram"):
        story = tokenize(["the", "hotΩ", "hat"], tokenizer)
    assert (
        "1 of 3 words have a part that the tokenizer does not know: word 1 ('hotΩ')" in caplog.text
    )
    assert len(story.pooled[1]) == 4


def test_bytes_of_rare_characters_are_text_though_marked_as_special() -> None:
    tokenizer: Any = TOKENIZERS["llama-tiny"]
    assert tokenizer.added_tokens_decoder[3 + ord("V")].special
    story = tokenize(["V", "星球。", "Zoo"], tokenizer)
    read = [tokenizer.convert_ids_to_tokens(story.ids[tokens].tolist()) for tokens in story.pooled]
    read = [[token for token in tokens if token != "▁"] for tokens in read]
    assert (
        read[0] == ["<0x56>"]
        and read[1] == [f"<0x{byte:02X}>" for byte in "星球".encode()]
        and read[2][0] == "<0x5A>"
    )


def test_a_mark_that_serves_as_padding_is_text() -> None:
    tokenizer = fast(models.BPE(), ByteLevel(add_prefix_space=False), pad_token="!")
    story = tokenize(["the", "!"], tokenizer)
    assert tokenizer.decode(story.ids[story.pooled[1]]).strip() == "!"


def test_a_space_behind_a_word_belongs_to_it() -> None:
    vocabulary = {token: number for number, token in enumerate(["<unk>", "o", "f ", "the", "cat "])}
    tokenizer = fast(
        models.WordLevel(vocabulary, "<unk>"),
        Split(tokenizers.Regex("o|f |the|cat "), "isolated"),
        train=False,
    )
    story = tokenize(["of", "cat", "the"], tokenizer)
    assert story.first.tolist() == [0, 2, 3, 4] and [
        tokens.tolist() for tokens in story.pooled
    ] == [[0, 1], [2], [3]]


@pytest.mark.parametrize(
    ("pieces", "named"),
    [("of the| house", "of the"), ("o|f the| house", "f the"), ("of t|he| house", "of t")],
)
def test_tokens_that_span_words_are_refused_by_name(pieces: str, named: str) -> None:
    vocabulary = {token: number for number, token in enumerate(["<unk>", *pieces.split("|")])}
    tokenizer = fast(
        models.WordLevel(vocabulary, "<unk>"),
        Split(tokenizers.Regex(pieces), "isolated"),
        train=False,
    )
    with pytest.raises(
        EngramError,
        match=f"'{named}' covers parts of word 0 \\('of'\\) and word 1 \\('the'\\).*SuperBPE",
    ):
        tokenize(["of", "the", "house"], tokenizer)


@pytest.mark.parametrize(
    ("offsets", "message"),
    [([(0, 3), (4, 9)], "outside the text"), ([(4, 7), (0, 3)], "go backwards")],
)
def test_offsets_that_do_not_fit_are_refused(offsets: list[tuple[int, int]], message: str) -> None:
    class Wrong:
        is_fast = True

        def __call__(self, text: str, **_: object) -> dict[str, Any]:
            return {"input_ids": [5, 6], "offset_mapping": offsets}

    with pytest.raises(EngramError, match=message):
        tokenize(["one", "two"], Wrong())


def test_words_that_lose_letters_are_named(caplog: pytest.LogCaptureFixture) -> None:
    """A vocabulary without the letter, and no token for what is unknown.

    "na\u00efve" is read as "n a ve", and nothing else says so.
    """
    model = models.BPE(vocab={letter: number for number, letter in enumerate("aenvst ")}, merges=[])
    tokenizer = tokenizers.Tokenizer(model)
    tokenizer.pre_tokenizer = Split(" ", "isolated")
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer)
    story = tokenize(["seven", "na\u00efve", "tents"], fast)
    assert fast.convert_ids_to_tokens(story.ids[story.pooled[1]].tolist()) == ["n", "a", "v", "e"]
    assert "1 of 3 words lose letters" in caplog.text and "word 1 ('na\u00efve')" in caplog.text
    caplog.clear()
    tokenize(["seven", "'tents'"], fast)  # marks may be lost
    tokenize(["na\u00efve", "\u00e9t\u00e9"], TOKENIZERS["gpt2-tiny"])  # bytes are never lost
    assert "lose letters" not in caplog.text
