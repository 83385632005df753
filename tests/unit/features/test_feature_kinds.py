"""What each kind of feature space lays over a story, beside word norms."""

from __future__ import annotations

import struct
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import MODELS, story_words

from engram.errors import EngramError
from engram.features.autocorrelation.space import drawn
from engram.features.embeddings.vectors import read_vectors
from engram.features.frequency.space import zipf
from engram.features.language_models import activations
from engram.features.language_models.predictions import word_predictions
from engram.features.space import Given
from engram.features.spaces import lay
from engram.features.vectors import to_dataset
from engram.features.word_features import word_features

READING = {
    **{"device": "cpu", "dtype": "float32", "mode": "strided", "context": None, "stride": None},
    **{"pooling": "last", "batch_tokens": 4096},
}


def words_of(words: list[str]) -> pd.DataFrame:
    """Return a words table: a word each half second, sentences of five."""
    onset = np.arange(len(words)) / 2
    return pd.DataFrame(
        {
            "word": words,
            "onset": onset,
            "offset": onset + 0.3,
            "sentence": np.arange(len(words)) // 5,
        }
    )


def given(words: list[str], space: dict[str, Any], **more: Any) -> Given:
    """Return what a job is given."""
    config = {"space": space, "seed": 0, **more.pop("config", {})}
    return Given("tale", words_of(words), config, **more)


# ---------------------------------------------------------------- facts and frequency
def test_facts_are_centred_nuisance_features() -> None:
    facts = ["word-length", "place-in-sentence"]
    one = given(story_words(40), {"facts": facts})
    found = lay("word_facts", one)
    expected = word_features(one.words, facts)
    np.testing.assert_allclose(
        found["activation"].values[0], expected - expected.mean(0), atol=1e-5
    )
    assert found["unit"].values.tolist() == facts


def test_frequencies_of_a_column_and_unknown_words() -> None:
    one = given(["a", "b", "c", "d"], {"source": "column", "least_coverage": 0.7, "language": "en"})
    with pytest.raises(EngramError, match="no column log_frequency"):
        lay("frequency", one)
    one.words["log_frequency"] = [1.0, np.nan, 3.0, 5.0]
    found = lay("frequency", one)
    assert found["activation"].values[0, :, 0].tolist() == [-2, 0, 0, 2]
    assert found["known"].values.tolist() == [1, 0, 1, 1]
    one.words["log_frequency"] = [1.0, np.nan, np.nan, 5.0]
    with pytest.raises(EngramError, match=r"2 of 4 words is known \(50%\), and least_coverage"):
        lay("frequency", one)


@pytest.mark.slow
@pytest.mark.skipif(find_spec("wordfreq") is None, reason="wordfreq is not installed (an extra)")
def test_frequencies_by_wordfreq() -> None:
    found = zipf(["The", "the,", "rabbit", "qqzzxv"], "en")
    assert found[0] == found[1] > 7 > found[2] > 3 and np.isnan(found[3])
    with pytest.raises(EngramError, match="no language 'xx'"):
        zipf(["the"], "xx")


# ---------------------------------------------------------------- static embeddings
def test_vectors_are_read_as_glove_fasttext_and_word2vec_write_them(tmp_path: Path) -> None:
    rows = {"the": [1.0, 2.0, 3.0], "Alice": [0.5, -1.0, 0.25], "a b": [9.0, 9.0, 9.0]}
    lines = "".join(f"{word} {' '.join(map(str, row))}\n" for word, row in rows.items())
    (tmp_path / "glove.txt").write_text(lines)
    (tmp_path / "fast.vec").write_text("3 3\n" + lines)
    packed = b"".join(
        word.encode() + b" " + struct.pack("<3f", *row) + b"\n" for word, row in rows.items()
    )
    (tmp_path / "w2v.bin").write_bytes(b"3 3\n" + packed)
    for name in ("glove.txt", "fast.vec", "w2v.bin"):
        found = read_vectors(tmp_path / name, {"the", "Alice", "nothing"})
        assert {word: row.tolist() for word, row in found.items()} == {
            word: rows[word] for word in ("the", "Alice")
        }, name


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"the 1 2\ncat 1\n", "line 2: 1 numbers, expected 2"),
        (b"the 1 2\ncat x 1\n", "could not convert string to float"),
        (b"the 1 2\nthe 3 4\n", "'the' is there twice with other numbers"),
        (b"\xff\xfe", "is not UTF-8 text"),
    ],
)
def test_tables_of_vectors_that_cannot_be_used_are_refused(
    tmp_path: Path, content: bytes, said: str
) -> None:
    (tmp_path / "mine.txt").write_bytes(content)
    with pytest.raises(EngramError) as error:
        read_vectors(tmp_path / "mine.txt", {"the", "cat"})
    assert said in str(error.value)


def test_embeddings_of_words_and_those_without(tmp_path: Path) -> None:
    path = tmp_path / "mine.txt"
    path.write_text("the 1 2\nAlice 3 4\nalice 9 9\n")
    section = {"table": str(path), "least_coverage": 0.5}
    found = lay("embeddings", given(["The", "Alice,", "zzz", "the"], section))
    mean = np.array([(1 + 3 + 1) / 3, (2 + 4 + 2) / 3])
    np.testing.assert_allclose(
        found["activation"].values[0],
        np.array([[1, 2] - mean, [3, 4] - mean, [0, 0], [1, 2] - mean]),
        atol=1e-6,
    )
    assert found["entry"].values.tolist() == ["the", "Alice", "", "the"]
    with pytest.raises(EngramError, match=r"1 of 3 words \(33%\)"):
        lay("embeddings", given(["la", "reine", "the"], section))


def test_embeddings_of_a_model_are_its_layer_0() -> None:
    vectors = np.random.default_rng(0).standard_normal((3, 5, 4)).astype(np.float32)
    read = to_dataset(vectors)
    found = lay("embeddings", given(list("abcde"), {"table": None}, activations=read))
    expected = vectors[0] - vectors[0].mean(0)
    np.testing.assert_allclose(found["activation"].values[0], expected, atol=1e-6)


# ---------------------------------------------------------------- feature tables
TABLE = {"rows": "words", "columns": None, "step": None, "centre": False}


def of_table(path: Path, words: list[str], **more: Any) -> Any:
    """Return a feature table as it is laid over words."""
    return lay("tables", given(words, TABLE | more, config={"files": [str(path)]}))


@pytest.mark.slow
def test_a_table_of_a_models_activations_is_the_model(tmp_path: Path) -> None:
    """Written as text and as an array, and read again, within 1e-6."""
    words = story_words(60)
    reader = activations.load(MODELS / "llama-tiny", device="cpu")
    options = activations.reading_options(READING)
    own = activations.story_activations(words, reader, **options)["activation"].values
    columns = [f"u{k}" for k in range(own.shape[-1])]
    table = pd.DataFrame(own[2], columns=columns)
    table.insert(0, "word", words)
    table.to_csv(tmp_path / "mine.tsv", sep="\t", index=False, float_format="%.9g")
    np.save(tmp_path / "mine.npy", own)
    np.testing.assert_allclose(
        of_table(tmp_path / "mine.tsv", words)["activation"].values[0], own[2], atol=1e-6
    )
    np.testing.assert_allclose(
        of_table(tmp_path / "mine.npy", words)["activation"].values, own, atol=1e-6
    )
    some = of_table(tmp_path / "mine.tsv", words, columns=["u1*", "u0"], centre=True)
    assert some["unit"].values.tolist()[-1] == "u0" and "u1" in some["unit"].values
    assert abs(some["activation"].values.mean(1)).max() < 1e-6


def test_a_table_of_times_has_its_own(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("time,a\n0,1\n0.5,2\n1,4\n")
    found = of_table(tmp_path / "mine.csv", ["a"], rows="times")
    assert found["onset"].values.tolist() == [0, 0.5, 1]
    assert found["activation"].values[0, :, 0].tolist() == [1, 2, 4]
    assert found.attrs["words_to_trs"] == "mean"
    np.save(tmp_path / "mine.npy", np.ones((4, 2)))
    found = of_table(tmp_path / "mine.npy", ["a"], rows="times", step=0.1)
    np.testing.assert_allclose(found["onset"].values, [0, 0.1, 0.2, 0.3])


@pytest.mark.parametrize(
    ("text", "more", "said"),
    [
        ("a\n1\n", {}, "has 1 rows, and the story tale has 2 words"),
        ("word\ta\nx\t1\nz\t2\n", {}, "line 3: the word is 'z', and the story's is 'y'"),
        ("a\n1\nn/a\n", {}, "line 3, column 'a': no number"),
        ("a\n1\n2\n", {"rows": "times"}, "lacks the column(s) ['time']"),
        ("time\ta\n1\t1\n0.5\t2\n", {"rows": "times"}, "times do not rise"),
        ("a\n1\n2\n", {"columns": ["b"]}, "has no column 'b'"),
    ],
)
def test_tables_that_do_not_fit_are_refused(
    tmp_path: Path, text: str, more: dict[str, Any], said: str
) -> None:
    (tmp_path / "mine.tsv").write_text(text)
    with pytest.raises(EngramError) as error:
        of_table(tmp_path / "mine.tsv", ["x", "y"], **more)
    assert said in str(error.value)


# ---------------------------------------------------------------- surprisal
def own_loss(words: list[str], name: str) -> tuple[float, np.ndarray, np.ndarray]:
    """Return a model's own loss over all words but the first; surprisal and entropy of each."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from engram.features.language_models.tokens import tokenize

    tokenizer = AutoTokenizer.from_pretrained(MODELS / name)
    model = AutoModelForCausalLM.from_pretrained(MODELS / name).eval()
    reader = activations.load(MODELS / name, device="cpu")
    story = tokenize(words, tokenizer)
    ids = torch.as_tensor([*reader.prefix, *story.ids.tolist()])[None]
    labels = ids.clone()
    labels[0, : len(reader.prefix) + story.first[1]] = -100
    with torch.inference_mode():
        output = model(input_ids=ids, labels=labels)
        p = torch.softmax(output.logits[0].double(), -1).numpy()
    places = np.arange(len(reader.prefix) - 1, ids.shape[1] - 1)
    tokens = -np.log(p[places, ids[0, 1:].numpy()[places]])
    by_word = np.add.reduceat(tokens, story.first[:-1])
    entropy = -(p * np.log(p)).sum(-1)[places][story.first[:-1]]
    return float(output.loss) * int((labels != -100).sum()), by_word, entropy


@pytest.mark.slow
@pytest.mark.parametrize("name", ["llama-tiny", "gpt2-tiny"])
def test_mean_surprisal_is_the_models_own_loss(name: str) -> None:
    words = story_words(50)
    loss, by_word, entropy = own_loss(words, name)
    model = {"base": None, "source": str(MODELS / name), "reinitialised": False, "seed": None}
    config = {"model": model, "reading": READING}
    reader = activations.load(MODELS / name, device="cpu")
    found = word_predictions(
        words, reader, MODELS / name, config, mode="strided", context=None, stride=None
    )
    assert np.isnan(found["surprisal"][0]) and np.isnan(found["entropy"][0])
    np.testing.assert_allclose(np.nansum(found["surprisal"]), loss, rtol=1e-5)
    np.testing.assert_allclose(found["surprisal"][1:], by_word[1:], rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(found["entropy"][1:], entropy[1:], rtol=1e-3, atol=1e-4)
    # Windows of fewer tokens know less; each word comes from the window where most is known.
    short = word_predictions(
        words, reader, MODELS / name, config, mode="strided", context=24, stride=12
    )
    first = np.flatnonzero(np.isnan(short["surprisal"]))
    assert first.tolist() == [0]
    np.testing.assert_allclose(short["surprisal"][1:4], found["surprisal"][1:4], rtol=1e-3)


def test_an_encoder_has_no_surprisal(encoder_folder: Path) -> None:
    reader = activations.load(encoder_folder, device="cpu")
    with pytest.raises(EngramError, match="Surprisal is that of a causal model"):
        word_predictions(["a"], reader, encoder_folder, {}, mode="exact", context=None, stride=None)


# ---------------------------------------------------------------- noise
@pytest.mark.parametrize("n_words", [200, 201])
def test_noise_has_the_spectrum_and_the_correlations_of_what_it_is_like(n_words: int) -> None:
    rng = np.random.default_rng(0)
    vectors = np.cumsum(rng.standard_normal((n_words, 6)), axis=0) @ rng.standard_normal((6, 6))
    noise = drawn(vectors, np.random.default_rng(1))
    assert noise.shape == vectors.shape
    np.testing.assert_allclose(
        np.abs(np.fft.rfft(noise, axis=0)), np.abs(np.fft.rfft(vectors, axis=0)), atol=1e-8
    )
    np.testing.assert_allclose(np.cov(noise.T), np.cov(vectors.T), rtol=1e-8)
    assert abs(np.corrcoef(noise[:, 0], vectors[:, 0])[0, 1]) < 0.95
    assert (drawn(vectors, np.random.default_rng(2)) != noise).any()


def test_noise_is_drawn_several_times() -> None:
    read = to_dataset(np.random.default_rng(0).standard_normal((4, 30, 5)).astype(np.float32))
    one = given(["x"] * 30, {"draws": 3}, activations=read, config={"layer": None})
    found = lay("autocorrelation", one)["activation"].values
    assert found.shape == (3, 30, 5) and len({draw.tobytes() for draw in found}) == 3
    np.testing.assert_allclose(
        found.mean(1), np.tile(read["activation"].values[2].mean(0), (3, 1)), atol=1e-5
    )


def test_spaces_side_by_side_are_each_at_their_reported_layer() -> None:
    rng = np.random.default_rng(0)
    deep, flat = rng.standard_normal((4, 9, 3)), np.ones((1, 9, 1))
    rate = to_dataset(flat.astype(np.float32)).assign_attrs(words_to_trs="sum")
    norms = to_dataset(deep[:1, :, :2]).assign_coords(
        unit=["touch", "sight"], known=("word", np.r_[np.zeros(8), 1].astype(np.int8))
    )
    several = {"model": to_dataset(deep), "norms": norms}
    given: dict[str, Any] = {"story": "s", "words": pd.DataFrame(index=range(9))}
    config = {"layer": None}
    read = lay("together", Given(**given, config=config, several={**several, "rate": rate}))
    np.testing.assert_allclose(
        read["activation"][0], np.concatenate([deep[2], deep[0, :, :2], flat[0]], axis=1), rtol=1e-6
    )
    names = ["model:0", "model:1", "model:2", "norms:touch", "norms:sight", "rate:0"]
    assert read["unit"].values.tolist() == names
    assert read.attrs["words_to_trs"] == "sum" and read["known"].values.all()
    alone = lay("together", Given(**given, config=config, several={"a": norms, "b": norms}))
    assert "words_to_trs" not in alone.attrs and alone["known"].values.sum() == 1
    timed = norms.assign_coords(onset=("word", np.arange(9.0)))
    with pytest.raises(EngramError, match="b has rows of its own in time"):
        lay("together", Given(**given, config=config, several={"a": norms, "b": timed}))
