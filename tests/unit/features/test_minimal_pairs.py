"""Minimal pairs: the table is checked, and sentences get the probability that a model gives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import ROOT
from transformers import AutoModelForCausalLM, AutoTokenizer

from engram.errors import EngramError
from engram.features.language_models.causal_model import loaded_causal_model
from engram.features.language_models.model_source import ModelSource
from engram.features.language_models.pair_scores import pair_scores
from engram.features.minimal_pairs import ALL, OWN, read_pairs, table_path
from engram.files import storage
from engram.statistics.pair_tables import PAIRS_COLUMNS, pairs_table

PAIRS = "good\tbad\tphenomenon\nthe dog runs\tthe dog run\tverb\na cat\ta cats\tverb\n"


def write(folder: Path, text: str) -> Path:
    path = folder / "pairs.tsv"
    path.write_text(text)
    return path


def test_the_projects_own_pairs() -> None:
    pairs = read_pairs(table_path(OWN))
    assert len(pairs) == 60 and (pairs["phenomenon"].value_counts() == 12).all()
    # Sentences of a pair differ in a word or in the order of words.
    lengths = pairs[["good", "bad"]].map(lambda text: len(text.split()))
    assert (lengths["good"] - lengths["bad"]).abs().max() <= 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (PAIRS.replace("phenomenon", "kind"), "phenomenon"),
        (PAIRS.replace("a cats", ""), "line 3: no bad"),
        (PAIRS.replace("a cats", "a cat "), "line 3: both sentences are the same"),
        (PAIRS + "a cat\ta cats\tverb\n", "line 4: the pair is there twice"),
        (PAIRS + "one\tone one\tnumber\n", "one pair of 'number'"),
        ("good\tbad\tphenomenon\n", "has no pairs"),
        (PAIRS.replace("verb", "all"), "a phenomenon is called .all., which stands for"),
    ],
)
def test_what_is_wrong_with_a_table_is_said(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(EngramError, match=said):
        read_pairs(write(tmp_path, text))


def test_a_table_with_commas(tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text('phenomenon,good,bad\nx,a,b\nx,"c, d",e\n')
    assert read_pairs(path)["good"].tolist() == ["a", "c, d"]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["gpt2-tiny", "llama-tiny"])
def test_sums_are_the_models_own_loss(name: str) -> None:
    folder = ROOT / "resources" / "models" / name
    model = loaded_causal_model(
        ModelSource(str(folder), None, False, None, "float32", False), "cpu"
    )
    pairs = read_pairs(table_path(OWN)).iloc[::7].reset_index(drop=True)
    found = pair_scores(pairs, model, batch_tokens=100)
    plain = AutoModelForCausalLM.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    for side in ("good", "bad"):
        for text, log_p, tokens in zip(
            pairs[side], found[f"{side}_log_p"], found[f"{side}_tokens"], strict=True
        ):
            ids = torch.tensor(
                [[*model.prefix, *tokenizer(text, add_special_tokens=False).input_ids]]
            )
            with torch.inference_mode():
                loss = float(plain(input_ids=ids, labels=ids).loss)
            assert tokens == ids.shape[1] - 1
            np.testing.assert_allclose(log_p, -loss * tokens, rtol=1e-4)
    # Another size of batches, and sentences without a token before them.
    np.testing.assert_allclose(
        pair_scores(pairs, model)["bad_log_p"], found["bad_log_p"], rtol=1e-4
    )
    model.prefix = []
    short = pair_scores(pairs, model)
    assert (short["good_tokens"] == found["good_tokens"] - 1).all()


def scored(folder: Path, good: list[float], bad: list[float]) -> str:
    pairs = pd.DataFrame({"good": list("abcd"), "bad": list("efgh"), "phenomenon": list("xxxy")})
    table = pairs.assign(good_log_p=good, bad_log_p=bad, good_tokens=1, bad_tokens=[2, 2, 1, 1])
    path = folder / "scored.tsv"
    storage.write_table(path, table, "Pairs", dict.fromkeys(table, "x"))
    return str(path)


def test_shares_by_phenomenon(tmp_path: Path) -> None:
    path = scored(tmp_path, [-1.0, -3.0, -2.0, -1.0], [-2.0, -4.0, -1.0, -1.0])
    table = pairs_table({"mine": path, "other": path}, {"mine": ["run", 100]})
    assert list(table) == list(PAIRS_COLUMNS)
    mine = table[table["model"] == "mine"].set_index("phenomenon")
    # A tie is no success; the mean over phenomena is not that over pairs.
    assert mine["accuracy"].to_dict() == {
        ALL: pytest.approx(1 / 3),
        "x": pytest.approx(2 / 3),
        "y": 0,
    }
    assert mine.loc["x", "accuracy_of_means"] == 0 and mine.loc[ALL, "n_pairs"] == 4
    assert mine.loc["x", "low"] < 2 / 3 < mine.loc["x", "high"] and np.isnan(mine.loc[ALL, "low"])
    assert (mine["step"] == 100).all() and (mine["series"] == "run").all()
    assert table[table["model"] == "other"]["step"].isna().all()
    flipped = scored(tmp_path, [-2.0, -4.0, -1.0, -2.0], [-1.0, -3.0, -0.5, -1.0])
    assert (pairs_table({"mine": flipped}, {})["accuracy"] == 0).all()
