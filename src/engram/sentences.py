"""What a study's tables say, in words: the answer, and what is missing. Every sentence is built from the numbers, and says when there are none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from engram import inference
from engram.names import AVERAGE, ORIGINAL, PEOPLE, TUNING_CONTROLS, WORD_RATE
from engram.tables import by_subject, reported_layer

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


def answer(tables: Tables, config: Mapping[str, Any]) -> dict[str, str]:
    """Return the answer by its part: how well models predict (R), what association adds (F), what tuning adds (M).

    Parameters
    ----------
    tables : mapping
        Tables of the study by name (`scores`, and `association`, `tuning` and `chance` where the study has them).
    config : mapping
        The checked configuration, with `scored` (models in the order of the figures) and `shown` (those that the brain shows).
    """
    return {
        "How well": how_well(tables["scores"], config, tables.get("chance")),
        "Association": what_association_adds(tables.get("association")),
        "Tuning": what_tuning_adds(tables.get("tuning")),
    }


def how_well(scores: pd.DataFrame, config: Mapping[str, Any], chance: pd.DataFrame | None = None) -> str:
    """Return how well the models that the brain shows predict single listeners, beside ceilings and baselines."""
    original = scores[scores["augmentation"] == ORIGINAL]
    single = original[original["subject"] != AVERAGE]
    depths = original.groupby("model")["layer"].max()
    layers = {model: reported_layer(int(depths[model]), config["figures"]["layer"]) for model in depths.index}
    whole = by_subject(original).set_index(["model", "layer"]).sort_index()
    n_listeners, n_regions = single["subject"].nunique(), len(single[["hemisphere", "roi"]].drop_duplicates())

    def mean_of(model: str, average: bool = False) -> float:
        mine = whole.loc[[(model, layers[model])]]
        return float(mine.loc[(mine["subject"] == AVERAGE) == average, "score"].mean())

    def said(model: str) -> str:
        mine = whole.loc[[(model, layers[model])]]
        low, high = inference.interval(mine.loc[mine["subject"] != AVERAGE, "score"].to_numpy(), config["seed"])
        interval = f"; 95 % interval over listeners {number(low)} to {number(high)}" if pd.notna(low) else ""
        layer = "" if model == WORD_RATE else f"layer {layers[model]} of {depths[model]}, fixed beforehand"
        inside = "; ".join(part for part in (layer, interval.removeprefix("; ")) if part)
        return f"{model} {number(mean_of(model))}" + (f" ({inside})" if inside else "")

    shown = [model for model in config["shown"] if model in layers]
    if len(shown) <= _MOST_NAMED:
        models = listed([said(model) for model in shown])
    else:
        models = f"{len(shown)} models {span(mean_of(model) for model in shown)}, each at the layer fixed beforehand"
    where = f"{count(n_listeners, people(config))} and {count(n_regions, 'region')}"
    parts = [f"Mean brain score R over {where}: {models}."]
    rest = [model for model in config["scored"] if model in layers and model not in shown]
    if rest:
        named = [f"{model} {number(mean_of(model))}" for model in rest]
        parts.append(f"Baselines: {listed(named)}." if len(rest) <= _MOST_NAMED else f"Baselines: {span(mean_of(model) for model in rest)}.")
    average = {model: mean_of(model, average=True) for model in shown}
    if any(pd.notna(value) for value in average.values()):
        parts.append(f"The average {people(config)} is predicted with R = {span(average.values())}.")
    parts.append(_of_the_ceiling(single, shown, layers, config["ceiling"]["floor"]))
    parts.append(_above_chance(chance, shown))
    if n_listeners == 1:
        parts.append("One listener says nothing about others.")
    return " ".join(part for part in parts if part)


def _of_the_ceiling(single: pd.DataFrame, shown: Sequence[str], layers: Mapping[str, int], floor: float) -> str:
    def mean(table: pd.DataFrame, name: str) -> float:
        return float((table[name] * table["n_targets"]).sum() / table["n_targets"].sum())

    parts = [single[(single["model"] == model) & (single["layer"] == layers[model])] for model in shown]
    if single["ceiling"].isna().any():
        return "What a perfect model would reach, the ceiling, is not known for every listener."
    ceiling = mean(parts[0], "ceiling")
    if ceiling < max(floor, 1e-9):
        return f"The mean ceiling, {number(ceiling)}, is too low to say what share of it is reached."
    shares = span((100 * mean(part, "score") / ceiling for part in parts), 0)
    return f"A perfect model would reach {number(ceiling)} (mean ceiling of single listeners); this is {shares} % of it."


def _above_chance(chance: pd.DataFrame | None, shown: Sequence[str]) -> str:
    if chance is None:
        return "R was not tested against chance here."
    mine = chance[chance["model"].isin(shown) & chance["p_fdr"].notna()]
    if mine.empty:
        return "R was not tested against chance: the stories are too short to be shifted in time."
    if mine["smallest_p"].min() >= inference.LEVEL:
        return f"Against chance (predictions shifted in time) no p below {number(mine['smallest_p'].min())} can be reached."
    above = [f"{model} in {int((part['p_fdr'] < inference.LEVEL).sum())} of {count(len(part), 'region')}" for model, part in mine.groupby("model", sort=False)]
    return f"Above chance (predictions shifted in time; p below {inference.LEVEL} when corrected over regions): {listed(above)}."


def what_association_adds(table: pd.DataFrame | None) -> str:
    """Return what texts with associations add over random ones, with the test over texts."""
    if table is None or table.empty:
        return "What association adds was not measured: the study has no texts with associations."
    combinations = list(table.groupby(["augmentation", "model"], sort=False))
    texts = _texts(table)
    if table["smallest_p"].min() >= inference.LEVEL:
        fewest = int(table["n_random"].max())
        return (
            f"{texts}: F is {span(table['F'], sign=True)}, that of random texts {span(table['F_random'], sign=True)}; with {count(fewest, 'random text')} "
            f"no p below {number(table['smallest_p'].min())} can be reached, so that nothing can be said of what association adds."
        )
    found = [said for key, part in combinations if (said := _regions_above_random(key, part))]
    tests = f"{count(len(table), 'test')} over texts, corrected over the regions of each text and model"
    ranges = f"F is {span(table['F'], sign=True)}, that of random texts {span(table['F_random'], sign=True)}"
    if not found:
        smallest = number(table["p_texts_fdr"].min())
        words = f"{texts}: no F stands out from that of random texts of the same shape ({tests}; smallest corrected p {smallest}); {ranges}."
        if table["detectable"].notna().any():
            words += f" An F of {span(table['detectable'])} above the random texts' mean, depending on text and region, would have been found in four of five "
            words += "such studies; smaller effects cannot be excluded."
        return words
    silent = len(combinations) - len(found)
    others = f" None in {count(silent, 'other combination', 'other combinations')} of text and model." if silent else ""
    return f"{texts}: F above that of random texts of the same shape in {'; '.join(found)}; {tests}.{others} Over all regions {ranges}."


def _texts(table: pd.DataFrame) -> str:
    n_texts, authors = table["augmentation"].nunique(), sorted(set(table["written_by"]))
    by = listed(["people" if author == PEOPLE else f"a {author}" for author in authors])
    return f"{count(n_texts, 'text')} with associations, written by {by}"


def _regions_above_random(key: Any, part: pd.DataFrame) -> str:
    significant = part[part["p_texts_fdr"] < inference.LEVEL]
    if significant.empty:
        return ""
    best = significant.loc[significant["F_minus_random"].idxmax()]
    return (
        f"{len(significant)} of {count(len(part), 'region')} ({key[0]}, read by {key[1]}; most in {region(best)}: F {number(best['F'], sign=True)}, random "
        f"{number(best['F_random'], sign=True)}, corrected p {number(best['p_texts_fdr'])})"
    )


def region(row: Any) -> str:
    """Return the name of a row's region with its hemisphere."""
    side = {"L": "left ", "R": "right "}.get(row["hemisphere"], "")
    return f"{side}{row['roi']}"


def what_tuning_adds(table: pd.DataFrame | None) -> str:
    """Return what tuning to associate adds over control tunings, with the test over seeds."""
    if table is None or table.empty:
        return "What tuning adds was not measured: the study has no tunings."
    combinations = list(table.groupby(["tuning", "model"], sort=False))
    n_regions = len(table[["hemisphere", "roi"]].drop_duplicates())
    changes = f"Tuning to associate changes R by {span(table['difference'], sign=True)} in {count(n_regions, 'region')}"
    if len(combinations) <= _MOST_NAMED:
        changes += f" (means over targets: {'; '.join(f'{tuning}, {model}: {_pooled(part)}' for (tuning, model), part in combinations)})"
    worst = table[[f"p_{kind}_fdr" for kind in TUNING_CONTROLS]].max(axis=1)  # of those controls that there are
    if worst.isna().all():
        seeds = " and ".join(f"{span(table[f'n_{kind}'], 0)} {kind}" for kind in TUNING_CONTROLS)
        return f"{changes}. Seeds: {span(table['n_seeds'], 0)}, control tunings: {seeds}; without four of each there is no test, and nothing follows."
    untested = sum(worst[part.index].isna().all() for _, part in combinations)
    rest = f" {count(untested, 'tuning')} had too few seeds for a test." if untested else ""
    tests = f"over seeds, corrected over regions; {count(int(worst.notna().sum()), 'test')}"
    significant = table[worst < inference.LEVEL]
    if significant.empty:
        return f"{changes}. No gain over control tunings survives correction ({tests}; smallest corrected p {number(worst.min())}).{rest}"
    best = significant.loc[significant["difference"].idxmax()]
    return (
        f"{changes}. It beats control tunings in {len(significant)} of the tests ({tests}), by the most in {region(best)} ({best['tuning']}, {best['model']}): "
        f"{number(best['difference'], sign=True)}, M {_percent(best['M'])}, corrected p {number(worst[best.name])}.{rest}"
    )


def _pooled(part: pd.DataFrame) -> str:
    weights = part["n_targets"] / part["n_targets"].sum()
    means = {name: float((part[name] * weights).sum()) for name in ("original", "difference")}
    shuffled, generic = (float((part[f"difference_{kind}"] * weights).sum(skipna=False)) for kind in TUNING_CONTROLS)
    share = f", M {_percent(means['difference'] / means['original'])}" if means["original"] > 0 else ", M without meaning, since R is not above 0"
    return f"{number(means['difference'], sign=True)}{share}, controls {span([shuffled, generic], sign=True)}"


def _percent(share: float) -> str:
    return f"{number(100 * share, 0, sign=True)} %"


def verdict(claims: pd.DataFrame | None, config: Mapping[str, Any]) -> str:
    """Return how many published claims were reproduced, were not, and could not be tested."""
    if claims is None or claims.empty:
        return "Published claims were not compared with this study's numbers."
    amounts = claims["verdict"].value_counts()
    named = [f"{int(amounts[name])} {name}" for name in ("reproduced", "not reproduced", "not testable here") if name in amounts]
    named += [f"{int(amount)} {name}" for name, amount in amounts.items() if name not in ("reproduced", "not reproduced", "not testable here")]
    return f"Of {count(len(claims), 'published claim')}: {listed(named)}."


def planted(truth: pd.DataFrame | None) -> str:
    """Return how much of what was planted in simulated listeners was found; nothing for people."""
    if truth is None or truth.empty:
        return ""
    checks = truth[truth["found"].isin(["yes", "no"])]
    return f"Of {count(len(checks), 'check')} of what was planted in these listeners {int((checks['found'] == 'yes').sum())} came out as planted (table truth)."


def missing(tables: Tables, config: Mapping[str, Any]) -> list[str]:
    """Return what this study cannot say, and why."""
    scores = tables["scores"]
    single = scores[scores["subject"] != AVERAGE]
    n_listeners, n_regions = single["subject"].nunique(), len(single[["hemisphere", "roi"]].drop_duplicates())
    n_stories = len(config["told"])
    untrained = [name for name, model in config["models"].items() if not model["untrained"]]
    said = {
        "The listeners are simulated: these numbers show that the workflow finds what was planted, and nothing about brains.": config["dataset"]["kind"]
        == "simulated",
        "One listener: no interval, no average listener, and nothing follows for other people.": n_listeners == 1,
        f"{count(n_listeners, 'listener')}: too few for an interval over listeners.": n_listeners == 2,
        f"No ceilings: they need {_FEWEST_FOR_CEILING} listeners of a story.": scores["ceiling"].isna().all(),
        f"Some ceilings are missing: they need {_FEWEST_FOR_CEILING} listeners of a story.": scores["ceiling"].isna().any() and scores["ceiling"].notna().any(),
        "One region: nothing can be said of where in the brain.": n_regions == 1,
        f"{count(n_stories, 'story', 'stories')}: no test over stories (it needs {_FEWEST_STORIES}), so that nothing follows for other stories.": n_stories
        < _FEWEST_STORIES,
        "No trained language model: baselines only.": not untrained,
        f"Left out of this run by their `only` key: {listed(config['left_out_models'])}.": bool(config["left_out_models"]),
        "No average listener (bold: {average: false}).": n_listeners > 1 and not (scores["subject"] == AVERAGE).any(),
        "No texts with associations: F is not measured.": not config["associations"],
        "No text that people wrote: those with associations were written by a language model.": bool(config["associations"])
        and PEOPLE not in set(tables["association"]["written_by"] if "association" in tables else ()),
        "No tunings: M is not measured.": not config["tunings"],
        "No interactive surface: these targets are not on a cortical surface.": config["brain"] != "surface",
    }
    return [sentence for sentence, holds in said.items() if holds]
