"""Encoders across languages: a planted shared map comes back, one of a language's own vanishes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from conftest import regions

from engram import transfer as command
from engram.command import main as engram_command
from engram.encoding import across_languages
from engram.encoding.across_languages import Side
from engram.encoding.story_data import StoryData
from engram.errors import EngramError
from engram.features.vectors import to_dataset
from engram.files import storage
from engram.statistics.transfer_table import TRANSFER_COLUMNS, transfer_table

TR, UNITS, TARGETS = 2.0, 5, 4
OPTIONS: dict[str, Any] = {
    "words_to_trs": "sum",
    "longest_delay": 6.0,
    "delays": None,
    "folds": 3,
    "inner_folds": 3,
    "alphas": [1.0, 100.0, 10000.0],
    "alpha_by": "r",
    "backend": "numpy",
}
PLACES = {
    name: (("target",), regions(TARGETS)[name].to_numpy())
    for name in ("target", "hemisphere", "roi")
}


def language(seed: int, mixing: np.ndarray, mark: str, sections: int = 4) -> Side:
    """Sections in a language: own words, durations and listeners, BOLD by a linear map."""
    rng, stories, vectors = np.random.default_rng(seed), [], []
    for number in range(sections):
        rows = int(rng.integers(90, 120))
        onsets = np.sort(rng.uniform(0, TR * (rows - 4), 3 * rows))
        words = rng.standard_normal((len(onsets), UNITS)).astype(np.float32)
        driven = np.zeros((rows, UNITS))
        np.add.at(driven, (onsets / TR).astype(int) + 2, words)
        bold = driven @ mixing + 3 * rng.standard_normal((5, rows, TARGETS))
        bold = (bold - bold.mean(1, keepdims=True)) / bold.std(1, keepdims=True)
        names = [f"{mark}{place}" for place in range(5)]
        array = xr.DataArray(
            bold.astype(np.float32), dims=("subject", "time", "target"), coords={"subject": names}
        )
        times = TR * np.arange(rows)
        stories.append(StoryData(f"tale-{number + 1}", TR, onsets, times, array, PLACES))
        vectors.append(words)
    return Side(stories, names, vectors, 0, None)


def mixing(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((UNITS, TARGETS))


SHARED = mixing(0)
TAUGHT, TESTED = language(1, SHARED, "EN"), language(2, SHARED, "FR")


@pytest.mark.slow
def test_a_shared_map_comes_back_and_one_of_a_language_vanishes() -> None:
    shared = across_languages.transferred(TAUGHT, TESTED, 39, 0, **OPTIONS)
    own = across_languages.transferred(TAUGHT, language(2, mixing(9), "FR"), 39, 0, **OPTIONS)
    assert shared["r"].dims == ("story", "subject", "region")
    assert shared["story"].values.tolist() == [f"tale-{one}" for one in (1, 2, 3, 4)]
    tables = [transfer_table({"m": one}, 0) for one in (shared, own)]
    assert list(tables[0]) == list(TRANSFER_COLUMNS)
    for table in tables:  # either map is learned from listeners of the language itself
        assert (table["within"] > 0.35).all() and (table["null_mean"].abs() < 0.05).all()
    assert (tables[0]["score"] > 0.35).all() and (tables[0]["p_corrected"] == 1 / 40).all()
    assert (tables[0]["specific"].abs() < 0.05).all()
    assert abs(tables[1]["score"].mean()) < 0.2 < (tables[1]["specific"]).min()


def test_a_section_is_predicted_by_the_others_of_the_other_language() -> None:
    """One penalty: ridge by the normal equations on the average listener of three sections."""
    guess = across_languages._predicted(TAUGHT, TESTED, 1, {**OPTIONS, "alphas": [10.0]})

    def delayed(side: Side, place: int) -> np.ndarray:
        story, rows = side.stories[place], len(side.stories[place].times)
        summed = np.zeros((rows, UNITS))
        np.add.at(summed, (story.onsets / TR).astype(int), side.vectors[place])
        found = np.zeros((rows, 3, UNITS))
        for number, delay in enumerate((1, 2, 3)):
            found[delay:, number] = summed[:-delay]
        return found.reshape(rows, -1)

    x = np.concatenate([delayed(TAUGHT, place) for place in (0, 2, 3)])
    y = np.concatenate([TAUGHT.stories[place].bold.mean("subject") for place in (0, 2, 3)])
    scaled, new = ((one - x.mean(0)) / x.std(0) for one in (x, delayed(TESTED, 1)))
    square = scaled.T @ scaled + 10 * np.eye(x.shape[1])
    weights = np.linalg.solve(square, scaled.T @ (y - y.mean(0)))
    assert np.allclose(guess, new @ weights, atol=1e-4)


def test_what_cannot_be_transferred_is_refused() -> None:
    few = replace(TESTED, stories=TESTED.stories[:2], vectors=TESTED.vectors[:2])
    wide = replace(TESTED, vectors=[np.ones((len(one), 7)) for one in TESTED.vectors])
    slow = replace(TESTED, stories=[replace(one, tr=1.5) for one in TESTED.stories])
    for taught, tested, said in (
        (TAUGHT, TAUGHT, "listeners of both studies: EN0, EN1, EN2"),
        (TAUGHT, few, "the sections differ: tale-1, tale-2, tale-3, tale-4 and tale-1, tale-2"),
        (replace(TAUGHT, stories=TAUGHT.stories[:2]), few, "there are 2 sections; 3 are needed"),
        (TAUGHT, wide, "5 units at layer 0 in one study, and 7 at layer 0"),
        (TAUGHT, replace(TESTED, layer=3), "5 at layer 3 in the other"),
        (TAUGHT, slow, "TRs are 2 and 1.5 s"),
    ):
        with pytest.raises(EngramError, match=said):
            across_languages.check(taught, tested)
    places = {**PLACES, "roi": (("target",), np.array(["a", "b", "c", "d"]))}
    other = [replace(one, target_coordinates=places) for one in TESTED.stories]
    with pytest.raises(EngramError, match="different targets"):
        across_languages.transferred(TAUGHT, replace(TESTED, stories=other), 19, 0, **OPTIONS)


def finished(folder: Path, side: Side, model: str = "mixed", **encoding: Any) -> Path:
    """What the command reads of a finished study."""
    names = [one.name for one in side.stories]
    config = {"encoding": {**OPTIONS, **encoding}, "stories": names, "subjects": side.subjects}
    for story, vectors in zip(side.stories, side.vectors, strict=True):
        key = f"story-{story.name}"
        path = folder / "activations" / f"{key}_model-{model}_text-original_activations.nc"
        storage.write_dataset(path, to_dataset(vectors[None]))
        defined = {"model": {"source": "hub/multilingual"}}
        storage.write_json(storage.sidecar(path), {"Provenance": {"Config": defined}})
        dataset = xr.Dataset(
            {"bold": story.bold},
            coords={"time": story.times, **PLACES},
            attrs={"story": story.name, "tr": TR},
        )
        storage.write_dataset(folder / "bold" / f"{key}_bold.nc", dataset)
        table = pd.DataFrame({"word": "a", "onset": story.onsets, "offset": story.onsets + 0.2})
        path = folder / "stories" / f"{key}_words.tsv"
        storage.write_table(path, table, "Words.", dict.fromkeys(table.columns, "x"))
    path = folder / "scores" / f"group-g_model-{model}_text-original_scores.nc"
    storage.write_dataset(path, xr.Dataset(attrs={"tr": TR}))
    about = {"Provenance": {"Config": config, "Wildcards": {"model": model}}}
    storage.write_json(storage.sidecar(path), about)
    return folder


@pytest.mark.slow
def test_the_command_reads_two_finished_studies(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = [finished(tmp_path / one.subjects[0], one) for one in (TAUGHT, TESTED)]
    given = ["transfer", *map(str, folders), "-o", str(tmp_path), "--shifts", "19"]
    assert engram_command.main(given) == 0
    assert "1 model" in capsys.readouterr().out
    table = storage.read_table(tmp_path / "transfer.tsv")
    assert list(table) == list(TRANSFER_COLUMNS) and (table["score"] > 0.35).all()
    assert (table["n_listeners"] == 5).all() and (table["n_shifts"] == 19).all()
    assert engram_command.main([*given, "--model", "other"]) == 1
    assert "other: not in both studies, which have mixed and mixed" in capsys.readouterr().err
    other = finished(tmp_path / "other", TESTED, longest_delay=8.0)
    with pytest.raises(EngramError, match="different rules: delays: all rows to 6 s and all rows"):
        command.run(folders[0], other, tmp_path)
    with pytest.raises(EngramError, match="holds no scores"):
        command.run(folders[0], tmp_path / "nothing", tmp_path)
