"""What was planted in simulated listeners beside what a study found."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pandas as pd

from engram.statistics import significance
from engram.vocabulary import WORD_RATE

logger = logging.getLogger(__name__)

TRUTH = (
    "What was planted in the simulated listeners, and what the study found, at each "
    "model's reported layer."
)
TRUTH_COLUMNS = {
    "model": "Model.",
    "text": "Name of the associations, in rows about F; of the tuning, in rows about R_sft.",
    "planted": (
        "What drives the regions: language (a generator's layer), tuning (that of the generator, "
        "tuned to associate), association (what is thought), word rate, stimulus (shared, "
        "but no model's), nothing."
    ),
    "regions": "Regions with this drive.",
    "quantity": (
        "R: brain score of the story alone; F minus that of null texts; controls: how many control "
        "texts, null texts aside, have a region with planted associations whose F survives "
        "correction; M; R_sft - R, minus that of control tunings; by how much the validation loss "
        "fell, in the tuned model in which it fell least."
    ),
    "value": "Mean over these regions and listeners, or the number.",
    "standard_error": "Of the mean of R over listeners.",
    "p_texts": "One-sided p over texts of the mean of F over these regions.",
    "p_corrected": "The smallest p of these regions that the table of F has, corrected.",
    "expected": "What should hold.",
    "found": "yes or no; 'not required' where it is reported only.",
}


def compare_with_truth(
    scores: pd.DataFrame, truth: pd.DataFrame, models: list[str], layers: dict[str, int]
) -> pd.DataFrame:
    """Return the scores that were found beside what was planted.

    Parameters
    ----------
    scores : pandas.DataFrame
        As `engram.statistics.score_tables.scores_table` returns it; single listeners are used.
    truth : pandas.DataFrame
        hemisphere, roi, planted.
    models : list of str
        Trained language models.
    layers : dict
        The layer to look at, by model; fixed beforehand.

    Returns
    -------
    pandas.DataFrame
        The columns of `TRUTH_COLUMNS`.
    """
    merged = scores.merge(truth, on=["hemisphere", "roi"])
    baseline = merged[merged["model"] == WORD_RATE].groupby("planted")["score"].mean()
    rows = []
    for model in models:
        part = merged[(merged["model"] == model) & (merged["layer"] == layers[model])]
        means = {kind: _mean_and_error(group) for kind, group in part.groupby("planted")}
        for kind, (mean, error) in means.items():
            expected, found = _expectation(
                kind, mean, error, means["language"][0], float(baseline.get("language", 0.0))
            )
            values = {
                "quantity": "R",
                "value": mean,
                "standard_error": error,
                "expected": expected,
                "found": found,
            }
            rows.append(
                {"model": model, "planted": kind, "regions": _regions_of(truth, kind), **values}
            )
    return pd.DataFrame(rows, columns=list(TRUTH_COLUMNS))


def compare_association_with_truth(
    association: pd.DataFrame, controls: pd.DataFrame, truth: pd.DataFrame
) -> pd.DataFrame:
    """Return the association effects that were found beside what was planted.

    The columns are those of `TRUTH_COLUMNS`.

    Parameters
    ----------
    association, controls : pandas.DataFrame
        As `engram.statistics.association_tables` makes them.
    truth : pandas.DataFrame
        hemisphere, roi, planted.
    """
    rows = []
    for (model, text), part in association.merge(truth, on=["hemisphere", "roi"]).groupby(
        ["model", "text"], sort=False
    ):
        mine = controls[(controls["model"] == model) & (controls["text"] == text)]
        is_null = mine["variant"].str.startswith(f"{part['null'].iloc[0]}-")
        null_texts = mine[is_null].merge(truth, on=["hemisphere", "roi"])
        for kind, here in part.groupby("planted"):
            of_kind = null_texts[null_texts["planted"] == kind]
            rows.append(
                {
                    "model": model,
                    "text": text,
                    "planted": kind,
                    "regions": _regions_of(truth, str(kind)),
                    **_association_effect(str(kind), here, of_kind),
                }
            )
        surviving = _surviving(mine[~is_null].merge(truth, on=["hemisphere", "roi"]))
        values = {
            "quantity": "controls",
            "value": surviving,
            "expected": "none",
            "found": "no" if surviving else "yes",
        }
        of_planted = {"planted": "any", "regions": _regions_of(truth, "association")}
        rows.append({"model": model, "text": text, **of_planted, **values})
    return pd.DataFrame(rows, columns=list(TRUTH_COLUMNS))


def _surviving(controls: pd.DataFrame) -> int:
    """Return how many control texts are found where associations are planted.

    Null texts are not asked: they stand among those like them, of which the foremost always stands
    out. Elsewhere control texts may be found: what is of the same story may help a model there.
    """
    here = controls["planted"] == "association"
    survives = here & (controls["p_texts_corrected"] <= significance.LEVEL)
    return int(controls.loc[survives, "variant"].nunique())


def _association_effect(
    kind: str, here: pd.DataFrame, null_texts: pd.DataFrame
) -> dict[str, float | str]:
    """Return F in regions with one drive, and whether it is as it should be.

    Where associations are planted, the table's own test must find one of the regions: after
    correction over all regions. Elsewhere none may survive it.
    """
    null = null_texts.groupby("variant")["F"].mean().to_numpy()
    value, corrected = here["F_minus_null"].mean(), here["p_texts_corrected"].min()
    p = significance.text_test(here["F"].mean(), null)
    if kind == "association":
        expected = f"above 0, a region survives correction (p at most {significance.LEVEL})"
        found = value > 0 and corrected <= significance.LEVEL
    else:
        expected, found = "no region survives correction", corrected > significance.LEVEL
    return {
        "quantity": "F minus null",
        "value": value,
        "p_texts": p,
        "p_corrected": corrected,
        "expected": expected,
        "found": "yes" if found else "no",
    }


def compare_tuning_with_truth(
    tuning: pd.DataFrame, curves: pd.DataFrame, truth: pd.DataFrame
) -> pd.DataFrame:
    """Return what tunings did beside what was planted (the columns of `TRUTH_COLUMNS`).

    The loss must fall. Scores are reported only: what a small model learns from a few hundred
    samples need not be what the model behind the simulated listeners learned, and its control
    tunings may learn it too.

    Parameters
    ----------
    tuning : pandas.DataFrame
        As `engram.statistics.tuning_tables.tuning_table` makes it.
    curves : pandas.DataFrame
        As `engram.statistics.tuning_tables.curves_table` makes it.
    truth : pandas.DataFrame
        hemisphere, roi, planted.
    """
    rows = [*_tuning_scores(tuning, truth), *_losses(curves)]
    return pd.DataFrame(rows, columns=list(TRUTH_COLUMNS))


def _tuning_scores(tuning: pd.DataFrame, truth: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Yield M and what is beyond controls, for each tuning and each kind of planted region."""
    for (model, name, kind), part in tuning.merge(truth, on=["hemisphere", "roi"]).groupby(
        ["model", "tuning", "planted"], sort=False
    ):
        beyond = part["difference"] - part[["difference_shuffled", "difference_generic"]].mean(
            axis=1
        )
        values = {
            "M": part["difference"].mean() / part["original"].mean(),
            "R_sft - R, minus controls": beyond.mean(),
        }
        for quantity, value in values.items():
            yield {
                "model": model,
                "text": name,
                "planted": kind,
                "regions": _regions_of(truth, str(kind)),
                "quantity": quantity,
                "value": value,
                "expected": "above that of other regions" if kind == "tuning" else "anything",
                "found": "not required",
            }


def _losses(curves: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Yield by how much the validation loss fell where it fell least, for each tuning."""
    for (model, name), part in curves.groupby(["model", "tuning"], sort=False):
        fell = float(
            part.groupby(["condition", "seed"])["validation"]
            .agg(lambda losses: losses.iloc[0] - losses.iloc[-1])
            .min()
        )
        yield {
            "model": model,
            "text": name,
            "planted": "any",
            "regions": "all",
            "quantity": "fall of the validation loss, least of all",
            "value": fell,
            "expected": "above 0",
            "found": "yes" if fell > 0 else "no",
        }


def _regions_of(truth: pd.DataFrame, kind: str) -> str:
    return ", ".join(sorted(set(truth.loc[truth["planted"] == kind, "roi"])))


def _expectation(
    kind: str, mean: float, error: float, language: float, word_rate: float
) -> tuple[str, str]:
    """Return what should hold of R in regions with a drive, and whether it does."""
    if kind == "association":
        return "anything (what is thought is not in the story)", "not required"
    if kind == "language":
        expected = f"above 4 standard errors, and above the word rate's {word_rate:.3f}"
        found = mean > 4 * error and mean > word_rate
    elif kind in ("word rate", "tuning"):
        expected, found = "above 0 (a model's features hold part of it)", mean > 0
    elif kind == "stimulus":
        # All listeners share this time course, so its chance correlation with the features is the
        # same in all of them, and errors over listeners say little.
        expected = "nearer to 0 than half of the language regions' score"
        found = abs(mean) < language / 2
    else:
        expected = "nearer to 0 than a tenth of the language regions' score"
        found = abs(mean) < language / 10
    return expected, "yes" if found else "no"


def _mean_and_error(part: pd.DataFrame) -> tuple[float, float]:
    by_subject = part.groupby("subject")["score"].mean()
    return float(by_subject.mean()), float(by_subject.sem())
