"""Methods in words: what the configuration says was done."""

from __future__ import annotations

from typing import Any

import pytest
import report_sample as sample

from engram.report import methods

NARRATIVES = {
    "study": "n",
    "dataset": {"kind": "narratives", "stories": ["pieman"]},
    "models": {"small": {"source": "gpt2"}},
}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"encoding": {"alpha_by": "mse"}}, "the lowest mean squared error"),
        ({"encoding": {"delays": [1, 2, 3]}}, "delays of 1, 2 and 3 rows"),
        ({"encoding": {"alphas": [10.0]}}, "of 10 alone"),
        ({"encoding": {"words_to_trs": "lanczos"}}, "Lanczos"),
        ({"encoding": {"penalty": "listeners"}}, "over the group's single listeners, who share it"),
        ({"encoding": {"trend": "runs"}}, "A line was taken off each feature within each"),
        ({"encoding": {"learn_from": "listener+others"}}, "are in no test over listeners"),
        ({"encoding": {"scaling": "none"}}, "Features were centred and not scaled."),
        (
            {"models": {"two": {"source": "gpt2", "layers_together": [4, 8]}}},
            "layers 4 and 8 side by side",
        ),
        ({"encoding": {"components": 20}}, "20 principal components of the training rows"),
        ({"encoding": {"trend": "runs"}}, "Protocol: engram with trend: runs (rules "),
        ({"protocol": "yin2025"}, "Protocol: yin2025 (rules "),
        ({"protocol": "huth"}, "take the place of a held-out story"),
        ({"encoding": {"folds": 7, "inner_folds": 3}}, "7 contiguous test blocks"),
        ({"encoding": {"folds": {"by": "story"}}}, "Each story was left out in turn, versions of"),
        ({"encoding": {"folds": {"by": "story", "n": 4}}}, "in 4 folds at most"),
        (
            {"encoding": {"folds": {"by": "story", "test": ["pieman"]}}},
            "test stories are pieman, and weights",
        ),
        ({"encoding": {"learn_from": "others"}}, "generalises to a new listener"),
        ({"bold": {"trim": 6}}, "the first 6 rows of a scan were dropped"),
        ({"activations": {"mode": "exact"}}, "each word in a window of its own"),
        (
            {"activations": {"context": 512, "stride": 128}},
            "windows of 512 tokens, 128 tokens apart",
        ),
        (
            {"activations": {"encoder_stride": 4}},
            "in an encoder a word knows up to 3 words after it",
        ),
        ({"activations": {"pooling": "mean"}}, "the mean of its sub-tokens'"),
        ({"bold": {"high_pass": None, "confounds": False}}, "Nothing was regressed out."),
        ({"bold": {"targets": "roi"}}, "the mean time courses of regions"),
        ({"reported_layer": 3}, "it is layer 3, or the last"),
        ({"ceiling": {"halves": 7, "floor": 0.1}}, "7 random splits"),
        ({"seed": 5}, "drawn with seed 5"),
        (
            {
                "associations": {"word-judged": {}},
                "association_effect": {"alignment": "anchor", "targets": "roi"},
            },
            "(alignment: anchor); the mean time course",
        ),
        ({"associations": {"word-judged": {}}}, "word-judged (written by a language model)"),
        (
            {"tunings": {"up": {"method": "frozen", "train_layers": [1, 2]}}},
            "up trains blocks 1 and 2",
        ),
        ({"tunings": {"up": {"method": "full", "patience": 2}}}, "stopped after 2 validations"),
        ({"tunings": {"low": {"rank": 4}}}, "of rank 4, scale 16"),
        (NARRATIVES, "Narratives (Nastase et al. 2021), fetched by DataLad"),
        (
            {**NARRATIVES, "dataset": {**NARRATIVES["dataset"], "path": "/data/n"}},  # type: ignore[dict-item]
            "read from a folder",
        ),
        (
            {**NARRATIVES, "dataset": {**NARRATIVES["dataset"], "runs": "first"}},  # type: ignore[dict-item]
            "of two runs of a story the first is used",
        ),
        (NARRATIVES, "Destrieux et al. 2010"),
    ],
)
def test_methods_say_what_was_done(changes: dict[str, Any], expected: str) -> None:
    made = sample.config({**sample.ALICE, **changes})
    made["brain"] = "surface" if made["dataset"]["kind"] == "narratives" else None
    data = {
        "scores": sample.scores(),
        "scans": sample.scans(),
        "association": sample.association(),
        "tuning": sample.tuning(),
    }
    paragraphs, sources = methods.methods(made, data, "0.1.0")
    text = " ".join(paragraphs.values())
    assert expected in text
    assert "[@" not in text and len(sources) == len(set(sources)) >= 8
    assert expected not in " ".join(
        methods.methods(
            sample.config(), {name: data[name] for name in ("scores", "scans")}, "0.1.0"
        )[0].values()
    )


def test_sources_are_those_of_what_was_used() -> None:
    data = {"scores": sample.scores(), "scans": sample.scans()}
    _, sources = methods.methods(sample.config(), data, "0.1.0")
    text = " ".join(sources)
    assert "Brennan" in text and "Radford" in text and "himalaya" in text
    assert "Narratives" not in text and "LoRA" not in text and "DataLad" not in text
