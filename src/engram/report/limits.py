"""What a study cannot say, and why."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pandas as pd

from engram.report.naming import Tables
from engram.vocabulary import AVERAGE, FEWEST_LISTENERS, NORMS, PEOPLE, stimulus
from engram.wording import count, listed

#: Fewest stories over which a test could be made.
_FEWEST_STORIES = 6


def missing(tables: Tables, config: Mapping[str, Any]) -> list[str]:
    """Return what this study cannot say, and why."""
    limits = [
        (
            config["simulated"],
            "The listeners are simulated: these numbers show that the workflow finds what was "
            "planted, and nothing about brains.",
        ),
        *_of_the_sample(tables["scores"], config["story_names"]),
        *_of_the_configuration(tables, config),
    ]
    return [sentence for holds, sentence in limits if holds]


def _of_the_sample(scores: pd.DataFrame, story_names: Sequence[str]) -> list[tuple[bool, str]]:
    """Return limits by listeners, ceilings, regions and stories, and whether each holds."""
    single = scores[scores["subject"] != AVERAGE]
    n_listeners = single["subject"].nunique()
    n_regions = len(single[["hemisphere", "roi"]].drop_duplicates())
    n_stories = len(set(map(stimulus, story_names)))
    unknown = scores["ceiling"].isna()
    need = f"they need {FEWEST_LISTENERS} listeners of a story."
    return [
        (
            n_listeners == 1,
            "One listener: no interval, no average listener, and nothing follows for other people.",
        ),
        (
            n_listeners == 2,
            f"{count(n_listeners, 'listener')}: too few for an interval over listeners.",
        ),
        (bool(unknown.all()), f"No ceilings: {need}"),
        (bool(unknown.any() and not unknown.all()), f"Some ceilings are missing: {need}"),
        (n_regions == 1, "One region: nothing can be said of where in the brain."),
        (
            n_stories < _FEWEST_STORIES,
            f"{count(n_stories, 'story')}: no test over stories (it needs {_FEWEST_STORIES}), "
            "so that nothing follows for other stories.",
        ),
    ]


def _no_text_of_people(written_by: Collection[str]) -> str:
    """Return that nobody wrote associations for these stories, and where they come from."""
    norms = [one for one in written_by if one.startswith(NORMS)]
    if not norms:
        return (
            "No text that people wrote: those with associations were written by a language model."
        )
    models = "were written by a language model, or " if len(norms) < len(written_by) else ""
    return (
        "No text that people wrote for these stories: those with associations "
        f"{models}are what people said to single words."
    )


def _of_the_configuration(tables: Tables, config: Mapping[str, Any]) -> list[tuple[bool, str]]:
    """Return limits by what the study asks for, and whether each holds."""
    scores = tables["scores"]
    subjects, association = set(scores["subject"]), tables.get("association")
    writers = set() if association is None else set(association["written_by"])
    unasked = [
        what
        for part, what in (("associations", "associations (F)"), ("tunings", "tunings (M)"))
        if not config[part]
    ]
    return [
        (bool(unasked), f"Not asked here: {listed(unasked)}."),
        (
            all(model["reinitialised"] for model in config["models"].values()),
            "No trained language model: baselines only.",
        ),
        (
            AVERAGE not in subjects and len(subjects) > 1,
            "No average listener (bold: {average: false}).",
        ),
        (
            bool(config["associations"]) and PEOPLE not in writers,
            _no_text_of_people(writers),
        ),
        (
            config["brain"] != "surface",
            "No interactive surface: these targets are not on a cortical surface.",
        ),
    ]
