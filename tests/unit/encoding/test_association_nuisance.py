"""What associations predict beyond nuisance features and the story.

Planted effects come back, noise gives none, order means nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from engram.encoding import banded_ridge
from engram.encoding.nuisance import associations
from engram.files import storage
from engram.statistics import unique_contributions
from engram.vocabulary import ORIGINAL, WITH_ASSOCIATIONS

OPTIONS: dict[str, Any] = {"folds": 4, "inner_folds": 3, "gap": 3, "backend": "numpy"}
ALPHAS = [1.0, 10.0, 100.0, 1000.0]
#: Two stories, one after the other.
STORY, POSITION = np.repeat([0, 1], 120), np.tile(np.arange(120), 2)
LISTENERS, RANDOM = 6, 19
NAMES = [WITH_ASSOCIATIONS, *(f"random-{number:02d}" for number in range(1, RANDOM + 1))]


def made(
    effect: float, seed: int = 0
) -> tuple[list[np.ndarray], dict[str, np.ndarray], np.ndarray]:
    """Bands of nuisance and story, what each text changes, and BOLD of two regions.

    The first region follows the text with associations.
    """
    rng = np.random.default_rng(seed)
    bands = [rng.standard_normal((240, n_units)) for n_units in (2, 4, 20)]
    texts = {name: rng.standard_normal((240, 20)) for name in NAMES}
    story = sum(band @ rng.standard_normal(band.shape[1]) / band.shape[1] ** 0.5 for band in bands)
    changed = texts[WITH_ASSOCIATIONS] @ rng.standard_normal(20) / 20**0.5
    signals = np.stack([story + effect * changed, story], axis=1)  # (row, region)
    noise = rng.standard_normal((240, LISTENERS, 2))
    return bands, texts, (signals[:, None] + noise).reshape(240, -1).astype(np.float32)


def scored(
    bands: list[np.ndarray],
    texts: dict[str, np.ndarray],
    bold: np.ndarray,
    story: np.ndarray = STORY,
    **changes: Any,
) -> np.ndarray:
    options = {**OPTIONS, "alphas": ALPHAS, **changes}
    return associations.text_scores(
        bands, texts.__getitem__, list(texts), bold, story, POSITION, **options
    )


def table_of(r: np.ndarray, folder: Path) -> pd.DataFrame:
    """The table of scores of shape (text, story, target), by the road that the study takes."""
    coordinates = {
        "variant": [ORIGINAL, *NAMES, "shuffled-01"],
        "story": ["one", "two"],
        "subject": [f"{number:02d}" for number in range(LISTENERS)],
        "region_hemisphere": ("region", ["L", "R"]),
        "region_roi": ("region", ["follows", "does not"]),
        "region_targets": ("region", [1, 1]),
    }
    values = np.concatenate([r, r[:1] + 0.01]).reshape(-1, 2, LISTENERS, 2)
    attributes = {"reported_layer": 3, "nuisance": "word-rate, since-insertion"}
    path = folder / "scores.nc"
    storage.write_dataset(
        path,
        xr.Dataset(
            {"r": (("variant", "story", "subject", "region"), values)},
            coords=coordinates,
            attrs=attributes,
        ),
    )
    return unique_contributions.associations_table({("m", "word"): [str(path)]}, 0)


@pytest.mark.slow
def test_a_planted_association_comes_back_and_nothing_else(tmp_path: Path) -> None:
    table = table_of(scored(*made(2.0)), tmp_path)
    assert list(table.columns) == list(unique_contributions.ASSOCIATIONS_COLUMNS)
    found, none = table.iloc[0], table.iloc[1]
    assert found["unique_minus_null"] > 0.1 and found["p_texts"] == found["smallest_p"] == 1 / 20
    assert found["difference_low"] > 0 and found["unique"] > 0.1 > abs(found["unique_null"])
    assert abs(none["unique_minus_null"]) < 0.03 and none["p_texts"] > 0.05
    assert (found["layer"], found["n_listeners"], found["n_null"], found["n_stories"]) == (
        3,
        LISTENERS,
        RANDOM,
        2,
    )
    np.testing.assert_allclose(table["unique_shuffled"], 0.01)
    assert found["beyond"] == "word-rate, since-insertion" and np.isnan(found["p_stories"])


@pytest.mark.slow
def test_without_an_association_there_is_none(tmp_path: Path) -> None:
    """The text is one more random text: what it costs or gains, the others do too."""
    tables = [table_of(scored(*made(0.0, seed)), tmp_path) for seed in (1, 2)]
    table = pd.concat(tables)
    assert (table["unique"] < 0.02).all() and (table["unique_minus_null"].abs() < 0.04).all()
    assert abs(table["unique_minus_null"].mean()) < 0.02 and 0.05 < table["p_texts"].mean() < 0.95


@pytest.mark.slow
def test_a_second_view_of_the_story_is_no_association(tmp_path: Path) -> None:
    """Every text's band is the story's with noise of its own, as a careless band would be.

    What it gains, random texts gain as well.
    """
    bands, texts, bold = made(0.0)
    noise = np.random.default_rng(5).standard_normal((len(texts), 240, 20))
    views = {name: bands[-1] + 0.5 * one for name, one in zip(texts, noise, strict=True)}
    table = table_of(scored(bands, views, bold), tmp_path)
    assert (table["unique_minus_null"].abs() < 0.02).all() and (table["p_texts"] > 0.05).all()


def test_shares_are_chosen_as_the_solver_chooses_them() -> None:
    """The text's share, none included, is what banded ridge with all candidates at once takes.

    The penalty's scale is that of the bands alone.
    """
    bands, texts, bold = made(0.5)
    story, text = bands[-1], texts[WITH_ASSOCIATIONS]
    found = scored([story], {WITH_ASSOCIATIONS: text}, bold)
    shares = np.array([(1 - share, share) for share in (0.0, *associations.SHARES)])
    options = {**OPTIONS, "alphas": [2 * alpha for alpha in ALPHAS]}  # twice as many features
    rows = (bold, STORY, POSITION)
    expected = banded_ridge.score_predictions(
        banded_ridge.banded_predictions([story, text], *rows, shares=shares, **options), *rows, 4, 3
    )
    np.testing.assert_allclose(found[1], expected, atol=1e-4)
    alone = banded_ridge.score_predictions(
        banded_ridge.banded_predictions(
            [story], *rows, shares=np.ones((1, 1)), **OPTIONS, alphas=ALPHAS
        ),
        *rows,
        4,
        3,
    )
    np.testing.assert_allclose(found[0], alone, atol=1e-4)


@pytest.mark.slow
def test_every_band_is_always_there() -> None:
    """A band that says nothing is not left out.

    So what is beyond it is beyond it in every fold.
    """
    bands, texts, bold = made(0.0)
    one = scored(bands, {WITH_ASSOCIATIONS: texts[WITH_ASSOCIATIONS]}, bold)
    other = scored(
        [texts["random-01"], *bands[1:]], {WITH_ASSOCIATIONS: texts[WITH_ASSOCIATIONS]}, bold
    )
    assert np.abs(one[0] - other[0]).min() > 1e-6


@pytest.mark.slow
@pytest.mark.parametrize("what", ["listeners", "stories", "texts"])
def test_order_changes_nothing(what: str) -> None:
    bands, texts, bold = made(0.5)
    few = {name: texts[name] for name in NAMES[:3]}
    first = scored(bands, few, bold)
    if what == "listeners":
        np.testing.assert_allclose(scored(bands, few, bold[:, ::-1]), first[..., ::-1], atol=1e-5)
    elif what == "stories":
        order = np.r_[120:240, 0:120]
        turned = scored(
            [band[order] for band in bands],
            {name: text[order] for name, text in few.items()},
            bold[order],
        )
        np.testing.assert_allclose(turned, first[:, ::-1], atol=1e-5)
    else:
        turned = scored(bands, dict(reversed(few.items())), bold)
        np.testing.assert_allclose(turned[1:], first[:0:-1], atol=1e-8)
