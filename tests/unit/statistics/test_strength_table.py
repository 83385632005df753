"""Strong against weak responses: planted differences, direct computation, texts that do not fit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engram.errors import EngramError
from engram.statistics.strength_table import STRENGTH_COLUMNS, strength_table
from engram.statistics.variant_effects import Effects

REGIONS = [("L", "one", 3), ("L", "two", 2), ("R", "one", 3)]
TEXTS = ["original", "associations", *(f"dealt-{k:02d}" for k in range(1, 40)), "cues-01"]
PAIR = [("norms-strong", "norms-weak")]


def made(seed: int, effect: float = 0.0) -> Effects:
    """Scores of listeners who share how well each text does; one region has an effect."""
    rng = np.random.default_rng(seed)
    shared = 0.01 * rng.standard_normal((len(TEXTS), 1, len(REGIONS)))
    r = 0.1 + shared + 0.005 * rng.standard_normal((len(TEXTS), 13, len(REGIONS)))
    r[1, :, 0] += effect
    subjects = [*(f"{k:02d}" for k in range(12)), "average"]
    return Effects(subjects, REGIONS, TEXTS, TEXTS[:2], 4, r, np.stack([r[:2]] * 3, axis=1))


def both(strong: Effects, weak: Effects) -> dict[tuple[str, str], Effects]:
    """Effects by model and text."""
    return {("m", "norms-strong"): strong, ("m", "norms-weak"): weak}


def test_a_planted_difference_is_found_and_nothing_else() -> None:
    table = strength_table(both(made(0, 0.1), made(1)), PAIR, 0)
    assert list(table.columns) == list(STRENGTH_COLUMNS)
    assert table["p_texts"].iloc[0] == 1 / 40 == table["smallest_p"].iloc[0]
    assert table["p_texts_corrected"].iloc[0] == 1 / 40
    assert (table["p_texts_corrected"].iloc[1:] > 0.05).all()
    # What strong and weak responses do alike is no difference.
    assert (strength_table(both(made(0, 0.1), made(1, 0.1)), PAIR, 0)["p_texts"] > 0.05).all()


def test_numbers_are_those_of_a_direct_computation() -> None:
    strong, weak = made(2), made(3)
    table = strength_table(both(strong, weak), PAIR, 0)
    f_strong, f_weak = (one.r[1, :12] - one.r[0, :12] for one in (strong, weak))
    pairs = (strong.r[2:41, :12] - strong.r[0, :12]) - (weak.r[2:41, :12] - weak.r[0, :12])
    null = pairs.mean(axis=1)
    for number, row in enumerate(table.itertuples()):
        observed = f_strong[:, number].mean() - f_weak[:, number].mean()
        assert pytest.approx(observed) == row.difference
        assert pytest.approx(row.F_strong - row.F_weak) == row.difference
        assert row.difference_dealt == pytest.approx(null[:, number].mean())
        assert row.p_texts == (1 + (null[:, number] >= observed).sum()) / 40
        assert (row.n_dealt, row.n_listeners, row.layer) == (39, 12, 4)
        assert row.p_texts_corrected >= row.p_texts


def test_texts_that_do_not_fit_are_refused() -> None:
    fewer = made(1)
    fewer = replace(fewer, variants=[*TEXTS[:-2], "cues-01", "cues-02"])
    with pytest.raises(EngramError, match=r"dealt texts differ \(39 and 38\)"):
        strength_table(both(made(0), fewer), PAIR, 0)
