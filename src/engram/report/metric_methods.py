"""The methods of identification and similarity in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engram.report.naming import Tables
from engram.wording import count, listed


def decoding(config: Mapping[str, Any], tables: Tables) -> str:
    """Return how segments were identified; nothing where they were not."""
    one = config.get("decoding") or {}
    if not one.get("directions") or "decoding" not in tables:
        return ""
    ways = {
        "encoding": (
            "In the encoding direction BOLD was predicted as for R, and how alike a predicted and "
            "a recorded segment are is Pearson's r over the targets of a set and the segment's "
            "rows, each target less its mean over the block's segments and divided by the standard "
            "deviation of its BOLD there."
        ),
        "decoding": (
            "In the decoding direction the embedding of each row was predicted by ridge regression "
            "from the BOLD of a set's targets at all delays after it, units and targets scaled by "
            "the training rows, with one penalty for a listener and set, "
            "chosen by the squared error in the inner folds; a segment's "
            "embedding is the mean over its rows, and likeness is the cosine of deviations from "
            "the training rows' mean."
        ),
    }
    targets = (
        "Targets are the mean time courses of regions."
        if one["targets"] == "roi"
        else "Every target was taken by itself."
    )
    return (
        f"Held-out blocks were cut into segments of {one['seconds']:g} s. A segment's candidates "
        "lie in the same block and begin at least its length and the last delay away. "
        f"{' '.join(ways[name] for name in one['directions'])} {targets} Rank accuracy is the "
        "share of candidates less alike than the true segment, ties counted half "
        "[@pereira]; 2v2 accuracy compares pairs of segments [@mitchell]. Both are averaged over "
        "segments, blocks, stories and listeners, and tested by "
        f"{count(one['shifts'], 'circular shift')} of BOLD within stories, everything refitted, "
        "corrected over sets of targets "
        f"({listed(list(dict.fromkeys(tables['decoding_tests']['set'])))}) by the maximum "
        "statistic [@maximum]. The ceiling is identification by the other listeners' mean."
        f"{_effects(tables)}"
    )


def _effects(tables: Tables) -> str:
    """Return which effects were taken of rank accuracy; nothing where none were."""
    there = {
        "association_decoding": "Association effects F",
        "tuning_decoding": "Tuning effects M (as a share of rank accuracy above chance)",
    }
    said = listed([text for name, text in there.items() if name in tables])
    return (
        f" {said} were taken of rank accuracy by predicted BOLD too, with the same controls, tests "
        "and corrections as of R, over sets of targets in the place of regions."
        if said
        else ""
    )


def similarity(config: Mapping[str, Any], tables: Tables) -> str:
    """Return how models and brains were compared by similarity; nothing where they were not."""
    one = config.get("similarity") or {}
    if not one.get("metrics") or "similarity" not in tables:
        return ""
    ways = {
        "rsa": (
            f"Stories were cut into segments of {one['seconds']:g} s. Dissimilarities of all pairs "
            "of segments that begin at least their length and the last delay apart, 1 minus "
            "Pearson's r over a layer's units or a set's targets (mean BOLD of the segment's rows "
            "at all delays), were centred within each lag, the number of words was taken off both "
            "by regression, and they were correlated [@rsa]. The ceilings are RSA's "
            "noise ceilings [@nili]."
        ),
        "encoding": (
            "In similarity encoding the BOLD of a held-out row was predicted as the mean of "
            "the training rows, weighted by the cosine of their delayed features [@anderson], and "
            "correlated with what was recorded as for R; nothing was fitted."
        ),
    }
    sets = list(dict.fromkeys(tables["similarity_tests"]["set"]))
    return (
        f"{' '.join(ways[name] for name in one['metrics'])} Tests are over "
        f"{count(one['shifts'], 'circular shift')} of text against BOLD within stories, corrected "
        f"over sets of targets ({listed(sets)}) by the maximum statistic [@maximum]."
    )
