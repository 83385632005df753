"""What a study cannot say, and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engram.report.naming import Tables
from engram.vocabulary import AVERAGE, PEOPLE, stimulus
from engram.wording import count, listed

#: Fewest stories over which a test could be made, and fewest listeners who give a ceiling.
_FEWEST_STORIES, _FEWEST_FOR_CEILING = 6, 4


def missing(tables: Tables, config: Mapping[str, Any]) -> list[str]:
    """Return what this study cannot say, and why."""
    scores = tables["scores"]
    single = scores[scores["subject"] != AVERAGE]
    n_listeners, n_regions = (
        single["subject"].nunique(),
        len(single[["hemisphere", "roi"]].drop_duplicates()),
    )
    n_stories = len(set(map(stimulus, config["story_names"])))
    reinitialised = [name for name, model in config["models"].items() if not model["reinitialised"]]
    said = {
        (
            "The listeners are simulated: these numbers show that the workflow finds what was "
            "planted, and nothing about brains."
        ): (config["dataset"]["kind"] == "simulated"),
        "One listener: no interval, no average listener, and nothing follows for other people.": (
            n_listeners == 1
        ),
        f"{count(n_listeners, 'listener')}: too few for an interval over listeners.": (
            n_listeners == 2
        ),
        f"No ceilings: they need {_FEWEST_FOR_CEILING} listeners of a story.": (
            scores["ceiling"].isna().all()
        ),
        f"Some ceilings are missing: they need {_FEWEST_FOR_CEILING} listeners of a story.": (
            scores["ceiling"].isna().any() and scores["ceiling"].notna().any()
        ),
        "One region: nothing can be said of where in the brain.": n_regions == 1,
        (
            f"{count(n_stories, 'story')}: no test over stories (it needs "
            f"{_FEWEST_STORIES}), so that nothing follows for other stories."
        ): (n_stories < _FEWEST_STORIES),
        "No trained language model: baselines only.": not reinitialised,
        f"Left out of this run by their `only` key: {listed(config['left_out_models'])}.": bool(
            config["left_out_models"]
        ),
        "No average listener (bold: {average: false}).": (
            n_listeners > 1 and not (scores["subject"] == AVERAGE).any()
        ),
        "No texts with associations: F is not measured.": not config["associations"],
        "No text that people wrote: those with associations were written by a language model.": (
            bool(config["associations"])
            and PEOPLE
            not in set(tables["association"]["written_by"] if "association" in tables else ())
        ),
        "No tunings: M is not measured.": not config["tunings"],
        "No interactive surface: these targets are not on a cortical surface.": (
            config["brain"] != "surface"
        ),
    }
    return [sentence for sentence, holds in said.items() if holds]
