"""Models by data set: ceiling-normalised R with intervals, ranks, and how sure the order is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from engram.errors import EngramError
from engram.statistics import columns, metric_agreement, rankings
from engram.statistics.finished_study import FinishedStudy, differences

#: Row of all data sets together.
ALL = "all"
#: Fewer stories are not drawn anew: listeners are, and the table says so.
FEWEST_STORIES = 3
#: Smallest ceiling by which R is normalised.
FLOOR = 0.05

_OTHERS = tuple(name for name in metric_agreement.METRICS if name != "R")
LEADERBOARD = (
    "Models by data set. R is the brain score at each model's reported layer, mean over all "
    "targets, listeners and stories; normalised: divided by the mean noise ceiling of the same "
    "listeners and stories. All studies predicted BOLD by the same rules. An order of models is a "
    "description of these data sets: see how often the winner changes."
)
LEADERBOARD_COLUMNS = {
    "data": f"Study; '{ALL}': mean over all data sets, for models that all of them have.",
    "model": "Model or baseline.",
    "kind": "'model', 're-initialised' (its weights are random: a control), or 'baseline'.",
    "parameters": "Numbers in its files of weights; n/a where these are not here any more.",
    "flops_per_token": (
        "Operations of its layers for a token, two for each weight of a matrix; without embeddings "
        "and attention over the context."
    ),
    "R": f"Brain score R; n/a for '{ALL}'.",
    "ceiling": "Mean of what a perfect model of each listener reaches.",
    "normalised": (
        "R of the listeners and stories that have a ceiling, over the mean of these; n/a below "
        f"{FLOOR:g} or without ceilings."
    ),
    "low": "95 % bootstrap interval (percentiles) of R, or of the normalised mean in rows of all.",
    "high": "Its upper end.",
    "over": (
        "What was drawn anew, all models with the same draw: 'stories' (versions of one counted as "
        f"one) with {FEWEST_STORIES} or more, else 'listeners', who say nothing of other stories."
    ),
    "n_drawn": "How many of these there are.",
    "rank": "1 is the highest R (of all: normalised mean); ties get the mean of their ranks.",
    "rank_low": "95 % interval of the rank over draws.",
    "rank_high": "Its upper end.",
    "winner_changes": "Share of draws in which another model is first than the one observed.",
    "stimuli_change": (
        "In rows of all: the same share where stimuli of all data sets are drawn anew (listeners "
        f"of one stimulus together); n/a with fewer than {FEWEST_STORIES} stimuli."
    ),
    "w": "Kendall's W of the orders of the data sets, over models that all have: 1 if all agree.",
    "w_chance": "What W is on average for so many unrelated orders, 1 / data sets.",
    **{
        name.replace("-", "_"): f"{what}, mean over listeners; n/a where the study has it not."
        for name, what in metric_agreement.METRICS.items()
        if name in _OTHERS
    },
    **columns.N_LISTENERS,
    "rules": "Digest of the rules by which BOLD was predicted; the page says them.",
}


def check_comparable(studies: Sequence[FinishedStudy]) -> None:
    """Raise `EngramError` unless all studies have the same rules, names of their own, same models.

    Parameters
    ----------
    studies : sequence of FinishedStudy
    """
    names = [one.name for one in studies]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise EngramError(
            f"two folders hold a study of the same name: {', '.join(twice)}. A data set counts "
            "once; name one folder of each study."
        )
    first = studies[0]
    for one in studies[1:]:
        if found := differences(first.rules, one.rules):
            raise EngramError(
                f"the studies {first.name} and {one.name} predicted BOLD by different rules, so "
                f"their scores cannot stand in one table: {'; '.join(found)} (the first is "
                f"{first.name}'s). Run one of them by the other's rules (section encoding)."
            )
        for model in sorted(set(first.models) & set(one.models)):
            mine, other = first.models[model]["defined"], one.models[model]["defined"]
            if mine != other:
                raise EngramError(
                    f"'{model}' is another model in {first.name} than in {one.name}: "
                    f"{'; '.join(differences(mine or {}, other or {}))}. Give them different names."
                )


def leaderboard(studies: Sequence[FinishedStudy], seed: int = 0) -> pd.DataFrame:
    """Return models by data set (the columns of `LEADERBOARD_COLUMNS`).

    Parameters
    ----------
    studies : sequence of FinishedStudy
        Of equal rules (`check_comparable`).
    seed : int
        Of the bootstrap.
    """
    boards = [_Board.of(one, seed + number) for number, one in enumerate(studies)]
    common = [model for model in boards[0].models if all(model in board.models for board in boards)]
    orders = np.array([board.select(board.r, common) for board in boards])
    w = rankings.kendalls_w(orders) if len(boards) > 1 and len(common) > 1 else np.nan
    agreement = {"w": w, "w_chance": 1 / len(boards)}
    rows = [row | agreement for board in boards for row in board.rows()]
    if len(boards) > 1 and common:
        rows += [row | agreement for row in _all(boards, common)]
    return pd.DataFrame(rows, columns=list(LEADERBOARD_COLUMNS))


class _Board:
    """One data set: observed and drawn values of its models."""

    def __init__(
        self,
        study: FinishedStudy,
        models: list[str],
        whole: np.ndarray,
        drawn: np.ndarray,
        over: tuple[str, int],
    ) -> None:
        n_models = len(models)
        self.study, self.models = study, models
        #: R of each model; R where there are ceilings; the mean ceiling.
        self.r, self.shared, self.ceiling = whole[:n_models], whole[n_models:-1], float(whole[-1])
        self.drawn = drawn[:, :n_models]
        self._drawn_shared, self._drawn_ceiling = drawn[:, n_models:-1], drawn[:, -1]
        self.over, self.n_drawn = over

    @classmethod
    def of(cls, study: FinishedStudy, seed: int) -> _Board:
        """Return the data set with its draws, all models by the same."""
        models = list(study.scores)
        # (n_stories, n_subjects, 2 n_models + 1): R, R where there are ceilings (by which it is
        # normalised), and ceilings, drawn along with R.
        r = [study.by_story(model) for model in models]
        shared = [np.where(np.isnan(study.ceilings), np.nan, one) for one in r]
        values = np.stack([*r, *shared, study.ceilings], axis=-1)
        stimuli = study.stimuli
        if len(stimuli) >= FEWEST_STORIES:
            units, over = [_mean(values[index], (0, 1)) for index in stimuli.values()], "stories"
        else:
            by_listener = _mean(values, 0)
            units, over = list(by_listener), "listeners"
        table = np.stack(units)
        drawn = rankings.bootstrap_means(table, seed)
        return cls(study, models, _mean(table, 0), drawn, (over, len(table)))

    def select(self, values: np.ndarray, models: Sequence[str]) -> np.ndarray:
        """Return the columns of some models."""
        result: np.ndarray = values[..., [self.models.index(one) for one in models]]
        return result

    def normalised(self) -> np.ndarray:
        """Return R over ceiling, of the listeners and stories that have one: (n_models, )."""
        usable = self.ceiling >= FLOOR
        return self.shared / self.ceiling if usable else np.full(len(self.r), np.nan)

    def drawn_normalised(self) -> np.ndarray:
        """Return the same in each draw: (n_draws, n_models)."""
        ceiling = np.where(self._drawn_ceiling >= FLOOR, self._drawn_ceiling, np.nan)
        result: np.ndarray = self._drawn_shared / ceiling[:, None]
        return result

    def by_stimulus(self) -> dict[str, np.ndarray]:
        """Return R over ceiling by stimulus, mean over listeners: (n_models, ) each."""
        values = np.stack([self.study.by_story(model) for model in self.models], axis=-1)
        found = {}
        for name, index in self.study.stimuli.items():
            ceilings = self.study.ceilings[index]
            ceiling = float(_mean(ceilings, (0, 1)))
            usable = ceiling if ceiling >= FLOOR else np.nan
            shared = np.where(np.isnan(ceilings)[..., None], np.nan, values[index])
            found[name] = _mean(shared, (0, 1)) / usable
        return found

    def rows(self) -> list[dict[str, Any]]:
        """Return a row for each model."""
        ranked = _ranked(self.r, self.drawn, self.n_drawn)
        rows = []
        for number, model in enumerate(self.models):
            about, others = self.study.models[model], self.study.metrics.get(model, {})
            rows.append(
                {
                    "data": self.study.name,
                    "model": model,
                    "kind": about["kind"],
                    "parameters": about["parameters"],
                    "flops_per_token": about["flops_per_token"],
                    "rules": self.study.digest,
                    "R": self.r[number],
                    "ceiling": self.ceiling,
                    "normalised": self.normalised()[number],
                    "over": self.over,
                    "n_drawn": self.n_drawn,
                    "n_listeners": self.study.n_listeners,
                    **{name.replace("-", "_"): others.get(name, np.nan) for name in _OTHERS},
                    **{name: values[number] for name, values in ranked.items()},
                }
            )
        return rows


def _mean(values: np.ndarray, axes: int | tuple[int, ...]) -> np.ndarray:
    """Return means over stories, or stories and listeners, where they are known."""
    with np.errstate(invalid="ignore"):
        known = ~np.isnan(values)
        total = np.where(known, values, 0).sum(axes)
        number = known.sum(axes)
        return np.where(number > 0, total / np.maximum(number, 1), np.nan)


def _ranked(observed: np.ndarray, drawn: np.ndarray, n_drawn: int) -> dict[str, np.ndarray]:
    """Return interval, rank and its interval, and how often the winner changes, of each model."""
    nothing = np.full(len(observed), np.nan)
    found = {"rank": rankings.ranks(observed)}
    if n_drawn < FEWEST_STORIES or np.isnan(observed).any() or np.isnan(drawn).any():
        missing = ("low", "high", "rank_low", "rank_high", "winner_changes")
        return found | dict.fromkeys(missing, nothing)
    low, high = np.percentile(drawn, [2.5, 97.5], axis=0)
    first, last = rankings.rank_interval(drawn)
    changes = np.full(len(observed), rankings.winner_changes(observed, drawn))
    return found | {
        "low": low,
        "high": high,
        "rank_low": first,
        "rank_high": last,
        "winner_changes": changes,
    }


def _stimuli_change(boards: Sequence[_Board], common: Sequence[str], observed: np.ndarray) -> float:
    """Return the share of draws of stimuli, from all data sets, in which another model wins.

    A stimulus that several data sets have counts once: their listeners heard the same. NaN with
    fewer than three stimuli.
    """
    by_stimulus: dict[str, list[np.ndarray]] = {}
    for board in boards:
        for name, values in board.by_stimulus().items():
            by_stimulus.setdefault(name, []).append(board.select(values, common))
    table = np.stack([np.mean(values, axis=0) for values in by_stimulus.values()])
    table = table[~np.isnan(table).any(axis=1)]
    if len(table) < FEWEST_STORIES:
        return np.nan
    return rankings.winner_changes(observed, rankings.bootstrap_means(table, 0))


def _all(boards: Sequence[_Board], common: Sequence[str]) -> list[dict[str, Any]]:
    """Return a row for each model that all data sets have: the mean of normalised scores."""
    observed = np.mean([board.select(board.normalised(), common) for board in boards], axis=0)
    drawn = np.mean([board.select(board.drawn_normalised(), common) for board in boards], axis=0)
    ranked = _ranked(observed, drawn, min(board.n_drawn for board in boards))
    overs = list(dict.fromkeys(board.over for board in boards))
    change = _stimuli_change(boards, common, observed)
    rows = []
    for number, model in enumerate(common):
        about = boards[0].study.models[model]
        rows.append(
            {
                "data": ALL,
                "model": model,
                "kind": about["kind"],
                "parameters": about["parameters"],
                "flops_per_token": about["flops_per_token"],
                "rules": boards[0].study.digest,
                "stimuli_change": change,
                "normalised": observed[number],
                "over": " and ".join(overs),
                "n_drawn": sum(board.n_drawn for board in boards),
                "n_listeners": sum(board.study.n_listeners for board in boards),
                **{name: values[number] for name, values in ranked.items()},
            }
        )
    return rows
