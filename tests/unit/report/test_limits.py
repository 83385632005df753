"""What a study cannot say: named, each with its reason."""

from __future__ import annotations

import numpy as np
import pandas as pd
import report_sample as sample
from html_page import Page

from engram.report import limits


def test_one_listener_one_region_no_ceiling_no_association_no_tuning() -> None:
    table = sample.scores(listeners=1, regions=1).assign(ceiling=np.nan)
    whole = Page(sample.page(scores=table, scans=sample.scans(1))).text
    for expected in (
        "One listener: no interval, no average listener",
        "No ceilings: they need 4 listeners",
        "One region: nothing can be said of where",
        "1 story: no test over stories",
        "Not asked here: associations (F) and tunings (M).",
        "over 1 region of 1 listener: small 0.200.",
        "There are none: they need four listeners of a story.",
        "There are no intervals: they need three listeners. No test was made.",
    ):
        assert expected in whole, expected
    for wrong in (
        "The average listener",
        "is not known for every listener",  # what the section on limits says is not said again
        "95 % intervals over listeners",
        "A perfect model",
        "1 listeners",
        "1 regions",
    ):
        assert wrong not in whole, wrong


def test_a_whole_study_misses_little() -> None:
    made = sample.config(
        {**sample.ALICE, "associations": {"word-manual": {}}, "tunings": {"lora": {}}},
        brain="surface",
        story_names=list("abcdef"),
    )
    data = {"scores": sample.scores(), "association": sample.association(written_by="manual")}
    assert limits.missing(data, made) == []
    made["story_names"] = ["pieman", "piemanpni", *"abcd"]  # one stimulus, two recordings
    assert [said[:28] for said in limits.missing(data, made)] == ["5 stories: no test over stor"]


def test_simulated_listeners_are_called_so() -> None:
    made = sample.config(
        {
            "study": "demo",
            "dataset": {"kind": "simulated"},
            "models": {"small": {"source": "gpt2"}},
        },
        brain="surface",
    )
    truth = pd.DataFrame({"found": ["yes", "yes", "not required"]})
    whole = Page(
        sample.page(
            made=made,
            scores=sample.scores(models=("small", "word-rate")),
            truth=truth,
            claims=sample.claims(),
        )
    ).text
    assert (
        "They say nothing about brains." in whole
        and "All 2 checks of what was planted in these listeners came out as planted" in whole
    )
    assert (
        "5 simulated listeners" in whole
        and "about simulated listeners, and not about the claims" in whole
    )
    assert "Nothing in it was measured in people." in whole
