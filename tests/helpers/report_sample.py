"""A small study's tables, made up, for tests of the report: what is in them can be chosen."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pandas as pd

from engram.bold.scans_table import SCAN_COLUMNS
from engram.report import embedding, html_report, report_figures, report_tables, surfaces
from engram.statistics import score_tables, tuning_tables
from engram.statistics.association_tables import ASSOCIATION_COLUMNS
from engram.statistics.comparisons import COMPARISONS_COLUMNS
from engram.study.association_plan import control_counts
from engram.study.config import protocols
from engram.study.config.read import read_study
from engram.vocabulary import AVERAGE, ORIGINAL

CLAIMS = (
    "claim",
    "statement",
    "published",
    "ours",
    "low",
    "high",
    "n",
    "test",
    "p",
    "verdict",
    "why",
)
ALICE = {
    "study": "mine",
    "dataset": {"kind": "alice"},
    "models": {"small": {"source": "gpt2"}},
    "baselines": ["word-rate", "reinitialised"],
}


def config(raw: dict[str, Any] | None = None, **made: Any) -> dict[str, Any]:
    """A checked configuration, with what the workflow makes of the plan."""
    study = read_study(raw or ALICE)
    models = study.language_models()
    trained = [name for name, model in models.items() if not model.reinitialised]
    scored = [*models, *(["word-rate"] if "word-rate" in study.baselines else [])]
    return {
        **study.model_dump(mode="json", exclude={"mirror", "pathvars"}),
        "models_reading_associations": trained,
        "protocol_described": protocols.described(study.protocol, study.encoding),
        "protocol_substituted": protocols.substituted(study.protocol, study.encoding),
        "association_maps": [],
        "control_counts": {name: control_counts(study, name) for name in study.associations},
        "brain": None,
        "data": study.dataset.description(),
        "models": {name: model.model_dump(mode="json") for name, model in models.items()},
        "scored": scored,
        "shown": trained or scored,
        "simulated": study.dataset.is_simulated,
        "story_names": ["alice"],
        **made,
    }


def scores(
    listeners: int = 5,
    regions: int = 3,
    models: tuple[str, ...] = ("small", "small-reinitialised", "word-rate"),
    ceiling: float = 0.25,
) -> pd.DataFrame:
    """Scores of a model of three layers, its re-initialised twin and the word rate.

    0.2, 0.1 and 0.05 at layer 2, and a little more for later listeners.
    """
    rows = []
    levels = dict(zip(models, (0.2, 0.1, 0.05), strict=False))
    for model, level in levels.items():
        for layer in range(1 if model == "word-rate" else 4):
            for number in range(listeners + (listeners > 1)):
                subject = AVERAGE if number == listeners else f"{number + 1:02d}"
                score = (
                    level + 0.01 * (number - (listeners - 1) / 2)
                    if subject != AVERAGE
                    else 2 * level
                )
                rows += [
                    {
                        "model": model,
                        "layer": layer,
                        "subject": subject,
                        "hemisphere": "LR"[one % 2],
                        "roi": f"area{one}",
                        "score": score,
                    }
                    for one in range(regions)
                ]
    common = {
        "study": "mine",
        "group": "alice",
        "text": ORIGINAL,
        "n_targets": 1,
        "n_trs": 300,
        "ceiling_kind": "single",
    }
    table = pd.DataFrame(rows).assign(
        **common,
        ceiling=ceiling,
        ceiling_split=ceiling,
        ceiling_split_sb=ceiling,
        ceiling_loo=ceiling,
    )
    return table.assign(normalized=table["score"] / table["ceiling"])[
        list(score_tables.SCORES_COLUMNS)
    ]


def scans(listeners: int = 5, reason: str = "moved too much") -> pd.DataFrame:
    """Scans of the listeners, and one that is left out."""
    names = [f"{number + 1:02d}" for number in range(listeners + 1)]
    common = {
        "story": "alice",
        "scan": "one",
        "n_trs": 300,
        "n_rows": 290,
        "n_targets": 3,
        "n_constant": 0,
        "n_confounds": 6,
        "words_in_scan": 1.0,
    }
    clock = {
        "clock": "confirmed",
        "clock_lag": 5.0,
        "clock_p": 0.01,
        "clock_start": np.nan,
        "clock_tr": np.nan,
    }
    return pd.DataFrame(
        {"subject": names, **common, **clock, "excluded": [np.nan] * listeners + [reason]}
    )[list(SCAN_COLUMNS)]


def association(
    corrected: float = 0.6, n_random: int = 39, written_by: str = "language model", regions: int = 3
) -> pd.DataFrame:
    """F of one text, 0.02 beside 0.01 of random texts; the first region's corrected p is given."""
    smallest = 1 / (1 + n_random)
    table = pd.DataFrame(
        {
            "roi": [f"area{one}" for one in range(regions)],
            "hemisphere": ["LR"[one % 2] for one in range(regions)],
        }
    )
    table = table.assign(
        model="small",
        text="word-judged",
        written_by=written_by,
        layer=2,
        n_targets=1,
        n_listeners=5,
        original=0.2,
        F=0.02,
        null="random",
        F_null=0.01,
    )
    table = table.assign(
        F_minus_null=0.01,
        n_null=n_random,
        p_texts=max(corrected / regions, smallest),
        p_texts_corrected=0.9,
        smallest_p=smallest,
        detectable=0.007,
        detectable_corrected=0.01,
        family="all",
        n_family=regions,
        n_draws=n_random,
    )
    table.loc[0, ["F", "F_minus_null", "p_texts_corrected"]] = [0.03, 0.02, corrected]
    return table.reindex(columns=list(ASSOCIATION_COLUMNS))


def tuning(
    corrected: float = 0.6, seeds: int = 4, regions: int = 3, original: float = 0.2
) -> pd.DataFrame:
    """R_sft - R of one tuning, 0.004.

    The first region's corrected p is given, and without four seeds there is none.
    """
    table = pd.DataFrame(
        {
            "roi": [f"area{one}" for one in range(regions)],
            "hemisphere": ["LR"[one % 2] for one in range(regions)],
        }
    )
    table = table.assign(
        model="small",
        tuning="lora",
        method="lora",
        layer=2,
        n_targets=1,
        n_listeners=5,
        n_seeds=seeds,
        n_shuffled=seeds,
        n_generic=seeds,
    )
    table = table.assign(
        original=original,
        difference=0.004,
        M=0.004 / original,
        difference_shuffled=0.001,
        difference_generic=0.002,
        p_shuffled=0.5,
        p_generic=0.5,
    )
    table = table.assign(p_shuffled_corrected=0.9, p_generic_corrected=0.9)
    table.loc[0, ["difference", "M", "p_shuffled_corrected", "p_generic_corrected"]] = [
        0.01,
        0.01 / original,
        corrected / 2,
        corrected,
    ]
    if seeds < 4:
        table[["p_shuffled", "p_shuffled_corrected", "p_generic", "p_generic_corrected"]] = np.nan
    return table.reindex(columns=list(tuning_tables.TUNING_COLUMNS))


def chance(corrected: float = 0.01, smallest: float = 0.001, regions: int = 3) -> pd.DataFrame:
    """R against chance in some regions."""
    return pd.DataFrame(
        {
            "model": "small",
            "roi": [f"area{one}" for one in range(regions)],
            "p_corrected": corrected,
            "smallest_p": smallest,
        }
    )


def comparisons(p: float = 0.01, **models: float) -> pd.DataFrame:
    """Differences of all pairs of models over all targets and in a region, all with one p.

    Models come by name with their R; without any, those of `scores`.
    """
    values = models or {"small": 0.2, "small-reinitialised": 0.1, "word-rate": 0.05}
    rows = [
        {
            "question": "models",
            "family": f"{a} against {b}",
            "a": a,
            "b": b,
            "hemisphere": side,
            "roi": roi,
            "score_a": values[a],
            "score_b": values[b],
            "difference": values[a] - values[b],
            "p_listeners": p if roi == "all" else 0.9,
        }
        for a, b in itertools.combinations(values, 2)
        for side, roi in (("L", "area0"), ("B", "all"), ("L", "all"))
    ]
    return pd.DataFrame(rows, columns=list(COMPARISONS_COLUMNS))


def claims() -> pd.DataFrame:
    """A claim of each verdict."""
    rows = [
        (
            "peak",
            "GPT-2 peaks at layer 9 of 12",
            "9",
            "8",
            "7",
            "10",
            "27",
            "bootstrap",
            np.nan,
            "reproduced",
            np.nan,
        ),
        (
            "side",
            "Left above right",
            "0.146 and 0.135",
            "0.11 and 0.12",
            "-0.02",
            "0.01",
            "27",
            "over listeners",
            0.3,
            "not reproduced",
            np.nan,
        ),
        (
            "people",
            "People above GPT-4",
            "higher",
            np.nan,
            np.nan,
            np.nan,
            np.nan,
            np.nan,
            np.nan,
            "not testable here",
            "no text was written by people",
        ),
    ]
    return pd.DataFrame(rows, columns=list(CLAIMS))


def as_tables(**data: pd.DataFrame) -> dict[str, report_tables.Table]:
    """Tables with made-up words about them, and the file that they would be."""
    found = {}
    for name, table in data.items():
        file = table.to_csv(sep="\t", index=False).encode()
        columns = {column: f"Meaning of {column}." for column in table.columns}
        found[name] = report_tables.Table(
            name,
            table,
            f"About {name}.",
            columns,
            len(file),
            file if len(file) <= report_tables.MOST_BYTES else None,
        )
    return found


def figure(name: str = "layers", **words: str) -> report_figures.FigureFile:
    """A small figure."""
    uri = embedding.data_uri(
        "image/svg+xml",
        b'<svg xmlns="http://www.w3.org/2000/svg" width="510pt" height="200pt" viewBox="0 0 510 200"><circle cx="99" cy="99" r="80"/></svg>',  # noqa: E501
    )
    return report_figures.FigureFile(
        name,
        uri,
        969,
        **{
            "title": "Scores by layer",
            "caption": "Mean of 5 listeners.",
            "alt": "R rises with depth.",
            "suffix": "svg",
            **words,
        },
        ratio=200 / 510,
        pieces=[[[0.0, 0.0, 0.5, 1.0]], [[0.0, 0.1, 0.08, 0.8], [0.5, 0.0, 0.5, 1.0]]],
    )


def surface() -> surfaces.SurfaceMap:
    """A map with values in a part of each hemisphere."""
    values = {
        side: np.where(np.arange(10242) < 4000, np.linspace(-0.1, 0.2, 10242), np.nan).astype(
            np.float32
        )
        for side in ("left", "right")
    }
    return surfaces.SurfaceMap("R (Pearson r): small, layer 2", values, 0.05)


def page(
    with_surface: bool = False, made: dict[str, Any] | None = None, **data: pd.DataFrame
) -> str:
    """A report; `data` replaces or adds tables."""
    chosen = made or config()
    given = {"scores": scores(), "scans": scans(), **data}
    second = surfaces.SurfaceMap(
        "Ceiling of single listeners (Pearson r)", surface().values, 0.05, diverging=False
    )
    return html_report.page(
        chosen,
        as_tables(**given),
        [figure()],
        [surface(), second] if with_surface else [],
        [],
        "0.1.0",
    )
