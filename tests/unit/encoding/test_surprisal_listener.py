"""A listener who follows surprisal is found by surprisal, above chance, and by nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from conftest import ROOT, random_words
from read_models import READING

from engram.encoding.circular_shift import score_shifted
from engram.encoding.timing import delayed_features
from engram.features import spaces
from engram.features.space import Given
from engram.features.word_rate import word_rate
from engram.files import storage
from engram.statistics.chance_table import chance_table

OPTIONS: dict[str, Any] = {
    **{"words_to_trs": "sum", "longest_delay": 6.0, "delays": None, "folds": 4},
    **{"inner_folds": 2, "alphas": [1.0, 100.0, 10000.0], "alpha_by": "r", "backend": "numpy"},
}
TR, N_ROWS, N_WORDS, LISTENERS = 1.5, 300, 600, ["01", "02", "03", "04"]


@pytest.mark.slow
def test_surprisal_comes_back(tmp_path: Path) -> None:
    words = random_words(N_WORDS, rate=N_WORDS / (TR * N_ROWS - 8))
    storage.write_table(tmp_path / "words.tsv", words, "Words", dict.fromkeys(words, "x"))
    folder = ROOT / "resources" / "models" / "gpt2-tiny"
    config = {
        "model": {"base": None, "source": str(folder), "reinitialised": False, "seed": None},
        "reading": {**READING, "device": "cpu", "dtype": "float32"},
        "space": {"of": "tiny", "units": ["surprisal"]},
    }
    surprisal = spaces.lay("surprisal", Given("tale", words, config, model=folder))
    laid = {"surprisal": surprisal, "rate": word_rate(N_WORDS)}
    # As surprisal is, but of other words.
    dealt = surprisal["activation"].values[:, np.random.default_rng(5).permutation(N_WORDS)]
    laid["dealt"] = surprisal.copy(data={"activation": dealt, "mean": surprisal["mean"].values})
    times, onsets = np.arange(N_ROWS) * TR, words["onset"].to_numpy()
    course = delayed_features(surprisal["activation"].values[0], onsets, times, TR, [2, 3], "sum")
    signal = np.stack([course.sum(1) / course.sum(1).std(), np.zeros(N_ROWS)], axis=1)
    bold = signal + np.random.default_rng(0).standard_normal((len(LISTENERS), N_ROWS, 2))
    xr.Dataset(
        {"bold": (("subject", "time", "target"), bold.astype(np.float32))},
        coords={
            "subject": LISTENERS,
            "time": times,
            "target": ["a", "b"],
            "hemisphere": ("target", ["L", "L"]),
            "roi": ("target", ["follows", "noise"]),
        },
        attrs={"story": "tale", "tr": TR},
    ).to_netcdf(tmp_path / "bold.nc", engine="h5netcdf")
    tables = []
    for name, space in laid.items():
        storage.write_dataset(tmp_path / f"{name}.nc", space)
        files = [[str(tmp_path / one)] for one in (f"{name}.nc", "bold.nc", "words.tsv")]
        null = score_shifted(
            *(files[0], files[1], files[2]), LISTENERS, "roi", None, 39, 0, **OPTIONS
        )
        storage.write_dataset(tmp_path / f"{name}_null.nc", null)
        tables.append(chance_table({name: [str(tmp_path / f"{name}_null.nc")]}, 0))
    table = pd.concat(tables).set_index(["model", "roi"])
    assert table.loc[("surprisal", "follows"), "score"] > 0.4
    assert table.loc[("surprisal", "follows"), "p_corrected"] == 1 / 40
    others = table.drop(index=("surprisal", "follows"))
    assert (others["score"] < 0.2).all() and (others["p_corrected"] > 0.05).all()
