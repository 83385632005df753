"""How far insertions are from the passage, and how surprising: known answers."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import MODELS, story_words

from engram.associations import insertion_measures
from engram.errors import EngramError
from engram.features.language_models.causal_model import CausalModel, loaded_causal_model
from engram.features.language_models.model_source import ModelSource
from engram.features.language_models.read_check import read_check
from engram.features.language_models.tokens import tokenize
from engram.statistics import insertion_table

KEY = {"story": "s", "model": "m", "text": "t"}
STRENGTH = 4.0


class Expecting:
    """A model that expects what it has read: STRENGTH for each token that it has seen."""

    def __init__(self, model: Any) -> None:
        self.model, self.device = model, model.device

    def get_input_embeddings(self) -> Any:
        return self.model.get_input_embeddings()

    def __call__(self, input_ids: torch.Tensor) -> Any:
        size = self.get_input_embeddings().weight.shape[0]
        seen = torch.nn.functional.one_hot(input_ids, size).cumsum(dim=1) > 0
        return SimpleNamespace(logits=STRENGTH * seen.float())


@pytest.fixture(scope="module")
def model() -> CausalModel:
    return loaded_causal_model(ModelSource(MODELS / "llama-tiny"), "cpu")


def expecting(model: CausalModel) -> CausalModel:
    return replace(model, model=Expecting(model.model), uses_cache=None)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["gpt2-tiny", "llama-tiny"])
def test_surprisal_is_that_of_whole_texts(name: str) -> None:
    """With a cache of the passage, without one, and token by token."""
    model = loaded_causal_model(ModelSource(MODELS / name), "cpu")
    rng = np.random.default_rng(0)
    passage, *followers = (rng.integers(5, 200, length) for length in (30, 6, 1, 4))
    own = replace(model, uses_cache=None)
    found = own.surprisal(passage, followers)
    assert own.uses_cache and list(map(len, found)) == [6, 1, 4]
    without = replace(model, uses_cache=False).surprisal(passage, followers)
    for follower, cached, plain in zip(followers, found, without, strict=True):
        ids = torch.as_tensor(np.concatenate([model.prefix, passage, follower]).astype(np.int64))
        with torch.inference_mode():
            chances = model.model(input_ids=ids[None]).logits[0].log_softmax(-1)
        begin = len(ids) - len(follower)
        direct = [
            -float(chances[begin + place - 1, token]) / np.log(2)
            for place, token in enumerate(follower)
        ]
        np.testing.assert_allclose(plain, direct, atol=1e-4)
        np.testing.assert_allclose(cached, direct, atol=1e-3)


def test_surprisal_of_a_model_without_a_cache_has_a_known_answer(model: CausalModel) -> None:
    own = expecting(model)
    passage = np.array([11, 12, 13])
    old, new = own.surprisal(passage, [np.array([12]), np.array([99])])
    assert own.uses_cache is False
    seen = len({*passage.tolist(), *own.prefix})
    size = model.model.get_input_embeddings().weight.shape[0]
    total = seen * np.exp(STRENGTH) + size - seen
    assert old[0] == pytest.approx(np.log2(total) - STRENGTH / np.log(2), abs=1e-4)
    assert new[0] == pytest.approx(np.log2(total), abs=1e-4)


def test_what_was_just_heard_is_nearer_and_less_surprising_than_other_words(
    model: CausalModel,
) -> None:
    words = story_words(120)
    places = (60, 80, 100)
    copied = {place: " ".join(words[place - 20 : place - 14]) for place in places}
    # Words of the story's end, which the passages have not heard.
    heard = {word for place in places for word in words[place - 50 : place + 1]}
    strange = [word for word in (f"{one}ish" for one in story_words(300)) if word not in heard]
    other = {place: " ".join(strange[place : place + 6]) for place in places}
    texts = {"original": {}, "associations": copied, "random-1": other, "random-2": other}
    table = insertion_measures.measures_table(words, texts, expecting(model), 1, KEY)
    assert list(table.columns) == list(insertion_measures.MEASURES_COLUMNS)
    assert table["variant"].tolist() == ["associations", "random-1"]
    near, far = table.itertuples()
    assert near.insertions == far.insertions == 3
    assert near.distance < far.distance and near.surprisal < far.surprisal


def test_distance_is_a_direct_computation_and_0_for_the_passage_itself(model: CausalModel) -> None:
    words = ["rabbit", "ran", "the", "garden", "door", "key"]
    texts = {"associations": {2: "ran, the rabbit"}, "random-1": {2: "door of garden"}}
    table = insertion_measures.measures_table(words, texts, expecting(model), 1, KEY)
    assert table["distance"][0] == pytest.approx(0, abs=0.05)  # up to how words begin

    def mean(text: list[str], chosen: list[int]) -> np.ndarray:
        story = tokenize(text, model.tokenizer)
        table = model.model.get_input_embeddings().weight.detach().numpy()
        vectors = [table[story.ids[story.pooled[one]]].mean(0) for one in chosen]
        return np.mean(vectors, axis=0) - table[tokenize(words, model.tokenizer).ids].mean(0)

    text = [*words[:3], "door", "of", "garden"]
    before, inserted = mean(text, [0, 1]), mean(text, [3, 5])
    cosine = before @ inserted / np.linalg.norm(before) / np.linalg.norm(inserted)
    assert table["distance"][1] == pytest.approx(1 - cosine, abs=1e-5)


def test_a_model_that_reads_in_both_directions_has_no_surprisal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        "engram.features.language_models.causal_model.read_check",
        lambda *given: replace(read_check(*given), causal=False),
    )
    with pytest.raises(EngramError, match="measured_texts: 0"):
        loaded_causal_model(ModelSource(MODELS / "gpt2-tiny"), "cpu")


def test_where_a_text_stands_among_its_null_texts() -> None:
    rows = [
        {**KEY, "story": story, "variant": name, "insertions": number, "distance": distance,
         "surprisal": 2 * distance}
        for story, number, more in (("a", 1, 0.0), ("b", 3, 4.0))
        for name, distance in (
            ("associations", 2.5 + more), ("random-1", 1 + more), ("random-2", 2 + more),
            ("random-3", 3 + more), ("shuffled-1", 0 + more),
        )
    ]  # fmt: skip
    table = insertion_table.insertion_table(pd.DataFrame(rows))
    assert list(table.columns) == list(insertion_table.INSERTIONS_COLUMNS)
    found = table.set_index(["measure", "kind"])
    row = found.loc[("distance", "associations")]
    assert row["value"] == pytest.approx(2.5 + 3) and row["null_mean"] == pytest.approx(5)
    assert row["n_null"] == 3 and row["z"] == pytest.approx(0.5 / 1)
    assert row["null_below"] == pytest.approx(2 / 3)
    assert found.loc[("surprisal", "shuffled"), "z"] == pytest.approx(-2)
    assert np.isnan(found.loc[("surprisal", "random"), "null_below"])
