"""A causal language model from a folder as an annotator."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from conftest import MODELS, STORY
from late_train import SENTENCE, WORDS

from engram.associations.annotators.annotation import Report, annotate
from engram.associations.annotators.answers import BrokenFormatError
from engram.associations.annotators.local_model import LocalAnnotator
from engram.associations.annotators.prompts import places, prompt
from engram.errors import EngramError
from engram.words.punctuation import ends_sentence


@pytest.fixture
def one_thread() -> Iterator[None]:
    """On a busy machine a small model is faster alone."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.slow
@pytest.mark.usefixtures("one_thread")
def test_local_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    words = STORY.split()[:250]
    sentence = np.concatenate(
        [[0], np.cumsum([ends_sentence(word) for word in words])[:-1]]
    ).tolist()
    made = {
        name: LocalAnnotator(MODELS / "gpt2-tiny", "tiny", "sentence", tmp_path / name, seed=seed)
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    }
    state = torch.random.get_rng_state()
    found, report = annotate(words, sentence, made["a"], 7)
    assert report.asked >= len(places(sentence, 7)) == 2
    assert report.prompt_tokens == 216 * report.asked
    assert 0 < report.completion_tokens <= 40 * report.asked
    assert len(found) + report.skipped <= 2
    assert found, "a text at one place at least, for the seeds of this test"
    assert all(
        one.annotator == "language model: tiny" and re.search(r"[.!?][\"']?$", one.text)
        for one in found
    )
    torch.manual_seed(99)  # what the process drew before makes no difference
    assert annotate(words, sentence, made["b"], 7) == (found, report)
    assert annotate(words, sentence, made["c"], 7)[0] != found
    torch.random.set_rng_state(state)
    monkeypatch.setattr(LocalAnnotator, "answer", None)
    again = annotate(words, sentence, made["a"], 7)
    assert again == (found, Report(cached=report.asked, skipped=report.skipped))


@pytest.mark.parametrize(("content", "finish", "expected"), [
    ('like rain"}', "stop", "like rain"),
    ('"}', "stop", ""),
    (' like \\"rain\\" on tin" and more', "length", 'like "rain" on tin'),
    ("First one. Then another", "length", "First one."),
    ("first line\nsecond line", "length", "first line"),
    ("first line\\nsecond line\"", "length", "first line"),
    ("ended by the model", "stop", "ended by the model"),
    ("a broken \\escape\"", "length", "a broken \\escape"),
    ("Mr. Smith's shop. It", "length", "Mr. Smith's shop."),
    ("cut in the mid", "length", None),
    ("", "stop", None),
])  # fmt: skip
def test_answer_of_a_local_model_is_its_first_sentence(
    content: str, finish: str, expected: str | None, tmp_path: Path
) -> None:
    annotator = LocalAnnotator(MODELS / "gpt2-tiny", "tiny", "word", tmp_path)
    answer = {"content": content, "finish_reason": finish}
    if expected is None:
        with pytest.raises(BrokenFormatError):
            annotator.read(answer)
    else:
        assert annotator.read(answer) == expected


def test_chat_template_is_used_and_a_small_context_keeps_the_question(tmp_path: Path) -> None:
    annotator = LocalAnnotator(MODELS / "gpt2-tiny", "tiny", "word", tmp_path)
    annotator.__dict__["_room"] = 900
    words = [f"w{index}" for index in range(3000)]
    request = annotator.request(lambda longest: prompt(words, 2000, "word", longest=longest), 2000)
    text = request["messages"][0]["content"]
    assert text.startswith("You are a person who listens")
    assert " w2000\n" in text and "w2001" not in text and "w1000 " not in text
    assert len(annotator._tokens(text)) <= 900
    annotator._tokenizer.chat_template = (
        "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}<assistant>"
    )
    assert (
        annotator._tokenizer.decode(annotator._tokens("hello"))
        == '<user>hello<assistant>{"association": "'
    )


def test_request_to_a_local_model_depends_on_place_seed_and_weights(tmp_path: Path) -> None:
    for name in ("one", "two", "three"):
        (tmp_path / name).mkdir()
        for file in (MODELS / "gpt2-tiny").iterdir():
            (tmp_path / name / file.name).symlink_to(file)
    (tmp_path / "three" / "generation_config.json").unlink()

    def request(folder: str, seed: int, place: int) -> str:
        return json.dumps(
            LocalAnnotator(tmp_path / folder, "m", "word", tmp_path, seed=seed).request(
                lambda _: "same", place
            )
        )

    assert request("one", 1, 2) == request("two", 1, 2)
    assert (
        len(
            {
                request("one", 1, 2),
                request("one", 1, 3),
                request("one", 2, 2),
                request("three", 1, 2),
            }
        )
        == 4
    )


def test_local_folder_without_safe_weights_or_a_model(tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin").write_bytes(b"pickle")
    with pytest.raises(EngramError, match="no safetensors weights"):
        LocalAnnotator(tmp_path, "m", "word", tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(EngramError, match="cannot be loaded as a causal language model"):
        annotate(WORDS, SENTENCE, LocalAnnotator(tmp_path, "m", "word", tmp_path / "cache"), 11)
