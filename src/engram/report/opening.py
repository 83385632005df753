"""How the page opens: the question of this study, what it found in a sentence, the main figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from engram.report import association_sentences, tuning_sentences
from engram.report.naming import MOST_NAMED, Tables
from engram.report.ranking import Ranked, Ranking
from engram.report.report_figures import FigureFile
from engram.statistics.significance import LEVEL
from engram.vocabulary import WORD_RATE
from engram.wording import count, listed, number

#: The figure that stands at the top, by what the study asks.
_MAIN = {"associations": "association-texts", "tunings": "tuning", "models": "layers"}


def asked(config: Mapping[str, Any]) -> list[str]:
    """Return what a study asks: `associations`, `tunings`, or `models` where it asks neither."""
    return [part for part in ("associations", "tunings") if config[part]] or ["models"]


def question(config: Mapping[str, Any]) -> str:
    """Return the question of this study, as the title of its page.

    Parameters
    ----------
    config : mapping
        The checked configuration, with `shown` (the models that are compared).
    """
    shown = list(config["shown"])
    of_models = shown[0] if len(shown) == 1 else "language models"
    parts = asked(config)
    if parts == ["associations"]:
        return f"Do associations in the text bring {of_models} closer to the brain?"
    if parts == ["tunings"]:
        return f"Does tuning to associate bring {of_models} closer to the brain?"
    if len(parts) == 2:
        return f"Do associations, in the text or by tuning, bring {of_models} closer to the brain?"
    if shown == [WORD_RATE]:
        return "How well does the word rate predict the brain?"
    if len(shown) == 1:
        return f"How well does {shown[0]} predict the brain?"
    if len(shown) <= MOST_NAMED:
        return f"Which predicts the brain best: {', '.join(shown[:-1])} or {shown[-1]}?"
    return f"Which of {len(shown)} models predicts the brain best?"


def answered(tables: Tables, config: Mapping[str, Any]) -> list[str]:
    """Return what of a study's questions its tests can answer; `models` where they answer none."""
    tested = {
        "associations": lambda: association_sentences.is_tested(tables.get("association")),
        "tunings": lambda: tuning_sentences.is_tested(tables.get("tuning")),
    }
    return [part for part in asked(config) if part in tested and tested[part]()] or ["models"]


def finding(tables: Tables, config: Mapping[str, Any], ranking: Ranking) -> str:
    """Return what this study found, in a sentence for each thing that it asks.

    Where none of it could be tested, how well models predict comes first.
    """
    said = {
        "associations": lambda: association_sentences.in_short(tables.get("association")),
        "tunings": lambda: tuning_sentences.in_short(tables.get("tuning")),
        "models": lambda: _best(ranking, tables.get("chance")),
    }
    parts = dict.fromkeys([*answered(tables, config), *asked(config)])
    return " ".join(said[part]() for part in parts)


def main_figure(
    figures: Sequence[FigureFile], tables: Tables, config: Mapping[str, Any]
) -> tuple[FigureFile | None, list[FigureFile]]:
    """Return the figure that answers the question, and the others in their order."""
    name = _MAIN[answered(tables, config)[0]]
    first = next((figure for figure in figures if figure.name == name), None)
    return first, [figure for figure in figures if figure is not first]


def _best(ranking: Ranking, chance: pd.DataFrame | None) -> str:
    """Return which model predicts best, and whether it is shown to be above the others."""
    models = [one for one in ranking.rows if not one.is_baseline] or list(ranking.rows)
    best, others = models[0], models[1:]
    reached = f"a brain score R of {number(best.score)}"
    if best.share:
        reached += f", {best.share} of what a perfect model would reach"
    reached += _above_chance(best.model, chance)
    if not others:
        return f"{best.model} has {reached}; {_beside_baselines(best)}."
    below = [one.model for one in others if one.to_best.p <= LEVEL]
    rest = [one.model for one in others if not one.to_best.p <= LEVEL]
    if not rest:
        shown = f"It is above {_named(below)} (p at most {LEVEL}, corrected)"
    elif not below:
        shown = f"It is not shown to be above {_named(rest)}"
    else:
        shown = f"It is above {_named(below)}, and not shown to be above {_named(rest)}"
    return f"{best.model} comes first with {reached}. {shown}; {_beside_baselines(best)}."


def _above_chance(model: str, chance: pd.DataFrame | None) -> str:
    """Return in how many regions a model is above chance; nothing where it was not tested."""
    if chance is None:
        return ""
    tested = chance[(chance["model"] == model) & chance["p_corrected"].notna()]
    if tested.empty or tested["smallest_p"].min() > LEVEL:
        return ""
    above = int((tested["p_corrected"] <= LEVEL).sum())
    return f", and is above chance in {above} of {count(len(tested), 'region')}"


def _named(models: Sequence[str]) -> str:
    return listed(models) if len(models) <= MOST_NAMED else f"{len(models)} others"


def _beside_baselines(one: Ranked) -> str:
    """Return how a model stands beside the word rate and its re-initialised twin."""
    found: dict[str, list[str]] = {}
    for name, gain in (
        ("the word rate", one.to_word_rate),
        ("its re-initialised twin", one.to_twin),
    ):
        if gain is None:
            continue
        if gain.p != gain.p:  # no test: too few listeners
            found.setdefault("untested", []).append(f"{number(gain.value, signed=True)} to {name}")
        elif gain.p > LEVEL:
            found.setdefault("not shown", []).append(name)
        else:
            found.setdefault("above" if gain.value > 0 else "below", []).append(name)
    ways = {
        "above": "it is above {}",
        "below": "it is below {}",
        "not shown": "over all regions it is not shown to differ from {}",
        "untested": "its difference, untested, is {}",
    }
    said = [way.format(listed(found[kind])) for kind, way in ways.items() if kind in found]
    return ", and ".join(said) if said else "no baseline was scored beside it"
