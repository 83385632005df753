"""Tables against direct means."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from engram.features.layers import reported_layer
from engram.files import storage
from engram.statistics import score_tables

RNG = np.random.default_rng(0)
SUBJECTS, STORIES, N_TARGETS = ["01", "02", "average"], ["one", "two"], 5
REGIONS = {"hemisphere": ("target", list("LLRRR")), "roi": ("target", ["a", "a", "a", "b", "b"])}


@pytest.fixture
def study(tmp_path: Path) -> tuple[xr.Dataset, dict[str, xr.Dataset], pd.DataFrame]:
    r = RNG.uniform(-0.2, 0.5, (3, 2, 3, N_TARGETS)).astype(np.float32)
    scores = xr.Dataset(
        {"r": (("layer", "story", "subject", "target"), r)},
        coords={"subject": SUBJECTS, "story": STORIES, "n_trs": ("story", [100, 50]), **REGIONS},
    )
    storage.write_dataset(tmp_path / "scores.nc", scores)
    ceilings = {}
    for story in STORIES:
        values = {
            kind: ("target", RNG.uniform(0.2, 0.8, N_TARGETS))
            for kind in ("split", "split_sb", "average")
        }
        each = {
            kind: (("subject", "target"), RNG.uniform(0.2, 0.8, (2, N_TARGETS)))
            for kind in ("loo", "loo_ridge", "single")
        }
        ceilings[story] = xr.Dataset(
            {**values, **each}, coords={"subject": SUBJECTS[:2], **REGIONS}, attrs={"story": story}
        )
        storage.write_dataset(tmp_path / f"{story}.nc", ceilings[story])
    table = score_tables.scores_table(
        "study",
        [("group", "model", "original")],
        [str(tmp_path / "scores.nc")],
        [str(tmp_path / f"{story}.nc") for story in STORIES],
        {"group": STORIES},
        0.05,
    )
    return scores, ceilings, table


Made = tuple[xr.Dataset, dict[str, xr.Dataset], pd.DataFrame]


def test_scores_are_means_over_folds_stories_and_targets(study: Made) -> None:
    scores, _, table = study
    assert list(table.columns) == list(score_tables.SCORES_COLUMNS)
    assert len(table) == 3 * 3 * 3  # subjects, layers, regions
    for row in table.itertuples():
        targets = [
            i
            for i in range(N_TARGETS)
            if (REGIONS["hemisphere"][1][i], REGIONS["roi"][1][i]) == (row.hemisphere, row.roi)
        ]
        direct = (
            scores["r"]
            .values[row.layer, :, SUBJECTS.index(row.subject)][..., targets]
            .mean(axis=0)
            .mean()
        )
        assert row.score == pytest.approx(direct, abs=1e-6)
        assert (row.n_targets, row.n_trs) == (len(targets), 150)


def test_each_row_is_normalised_by_the_ceiling_that_fits_it(study: Made) -> None:
    _, ceilings, table = study
    targets = [3, 4]
    for subject in SUBJECTS:
        row = table[
            (table["subject"] == subject) & (table["roi"] == "b") & (table["layer"] == 1)
        ].iloc[0]
        if subject == "average":
            ceiling = np.mean(
                [ceilings[story]["average"].values[targets].mean() for story in STORIES]
            )
            assert row["ceiling_kind"] == "sqrt(split_sb)" and np.isnan(row["ceiling_loo"])
        else:
            ceiling = np.mean(
                [
                    ceilings[story]["single"].sel(subject=subject).values[targets].mean()
                    for story in STORIES
                ]
            )
            assert row["ceiling_kind"] == "loo/sqrt(rel(n-1))"
        assert row["normalized"] == pytest.approx(row["score"] / ceiling, rel=1e-5)


def test_best_layer_by_hand() -> None:
    rows = [
        ("01", 0, "a", 1, 0.1), ("01", 0, "b", 3, 0.1), ("01", 1, "a", 1, 0.9),
        ("01", 1, "b", 3, 0.0),
        ("02", 0, "a", 1, 0.3), ("02", 0, "b", 3, 0.3), ("02", 1, "a", 1, 0.5),
        ("02", 1, "b", 3, 0.1),
        ("average", 0, "a", 1, 0.2), ("average", 0, "b", 3, 0.2), ("average", 1, "a", 1, 0.0),
        ("average", 1, "b", 3, 0.4),
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=["subject", "layer", "roi", "n_targets", "score"]).assign(
        model="m", text="original"
    )
    best = score_tables.best_layers(table).set_index("subjects")
    # listeners: layer 0 (0.1 + 0.3) / 2 = 0.2; layer 1: 01 has 0.225, 02 has 0.2: 0.2125
    assert best.loc["listeners", "best_layer"] == 1 and best.loc[
        "listeners", "score"
    ] == pytest.approx(0.2125)
    assert best.loc["listeners", "standard_error"] == pytest.approx(0.0125)
    assert best.loc["average", "best_layer"] == 1 and best.loc["average", "score"] == pytest.approx(
        0.3
    )
    assert np.isnan(best.loc["average", "standard_error"]) and (best["listeners"] == 2).all()


def test_the_order_of_rows_changes_nothing(study: Made) -> None:
    table = study[2]
    shuffled = score_tables.best_layers(table.sample(frac=1, random_state=1)).sort_values(
        "subjects", ignore_index=True
    )
    pd.testing.assert_frame_equal(
        shuffled, score_tables.best_layers(table).sort_values("subjects", ignore_index=True)
    )


@pytest.mark.parametrize(
    ("depth", "layer", "expected"),
    [(12, None, 8), (5, None, 3), (32, None, 21), (0, None, 0), (12, 9, 9), (5, 9, 5)],
)
def test_reported_layer(depth: int, layer: int | None, expected: int) -> None:
    assert reported_layer(depth, layer) == expected
