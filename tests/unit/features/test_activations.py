"""Activations: strided equals exact, batched equals single, nobody sees the future."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import MODELS, story_words
from tokenizers import Tokenizer, models, processors
from transformers import PreTrainedTokenizerFast

from engram.errors import EngramError
from engram.features.language_models import activations
from engram.features.language_models.reader import Reader, window_frame
from engram.features.language_models.tokens import tokenize
from engram.features.language_models.windows import Window, exact_windows
from engram.features.language_models.word_vectors import word_vectors

DECODERS = ("gpt2-tiny", "llama-tiny")


def vectors(words: list[str], reader: Reader, **changes: object) -> np.ndarray:
    """Activations of words, of shape (n_layers, n_words, n_units)."""
    options: dict[str, Any] = {
        "mode": "strided",
        "context": None,
        "stride": None,
        "pooling": "last",
        "batch_tokens": 4096,
        **changes,
    }
    return activations.story_activations(words, reader, **options)["activation"].values


def assert_same(one: np.ndarray, other: np.ndarray, tolerance: float = 1e-4) -> None:
    """Hold the difference against each unit's spread over words."""
    spread = one.std(axis=1, keepdims=True)
    assert (np.abs(one - other) <= tolerance * np.maximum(spread, 1e-6)).all(), np.max(
        np.abs(one - other) / np.maximum(spread, 1e-6)
    )


@pytest.fixture(scope="module", params=DECODERS)
def decoder(request: pytest.FixtureRequest) -> Reader:
    return activations.load(MODELS / request.param)


@pytest.mark.slow
def test_strided_equals_exact_where_the_context_covers_the_story(
    decoder: Reader,
) -> None:
    words = story_words(120)
    assert_same(vectors(words, decoder), vectors(words, decoder, mode="exact"))


def test_batched_equals_single(decoder: Reader) -> None:
    words = story_words(300)
    assert_same(
        vectors(words, decoder, context=64), vectors(words, decoder, context=64, batch_tokens=64)
    )


def test_a_word_knows_nothing_of_what_follows(decoder: Reader) -> None:
    words = story_words(80)
    other = [*words[:50], *["zebra"] * 30]
    assert_same(vectors(words, decoder)[:, :50], vectors(other, decoder)[:, :50])
    assert np.abs(vectors(words, decoder)[:, 50:] - vectors(other, decoder)[:, 50:]).max() > 0.1


def test_windows_begin_with_bos_which_changes_what_is_read(decoder: Reader) -> None:
    import torch

    words = story_words(30)
    story = tokenize(words, decoder.tokenizer)
    ids = torch.tensor([[decoder.tokenizer.bos_token_id, *story.ids]])
    with torch.inference_mode():
        direct = torch.stack(decoder.model(input_ids=ids, output_hidden_states=True).hidden_states)[
            :, 0
        ].numpy()
    expected = direct[:, [1 + tokens[-1] for tokens in story.pooled]]
    assert_same(expected, vectors(words, decoder))
    assert expected.shape[0] == decoder.model.config.num_hidden_layers + 1


@pytest.mark.parametrize("pooling", ["mean", "sum"])
def test_pooling_over_sub_tokens(decoder: Reader, pooling: str) -> None:
    import torch

    words = story_words(30)
    story = tokenize(words, decoder.tokenizer)
    assert max(map(len, story.pooled)) > 1
    with torch.inference_mode():
        ids = torch.tensor([[decoder.tokenizer.bos_token_id, *story.ids]])
        direct = torch.stack(decoder.model(input_ids=ids, output_hidden_states=True).hidden_states)[
            :, 0
        ].numpy()
    reduce = np.mean if pooling == "mean" else np.sum
    expected = np.stack([reduce(direct[:, 1 + tokens], axis=1) for tokens in story.pooled], axis=1)
    assert_same(expected, vectors(words, decoder, pooling=pooling))


def test_longer_context_changes_the_vectors_of_later_words_only(
    decoder: Reader,
) -> None:
    words = story_words(200)
    short, long = (
        vectors(words, decoder, context=32, stride=16),
        vectors(words, decoder, context=128),
    )
    assert_same(short[:, :8], long[:, :8])
    assert np.abs(short[1:, 150:] - long[1:, 150:]).max() > 0.1


def test_an_encoder_never_sees_a_later_word_whatever_the_setting(encoder_folder: Path) -> None:
    reader = activations.load(encoder_folder)
    assert not reader.causal and len(reader.prefix) == 1 and len(reader.suffix) == 1
    words = [word.strip('.,"') for word in story_words(40)]
    for mode in ("strided", "exact"):
        one = vectors(words, reader, mode=mode, context=40)
        other = vectors([*words[:25], *["sea"] * 15], reader, mode=mode, context=40)
        assert_same(one[:, :25], other[:, :25])


def test_an_encoder_with_a_stride_knows_so_many_later_words_and_no_more(
    encoder_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    reader = activations.load(encoder_folder)
    words = [word.strip('.,"') for word in story_words(40)]
    options: dict[str, Any] = {"context": 50, "encoder_stride": 4}
    one = vectors(words, reader, **options)
    assert "4 words apart (activations.encoder_stride): a word knows up to 3 words" in caplog.text
    # Windows of four words: word 23 is the last one of its window.
    for changed in (20, 21, 22, 23):
        other = vectors([*words[:changed], "sea", *words[changed + 1 :]], reader, **options)
        moved = np.abs(one - other).max(axis=(0, 2)) > 1e-4
        assert not moved[:20].any() and moved[20:24].all()
    story = activations.story_activations(
        words, reader, mode="strided", stride=None, pooling="last", batch_tokens=64, **options
    )
    assert story.attrs == {"later_words_known": 3}


def test_the_last_word_of_a_window_is_as_it_is_read_alone(encoder_folder: Path) -> None:
    """With a stride of 1 all words are, bit for bit."""
    reader = activations.load(encoder_folder)
    words = [word.strip('.,"') for word in story_words(42)]
    story = tokenize(words, reader.tokenizer)
    windows = []
    for word in range(42):
        begin = word
        while begin > 0 and story.lengths[begin - 1 : word + 1].sum() <= 50 - reader.frame:
            begin -= 1
        windows.append(Window(begin, word, word + 1))
    alone = word_vectors(story, windows, reader, batch_tokens=4096)
    np.testing.assert_array_equal(vectors(words, reader, context=50, encoder_stride=1), alone)
    strided = vectors(words, reader, context=50, encoder_stride=5)
    last = [*range(4, 42, 5), 41]
    assert_same(strided[:, last], alone[:, last])
    others = np.setdiff1d(np.arange(42), last)
    assert (np.abs(strided[1:, others] - alone[1:, others]).max(axis=(0, 2)) > 1e-4).all()


def test_causal_models_have_no_encoder_stride(decoder: Reader) -> None:
    words = story_words(60)
    for mode in ("strided", "exact"):
        plain = vectors(words, decoder, mode=mode, context=48)
        np.testing.assert_array_equal(
            vectors(words, decoder, mode=mode, context=48, encoder_stride=8), plain
        )


def test_an_encoder_reads_the_same_in_batches_and_window_by_window(encoder_folder: Path) -> None:
    """Batches are of like lengths, padded and masked; windows alone have no padding."""
    reader = activations.load(encoder_folder)
    assert reader.batched_is_single
    words = [word.strip('.,"') for word in story_words(60)]
    for stride in (1, 3):
        options = {"context": 50, "encoder_stride": stride}
        batched = vectors(words, reader, batch_tokens=1024, **options)
        single = vectors(words, reader, batch_tokens=1, **options)
        np.testing.assert_allclose(batched, single, atol=1e-5)


def test_an_encoder_reads_the_framed_prefix(encoder_folder: Path) -> None:
    import torch

    reader = activations.load(encoder_folder)
    words = [word.strip('.,"') for word in story_words(20)]
    story = tokenize(words, reader.tokenizer)
    window = exact_windows(story.lengths, 38)[12]
    ids = [
        reader.prefix[0],
        *story.ids[story.first[window.begin] : story.first[window.end]],
        reader.suffix[0],
    ]
    with torch.inference_mode():
        last = reader.model(input_ids=torch.tensor([ids])).last_hidden_state[0, -2].numpy()
    np.testing.assert_allclose(vectors(words, reader, context=40)[-1, 12], last, atol=1e-5)


def test_the_frame_is_found_where_the_vocabulary_has_no_letter_a() -> None:
    characters = {"[PAD]": 0, "[CLS]": 1, "[SEP]": 2, "海": 3, "鼠": 4}
    whole = Tokenizer(models.BPE(vocab=characters, merges=[]))
    whole.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=whole, cls_token="[CLS]", sep_token="[SEP]", pad_token="[PAD]"
    )
    assert tokenizer("a", add_special_tokens=False)["input_ids"] == []
    assert window_frame(tokenizer, causal=False) == ([1], [2])


def test_reinitialised_twins_are_seeded_and_differ_from_the_trained() -> None:
    words = story_words(20)
    twins = [
        vectors(words, activations.load(MODELS / "gpt2-tiny", reinitialised=True, seed=seed))
        for seed in (3, 3, 4)
    ]
    np.testing.assert_array_equal(twins[0], twins[1])
    assert np.abs(twins[0] - twins[2]).max() > 1e-3
    assert np.abs(twins[0] - vectors(words, activations.load(MODELS / "gpt2-tiny"))).max() > 1e-3


def test_half_precision_stays_close() -> None:
    words = story_words(60)
    full, half = (
        vectors(words, activations.load(MODELS / "llama-tiny", dtype=dtype))
        for dtype in ("float32", "bfloat16")
    )
    assert half.dtype == np.float32
    assert np.corrcoef(full[-1].ravel(), half[-1].ravel())[0, 1] > 0.99
    assert np.abs(full - half).max() > 0


def test_massive_vectors_are_named_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    values = np.ones((2, 5, 3), dtype=np.float32)
    values[1, 3] = 100
    activations._report_massive(values, ["a", "b", "c", "d", "e"])
    assert "layer 1: the vector of word 3 ('d') is 100 times" in caplog.text


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"context": 4096}, "more than the model can read \\(256\\)"),
        ({"context": 64, "stride": 80}, "Write 63 or less"),
    ],
)
def test_impossible_windows_are_refused(changes: dict[str, int], message: str) -> None:
    with pytest.raises(EngramError, match=message):
        vectors(story_words(30), activations.load(MODELS / "gpt2-tiny"), **changes)


def test_broken_models_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "broken"
    shutil.copytree(MODELS / "gpt2-tiny", folder)
    (folder / "model.safetensors").write_bytes(b"\x00" * 100)
    with pytest.raises(EngramError, match="cannot be loaded"):
        activations.load(folder)


def test_no_gpu_is_said_before_anything_is_loaded() -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    with pytest.raises(EngramError, match="there is no GPU here"):
        activations.load(MODELS / "gpt2-tiny", device="cuda")


def test_real_model_reads_the_same_in_windows_and_at_once(mirror: Path) -> None:
    reader = activations.load(mirror / "models" / "stories260K")
    words = story_words(120)
    assert_same(vectors(words, reader), vectors(words, reader, mode="exact"))
