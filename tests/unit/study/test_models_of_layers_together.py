"""A model whose layers are scored together: what is planned of it, and what is not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from conftest import ROOT

from engram.errors import EngramError
from engram.features.language_models import activations
from engram.features.vectors import together
from engram.study.association_plan import models_reading_associations
from engram.study.config.read import read_study
from engram.study.config.study import Study
from engram.study.model_shapes import check_layer, model_shape, scored_shape
from engram.study.models import model_key, scored_models
from engram.study.needs import _START, need
from engram.study.plan import make_plan
from engram.study.stages import encoding, features
from engram.study.tuning_plan import tuned_models

SOURCE = str(ROOT / "resources" / "models" / "gpt2-tiny")


def study(layers: Any, **changes: Any) -> Study:
    models = {"tiny": {"source": SOURCE}, "both": {"source": SOURCE, "layers_together": layers}}
    return read_study(
        {
            "study": "mine",
            "dataset": {"kind": "simulated", "stories": ["lighthouse"], "n_listeners": 2},
            "models": models,
            "tunings": {"lora": {}},
            **changes,
        }
    )


def test_it_is_scored_beside_the_model_with_all_layers_and_no_more() -> None:
    one = study([0, 1], baselines=["word-rate", "reinitialised"])
    assert scored_models(one) == ["tiny", "both", "tiny-reinitialised", "word-rate"]
    assert {key["model"] for key in encoding.jobs(one, make_plan(one))} == set(scored_models(one))
    assert models_reading_associations(one) == ["tiny"] == tuned_models(one, "lora")
    assert list(features.trained_sources(one)) == ["tiny"] == features.shown_models(one)


def test_its_layers_are_what_defines_it_and_others_keep_their_key() -> None:
    one = study([0, 1])
    assert model_key(one, "both") == {**model_key(one, "tiny"), "layers_together": [0, 1]}
    assert "layers_together" not in model_key(one, "tiny")


def test_one_wide_layer_is_planned() -> None:
    one = study([0, 1])
    shape = scored_shape(one, "both")
    assert (shape.layers, shape.units) == (1, 2 * model_shape(one, "tiny").units)
    assert scored_shape(one, "tiny") == model_shape(one, "tiny")


def test_what_reading_it_takes_is_up_to_its_last_layer() -> None:
    one = study([0, 2])
    plan, story = make_plan(one), {"story": "lighthouse"}
    both, tiny, last = (
        need(one, plan, "activations", {**story, "model": name}).seconds - 2 * _START
        for one, name in ((one, "both"), (one, "tiny"), (study([0, 6]), "both"))
    )
    assert both == pytest.approx(tiny / 3) and last == pytest.approx(tiny)


def test_a_job_reads_no_layer_above_its_last() -> None:
    one = study([0, 2])
    config = features.depends_on(one, make_plan(one), "both")
    reader, options = activations.load_configured(SOURCE, config)
    words = ["a", "small", "house", "by", "the", "sea"]
    read = activations.story_activations(words, reader, **options)
    assert read.sizes["layer"] == 3
    whole_reader, whole = activations.load_configured(
        SOURCE, features.depends_on(one, make_plan(one), "tiny")
    )
    every = activations.story_activations(words, whole_reader, **whole)
    assert every.sizes["layer"] == 7
    np.testing.assert_array_equal(
        together(read, [0, 2])["activation"].values, together(every, [0, 2])["activation"].values
    )


@pytest.mark.parametrize("layers", [[1], [1, 0], [1, 1], [0, -1], [], "all"])
def test_layers_that_make_no_sense_are_refused(layers: Any) -> None:
    with pytest.raises(EngramError, match=r"models\.both\.layers_together"):
        study(layers)


def test_layers_beyond_the_last_and_texts_with_associations_are_refused() -> None:
    with pytest.raises(EngramError, match="has layers beyond"):
        check_layer(study([1, 99]))
    with pytest.raises(EngramError, match="layers together, which read no texts"):
        study([0, 1], association_effect={"models": ["both"]})
