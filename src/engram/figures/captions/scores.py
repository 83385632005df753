"""Captions of brain scores by layer and by region, and of the reliability of listeners."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from engram.figures import shown_values
from engram.figures.captions.common import SCORE, Words
from engram.figures.shown_values import SIDES
from engram.vocabulary import AVERAGE, WORD_RATE
from engram.wording import capitalised, count, listed, number, span

#: What the interval is, wherever listeners are averaged.
_INTERVAL = (
    "95 % confidence interval of the mean over listeners (Student's t), which generalises to other "
    "listeners of these stories"
)
#: What the ceilings of `engram.encoding.ceiling` are, by kind.
_CEILINGS = {
    "single": (
        "single listeners: leave-one-out correlation over the square root of the others' "
        "reliability, mean over listeners"
    ),
    "average": "average listener: square root of the split-half reliability",
}
#: More stories are not named.
_NAMED_STORIES = 3


def layers(scores: pd.DataFrame, ceilings: pd.DataFrame, models: Sequence[str]) -> Words:
    """Return the words of scores by layer.

    Parameters
    ----------
    scores, ceilings : pandas.DataFrame
        Those that are drawn.
    models : sequence of str
    """
    here = ceilings[ceilings["hemisphere"].isin(set(scores["hemisphere"]))]
    groups = {
        "single": scores["subject"] != AVERAGE,
        "average": scores["subject"] == AVERAGE,
    }
    bounds = [
        kind
        for kind, rows in groups.items()
        if rows.any() and here.loc[here["kind"] == kind, "ceiling"].notna().any()
    ]
    caption = (
        f"Brain score R of each layer, mean over all targets of a hemisphere. {SCORE}. "
        f"{_sample(scores, ceilings)} {_interval('Bands', scores)}{_ceiling(bounds)} "
        "Layer 0 is the embeddings; curves over layers are descriptive, without a test."
    )
    return Words("Brain score by layer and hemisphere", caption, _layers_alt(scores, models))


def depth(scores: pd.DataFrame, ceilings: pd.DataFrame, models: Sequence[str]) -> Words:
    """Return the words of scores by relative depth.

    Parameters
    ----------
    scores, ceilings : pandas.DataFrame
        Those that are drawn.
    models : sequence of str
    """
    kind = "single" if shown_values.n_single_listeners(scores) else "average"
    here = ceilings[ceilings["hemisphere"].isin(set(scores["hemisphere"]))]
    known = here.loc[here["kind"] == kind, "ceiling"].notna().any()
    caption = (
        "Brain score R by relative depth: the layer's number over that of the last layer, so that "
        f"models with few and with many layers can be compared. Mean over all targets of a "
        f"hemisphere. {SCORE}. {_sample(scores, ceilings)} {_interval('Bands', scores)}"
        f"{_ceiling([kind] if known else [])} Descriptive, without a test."
    )
    said = ["Line plots of brain score against relative depth, a panel for each hemisphere."]
    for model in models:
        mean = scores[scores["model"] == model].groupby("layer")["score"].mean()
        if len(mean) > 1:
            at = mean.idxmax() / mean.index.max()
            said.append(f"{model}: highest at depth {number(at, 2)} ({count(len(mean), 'layer')}).")
    return Words("Brain score by relative depth", caption, " ".join(said))


def _layers_alt(scores: pd.DataFrame, models: Sequence[str]) -> str:
    whole = shown_values.hemisphere_scores(scores)
    single = whole[whole["subject"] != AVERAGE]
    said = ["Line plots of brain score against layer."]
    if len(single):
        said = [
            "Line plots of brain score against layer, a panel for each hemisphere; "
            "numbers are the mean over listeners."
        ]
    for side, here in (single if len(single) else whole).groupby("hemisphere"):
        for model in models:
            mean = here[here["model"] == model].groupby("layer")["score"].mean()
            of = f"{capitalised(SIDES[side])}, {model}: "
            if len(mean) == 1:
                said.append(f"{of}{number(mean.iloc[0])}.")
            elif len(mean):
                said.append(
                    f"{of}{number(mean.iloc[0])} at layer {mean.index[0]}, "
                    f"highest {number(mean.max())} at layer {mean.idxmax()}."
                )
    return " ".join(said)


def regions(
    scores: pd.DataFrame, ceilings: pd.DataFrame, models: Sequence[str], what: str
) -> Words:
    """Return the words of scores by region, or by set of regions.

    Parameters
    ----------
    scores : pandas.DataFrame
        Of single listeners at the reported layers, with `roi` the region or the set.
    ceilings : pandas.DataFrame
    models : sequence of str
    what : str
        What a point is about: ``region`` or ``set of regions``.
    """
    depths = {
        model: int(part["layer"].iloc[0])
        for model, part in scores.groupby("model", sort=False)
        if model != WORD_RATE
    }
    named = [f"{model} {depth}" for model, depth in depths.items()]
    layer = f"Layers, fixed beforehand: {listed(named)}. " if named else ""
    bounds = ["single"] if scores["ceiling"].notna().any() else []
    caption = (
        f"Brain score R by {what}, mean over its targets. {SCORE}. "
        f"{layer}{_sample(scores, ceilings)} "
        f"Points: mean over listeners; dots: single listeners. {_interval('Lines', scores)}"
        f"{_ceiling(bounds)} No test is shown."
    )
    alt = [f"Points by {what}, a panel for each hemisphere."]
    for model in models:
        mine = scores[scores["model"] == model].groupby(["hemisphere", "roi"])["score"].mean()
        if len(mine):
            side, best = mine.idxmax()
            alt.append(
                f"{model}: {span(mine)} over {count(len(mine), what.removesuffix(' of regions'))}, "
                f"highest in {best}, {SIDES[side]}."
            )
    return Words(f"Brain score by {what}", caption, " ".join(alt))


def roi_layers(scores: pd.DataFrame, models: Sequence[str]) -> Words:
    """Return the words of scores by region and layer.

    Parameters
    ----------
    scores : pandas.DataFrame
        Those that are drawn (`engram.figures.shown_values.of_single_listeners`).
    models : sequence of str
    """
    n_listeners = shown_values.n_single_listeners(scores)
    who = (
        f"mean over {count(n_listeners, 'listener')}" if n_listeners else "of the average listener"
    )
    caption = (
        f"Brain score R by region and layer, {who}. {SCORE}. Rows are sorted by the mean over "
        "models and layers; hatched: no such region in this hemisphere; dotted: the layer that "
        "other figures report, "
        "fixed beforehand. All models share the colours, which begin at 0 where no value is far "
        "below it. Descriptive, without a test."
    )
    mean = scores.groupby(["model", "hemisphere", "roi", "layer"])["score"].mean()
    best = mean.loc[list(models)].groupby("model").idxmax()
    n_regions = scores.loc[scores["model"].isin(models), "roi"].nunique()
    alt = f"Heat map of {count(n_regions, 'region')} by layers. " + " ".join(
        (
            f"{model}: from {number(mean[model].min())} to {number(mean[model].max())}, highest "
            f"in {best[model][2]} ({best[model][1]}) at layer {best[model][3]}."
        )
        for model in models
    )
    return Words("Brain score by region and layer", caption, alt)


def reliability(ceilings: pd.DataFrame) -> Words:
    """Return the words of how well listeners predict each other.

    Parameters
    ----------
    ceilings : pandas.DataFrame
        Those that are known.
    """
    of_listeners = shown_values.listener_reliability(ceilings).groupby("subject")["ceiling"].mean()
    caption = (
        f"Reliability of {count(len(of_listeners), 'listener')} ({_listeners_by_story(ceilings)}). "
        "Left: correlation of each "
        "listener's BOLD with the mean of the other listeners of the story, mean over targets, "
        "on the test blocks of the scores. "
        "Right: split-half reliability of the mean of all listeners, 2 r / (1 + r) "
        "with r the correlation of the means of two random halves, mean over a region's "
        "targets and over splits. "
        "A listener near 0 did not follow the story as the others did, or is not aligned with it. "
        "Points are single values, without intervals or tests."
    )
    halves = ceilings[ceilings["kind"] == "split_sb"]
    best = halves.loc[halves["ceiling"].idxmax()]
    alt = (
        f"Left, {len(of_listeners)} listeners sorted by their correlation with the others: "
        f"{span(of_listeners)} "
        f"(median {number(of_listeners.median())}). Right, reliability of regions: "
        f"{span(halves['ceiling'])}, "
        f"highest in {best['roi']}, {SIDES[best['hemisphere']]}."
    )
    return Words("How well listeners agree", caption, alt)


def _listeners_by_story(ceilings: pd.DataFrame) -> str:
    amounts = ceilings.groupby("story", sort=False)["n_listeners"].first()
    if len(amounts) > _NAMED_STORIES:
        return f"{span(amounts, 0)} a story"
    return listed([f"{story} {amount}" for story, amount in amounts.items()])


def _sample(scores: pd.DataFrame, ceilings: pd.DataFrame) -> str:
    """Return a sentence on the listeners and stories."""
    n_listeners = shown_values.n_single_listeners(scores)
    said = f"n = {count(n_listeners, 'listener')}, {_stories(ceilings)}."
    if AVERAGE in set(scores["subject"]):
        said += (
            " The average listener is the mean time course of all listeners; "
            "no statistic over listeners includes it."
        )
    return said


def _stories(ceilings: pd.DataFrame) -> str:
    names = list(dict.fromkeys(ceilings["story"]))
    return count(len(names), "story") + (
        f" ({listed(names)})" if len(names) <= _NAMED_STORIES else ""
    )


def _interval(what: str, scores: pd.DataFrame) -> str:
    """Return a sentence on what an interval is; one listener has none."""
    if shown_values.n_single_listeners(scores) > 1:
        return f"{what}: {_INTERVAL}. "
    return "One listener has no interval. "


def _ceiling(kinds: Sequence[str]) -> str:
    """Return a sentence on the grey lines, for the kinds of ceilings that are drawn."""
    if not kinds:
        return "No ceiling: it takes four listeners of a story."
    return (
        "Grey lines: ceiling, what a perfect model would reach "
        f"({'; '.join(_CEILINGS[kind] for kind in kinds)})."
    )
