"""What a study's tables say, in words: the answer, and what is missing.

Every sentence is built from the numbers, and says when there are none.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from engram.bold.clock import CONFIRMED, ENOUGH_LISTENERS, NOT_CONFIRMED, TOO_SHORT, clocks_of
from engram.features.layers import reported_layer
from engram.statistics import significance
from engram.statistics.score_tables import by_subject
from engram.vocabulary import AVERAGE, ORIGINAL, PEOPLE, TUNING_CONTROLS, WORD_RATE, stimulus

Tables = Mapping[str, pd.DataFrame]

#: Models that are named one by one in a sentence; of more the range is said.
_MOST_NAMED = 4
#: Fewest stories over which a test could be made, and fewest listeners who give a ceiling.
_FEWEST_STORIES, _FEWEST_FOR_CEILING = 6, 4


def number(value: float, digits: int = 3, sign: bool = False) -> str:
    """Return a number for a sentence; n/a where there is none."""
    if pd.isna(value):
        return "n/a"
    rounded = round(float(value), digits) + 0.0  # no negative zero
    return f"{rounded:{'+' if sign and rounded else ''}.{digits}f}".replace("-", "−")


def span(values: Iterable[float], digits: int = 3, sign: bool = False) -> str:
    """Return the range of some numbers for a sentence."""
    kept = [value for value in values if pd.notna(value)]
    if not kept:
        return "n/a"
    low, high = number(min(kept), digits, sign), number(max(kept), digits, sign)
    return low if low == high else f"{low} to {high}"


def count(amount: int, noun: str, plural: str | None = None) -> str:
    """Return an amount with its noun: 1 listener, 2 listeners."""
    return f"{amount:,} {noun if amount == 1 else plural or noun + 's'}"


def listed(words: Sequence[str]) -> str:
    """Return words with commas, and an `and` before the last."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def people(config: Mapping[str, Any]) -> str:
    """Return what this study's listeners are called."""
    return "simulated listener" if config["dataset"]["kind"] == "simulated" else "listener"


@dataclass(frozen=True)
class Clocks:
    """What the page says of clocks: warnings, and one line about all stories."""

    warnings: list[str]
    summary: str


def clocks(scans: pd.DataFrame, config: Mapping[str, Any]) -> Clocks:
    """Return what the clock check found (`engram.bold.clock`).

    A warning for each story whose clock seems wrong, and a line about all of them.

    Simulated listeners follow what was planted in them, which need not be the word rate:
    they are never warned of.
    """
    found = list(clocks_of(scans))
    simulated = config["dataset"]["kind"] == "simulated"
    loud = (
        []
        if simulated
        else [
            f"{said[0].upper()}{said[1:]}."
            for said in (one.said(story) for story, one in found if one.is_loud)
        ]
    )
    if not found:
        return Clocks([], "The clocks of words and scans were not checked.")
    verdicts = {
        verdict: [story for story, one in found if one.verdict == verdict]
        for verdict in dict.fromkeys(one.verdict for _, one in found)
    }
    parts = [f"{verdict} for {names_of(stories)}" for verdict, stories in verdicts.items()]
    summary = f"Clocks of words and scans (BOLD follows the word rate): {'; '.join(parts)}."
    if simulated and set(verdicts) - {CONFIRMED}:
        summary += (
            " Simulated listeners follow what was planted in them, which need not be the word rate."
        )
    elif not loud and NOT_CONFIRMED in verdicts:
        summary += (
            f" Fewer than {ENOUGH_LISTENERS} listeners, or regions that do not follow words, "
            "cannot confirm a clock: that is no sign of a fault."
        )
    if TOO_SHORT in verdicts:
        summary += " Too short: under about three and a half minutes."
    return Clocks(loud, summary + " An error of about 3 s cannot be seen.")


def names_of(stories: Sequence[str]) -> str:
    """Return stories by name, or how many there are of more than a few."""
    return (
        listed(stories) if len(stories) <= _MOST_NAMED else count(len(stories), "story", "stories")
    )


def answer(tables: Tables, config: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the answer by its part.

    Parts are how well models predict (R), what association adds (F), and what tuning adds (M);
    the sentence comes first, then what it rests on.

    Parameters
    ----------
    tables : mapping
        Tables of the study by name (`scores`, and `association`, `association_unique`, `tuning`,
        `chance` and `nuisance` where the study has them).
    config : mapping
        The checked configuration, with `scored` (models in the order of the figures) and `shown`
        (those that the brain shows).
    """
    return {
        "How well": how_well(
            tables["scores"], config, tables.get("chance"), tables.get("nuisance")
        ),
        "Association": what_association_adds(
            tables.get("association"), tables.get("association_unique")
        ),
        "Tuning": what_tuning_adds(tables.get("tuning")),
    }


def how_well(
    scores: pd.DataFrame,
    config: Mapping[str, Any],
    chance: pd.DataFrame | None = None,
    nuisance: pd.DataFrame | None = None,
) -> list[str]:
    """Return how well the models that the brain shows predict single listeners.

    It stands beside ceilings, baselines, chance and nuisance features.
    """
    original = scores[scores["text"] == ORIGINAL]
    depths = original.groupby("model")["layer"].max()
    layers = {
        model: reported_layer(int(depths[model]), config["figures"]["layer"])
        for model in config["scored"]
    }
    reported = original[original["layer"] == original["model"].map(layers)]
    single = reported[reported["subject"] != AVERAGE]
    means, average = (_means(part) for part in (single, reported[reported["subject"] == AVERAGE]))
    n_listeners, n_regions = (
        single["subject"].nunique(),
        len(single[["hemisphere", "roi"]].drop_duplicates()),
    )
    who, shown = people(config), list(config["shown"])
    where = f"{count(n_regions, 'region')} of {count(n_listeners, who)}"
    first = (
        "Mean brain score R (Pearson's r of predicted and recorded BOLD) over "
        f"{where}: {_by_model(shown, means)}."
    )
    rest = [model for model in config["scored"] if model not in shown]
    of_layers = [
        f"{model} {layers[model]} of {depths[model]}" for model in shown if model != WORD_RATE
    ]
    return [
        sentence
        for sentence in (
            first,
            (
                f"Layers, fixed beforehand: {listed(of_layers)}."
                if 0 < len(of_layers) <= _MOST_NAMED
                else ""
            ),
            _intervals(single, shown, config["seed"]),
            f"Baselines: {_by_model(rest, means)}." if rest else "",
            *(_not_above(model, rest, means) for model in shown[:_MOST_NAMED]),
            f"The average {who}: {_by_model(shown, average)}." if len(average) else "",
            _of_the_ceiling(single, shown, config["ceiling"]["floor"]),
            _above_chance(chance, shown),
            *(_unique(model, nuisance) for model in shown[:_MOST_NAMED]),
            "One listener says nothing about others." if n_listeners == 1 else "",
        )
        if sentence
    ]


def _means(scores: pd.DataFrame) -> pd.Series:
    """Return each model's score, mean over targets and then over listeners."""
    return by_subject(scores).groupby("model")["score"].mean()


def _by_model(models: Sequence[str], values: pd.Series) -> str:
    if len(models) <= _MOST_NAMED:
        return listed([f"{model} {number(values[model])}" for model in models])
    return f"{len(models)} models {span(values[list(models)])}"


def _not_above(model: str, baselines: Sequence[str], means: pd.Series) -> str:
    """Return which baselines a model does not exceed: what it predicts may then be no language."""
    above = [baseline for baseline in baselines if means[baseline] >= means[model]]
    return f"In the mean {model} is not above {listed(above)}." if above else ""


def _intervals(single: pd.DataFrame, shown: Sequence[str], seed: int) -> str:
    by_listener = by_subject(single)
    ends = {
        model: significance.interval(
            by_listener.loc[by_listener["model"] == model, "score"].to_numpy(), seed
        )
        for model in shown
    }
    if len(shown) > _MOST_NAMED or any(pd.isna(low) for low, _ in ends.values()):
        return ""
    return (
        "95 % intervals over listeners: "
        f"{listed([f'{model} {number(low)} to {number(high)}' for model, (low, high) in ends.items()])}."  # noqa: E501
    )


def _of_the_ceiling(single: pd.DataFrame, shown: Sequence[str], floor: float) -> str:
    parts = [single[single["model"] == model] for model in shown]
    if single["ceiling"].isna().any():
        return "What a perfect model would reach, the ceiling, is not known for every listener."
    ceiling = _weighted(parts[0], "ceiling")
    if ceiling < max(floor, 1e-9):
        return (
            f"The mean ceiling, {number(ceiling)}, is too low to say what share of it is reached."
        )
    shares = span((100 * _weighted(part, "score") / ceiling for part in parts), 0)
    return (
        f"A perfect model would reach {number(ceiling)} (mean ceiling of single listeners); "
        f"this is {shares} % of it."
    )


def _weighted(table: pd.DataFrame, name: str) -> float:
    """Return a column's mean over targets."""
    return float((table[name] * table["n_targets"]).sum(skipna=False) / table["n_targets"].sum())


def _above_chance(chance: pd.DataFrame | None, shown: Sequence[str]) -> str:
    if chance is None:
        return "R was not tested against chance here."
    mine = chance[chance["model"].isin(shown) & chance["p_fdr"].notna()]
    if mine.empty:
        return "R was not tested against chance: the stories are too short to be shifted in time."
    if mine["smallest_p"].min() >= significance.LEVEL:
        return (
            "Against chance (BOLD shifted in time) no p below "
            f"{number(mine['smallest_p'].min())} can be reached."
        )
    above = [
        (
            f"{model} in {int((part['p_fdr'] < significance.LEVEL).sum())} "
            f"of {count(len(part), 'region')}"
        )
        for model, part in mine.groupby("model", sort=False)
    ]
    return (
        f"Above chance (BOLD shifted in time; p below {significance.LEVEL} when corrected over "
        f"regions): {listed(above)}."
    )


def _unique(model: str, nuisance: pd.DataFrame | None) -> str:
    """Return what a language model predicts that nuisance features do not."""
    mine = nuisance[nuisance["model"] == model] if nuisance is not None else pd.DataFrame()
    if mine.empty:
        return ""
    said = [
        f"beyond {beyond}: {span(part['unique'], sign=True)}"
        for beyond, part in mine.groupby("beyond", sort=False)
    ]
    return f"What {model} alone predicts {'; '.join(said)}, by region."


def what_association_adds(
    table: pd.DataFrame | None, unique: pd.DataFrame | None = None
) -> list[str]:
    """Return what texts with associations add over random ones.

    It comes with the test over texts, and what they add beyond nuisance features.
    """
    if table is None or table.empty:
        return ["What association adds was not measured: the study has no texts with associations."]
    combinations = table.groupby(["text", "model"], sort=False)
    authors = listed(sorted({author(one) for one in table["written_by"]}))
    texts = (
        f"{count(table['text'].nunique(), 'text')} with associations, written by {authors}, "
        f"read by {count(table['model'].nunique(), 'model')}."
    )
    ranges = (
        f"F = R_mem − R is {span(table['F'], sign=True)}, that of random "
        f"texts {span(table['F_random'], sign=True)}."
    )
    smallest, tests = (
        table["smallest_p"].min(),
        (
            f"{count(len(table), 'test')} over texts, corrected over the regions "
            "of each text and model"
        ),
    )
    if smallest >= significance.LEVEL:
        few = count(int(table["n_random"].max()), "random text")
        first = (
            f"What association adds cannot be told: with {few} no p below "
            f"{number(smallest)} can be reached."
        )
        return [said for said in (first, texts, ranges, _unique_of_texts(unique)) if said]
    gains = [said for key, part in combinations if (said := _gain(key, part))]
    detectable = (
        (
            f"An F of {span(table['detectable'])} above the random texts' mean, depending on text "
            "and region, would have been found in four of five such studies before correction; "
            "smaller effects cannot be excluded."
        )
        if table["detectable"].notna().any()
        else ""
    )
    if gains:
        others = combinations.ngroups - len(gains)
        none = (
            f"None in {count(others, 'other combination', 'other combinations')} of text and model."
            if others
            else ""
        )
        fallen = (table.loc[table["p_texts_fdr"] < significance.LEVEL, "F"] <= 0).any()
        claim = (
            "Association takes less from R than random texts do, or adds to it"
            if fallen
            else "Association adds to R beyond random texts of the same shape"
        )
        sentences = [
            f"{claim}: {'; '.join(gains)}.",
            f"{tests[0].upper()}{tests[1:]}.",
            none,
            texts,
            ranges,
            _unique_of_texts(unique),
        ]
    else:
        first = (
            "No gain from association is shown: after correction no F stands out from that of "
            "random texts of the same shape "
            f"(smallest corrected p {number(table['p_texts_fdr'].min())}; {tests})."
        )
        uncorrected = int((table["p_texts"] <= significance.LEVEL).sum())
        raw = (
            f"Uncorrected, p is at most {significance.LEVEL} in {uncorrected} of {len(table)}; "
            "chance gives one in twenty."
        )
        sentences = [
            first,
            raw,
            _needs_many(table),
            texts,
            ranges,
            detectable,
            _unique_of_texts(unique),
        ]
    return [sentence for sentence in sentences if sentence]


def _unique_of_texts(unique: pd.DataFrame | None) -> str:
    """Return what associations predict that nuisance features and the story alone do not."""
    if unique is None or unique.empty:
        return ""
    found, few = (
        int((unique["p_texts_fdr"] < significance.LEVEL).sum()),
        count(int(unique["n_random"].min()), "random text"),
    )
    smallest = number(unique["p_texts_fdr"].min())
    return (
        "Beyond nuisance features and the story alone associations predict "
        f"{span(unique['unique_minus_random'], sign=True)} more than random texts do, "
        f"by text and region; over {few} the corrected p is below {significance.LEVEL} in {found} "
        f"of {len(unique)} (smallest {smallest})."
    )


def _needs_many(table: pd.DataFrame) -> str:
    """Return how many regions must stand out at once to survive correction.

    It is for too few random texts for one alone to survive it.
    """
    needed = max(
        math.ceil(part["smallest_p"].iloc[0] * len(part) / significance.LEVEL - 1e-9)
        for _, part in table.groupby(["text", "model"])
    )
    if needed <= 1:
        return ""
    few = count(int(table["n_random"].min()), "random text")
    return (
        f"With {few} no p is below {number(table['smallest_p'].max())}, and {needed} regions "
        "would have to reach that at once for any to survive correction."
    )


def author(written_by: str) -> str:
    """Return who wrote a text, in words: people, a language model, or the model's name."""
    return {PEOPLE: "people", "language model": "a language model"}.get(written_by, written_by)


def _gain(key: Any, part: pd.DataFrame) -> str:
    significant = part[part["p_texts_fdr"] < significance.LEVEL]
    if significant.empty:
        return ""
    best = significant.loc[significant["F_minus_random"].idxmax()]
    return (
        f"{key[0]}, read by {key[1]}, in {len(significant)} of {count(len(part), 'region')} "
        f"(most in {region(best)}: F {number(best['F'], sign=True)}, random "
        f"{number(best['F_random'], sign=True)}, corrected p {number(best['p_texts_fdr'])})"
    )


def region(row: Any) -> str:
    """Return the name of a row's region with its hemisphere."""
    side = {"L": "left ", "R": "right "}.get(row["hemisphere"], "")
    return f"{side}{row['roi']}"


def what_tuning_adds(table: pd.DataFrame | None) -> list[str]:
    """Return what tuning to associate adds over control tunings, with the test over seeds."""
    if table is None or table.empty:
        return ["What tuning adds was not measured: the study has no tunings."]
    combinations = list(table.groupby(["tuning", "model"], sort=False))
    n_regions = len(table[["hemisphere", "roi"]].drop_duplicates())
    changes = (
        f"R_sft − R is {span(table['difference'], sign=True)} in {count(n_regions, 'region')}."
    )
    means = (
        "Means over targets: "
        f"{'; '.join(f'{tuning}, {model}: {_pooled(part)}' for (tuning, model), part in combinations)}."  # noqa: E501
    )
    details = [changes, means] if len(combinations) <= _MOST_NAMED else [changes]
    # Of those controls that there are.
    worst = table[[f"p_{kind}_fdr" for kind in TUNING_CONTROLS]].max(axis=1)
    if worst.isna().all():
        seeds = " and ".join(f"{span(table[f'n_{kind}'], 0)} {kind}" for kind in TUNING_CONTROLS)
        first = (
            "What tuning adds cannot be told: a test over seeds needs four of each condition, "
            f"and there are {span(table['n_seeds'], 0)} to associate, {seeds}."
        )
        return [first, *details]
    untested = sum(bool(worst[part.index].isna().all()) for _, part in combinations)
    rest = [f"{count(untested, 'tuning')} had too few seeds for a test."] if untested else []
    tests = (
        f"{count(int(worst.notna().sum()), 'test')} over seeds against each control, "
        "corrected over regions"
    )
    significant = table[worst < significance.LEVEL]
    if significant.empty:
        first = (
            "No gain from tuning is shown: none over control tunings survives correction "
            f"(smallest corrected p {number(worst.min())}, the larger of both "
        )
        return [f"{first}controls'; {tests}).", *details, *rest]
    best = significant.loc[significant["difference"].idxmax()]
    most = f"{region(best)} ({best['tuning']}, {best['model']})"
    fallen = " R itself falls in some of these." if (significant["difference"] <= 0).any() else ""
    first = (
        f"Tuning to associate beats control tunings in {len(significant)} "
        f"of {count(int(worst.notna().sum()), 'case')}, by the most in {most}: "
        f"R_sft − R {number(best['difference'], sign=True)}, M {_percent(best['M'])}, "
        f"corrected p {number(worst[best.name])}.{fallen}"
    )
    return [first, f"{tests[0].upper()}{tests[1:]}.", *details, *rest]


def _pooled(part: pd.DataFrame) -> str:
    original, difference = _weighted(part, "original"), _weighted(part, "difference")
    controls = [
        _weighted(part, f"difference_{kind}")
        for kind in TUNING_CONTROLS
        if part[f"difference_{kind}"].notna().all()
    ]
    share = (
        f", M {_percent(difference / original)}"
        if original > 0
        else ", M without meaning, since R is not above 0"
    )
    return f"{number(difference, sign=True)}{share}" + (
        f", controls {span(controls, sign=True)}" if controls else ""
    )


def _percent(share: float) -> str:
    return f"{number(100 * share, 0, sign=True)} %"


def verdict(claims: pd.DataFrame | None, config: Mapping[str, Any]) -> str:
    """Return how many published claims were reproduced, were not, and could not be tested."""
    if claims is None or claims.empty:
        return "Published claims were not compared with this study's numbers."
    amounts = claims["verdict"].value_counts()
    named = [
        f"{int(amounts[name])} {name}"
        for name in ("reproduced", "not reproduced", "not testable here")
        if name in amounts
    ]
    named += [
        f"{int(amount)} {name}"
        for name, amount in amounts.items()
        if name not in ("reproduced", "not reproduced", "not testable here")
    ]
    return f"Of {count(len(claims), 'published claim')}: {listed(named)}."


def planted(truth: pd.DataFrame | None) -> str:
    """Return how much of what was planted in simulated listeners was found; nothing for people."""
    if truth is None or truth.empty:
        return ""
    checks = truth[truth["found"].isin(["yes", "no"])]
    return (
        f"Of {count(len(checks), 'check')} of what was planted in these listeners "
        f"{int((checks['found'] == 'yes').sum())} came out as planted (table truth)."
    )


def missing(tables: Tables, config: Mapping[str, Any]) -> list[str]:
    """Return what this study cannot say, and why."""
    scores = tables["scores"]
    single = scores[scores["subject"] != AVERAGE]
    n_listeners, n_regions = (
        single["subject"].nunique(),
        len(single[["hemisphere", "roi"]].drop_duplicates()),
    )
    n_stories = len(set(map(stimulus, config["told"])))
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
            f"{count(n_stories, 'story', 'stories')}: no test over stories (it needs "
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
