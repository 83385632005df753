"""Tunings: the whole road on a small study, and what is refused before the first job."""

from __future__ import annotations

import json
import re
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from conftest import (
    MODELS,
    ROOT,
    jobs,
    random_words,
    regions,
    snakemake,
    story_words,
    write_table_study,
)

from engram.errors import EngramError
from engram.features.language_models import activations
from engram.study import plan
from engram.study.config.read import read_study
from engram.tunings import tuned_reading

READING: dict[str, Any] = {
    "mode": "strided",
    "context": None,
    "stride": None,
    "pooling": "last",
    "batch_tokens": 4096,
}


@pytest.mark.slow
def test_the_base_is_read_as_any_model_and_a_tuning_that_changed_nothing_scores_the_same() -> None:
    words = story_words(120)
    load = partial(activations.load, MODELS / "gpt2-tiny")
    data = tuned_reading.read_story(
        words,
        {"base": load, "association-1": load, "association-2": load, "shuffled-1": load},
        None,
        **READING,
    )
    assert (
        data["layer_variant"].values.tolist() == ["base", "association-1", "shuffled-1"]
        and data.sizes["row"] == 0
    )
    alone = activations.story_activations(words, load(), **READING)["activation"].values
    np.testing.assert_array_equal(data["all_layers"].values[0], alone)
    for number in range(4):
        np.testing.assert_array_equal(data["reported"].values[number], alone[4])


def write_study(folder: Path) -> dict[str, Any]:
    """Write what a study of one story with two tunings of a small model reads.

    Return its configuration.
    """
    rng = np.random.default_rng(0)
    write_table_study(
        folder / "data",
        {f"0{k}": rng.standard_normal((120, 4)) for k in range(1, 5)},
        random_words(400),
        regions(4),
        "one",
    )
    lines = (
        (ROOT / "resources" / "tuning_samples" / "associations.jsonl")
        .read_text(encoding="utf-8")
        .splitlines()
    )
    (folder / "samples.jsonl").write_text("\n".join(lines[:60]) + "\n", encoding="utf-8")
    common = {
        "data": "samples.jsonl",
        "steps": 2,
        "tokens_per_step": 64,
        "evaluate_every": 2,
        "max_length": 256,
        "too_long": "leave out",
        "targets": "roi",
    }
    return {
        "study": "mine",
        "dataset": {"kind": "table", "path": "data", "tr": 1.5},
        "models": {"tiny": {"source": str(MODELS / "llama-tiny")}},
        "tunings": {
            "small": {
                **common,
                "seeds": 1,
                "controls": {"shuffled": 1, "generic": 1},
                "learning_rate": 0.01,
            },
            "upper": {
                **common,
                "method": "frozen",
                "seeds": 1,
                "controls": {"shuffled": 0, "generic": 0},
            },
        },
        "encoding": {"folds": 3, "inner_folds": 2, "longest_delay": 4.5},
        "decoding": {
            "directions": ["encoding"],
            "effects": True,
            "layers": "reported",
            "seconds": 9.0,
            "shifts": 19,
        },
    }


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished study of one story with two tunings of a small model."""
    folder = tmp_path_factory.mktemp("tunings")
    (folder / "study.yaml").write_text(yaml.safe_dump(write_study(folder)))
    result = snakemake("--configfile", "study.yaml", folder=folder)
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-4000:]
    return folder


@pytest.mark.slow
def test_the_whole_road(study: Path) -> None:
    results = study / "results" / "mine"
    table = pd.read_csv(results / "tables" / "tuning.tsv", sep="\t")
    assert list(dict.fromkeys(table["tuning"])) == ["small", "upper"] and set(table["model"]) == {
        "tiny"
    }
    small, upper = table[table["tuning"] == "small"], table[table["tuning"] == "upper"]
    assert (
        (small["difference"] != 0).all()
        and small["M_shuffled"].notna().all()
        and upper["M_shuffled"].isna().all()
    )
    curves = pd.read_csv(results / "tables" / "tuning_curves.tsv", sep="\t")
    assert set(curves["condition"]) == {"association", "shuffled", "generic"} and curves[
        "trained_tokens"
    ].unique().tolist() == [128]
    counts = pd.read_csv(results / "tables" / "tuning_samples.tsv", sep="\t")
    assert counts.loc[
        (counts["tuning"] == "small") & (counts["count"] == "samples"), "value"
    ].tolist() == ["60"]
    assert (results / "figures" / "tuning.png").exists() and (
        results / "figures" / "tuning-losses.svg"
    ).exists()
    identified = pd.read_csv(results / "tables" / "tuning_decoding.tsv", sep="\t")
    assert identified["tuning"].drop_duplicates().tolist() == ["small", "upper"]
    assert identified["original"].between(0, 1).all() and "all" in set(identified["set"])
    of_small = identified[identified["tuning"] == "small"]
    assert of_small["difference"].abs().max() > 0
    assert (results / "figures" / "tuning-decoding.png").exists()
    assert (
        not list((results / "tunings").glob("*_activations.nc"))
        and not (results / "tunings" / "small" / "checkpoints").exists()
    )
    assert jobs(snakemake("-n", "--configfile", "study.yaml", folder=study)) == {}


@pytest.mark.slow
def test_a_tuning_that_changes_reruns_alone(study: Path) -> None:
    changed = "tunings={upper: {method: frozen, steps: 3}}"
    planned = jobs(snakemake("-n", "--configfile", "study.yaml", "--config", changed, folder=study))
    figures_drawn = planned.pop("tuning_figure")
    assert (
        planned
        == {
            "tune": 1,
            "tuned_activations": 1,
            "tuning_scores": 1,
            "tuning_tables": 1,
            "tuning_identification": 1,
            "identified_effects": 1,
            "identified_effects_figure": 1,
            "claims": 1,
            "report": 1,
            "all": 1,
        }
        and figures_drawn == 3
    )


@pytest.mark.slow
def test_a_tuned_model_is_a_model_for_another_study(study: Path) -> None:
    """An adapter beside its base, and a whole model, as sources.

    They have the same scores as inside the study that tuned them.
    """
    folder = study / "results" / "mine" / "tunings"
    models = {
        "tiny": {"source": str(MODELS / "llama-tiny")},
        "adapted": {"source": str(folder / "small" / "model-tiny_association-1"), "base": "tiny"},
        "upper": {"source": str(folder / "upper" / "model-tiny_association-1")},
    }
    content = yaml.safe_load((study / "study.yaml").read_text())
    content |= {"study": "other", "models": models, "bold": {"targets": "roi"}, "tunings": {}}
    (study / "other.yaml").write_text(yaml.safe_dump(content))
    result = snakemake("--configfile", "other.yaml", "--until", "tables", folder=study)
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-4000:]
    scores = pd.read_csv(
        study / "results" / "other" / "tables" / "scores.tsv", sep="\t", dtype={"subject": str}
    )
    at = (
        scores[(scores["layer"] == 4) & (scores["subject"] != "average")]
        .groupby(["model", "hemisphere", "roi"])["score"]
        .mean()
    )
    tables = study / "results" / "mine" / "tables"
    for row in pd.read_csv(tables / "tuning.tsv", sep="\t").itertuples():
        name = {"small": "adapted", "upper": "upper"}[str(row.tuning)]
        assert at[name, row.hemisphere, row.roi] - at[
            "tiny", row.hemisphere, row.roi
        ] == pytest.approx(row.difference, abs=2e-4)


@pytest.fixture
def unplanned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The configuration of the same study, in the folder from which it is planned.

    Nothing has run.
    """
    monkeypatch.chdir(tmp_path)
    return write_study(tmp_path)


@pytest.mark.parametrize(
    "line",
    [
        '{"instruction": "i", "input": "a b", "output": ""}',
        '{"instruction": "i", "input": "a b"}',
        "{broken",
    ],
)
def test_broken_samples_are_named_before_the_first_job(
    line: str, unplanned: dict[str, Any]
) -> None:
    Path("broken.jsonl").write_text(
        Path("samples.jsonl").read_text(encoding="utf-8") + line + "\n", encoding="utf-8"
    )
    unplanned["tunings"]["small"]["data"] = "broken.jsonl"
    with pytest.raises(EngramError, match="line 61"):
        plan.make_plan(read_study(unplanned))


@pytest.mark.slow
def test_samples_that_hold_a_story_are_refused(study: Path) -> None:
    words = " ".join(
        pd.read_csv(study / "data" / "story-one_words.tsv", sep="\t", dtype=str)["word"][:20]
    )
    sample = {"instruction": "What comes to mind?", "input": words, "output": "Nothing much."}
    (study / "leaking.jsonl").write_text(
        (study / "samples.jsonl").read_text(encoding="utf-8") + json.dumps(sample) + "\n",
        encoding="utf-8",
    )
    result = snakemake(
        "--configfile",
        "study.yaml",
        "--config",
        "tunings={small: {data: leaking.jsonl}}",
        "--until",
        "tuning_samples",
        folder=study,
    )
    assert result.returncode != 0 and "line 61" in result.stdout + result.stderr


@pytest.mark.parametrize(
    ("section", "name", "changes", "message"),
    [
        (
            "tunings",
            "small",
            {"models": ["nobody"]},
            "tunings.small.models: ['nobody'] are no trained models",
        ),
        (
            "tunings",
            "small",
            {"data": "nowhere.jsonl"},
            "tunings.small.data: there is no file 'nowhere.jsonl'",
        ),
        ("tunings", "small", {"method": "prompt"}, "tunings.small.method"),
        ("models", "mine", {"source": "./data", "base": "tiny"}, "is no adapter"),
        (
            "models",
            "mine",
            {"source": "./data", "base": "nobody"},
            "models.mine.base: 'nobody' is no trained model",
        ),
        (
            "models",
            "mine",
            {"source": str(MODELS / "generator-tuned")},
            "is an adapter, which needs the model that was tuned",
        ),
    ],
)
def test_wrong_configurations_are_refused(
    section: str, name: str, changes: dict[str, Any], message: str, unplanned: dict[str, Any]
) -> None:
    plan.make_plan(read_study(unplanned))
    unplanned[section].setdefault(name, {}).update(changes)
    with pytest.raises(EngramError, match=re.escape(message)):
        plan.make_plan(read_study(unplanned))
