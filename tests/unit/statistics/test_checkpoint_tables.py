"""R by training step, and where it changes: what was planted comes back, noise does not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from engram.figures.checkpoint_figures import checkpoints
from engram.statistics.checkpoint_tables import (
    ALL,
    CHANGES_COLUMNS,
    CHECKPOINTS_COLUMNS,
    change,
    checkpoints_table,
    explained,
)

STEPS = np.array([0, 1, 8, 64, 512, 4096, 32768])


def test_a_planted_change_is_found() -> None:
    rng = np.random.default_rng(0)
    r = np.where(STEPS >= 64, 0.2, 0.0)[:, None] + 0.02 * rng.standard_normal((7, 12))
    found = change(STEPS, r, 0)
    assert (found["last_before"], found["first_after"]) == (8, 64)
    assert found["low"] == found["high"] == 64 and found["n_permutations"] == 999
    assert float(str(found["p"])) <= 0.1  # few orders put three before four; half are its mirror
    assert abs(float(str(found["score_after"])) - 0.2) < 0.02
    assert change(STEPS[:3], r[:3], 0) == {
        "n_checkpoints": 3,
        "n_listeners": 12,
        "n_permutations": 0,
    }


def test_a_change_depends_on_no_order_and_needs_listeners_and_scores() -> None:
    rng = np.random.default_rng(3)
    r = np.where(STEPS >= 64, 0.2, 0.0)[:, None] + 0.3 * rng.standard_normal((7, 12))
    assert change(STEPS, r, 0) == change(STEPS, r[:, rng.permutation(12)], 0)
    few = change(STEPS, r[:, :2], 0)
    assert "low" not in few and "high" not in few and "p" in few
    r[2, 0] = np.nan
    assert change(STEPS, r, 0)["n_permutations"] == 0


def test_noise_has_no_change() -> None:
    rng = np.random.default_rng(1)
    p = [float(str(change(STEPS, rng.standard_normal((7, 5)), seed)["p"])) for seed in range(80)]
    assert np.mean(np.array(p) <= 0.05) <= 0.12 and 0.35 < np.mean(p) < 0.65


def test_what_a_cut_explains_is_the_sum_of_squares_between() -> None:
    r = np.random.default_rng(2).standard_normal(6)
    for cut in range(1, 6):
        parts = r[:cut], r[cut:]
        between = sum(len(part) * (part.mean() - r.mean()) ** 2 for part in parts)
        np.testing.assert_allclose(explained(r[None])[0, cut - 1], between)


def write(folder: Path, model: str, level: float) -> list[str]:
    """Write scores of two layers, two regions and four listeners."""
    rng = np.random.default_rng(int(1000 * level) + 70)
    r = level + 0.01 * rng.standard_normal((2, 1, 5, 4))
    r[:, :, 4] = 9  # the average listener is no listener
    path = folder / f"{model}.nc"
    xr.Dataset(
        {"r": (("layer", "story", "subject", "target"), r.astype(np.float32))},
        coords={
            "story": ["tale"],
            "subject": ["01", "02", "03", "04", "average"],
            "hemisphere": ("target", list("LLRR")),
            "roi": ("target", ["a", "a", "a", "a"]),
        },
    ).to_netcdf(path, engine="h5netcdf")
    return [str(path)]


def test_tables_and_figure(tmp_path: Path) -> None:
    levels = {0: 0.0, 10: 0.01, 100: 0.2, 1000: 0.21}
    files = {f"run-step{step}": write(tmp_path, f"run-step{step}", r) for step, r in levels.items()}
    files["twin"] = write(tmp_path, "twin", -0.02)
    members = [(step, f"run-step{step}") for step in levels]
    table, changes = checkpoints_table(files, {"run": members}, {"run": "twin"}, None, 0)
    assert list(table) == list(CHECKPOINTS_COLUMNS) and list(changes) == list(CHANGES_COLUMNS)
    whole = table[table["roi"] == ALL].set_index("step")
    np.testing.assert_allclose(whole["score"], list(levels.values()), atol=0.01)
    assert (whole["low"] < whole["score"]).all() and (whole["score"] < whole["high"]).all()
    np.testing.assert_allclose(whole["twin"], -0.02, atol=0.01)
    assert len(table) == 3 * 4 and (table["n_listeners"] == 4).all()
    assert (changes["first_after"] == 100).all() and (changes["n_permutations"] == 23).all()
    pairs = pd.DataFrame(
        {
            "model": [f"run-step{step}" for step in levels] * 2,
            "series": "run",
            "step": [*levels, *levels],
            "phenomenon": [ALL] * 4 + ["verb"] * 4,
            "accuracy": [0.5, 0.5, 0.8, 0.9] * 2,
        }
    )
    drawn = checkpoints(table, changes, pairs)
    assert "changes between steps 10 and 100" in drawn.words.caption
    assert "minimal pairs" in drawn.words.caption and len(drawn.figure.axes) == 2
    alone = checkpoints(table.assign(twin=np.nan), changes)
    assert len(alone.figure.axes) == 1 and "minimal pairs" not in alone.words.caption
    drawn.figure.savefig(tmp_path / "checkpoints.png", dpi=150)
