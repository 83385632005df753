"""Captions of what tuning changes: R of tuned models, the tuning effect M, and losses."""

from __future__ import annotations

import pandas as pd

from engram.figures.captions.common import M_MEANING, Words, lines_of_points, tests_below_level
from engram.figures.shown_values import beyond, m_axis_bound, tuning_p
from engram.vocabulary import ASSOCIATION, TUNING_CONTROLS
from engram.wording import count, listed, percent, span


def tuning(table: pd.DataFrame) -> Words:
    """Return the words of R_sft - R by region.

    Parameters
    ----------
    table : pandas.DataFrame
        As `engram.statistics.tuning_tables.tuning_table` makes it.
    """
    several = "; short lines: single tuned models (seeds)" if table["n_seeds"].max() > 1 else ""
    caption = (
        "What tuning changes, by region: R of the tuned model minus R of its base model "
        "(Pearson r), on the original stories, at the reported layer, fixed "
        f"beforehand. {_sample(table)} "
        "Points: mean over seeds and listeners; "
        f"{lines_of_points(table['difference_low'])} (models tuned to associate){several}; "
        f"dots: single listeners, as far as the axis reaches. {_test(table)} "
        "Right: mean over regions by layer, of the first seed of each condition, descriptive."
    )
    alt = [
        "Points with intervals by region, in three colours for what models were tuned on; "
        "a row for each tuning and model."
    ]
    for _, part in table.groupby(["tuning", "model"], sort=False):
        alt.append(
            f"{tuning_title(part)}: R_sft - R "
            f"{span(part['difference'], signed=True)}{_controls(part)}."
        )
    return Words("What tuning changes, by region", caption, " ".join(alt))


def tuning_title(part: pd.DataFrame) -> str:
    """Return what a row of M is about."""
    first = part.iloc[0]
    return (
        f"{first['tuning']} ({first['method']}; {count(int(first['n_seeds']), 'seed')}), "
        f"{first['model']}, layer {first['layer']}"
    )


def tuning_methods_title(what: str) -> str:
    """Return the title of M by region or set of regions."""
    return f"Tuning effect M by {what} and method"


def tuning_methods(table: pd.DataFrame, what: str) -> Words:
    """Return the words of M by region and method.

    Parameters
    ----------
    table : pandas.DataFrame
        As `engram.statistics.tuning_tables.tuning_table` makes it, with rows.
    what : str
        What a row of the table is about: ``region`` or ``set of regions``.
    """
    methods = table.groupby("tuning", sort=False)["method"].first()
    controls = table[[f"M_{kind}" for kind in TUNING_CONTROLS]].notna().to_numpy().any()
    band = (
        "Grey bars: the mean of control tunings, plus and minus two standard deviations over "
        "them (null_sd): what tuning on any text changes. "
        if controls
        else "There is no control tuning. "
    )
    bound = m_axis_bound(table)
    n_beyond = int(beyond(table["M"], bound).sum())
    arrows = (
        f": the axis ends at {100 * bound:.0f} %, and arrows mark "
        f"{count(n_beyond, 'value')} beyond it"
        if n_beyond
        else ""
    )
    caption = (
        f"Tuning effect by {what} and method: {M_MEANING}, at the reported layer, "
        "fixed beforehand. Methods: "
        f"{listed([f'{name} ({method})' for name, method in methods.items()])}. "
        f"{_sample(table)} "
        f"Points: mean over seeds; {lines_of_points(table['M_low'])}. {band}{_test(table)} M "
        f"means little where R is near 0{arrows}."
    )
    alt = [
        f"Points with intervals by {what}, a colour for each tuning, on grey "
        "bars of control tunings."
    ]
    for (name, model), part in table.groupby(["tuning", "model"], sort=False):
        alt.append(
            f"{name}, {model}: median M {percent(part['M'].median(), 1)}, "
            f"from {percent(part['M'].min())} to {percent(part['M'].max())}."
        )
    return Words(tuning_methods_title(what), caption, " ".join(alt))


def losses(curves: pd.DataFrame) -> Words:
    """Return the words of the losses while models were tuned.

    Parameters
    ----------
    curves : pandas.DataFrame
        As `engram.statistics.tuning_tables` makes it.
    """
    seeds = curves.groupby(["tuning", "model", "condition"])["seed"].nunique()
    caption = (
        "Losses of tuning, in nats per output token: solid lines or diamonds, validation samples; "
        "dotted lines or dots, training samples (mean since the last point). One for each seed; "
        f"{span(seeds, 0)} for each tuning, model and condition, all trained on the same number of "
        "tokens in the same number of steps. No test, no interval."
    )
    ends = (
        curves[curves["validation"].notna()]
        .sort_values("step")
        .groupby(["tuning", "model", "condition", "seed"], sort=False)["validation"]
        .agg(["first", "last"])
    )
    alt = "Lines of loss against step. " + " ".join(
        (
            f"{name}, {model}, {condition}: validation from {part['first'].mean():.2f} "
            f"to {part['last'].mean():.2f}."
        )
        for (name, model, condition), part in ends.groupby(level=[0, 1, 2], sort=False)
    )
    return Words("Losses while models were tuned", caption, alt)


def _sample(table: pd.DataFrame) -> str:
    """Return a sentence on the listeners, and on the seeds of each condition."""
    columns = {ASSOCIATION: "n_seeds", **{kind: f"n_{kind}" for kind in TUNING_CONTROLS}}
    models = listed([f"{int(table[column].max())} {kind}" for kind, column in columns.items()])
    return (
        f"n = {count(int(table['n_listeners'].max()), 'listener')}; tuned models (seeds) "
        f"for each tuning: {models}."
    )


def _test(table: pd.DataFrame) -> str:
    p = tuning_p(table)
    if p.isna().all():
        return "No test: it takes four seeds and four control seeds."
    found = tests_below_level(int((p <= 0.05).sum()), len(table), " against both controls")
    return (
        "Test: one-sided permutation of the labels of tunings and control tunings, over seeds "
        f"(smallest possible p {table['smallest_p'].min():.3g}). {found.strip()}"
    )


def _controls(part: pd.DataFrame) -> str:
    """Return what control tunings change, where there are some."""
    return "".join(
        f", {kind} {span(part[f'difference_{kind}'], signed=True)}"
        for kind in TUNING_CONTROLS
        if part[f"difference_{kind}"].notna().any()
    )
