"""Whether null texts could be taken for the text that they are the null of.

A test over texts holds where the text and its null texts are exchangeable: alike in all but what
is tested. Tables say what a reader sees of each kind of text, where each kind of control text
stands among null texts, and how often each source's texts would be found to have an effect if
they were tested against those of other sources.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from engram.associations.random_texts import is_conditional
from engram.features.variants import kind_of
from engram.statistics import columns, significance
from engram.statistics.text_tests import Found, null_draws
from engram.statistics.variant_effects import null_kind, null_texts
from engram.vocabulary import DEALT, ORIGINAL, RANDOM

#: p from which a text stands below nearly all null texts; above nearly all it is 1 minus this.
_LOW = 0.975
#: The row that is about all sources.
ALL_SOURCES = "all"

EXCHANGEABILITY = (
    "What a reader sees of a text with associations and of its control texts, beside its null "
    "texts: nothing of this is about what is inserted. What differs from null texts is a reason to "
    "doubt the test over texts."
)
EXCHANGEABILITY_COLUMNS = {
    "text": "Name of the associations.",
    "kind": "associations, or a kind of control text.",
    "n_texts": "Texts.",
    "property": (
        "words, characters: of an insertion; function_words: share of words; log_frequency: as in "
        "association_texts.tsv; punctuated, capitals, repeated, shared, cut: shares of insertions; "
        "ahead: share of content words that the story says soon."
    ),
    "value": "Mean over texts; stories are taken together.",
    "null": "The kind of control texts that are the null.",
    "null_mean": "Mean over null texts.",
    "null_sd": "Their standard deviation.",
    "z": "Value minus mean, over standard deviation; n/a where null texts are all the same.",
}


def exchangeability_table(texts: pd.DataFrame) -> pd.DataFrame:
    """Return what a reader sees of each kind of text (the columns of `EXCHANGEABILITY_COLUMNS`).

    Parameters
    ----------
    texts : pandas.DataFrame
        As `engram.associations.text_tables.texts_table` makes it, of all stories.
    """
    rows = []
    seen = _properties(texts)
    for text, part in seen.groupby("text", sort=False):
        kinds = part["variant"].map(kind_of)
        null = DEALT if (kinds == DEALT).any() else RANDOM
        for kind in dict.fromkeys(kinds):
            for name in part.columns.drop(["text", "variant"]):
                values, of_null = part.loc[kinds == kind, name], part.loc[kinds == null, name]
                spread = of_null.std() if len(of_null) > 1 else np.nan
                away = values.mean() - of_null.mean()
                rows.append(
                    {
                        "text": text,
                        "kind": kind,
                        "n_texts": len(values),
                        "property": name,
                        "value": values.mean(),
                        "null": null,
                        "null_mean": of_null.mean(),
                        "null_sd": spread,
                        "z": away / spread if spread > 1e-12 else np.nan,
                    }
                )
    return pd.DataFrame(rows, columns=list(EXCHANGEABILITY_COLUMNS))


def _properties(texts: pd.DataFrame) -> pd.DataFrame:
    """Return what a reader sees of each text, its stories together."""
    inserted = texts[texts["variant"] != ORIGINAL].copy()
    inserted["log_frequency"] *= inserted["insertions"]
    counted = ["insertions", "inserted_words", "characters", "content_words", "ahead"]
    of_insertions = ["log_frequency", "punctuated", "capitals", "repeated", "shared", "cut"]
    by_text = inserted.groupby(["text", "variant"], sort=False)
    total = by_text[[*counted, *of_insertions]].sum()
    a_place = total["insertions"]
    shares = {name: total[name] / a_place for name in of_insertions}
    return pd.DataFrame(
        {
            "words": total["inserted_words"] / a_place,
            "characters": total["characters"] / a_place,
            "function_words": 1 - total["content_words"] / total["inserted_words"],
            **shares,
            "ahead": total["ahead"] / total["content_words"].clip(lower=1),
        }
    ).reset_index()


KINDS = (
    "Where each kind of control text stands among null texts: F of each text and region in "
    "standard deviations of null texts' F. A kind that differs from null texts in nothing that "
    "scores show has the rms of exchangeable texts."
)
KINDS_COLUMNS = {
    **columns.MODEL_AND_TEXT,
    "kind": (
        "associations, or a kind of control text; texts of the null itself stand among the others."
    ),
    "n_texts": "Texts of this kind.",
    "n_null": "Null texts that each is held against.",
    "tokens": "Tokens that the model reads of a text, mean over texts, stories together.",
    "tokens_original": "Those of the story alone.",
    "n_regions": "Regions.",
    "F": "Mean over regions, texts and listeners.",
    "rms_z": "Root mean square over texts and regions of F in standard deviations of null texts.",
    "rms_exchangeable": "What it is on average for exchangeable texts, if F is normal.",
    "share_above": "Share of texts and regions with p of 0.025 or less: above most null texts.",
    "share_below": "Share with p of 0.975 or more: below most null texts.",
}


def kinds_table(found: Found) -> pd.DataFrame:
    """Return where kinds of texts stand among null texts (the columns of `KINDS_COLUMNS`)."""
    rows = []
    for (model, text), one in found.items():
        null, names = null_draws(one), null_texts(one)
        kinds: dict[str, list[str]] = {}
        for variant in one.variants:
            if variant != ORIGINAL:
                kinds.setdefault(kind_of(variant), []).append(variant)
        for kind, variants in kinds.items():
            f = np.stack([one.difference(name)[one.single].mean(axis=0) for name in variants])
            z, p, n_null = [], [], len(names)
            for name, values in zip(variants, f, strict=True):
                others = null[[other != name for other in names]]
                n_null = len(others)
                z.append(_in_spreads(values, others))
                p.append((1 + (others >= values).sum(axis=0)) / (1 + n_null))
            rows.append(
                {
                    "model": model,
                    "text": text,
                    "kind": kind,
                    "n_texts": len(variants),
                    "n_null": n_null,
                    "tokens": one.tokens_of(variants),
                    "tokens_original": one.tokens_of([ORIGINAL]),
                    "n_regions": f.shape[1],
                    "F": f.mean(),
                    "rms_z": _rms(np.stack(z)),
                    "rms_exchangeable": _rms_exchangeable(n_null),
                    "share_above": (np.stack(p) <= 1 - _LOW + 1e-9).mean(),
                    "share_below": (np.stack(p) >= _LOW - 1e-9).mean(),
                }
            )
    return pd.DataFrame(rows, columns=list(KINDS_COLUMNS))


SOURCES = (
    "Random texts of each source tested against those of the other sources, as a text with "
    "associations is: a true null. The last row of a text is about all sources: the share that is "
    "rejected should be 0.05, within its interval over sources."
)
SOURCES_COLUMNS = {
    **columns.MODEL_AND_TEXT,
    "source": "Whose words the texts have; several stories' sources together; 'all' at the end.",
    "n_texts": "Random texts of this source.",
    "n_others": "Random texts of other sources.",
    "F": "Mean over regions, texts and listeners.",
    "F_others": "The same of the other sources' texts.",
    "rms_z": "Root mean square over texts and regions of F in standard deviations of the others.",
    "rejected": (
        "Share of texts and regions that a test at exactly 5 % rejects; for all, mean over "
        "sources. p is a rank: where 5 % lies between two, the second counts in part."
    ),
    "rejected_low": "95 % t interval over sources of that mean.",
    "rejected_high": "Its upper end.",
    "conditional": (
        "yes: fewer than ten sources, or a pool under 20 times the insertions; p then holds for "
        "these sources only."
    ),
}


def sources_table(found: Found, texts: pd.DataFrame) -> pd.DataFrame:
    """Return each source's texts tested against the others' (the columns of `SOURCES_COLUMNS`).

    There are no rows for texts whose null are not random texts, or with a single source.

    Parameters
    ----------
    found : mapping
        Effects by model and text.
    texts : pandas.DataFrame
        As `engram.associations.text_tables.texts_table` makes it, of all stories.
    """
    rows = []
    for (model, text), one in found.items():
        mine = texts[texts["text"] == text].dropna(subset=["source"])
        sources = {
            variant: "; ".join(dict.fromkeys(part["source"]))
            for variant, part in mine.groupby("variant")
        }
        if null_kind(one) != RANDOM or len(set(sources.values())) < 2:
            continue
        null, names = null_draws(one), null_texts(one)
        of_text = {"model": model, "text": text, "conditional": _conditional(mine)}
        by_source = []
        for source in sorted(set(sources.values())):
            own = np.array([sources[name] == source for name in names])
            others = null[~own]
            reached = np.array([(others >= f).sum(axis=0) for f in null[own]])
            by_source.append(
                {
                    **of_text,
                    "source": source,
                    "n_texts": own.sum(),
                    "n_others": len(others),
                    "F": null[own].mean(),
                    "F_others": others.mean(),
                    "rms_z": _rms(np.stack([_in_spreads(f, others) for f in null[own]])),
                    "rejected": _rejected(reached, len(others)).mean(),
                }
            )
        rows += [*by_source, {**of_text, **_over_sources(pd.DataFrame(by_source), len(names))}]
    return pd.DataFrame(rows, columns=list(SOURCES_COLUMNS))


def _over_sources(table: pd.DataFrame, n_texts: int) -> dict[str, object]:
    """Return the row about all sources of a text."""
    rates = table["rejected"].to_numpy()
    low, high = significance.spread_interval(float(rates.mean()), rates, of_mean=True)
    return {
        "source": ALL_SOURCES,
        "n_texts": n_texts,
        "n_others": round(table["n_others"].mean()),
        "F": np.average(table["F"], weights=table["n_texts"]),
        "F_others": np.nan,
        "rms_z": math.sqrt(np.average(table["rms_z"] ** 2, weights=table["n_texts"])),
        "rejected": rates.mean(),
        "rejected_low": max(low, 0.0) if np.isfinite(low) else np.nan,
        "rejected_high": min(high, 1.0) if np.isfinite(high) else np.nan,
    }


def _conditional(texts: pd.DataFrame) -> str:
    """Return whether p holds only for the sources of some random texts, as yes or no."""
    found = any(
        is_conditional(int(row.n_sources), int(row.pool), int(row.insertions))
        for row in texts.itertuples()
    )
    return "yes" if found else "no"


def _rejected(reached: np.ndarray, draws: int) -> np.ndarray:
    """Return how likely a randomised test of exactly 5 % rejects.

    With 36 draws the largest of 37 is 2.7 % of all, and the two largest are 5.4 %. So the second
    largest is rejected with the probability that makes 5 % in all (Lehmann & Romano 2005,
    chapter 3).

    Parameters
    ----------
    reached : array of int
        How many null draws reach what was observed.
    draws : int
        Null draws.
    """
    result: np.ndarray = np.clip(significance.LEVEL * (1 + draws) - reached, 0.0, 1.0)
    return result


def _in_spreads(values: np.ndarray, null: np.ndarray) -> np.ndarray:
    """Return values by region in standard deviations of null texts from their mean."""
    if len(null) < 2:
        return np.full(values.shape, np.nan)
    spread = null.std(axis=0, ddof=1)
    result: np.ndarray = np.where(
        spread > 0, (values - null.mean(axis=0)) / np.where(spread > 0, spread, 1.0), np.nan
    )
    return result


def _rms(z: np.ndarray) -> float:
    known = z[np.isfinite(z)]
    return float(np.sqrt(np.mean(known**2))) if len(known) else np.nan


def _rms_exchangeable(draws: int) -> float:
    """Return the rms of one more normal draw in standard deviations of the others."""
    return math.sqrt((1 + 1 / draws) * (draws - 1) / (draws - 3)) if draws > 3 else np.nan
