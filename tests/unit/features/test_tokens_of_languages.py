"""Tokens of stories in languages that write no space between some words."""

from __future__ import annotations

import logging
import re

import numpy as np
import pytest
import tokenizers
from conftest import MODELS
from tokenizers import models, pre_tokenizers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from engram.features.language_models.tokens import tokenize
from engram.vocabulary import SPLITS_LETTERS

NAMES = ("gpt2-tiny", "llama-tiny")
STORIES = {
    "ja": ["星", "の", "王子", "さま", "です。"],
    "zh": ["当", "我", "还", "只有", "六", "岁", "的", "时候，", "GPT", "2", "好。"],
}


@pytest.mark.parametrize("language", STORIES)
@pytest.mark.parametrize("name", NAMES)
def test_words_read_back_and_know_nothing_of_later_ones(name: str, language: str) -> None:
    tokenizer, words = AutoTokenizer.from_pretrained(MODELS / name), STORIES[language]
    story = tokenize(words, tokenizer, language)
    assert story.first[0] == 0 and story.first[-1] == len(story.ids) and (story.lengths > 0).all()
    text = re.sub("(?:<0x..>)+", _characters, tokenizer.decode(story.ids))
    assert text.strip() == "".join(words).replace("GPT2", "GPT 2")
    for end in range(1, len(words)):
        before = tokenize(words[:end], tokenizer, language)
        np.testing.assert_array_equal(before.ids, story.ids[: story.first[end]])


def _characters(tokens: re.Match[str]) -> str:
    """Return the text of bytes that a tokenizer shows by their numbers."""
    return bytes(int(one, 16) for one in re.findall("0x(..)", tokens[0])).decode()


def _joining() -> PreTrainedTokenizerFast:
    """Return a tokenizer that joins two Chinese words into one token."""
    vocabulary = {"[UNK]": 0, "我": 1, "们": 2, "我们": 3, " ": 4}
    inner = tokenizers.Tokenizer(models.BPE(vocabulary, [("我", "们")], unk_token="[UNK]"))
    return PreTrainedTokenizerFast(tokenizer_object=inner, unk_token="[UNK]")


def test_no_token_covers_two_words_that_stand_together() -> None:
    assert _joining()("我们")["input_ids"] == [3]
    assert tokenize(["我", "们"], _joining(), "zh").ids.tolist() == [1, 2]
    assert tokenize(["我们", "我"], _joining(), "zh").ids.tolist() == [3, 1]
    assert tokenize(["我", "们"], _joining()).ids.tolist() == [1, 4, 2]


def test_a_tokenizer_that_writes_a_space_before_each_piece_is_held_from_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    vocabulary = {"<unk>": 0, "\u2581": 1, "我": 2, "们": 3, "\u2581我": 4, "\u2581们": 5, "、": 6}
    merges = [("\u2581", "我"), ("\u2581", "们")]
    inner = tokenizers.Tokenizer(models.BPE(vocabulary, merges, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=inner, unk_token="<unk>")
    assert tokenizer("们")["input_ids"] == [5]
    assert tokenize(["我", "们"], tokenizer, "zh").ids.tolist() == [4, 3]
    assert "writes a space" not in caplog.text


def test_a_model_that_reads_bytes_is_told_of(caplog: pytest.LogCaptureFixture) -> None:
    tokenizer = AutoTokenizer.from_pretrained(MODELS / "gpt2-tiny")
    with caplog.at_level(logging.WARNING):
        tokenize(["the", "old", "house"], tokenizer)
        assert SPLITS_LETTERS not in caplog.text
        tokenize(STORIES["zh"], tokenizer, "zh")
    assert SPLITS_LETTERS in caplog.text and "language zh" in caplog.text
