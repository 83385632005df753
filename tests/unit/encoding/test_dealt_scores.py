"""A listener who follows one norm is found above its deals, and another space is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from conftest import STORY

from engram.encoding.dealt_scores import score_deals
from engram.encoding.timing import delayed_features
from engram.features.dealt_entries import dealt_space
from engram.features.norms.space import norms_space
from engram.features.norms.table import WordTable
from engram.files import storage
from engram.statistics.feature_tables import DEALS_COLUMNS, deals_table, features_table

OPTIONS: dict[str, Any] = {
    **{"words_to_trs": "sum", "longest_delay": 6.0, "delays": None, "folds": 4},
    **{"inner_folds": 2, "alphas": [1.0, 100.0, 10000.0], "alpha_by": "r", "backend": "numpy"},
}
TR, N_ROWS, N_LISTENERS = 1.5, 300, 4


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Listeners of a story: one region follows a norm, the other the number of words."""
    folder = tmp_path_factory.mktemp("dealt")
    rng = np.random.default_rng(1)
    words = [word for word in STORY.split() * 4 if word.isalpha()][:900]
    onsets = np.sort(rng.uniform(0, TR * N_ROWS - 8, len(words))).round(3)
    table = pd.DataFrame({"word": words, "onset": onsets, "offset": onsets + 0.1, "sentence": 0})
    storage.write_table(folder / "words.tsv", table, "Words", dict.fromkeys(table, "x"))
    types = sorted({word.casefold() for word in words})
    spaces = {
        name: norms_space(
            words,
            WordTable(Path(name), ["a"], {w: rng.standard_normal(1) for w in types if w != "the"}),
            "tale",
            "en",
            0.5,
        )
        for name in ("followed", "other")
    }
    for name, space in spaces.items():
        read = space.dataset()
        storage.write_dataset(folder / f"{name}.nc", read)
        made = dealt_space([read], [table], name, 39, 0, "story", "en")
        storage.write_dataset(folder / f"{name}_deals.nc", made)
    times = np.arange(N_ROWS) * TR
    courses = [
        delayed_features(vectors.astype(np.float32), onsets, times, TR, [2, 3]).sum(1)
        for vectors in (spaces["followed"].vectors[0], np.ones((len(words), 1)))
    ]
    signal = np.stack([one / one.std() for one in courses], axis=1)
    bold = signal + rng.standard_normal((N_LISTENERS, N_ROWS, 2))
    xr.Dataset(
        {"bold": (("subject", "time", "target"), bold.astype(np.float32))},
        coords={
            "subject": [f"0{k}" for k in range(N_LISTENERS)],
            "time": times,
            "target": ["a", "b"],
            "hemisphere": ("target", ["L", "L"]),
            "roi": ("target", ["norm", "rate"]),
        },
        attrs={"story": "tale", "tr": TR},
    ).to_netcdf(folder / "bold.nc", engine="h5netcdf")
    return folder


def scored(folder: Path, name: str) -> pd.DataFrame:
    """Return the table of a space."""
    subjects = [f"0{k}" for k in range(N_LISTENERS)]
    result = score_deals(
        [str(folder / f"{name}.nc")],
        [str(folder / "bold.nc")],
        [str(folder / "words.tsv")],
        str(folder / f"{name}_deals.nc"),
        subjects,
        "roi",
        None,
        **OPTIONS,
    )
    storage.write_dataset(folder / f"{name}_null.nc", result)
    return deals_table({name: [str(folder / f"{name}_null.nc")]}, 0).set_index("roi")


@pytest.mark.slow
def test_a_followed_norm_is_above_its_deals_and_nothing_else_is(study: Path) -> None:
    found = scored(study, "followed")
    assert list(found.reset_index()[list(DEALS_COLUMNS)]) == list(DEALS_COLUMNS)
    assert found.loc["norm", "p_corrected"] == 1 / 40
    assert found.loc["norm", "effect"] > 0.3 and found.loc["norm", "score"] > 0.4
    assert found.loc["rate", "p_corrected"] > 0.2 and found.loc["rate", "score"] < 0.2
    other = scored(study, "other")
    assert (other["p_corrected"] > 0.2).all() and (other["effect"].abs() < 0.15).all()
    assert (found["n_deals"] == 39).all() and (found["entries"] > 100).all()


def test_what_a_space_covers_is_tabled(study: Path) -> None:
    found = features_table(
        [({"model": "followed", "story": "tale"}, str(study / "followed.nc"))],
        {"tale": str(study / "words.tsv")},
        {"followed": "norms"},
    ).iloc[0]
    words = storage.read_words(study / "words.tsv")["word"].str.casefold()
    assert found["without"] == "the" and found["kind"] == "norms" and found["unit_names"] == "a"
    assert found["words"] == len(words) and found["known_words"] == (words != "the").sum()
    assert found["types"] - found["known_types"] == 1
