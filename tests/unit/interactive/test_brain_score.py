"""engram.brain_score: arrays, tables and models against listeners with a known answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import MODELS, random_words, regions, write_table_study

import engram
from engram.errors import EngramError
from engram.features.language_models import activations
from engram.study.config.activations import Activations

pytestmark = pytest.mark.slow

TR, N_TRS = 2.0, 120
FAST = {"encoding": {"folds": 3, "inner_folds": 2, "alphas": [1, 1000]}, "ceiling": {"halves": 5}}
WORDS = random_words(500)
RNG = np.random.default_rng(0)
#: A feature of each word; the first two make the BOLD.
FEATURES = RNG.standard_normal((500, 3)).astype(np.float32)


def by_row(features: np.ndarray) -> np.ndarray:
    """Features summed in the row of each word's onset."""
    rows = np.zeros((N_TRS, features.shape[1]), dtype=np.float32)
    place = np.floor(WORDS["onset"].to_numpy() / TR).astype(int)
    np.add.at(rows, place[place < N_TRS], features[place < N_TRS])
    return rows


def response(noise: float, seed: int) -> np.ndarray:
    """BOLD of four targets: the first two features two rows later, and noise."""
    rng = np.random.default_rng(seed)
    driven = np.roll(by_row(FEATURES), 2, axis=0)[:, [0, 1, 0, 1]]
    return driven + noise * rng.standard_normal((N_TRS, 4))


BOLD = {f"0{number}": response(0.5, number) for number in range(1, 5)}
ARRAYS: dict[str, Any] = {"words": WORDS, "bold": BOLD, "tr": TR, "settings": FAST}


def score(features: Any, **more: Any) -> engram.BrainScores:
    return engram.brain_score(features, **{**ARRAYS, "progress": False, **more})


@pytest.fixture(scope="module")
def planted() -> engram.BrainScores:
    return score(FEATURES, targets=regions(4), name="planted")


def test_what_was_planted_is_found_and_noise_is_not(planted: engram.BrainScores) -> None:
    noise = score(np.random.default_rng(9).standard_normal((2, 500, 3)))
    assert planted.scores.dims == ("subject", "layer", "target")
    assert dict(planted.scores.sizes) == {"subject": 5, "layer": 1, "target": 4}
    assert planted.scores.sel(subject="01").min() > 0.7
    assert (planted.scores.sel(subject="average") > planted.scores.sel(subject="01")).all()
    assert abs(float(noise.scores.mean())) < 0.1 and noise.scores.sizes["layer"] == 2
    assert planted.layer == 0 and noise.layer == 1
    assert planted.ceilings.dims == ("subject", "target")
    assert (planted.ceilings > 0.7).all()


def test_the_table_is_that_of_the_workflow(planted: engram.BrainScores) -> None:
    table = planted.to_frame()
    assert set(table["model"]) == {"planted"} and len(table) == 5 * 4
    one = table.query("subject == '01' and hemisphere == 'L' and roi == 'two'").iloc[0]
    mine = planted.scores.sel(subject="01", target="t2", layer=0)
    assert one["score"] == pytest.approx(float(mine), abs=1e-6)
    assert one["ceiling"] == pytest.approx(
        float(planted.ceilings.sel(subject="01", target="t2")), abs=1e-6
    )
    table["score"] = 0
    assert planted.table["score"].max() > 0.5
    assert set(planted.scans["subject"]) == set(BOLD)
    assert "planted: 4 single listeners, 1 layer, 4 targets; mean R at layer 0: 0." in repr(planted)


def test_features_by_time_equal_features_by_word(planted: engram.BrainScores) -> None:
    by_time = score(pd.DataFrame(by_row(FEATURES)))
    np.testing.assert_allclose(by_time.scores, planted.scores, atol=1e-4)


def test_arrays_equal_a_folder_of_tables(planted: engram.BrainScores, tmp_path: Path) -> None:
    rounded = {who: np.round(values, 3) for who, values in BOLD.items()}
    write_table_study(tmp_path / "tables", rounded, WORDS, regions(4))
    tables = engram.brain_score(
        FEATURES, tmp_path / "tables", tr=TR, settings=FAST, progress=False, name="planted"
    )
    arrays = score(FEATURES, bold=rounded, targets=regions(4))
    np.testing.assert_allclose(tables.scores, arrays.scores, atol=1e-6)
    np.testing.assert_allclose(tables.ceilings, arrays.ceilings, atol=1e-6)


def test_a_model_in_memory_equals_its_folder_and_stays_as_it_was() -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = MODELS / "gpt2-tiny"
    model = AutoModelForCausalLM.from_pretrained(folder).train()
    model.config.use_cache = True
    loaded = score(model, tokenizer=AutoTokenizer.from_pretrained(folder), name="loaded")
    np.testing.assert_array_equal(loaded.scores, score(folder).scores)
    assert model.training and model.config.use_cache
    assert loaded.layer == round(2 * (loaded.scores.sizes["layer"] - 1) / 3)
    with pytest.raises(EngramError, match="needs its tokenizer"):
        score(model)
    with pytest.raises(EngramError, match="tokenizer is str; a tokenizer of transformers"):
        score(model, tokenizer=str(folder))
    assert score(folder, name=3).name == "3"
    drawn = loaded.plot_layers(score("word-rate"))
    assert {"loaded", "word-rate"} <= {
        text.get_text() for text in drawn.figure.findobj(lambda one: hasattr(one, "get_text"))
    }
    assert drawn._repr_png_()[1:4] == b"PNG" and "R" in drawn.caption
    with pytest.raises(EngramError, match="a name of its own"):
        loaded.plot_layers(loaded)


NAMES = ["t0", "t1", "t2", "t3"]
FRAMES = {who: pd.DataFrame(values, columns=NAMES) for who, values in BOLD.items()}


def test_columns_of_frames_are_taken_by_name(planted: engram.BrainScores) -> None:
    turned = {**FRAMES, "03": FRAMES["03"][NAMES[::-1]]}
    found = score(FEATURES, bold=turned)
    assert found.scores["target"].values.tolist() == NAMES
    np.testing.assert_array_equal(found.scores, planted.scores)
    table = regions(4).iloc[[2, 0, 3, 1]]
    sorted_otherwise = score(FEATURES, bold=turned, targets=table)
    wanted = table["target"].tolist()
    assert wanted != NAMES and sorted_otherwise.scores["target"].values.tolist() == wanted
    np.testing.assert_allclose(
        sorted_otherwise.scores, planted.scores.sel(target=wanted), atol=1e-6
    )
    unnamed = {who: pd.DataFrame(values) for who, values in BOLD.items()}
    np.testing.assert_array_equal(
        score(FEATURES, bold=unnamed, targets=regions(4)).scores, planted.scores
    )


def test_tensors_are_taken_as_arrays(planted: engram.BrainScores) -> None:
    import torch

    features = torch.tensor(FEATURES, requires_grad=True)
    found = score(features, bold={who: torch.tensor(values) for who, values in BOLD.items()})
    np.testing.assert_array_equal(found.scores, planted.scores)
    rough = score(features.bfloat16())
    np.testing.assert_allclose(rough.scores, planted.scores, atol=0.02)


def test_stories_are_given_by_name() -> None:
    two = {"a": WORDS, "b": WORDS}
    bold = {"a": BOLD, "b": {who: BOLD[who] for who in ("01", "02")}}
    found = score({"a": FEATURES, "b": FEATURES}, words=two, bold=bold, start={"a": 0, "b": 0})
    assert sorted(found.scores["subject"].values) == ["01", "02", "03", "04", "average"]
    assert len(found.scans) == 6


@pytest.mark.parametrize(
    ("features", "more", "message"),
    [
        (FEATURES, {"data": "alice"}, "give either data"),
        (FEATURES, {"bold": None}, "give either data"),
        (FEATURES, {"tr": None}, "bold needs tr"),
        (FEATURES, {"words": None, "bold": None, "data": str(MODELS), "tr": None}, "needs tr"),
        (FEATURES, {"words": None, "bold": None, "data": "alicee"}, "neither 'alice' nor a folder"),
        (["gpt2", "mine"], {}, "2 models are given; one call scores one"),
        (FEATURES[:400], {}, "400 rows; the story has 500 words, and its scans 120 rows"),
        (FEATURES[0], {}, r"shape \(3,\)"),
        (np.where(FEATURES > 2.5, np.nan, FEATURES), {}, "missing or infinite value at"),
        (pd.DataFrame({"word": ["a"] * 500, "x": 1.0}), {}, "'word'.* no numbers"),
        ({"tale": FEATURES}, {}, r"stories \['tale'\], and the data of \['story'\]"),
        (object(), {}, "no array of numbers"),
        ("no/such/folder", {}, "no/such/folder"),
        (FEATURES, {"settings": {"tunings": {}}}, r"settings: \['tunings'\]"),
        (FEATURES, {"settings": {"encoding": {"fold": 3}}}, "encoding.fold"),
        (FEATURES, {"tr": 2000}, "milliseconds"),
        (FEATURES, {"words": WORDS.drop(columns="onset")}, "no column onset"),
        (
            FEATURES,
            {"words": WORDS.assign(onset=WORDS["onset"] * 1000)},
            "milliseconds|ends before",
        ),
        (FEATURES, {"bold": BOLD["01"]}, "each listener has an array"),
        (FEATURES, {"bold": {"01": BOLD["01"][:, 0]}}, r"shape \(120,\)"),
        (FEATURES, {"bold": {}}, "no listeners"),
        (FEATURES, {"bold": {**BOLD, "average": BOLD["01"]}}, "name of the average listener"),
        (FEATURES, {"bold": {**BOLD, "05": BOLD["01"][:, :3]}}, "05, story has 3 targets"),
        (FEATURES, {"bold": {**BOLD, "05": BOLD["01"] * np.nan}}, "missing value"),
        (FEATURES, {"bold": {**BOLD, "05": BOLD["01"][:90]}}, "90"),
        (FEATURES, {"targets": regions(3)}, "4 targets, and 3 are known"),
        (FEATURES, {"targets": regions(4).drop(columns="roi")}, "no column roi"),
        (FEATURES, {"targets": regions(4).assign(target="a")}, "'a' is there twice"),
        (FEATURES, {"targets": regions(4).assign(hemisphere="left")}, "L, R, or B"),
        (FEATURES, {"start": {"other": 0}}, "start of"),
        (FEATURES, {"start": "soon"}, "start is 'soon'; a number of seconds"),
        (FEATURES, {"tr": "two"}, "tr is 'two'; a number of seconds"),
        (FEATURES, {"settings": "fast"}, "settings is str; a mapping of sections"),
        (FEATURES, {"settings": [1]}, "settings is list; a mapping of sections"),
        (FEATURES, {"words": ["once", "upon"]}, "words is list; a table of words"),
        (FEATURES, {"words": {"a": ["once"]}, "bold": {"a": BOLD}}, "words of a is list"),
        (FEATURES, {"words": WORDS.assign(onset="soon")}, "column onset is not all numbers"),
        (FEATURES, {"words": WORDS.assign(word=[None, *WORDS["word"][1:]])}, "an empty word"),
        (FEATURES, {"words": WORDS.assign(language="chinese")}, "no language code"),
        (FEATURES, {"words": WORDS.assign(language=["en", "fr"] * 250)}, "has one language"),
        (FEATURES, {"bold": BOLD["01"].tolist()}, "bold is list; each listener has an array"),
        (FEATURES, {"bold": {"01": BOLD["01"].astype(str)}}, "is no array of numbers"),
        (FEATURES, {"bold": {"01": [[1.0, 2.0], [3.0]]}}, "is no array of numbers"),
        (FEATURES[:0], {}, r"shape \(0, 3\)"),
        (FEATURES, {"bold": {1: BOLD["01"], "1": BOLD["02"]}}, "'1' is there twice"),
        (
            FEATURES,
            {"bold": {**FRAMES, "03": FRAMES["03"].set_axis([*"abcd"], axis=1)}},
            r"03, story: its columns are not the 4 targets \(not targets: \['a'",
        ),
        (
            FEATURES,
            {"bold": FRAMES, "targets": regions(4).assign(target=[*"abcd"])},
            r"01, story: .*missing: \['a'",
        ),
        (FEATURES, {"bold": {"01": FRAMES["01"][::-1]}}, "index falls from 119 to 118 at row 1"),
        (FEATURES, {"bold": {"01": np.ma.masked_less(BOLD["01"], -1)}}, "missing value"),
        (FEATURES + 1j, {}, "numbers are complex"),
        (pd.DataFrame(FEATURES)[::-1], {}, "index of the words in another order"),
        (pd.DataFrame(by_row(FEATURES))[::-1], {}, "index falls from 119"),
        (FEATURES, {"words": WORDS.assign(word=["n/a", *WORDS["word"][1:]])}, "row 0: .*is n/a"),
        (FEATURES, {"words": pd.concat([WORDS, WORDS[["word"]]], axis=1)}, "word is there twice"),
        (
            FEATURES,
            {"words": WORDS.assign(onset=pd.to_timedelta(WORDS["onset"], "s"))},
            "timedelta",
        ),
        (FEATURES, {"tokenizer": object()}, "tokenizer belongs to a model in memory"),
        (FEATURES, {"tr": True}, "tr is True; a number of seconds"),
        (FEATURES, {"targets": NAMES}, "targets is list; a DataFrame"),
        ({}, {}, r"features are of the stories \[\]"),
    ],
)
def test_what_does_not_fit_is_said(features: Any, more: dict[str, Any], message: str) -> None:
    with pytest.raises(EngramError, match=message):
        score(features, **more)


def test_a_story_s_language_says_how_its_words_are_written() -> None:
    """A tokenizer gets words of Chinese without spaces, as in the workflow's jobs."""
    folder = MODELS / "gpt2-tiny"
    spaced, joined = score(folder), score(folder, words=WORDS.assign(language="zh"))
    assert not np.allclose(spaced.scores, joined.scores, atol=1e-3)
    reader = activations.load(folder)
    options = activations.reading_options(Activations().model_dump())
    read = activations.story_activations(WORDS["word"].tolist(), reader, language="zh", **options)
    given = score(read["activation"].values)
    np.testing.assert_allclose(joined.scores, given.scores, atol=1e-4)


def test_as_many_words_as_rows_is_ambiguous() -> None:
    with pytest.raises(EngramError, match="could be of either"):
        score(FEATURES[:120], words=WORDS[:120])


def test_bars_are_shown_or_not_and_warnings_always(capsys: pytest.CaptureFixture[str]) -> None:
    score(FEATURES, progress=True)
    assert "layers: 100%" in capsys.readouterr().err
    score(FEATURES)
    assert "layers" not in capsys.readouterr().err


def test_bars_of_weights_are_silent_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether transformers shows them while a model is loaded, whatever other tests left there."""
    from transformers.utils import logging as bars

    monkeypatch.setattr(bars, "_tqdm_active", True)
    load, shown = activations.load_configured, []

    def watched(*arguments: Any) -> Any:
        shown.append(bars.is_progress_bar_enabled())
        return load(*arguments)

    monkeypatch.setattr(activations, "load_configured", watched)
    score(MODELS / "gpt2-tiny", progress=True)
    score(MODELS / "gpt2-tiny")
    assert shown == [True, False] and bars.is_progress_bar_enabled()
