"""The report: one page with all that a study shows.

It opens with what the study found; figures, surfaces, tables, methods and how it was made follow.

It is self-contained: it opens without a network, which its own policy forbids, and without
the files that it was made of.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from engram.paths import TEMPLATES
from engram.report import answer, cautions, clocks, limits, methods, opening, verdicts
from engram.report.job_records import read_as_bytes, run_times, versions, warnings_of
from engram.report.naming import Tables, people
from engram.report.ranking import ranking
from engram.report.report_figures import FigureFile
from engram.report.report_tables import MOST_ROWS, Table, cell, in_order, marked
from engram.report.surfaces import MOST_MAPS, SurfaceMap, surface_data
from engram.statistics.significance import LEVEL
from engram.wording import capitalised


def page(
    config: Mapping[str, Any],
    tables: Mapping[str, Table],
    figures: Sequence[FigureFile],
    maps: Sequence[SurfaceMap],
    jobs: Sequence[Mapping[str, Any]],
    version: str,
) -> str:
    """Return the report as HTML.

    Parameters
    ----------
    config : mapping
        The checked configuration and plan (`depends_on` of `engram.study.stages.report`).
    tables : mapping
        By name; `scores` and `scans` at least.
    figures : sequence of FigureFile
    maps : sequence of SurfaceMap
        Empty where the study is not on a surface.
    jobs : sequence of mappings
        As `jobs_behind` returns them.
    version : str
        Of Engram.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "capitalised": capitalised,
        "cell": cell,
        "marked": marked,
        "there": pd.notna,
    }
    data = {name: table.data for name, table in tables.items()}
    paragraphs, sources = methods.methods(config, data, version)
    main, others = opening.main_figure(figures, data, config)
    return environment.get_template("report.html").render(
        **_study(config, data, maps),
        **_opening(config, data),
        **_scans(data["scans"], config, jobs),
        **_jobs(jobs),
        claims=tables.get("claims"),
        figures=others,
        level=LEVEL,
        main_figure=main,
        methods=paragraphs,
        most_rows=MOST_ROWS,
        sources=sources,
        tables=in_order(tables),
        version=version,
    )


def _opening(config: Mapping[str, Any], data: Tables) -> dict[str, Any]:
    """Return what the page opens with: question, finding, ranked models."""
    ranked = ranking(data, config)
    return {
        "finding": opening.finding(data, config, ranked),
        "has_comparisons": "comparisons" in data and len(data["comparisons"]) > 0,
        "question": opening.question(config),
        "ranking": ranked,
    }


def _study(config: Mapping[str, Any], data: Tables, maps: Sequence[SurfaceMap]) -> dict[str, Any]:
    """Return what the template gets of the study: its names, answer, limits and surfaces."""
    return {
        "answer": answer.answer(data, config),
        "listener_word": people(config),
        "maps": [one.label for one in maps[:MOST_MAPS]],
        "missing": limits.missing(data, config),
        "n_maps": len(maps),
        "planted": verdicts.planted(data.get("truth")),
        "simulated": config["simulated"],
        "study": config["study"],
        "surface": surface_data(maps[:MOST_MAPS]) if maps else "",
        "verdict": verdicts.verdict(data.get("claims")),
    }


def _scans(
    scans: pd.DataFrame, config: Mapping[str, Any], jobs: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Return what the template gets of the scans: which are in use, their clocks, cautions."""
    excluded = scans["excluded"].notna()
    checked = clocks.clocks(scans, config)
    return {
        "cautions": cautions.cautions(
            scans, config, checked, read_as_bytes(jobs), warnings_of(jobs)
        ),
        "clocks": checked.summary,
        "left_out": scans[excluded].to_dict("records"),
        "n_scans": int((~excluded).sum()),
    }


def _jobs(jobs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what the template gets of the jobs behind the page."""
    return {
        "devices": sorted({job["Device"] for job in jobs}),
        "n_jobs": len(jobs),
        "run_times": run_times(jobs),
        "seconds": sum(job["Seconds"] for job in jobs),
        "versions": versions(jobs),
        "warnings": warnings_of(jobs),
    }
