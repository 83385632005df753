"""Samples as tokens: prompts, outputs and ends; what a tokenizer does not know is refused."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import MODELS
from small_tunings import DECODERS, SETTINGS, Tune, few_samples, tuner
from transformers import AutoTokenizer

from engram.errors import EngramError
from engram.tunings.sample_tokens import encode_samples, fitting, prompt_of
from engram.tunings.samples import Sample


@pytest.fixture(scope="module")
def parts() -> tuple[list[Sample], list[Sample]]:
    return few_samples()


@pytest.fixture
def tune(tmp_path: Path) -> Tune:
    return tuner(tmp_path)


def test_the_plain_template_leaves_out_what_is_empty() -> None:
    tokenizer = AutoTokenizer.from_pretrained(MODELS / "llama-tiny")
    full = prompt_of(Sample("Do it.", "Once.", "x", None, 1), tokenizer)
    assert full == "<s>Passage:\nOnce.\n\nTask:\nDo it.\n\nAnswer:\n"
    assert "Passage" not in prompt_of(Sample("Do it.", "", "x", None, 1), tokenizer)
    assert prompt_of(Sample("", "Once.", "x", None, 1), tokenizer) == "<s>Once.\n"


def test_a_chat_template_is_used_unless_the_plain_one_is_asked_for() -> None:
    tokenizer = AutoTokenizer.from_pretrained(MODELS / "gpt2-tiny")
    tokenizer.chat_template = (
        "{% for message in messages %}[{{ message['role'] }}] {{ message['content'] }}{% endfor "
        "%}{% if add_generation_prompt %} [you]{% endif %}"
    )
    one = Sample("Do it.", "Once.", "x", None, 1)
    assert prompt_of(one, tokenizer, "auto") == "[user] Do it.\n\nOnce. [you]"
    assert prompt_of(one, tokenizer, "plain").startswith("<|endoftext|>Passage:")
    automatic, plain = (
        encode_samples([one], tokenizer, 256, template)[0] for template in ("auto", "plain")
    )
    assert (
        automatic.n_prompt != plain.n_prompt
        and automatic.ids[automatic.n_prompt :] == plain.ids[plain.n_prompt :]
    )


def test_samples_are_prompt_output_and_end() -> None:
    tokenizer = AutoTokenizer.from_pretrained(MODELS / "gpt2-tiny")
    one = Sample("Do it.", "Once.", "A long time ago.", None, 1)
    encoded = encode_samples([one], tokenizer, 256)[0]
    assert tokenizer.decode(encoded.ids[: encoded.n_prompt]) == prompt_of(one, tokenizer)
    assert tokenizer.decode(encoded.ids[encoded.n_prompt :]) == "A long time ago.<|endoftext|>"


def test_over_long_samples_are_refused_with_line_numbers(tune: Tune) -> None:
    tokenizer = AutoTokenizer.from_pretrained(MODELS / "gpt2-tiny")
    samples = [
        Sample("Do it.", "Once. " * (100 if line in (3, 5) else 1), "x", None, line)
        for line in range(1, 7)
    ]
    with pytest.raises(
        EngramError,
        match=r"max_length allows \(60 tokens\): line 3: \d+ tokens; line 5: \d+ tokens\. ",
    ):
        encode_samples(samples, tokenizer, 60)
    assert [sample.line for sample in fitting(samples, tokenizer, 60)] == [1, 2, 4, 6]
    with pytest.raises(EngramError, match="and 2 more"):
        encode_samples(samples * 6, tokenizer, 60)
    with pytest.raises(
        EngramError, match=r"max_length is 300 tokens, more than the model can read \(256\)"
    ):
        tune(settings=replace(SETTINGS, max_length=300))


def known_words(*words: str) -> Any:
    """Return a tokenizer of these words, for which all else is unknown."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer(
        models.WordLevel(
            {word: number for number, word in enumerate(["<unk>", "</s>", *words])}, "<unk>"
        )
    )
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return PreTrainedTokenizerFast(tokenizer_object=made, unk_token="<unk>", eos_token="</s>")


def test_special_tokens_in_a_sample_are_text_or_refused() -> None:
    tokenizer = AutoTokenizer.from_pretrained(MODELS / "gpt2-tiny")
    end = "<|endoftext|>"
    encoded = encode_samples(
        [Sample("Do it.", "Once.", f"The {end} end.", None, 1)], tokenizer, 256
    )[0]
    output = encoded.ids[encoded.n_prompt :]
    assert (
        output.count(tokenizer.eos_token_id) == 1
        and tokenizer.decode(output[:-1]) == f"The {end} end."
    )
    for one in (
        Sample(f"Do {end}.", "Once.", "x", None, 7),
        Sample("Do it.", f"Once {end}.", "x", None, 7),
    ):
        with pytest.raises(
            EngramError,
            match=(
                r"line 7: the (instruction|input) holds '<\|endoftext\|>', which the tokenizer "
                r"takes for more than text"
            ),
        ):
            encode_samples([one], tokenizer, 256)


def test_each_line_that_shares_a_refused_text_is_named() -> None:
    tokenizer = AutoTokenizer.from_pretrained(MODELS / "gpt2-tiny")
    samples = [
        Sample("Do it.", text, "x", None, line)
        for line, text in enumerate(("<|endoftext|>", "Once.", "<|endoftext|>"), 1)
    ]
    with pytest.raises(EngramError, match=r"line 1: the input holds .*; line 3: the input holds"):
        encode_samples(samples, tokenizer, 256)


def test_samples_that_a_tokenizer_does_not_know_are_refused_and_parts_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    tokenizer = known_words("do", "it", "once", "a", "time", ",", "10")
    with pytest.raises(
        EngramError,
        match=(
            r"line 1: the tokenizer knows no letter and no digit of the output \('привет, мир'\); "
            r"line 2: .* of the input"
        ),
    ):
        encode_samples(
            [
                Sample("do it", "once", "привет, мир", None, 1),
                Sample("do it", "слово", "a time", None, 2),
            ],
            tokenizer,
            64,
            "plain",
        )
    with caplog.at_level("WARNING", logger="engram"):
        encode_samples(
            [
                Sample("do it", "once", "a time, never", None, 1),
                Sample("do it", "", "...", None, 2),
            ],
            tokenizer,
            64,
            "plain",
        )
    assert "4 of 9 output tokens are '<unk>'" in caplog.text


@pytest.mark.parametrize("model", DECODERS)
def test_samples_of_any_script_are_known_to_a_model_of_bytes(model: str) -> None:
    texts = (
        "O LEÃO",
        "«À Noël»",
        "Да, «чаю».",
        "你好，世界。",
        "Tiếng Việt",
        "שלום ע",
        "नमस्ते",
        "😀",
        "Füße – Größe…",
        "<b> [x] </p>",
    )
    samples = [Sample("Do it.", text, text, None, line) for line, text in enumerate(texts, start=1)]
    assert len(encode_samples(samples, AutoTokenizer.from_pretrained(MODELS / model), 256)) == len(
        texts
    )


def test_a_chat_template_that_fails_is_named_with_the_plain_one() -> None:
    tokenizer = AutoTokenizer.from_pretrained(MODELS / "gpt2-tiny")
    tokenizer.chat_template = "{{ raise_exception('a system message is needed') }}"
    with pytest.raises(
        EngramError, match=r"TemplateError: a system message is needed\)\. Write 'template: plain'"
    ):
        prompt_of(Sample("Do it.", "Once.", "x", None, 1), tokenizer)


def test_a_tokenizer_that_is_larger_than_the_model_is_refused(
    tune: Tune, tmp_path: Path, parts: tuple[list[Sample], list[Sample]]
) -> None:
    shutil.copytree(MODELS / "gpt2-tiny", tmp_path / "larger")
    tokenizer = AutoTokenizer.from_pretrained(MODELS / "gpt2-tiny")
    tokenizer.add_tokens(["rememberance"])
    tokenizer.save_pretrained(tmp_path / "larger")
    train, validation = parts
    with pytest.raises(
        EngramError,
        match=(
            "the tokenizer gives token .*rememberance.* is another model's, "
            "or tokens were added to it"
        ),
    ):
        tune(
            model=str(tmp_path / "larger"),
            parts=([*train[:2], replace(train[0], output="rememberance")], validation[:1]),
        )
