"""ROI sets: their table, and how regions are chosen by the names of sets and regions."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from engram.datasets import roi_sets
from engram.datasets.images.surfaces import read_regions
from engram.datasets.narratives import layout
from engram.errors import EngramError
from engram.paths import ROI_SETS

with ROI_SETS.open(encoding="utf-8", newline="") as stream:
    ROWS = list(csv.DictReader(stream, delimiter="\t"))
REGIONS = [
    "G_front_inf-Opercular",
    "G_front_inf-Triangul",
    "G_precuneus",
    "Pole_temporal",
    "S_calcarine",
    "S_central",
]


def test_every_set_has_regions() -> None:
    sets = roi_sets.roi_sets()
    assert set(sets) == {
        "language",
        "associative-memory",
        "medial-temporal",
        "working-memory",
        "parietal",
        "control",
    }
    assert all(len(members) >= 3 for members in sets.values())


def test_every_row_has_a_reference_and_is_there_once() -> None:
    assert list(ROWS[0]) == ["set", "roi", "reference"]
    assert all(
        row["set"] and row["roi"] and any(character.isdigit() for character in row["reference"])
        for row in ROWS
    )
    pairs = [(row["set"], row["roi"]) for row in ROWS]
    assert len(set(pairs)) == len(pairs)
    assert {(name, roi) for name, members in roi_sets.roi_sets().items() for roi in members} == set(
        pairs
    )


def test_the_controls_are_in_no_other_set() -> None:
    sets = roi_sets.roi_sets()
    others = {roi for name, members in sets.items() if name != "control" for roi in members}
    assert not others & set(sets["control"])


def test_nothing_wanted_means_everything() -> None:
    assert roi_sets.choose(None, REGIONS, "dataset.regions") == set(REGIONS)
    assert roi_sets.choose([], REGIONS, "dataset.regions") == set()


@pytest.mark.parametrize(
    ("wanted", "chosen"),
    [
        (["G_precuneus"], {"G_precuneus"}),
        (["control"], {"S_calcarine", "S_central"}),
        (["control", "S_central", "Pole_temporal"], {"S_calcarine", "S_central", "Pole_temporal"}),
        (["language"], {"G_front_inf-Opercular", "G_front_inf-Triangul", "Pole_temporal"}),
        (
            ["language", "parietal"],
            {"G_front_inf-Opercular", "G_front_inf-Triangul", "Pole_temporal", "G_precuneus"},
        ),
        (["G_front_inf.Triangul"], {"G_front_inf-Triangul"}),
    ],
)
def test_sets_and_regions_are_chosen(wanted: list[str], chosen: set[str]) -> None:
    assert roi_sets.choose(wanted, REGIONS, "dataset.regions") == chosen


def test_hyphens_may_have_become_dots() -> None:
    dotted = [name.replace("-", ".") for name in REGIONS]
    assert roi_sets.choose(["language"], dotted, "dataset.regions") == {
        "G_front_inf.Opercular",
        "G_front_inf.Triangul",
        "Pole_temporal",
    }
    assert roi_sets.choose(["G_front_inf-Triangul"], dotted, "dataset.regions") == {
        "G_front_inf.Triangul"
    }


def test_a_region_comes_before_a_set_of_its_name() -> None:
    assert roi_sets.choose(["language"], ["language", *REGIONS], "dataset.regions") == {"language"}


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [
        ("G_precuneous", "G_precuneus"),
        ("langauge", "language"),
        ("associative_memory", "associative-memory"),
    ],
)
def test_unknown_names_get_a_suggestion(name: str, suggestion: str) -> None:
    with pytest.raises(
        EngramError,
        match=(
            rf"^dataset\.regions: '{name}' is no region .* Did you mean {suggestion}.* Sets: "
            r".*control.* Regions: .*S_calcarine"
        ),
    ):
        roi_sets.choose(["control", name], REGIONS, "dataset.regions")


def test_a_set_without_a_region_of_the_atlas_is_refused() -> None:
    with pytest.raises(
        EngramError, match=r"^figures\.rois: this atlas has no region of the set 'medial-temporal'"
    ):
        roi_sets.choose(["medial-temporal"], REGIONS, "figures.rois")


def test_a_name_like_nothing_gets_no_suggestion() -> None:
    with pytest.raises(EngramError) as error:
        roi_sets.choose(["xyz"], REGIONS, "dataset.regions")
    assert "Did you mean" not in str(error.value)


def test_members_are_named_as_in_the_atlas() -> None:
    assert roi_sets.members(["a-b", "c.d", "e"], ["a.b", "c-d", "x"]) == {"a.b", "c-d"}


@pytest.mark.parametrize("side", [0, 1])
def test_every_region_is_in_the_real_parcellation(mirror: Path, side: int) -> None:
    path = mirror / "narratives" / layout.parcellation_files()[side]
    if not path.exists():
        pytest.skip(f"the mirror has no {path.name}")
    regions = set(read_regions(path)) - {""}
    assert len(regions) == 74
    missing = {row["roi"] for row in ROWS if not roi_sets.members([row["roi"]], regions)}
    assert not missing
    chosen = roi_sets.choose(list(roi_sets.roi_sets()), regions, "dataset.regions")
    assert len(chosen) == len({row["roi"] for row in ROWS})
