"""Tokens to words, for tokenizers of both types."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import MODELS, story_words
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer

from engram.errors import EngramError
from engram.tokens import tokenize

TOKENIZERS = {name: AutoTokenizer.from_pretrained(MODELS / name) for name in ("gpt2-tiny", "llama-tiny")}


@pytest.mark.parametrize("name", TOKENIZERS)
def test_every_token_has_one_word_and_words_read_back(name: str) -> None:
    words = story_words(300)
    tokenizer = TOKENIZERS[name]
    story = tokenize(words, tokenizer)
    assert story.first[0] == 0 and story.first[-1] == len(story.ids) and (story.lengths > 0).all()
    for index, word in enumerate(words):
        read = tokenizer.decode(story.ids[story.first[index] : story.first[index + 1]]).strip()
        assert read == word, (index, read, word)


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
        st.text(st.characters(min_codepoint=33, max_codepoint=0x2FFF, exclude_categories=["Z", "C", "M"]), min_size=1, max_size=8), min_size=1, max_size=12
    )
)
def test_any_text_is_partitioned(name: str, words: list[str]) -> None:
    try:
        story = tokenize(words, TOKENIZERS[name])
    except EngramError as error:
        assert "no token" in str(error)
        return
    assert story.first[0] == 0 and story.first[-1] == len(story.ids)
    for index, tokens in enumerate(story.pooled):
        assert len(tokens) and story.first[index] <= tokens[0] and tokens[-1] < story.first[index + 1]


def test_real_llama_tokenizer(mirror: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(mirror / "models" / "stories260K")
    words = ["Once", "upon", "a", "time,", "the", "na\u00efve", "\u4f60\u597d", "girl's", "--", "cat."]
    story = tokenize(words, tokenizer)
    read = [tokenizer.decode(story.ids[story.first[i] : story.first[i + 1]]).strip() for i in range(len(words))]
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
