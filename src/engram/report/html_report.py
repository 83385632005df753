"""The report: one page with all that a study shows.

It holds the study's verdict, answer, figures, surfaces, tables, methods and how it was made.

It is self-contained: it opens without a network, which its own policy forbids, and without
the files that it was made of.
"""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from engram.features.layers import reported_layer
from engram.figures.maps import ASSOCIATION_DIFFERENCE, layer_name, on_fsaverage5, read_maps
from engram.files import storage
from engram.files.checksums import provenance
from engram.paths import TEMPLATES
from engram.report import methods, sentences
from engram.statistics.score_tables import KEYS
from engram.vocabulary import ORIGINAL

QUESTION = "Does associative memory bring language models closer to the brain?"
#: Rows of a table that are shown one by one; larger ones are summed up by column.
MOST_ROWS = 150
#: Bytes of a table that can be downloaded from the page; larger ones are named.
MOST_BYTES = 700_000
#: Bytes of an SVG up to which it is taken even if the PNG is smaller: lines and letters stay sharp.
_LARGE = 200_000
#: Surfaces in the page.
MOST_MAPS = 12
#: Pixels of the page for a point of a figure: type of 7 points is read at arm's length.
_SCALE = 1.9
#: Colours reach at least so far, so that noise is pale: of R, and of F.
_LEAST_R, _LEAST_F = 0.05, 0.01
#: Tables in this order, before others; claims have a section of their own.
_ORDER = (
    "association",
    "tuning",
    "chance",
    "comparisons",
    "nuisance",
    "association_unique",
    "best_layer",
    "roi_sets",
    "scores",
    "ceilings",
)


@dataclass(frozen=True)
class Table:
    """A table of the study with the words of its sidecar.

    It has its file where that can be downloaded.
    """

    name: str
    data: pd.DataFrame
    description: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    n_bytes: int = 0
    file: bytes | None = None

    @property
    def is_large(self) -> bool:
        """Whether rows are summed up."""
        return len(self.data) > MOST_ROWS

    @property
    def size(self) -> str:
        """Size of the file in words."""
        return (
            f"{self.n_bytes / 1e6:.1f} MB"
            if self.n_bytes >= 1e6
            else f"{max(self.n_bytes / 1e3, 0.1):.1f} kB"
        )

    @property
    def link(self) -> str:
        """The file as a data URI, paths shortened; nothing where it is too large."""
        return (
            ""
            if self.file is None
            else data_uri("text/tab-separated-values", public(self.file.decode()).encode())
        )

    def rows(self) -> list[list[str]]:
        """Return the cells as text, numbers with four significant digits."""
        return [[cell(value) for value in row] for row in self.data.itertuples(index=False)]

    def summary(self) -> list[list[str]]:
        """Return a row for each column.

        It has its name, meaning, what it holds, and how many values are missing.
        """
        return [
            [
                name,
                self.columns.get(name, ""),
                _holds(self.data[name]),
                f"{int(self.data[name].isna().sum()):,}",
            ]
            for name in self.data.columns
        ]


@dataclass(frozen=True)
class FigureFile:
    """A figure as an image of the page, with the words of its sidecar."""

    name: str
    uri: str
    width: float
    title: str
    caption: str
    alt: str
    suffix: str


@dataclass(frozen=True)
class SurfaceMap:
    """A map of the cortex: vertices of fsaverage5 by hemisphere, NaN where there is no target."""

    label: str
    values: Mapping[str, np.ndarray]
    least: float
    diverging: bool = True


def cell(value: Any) -> str:
    """Return a value as the text of a table's cell."""
    if pd.isna(value):
        return storage.MISSING
    return f"{value:.4g}" if isinstance(value, float) else public(str(value))


def _holds(values: pd.Series) -> str:
    kept = values.dropna()
    if kept.empty:
        return "nothing"
    if pd.api.types.is_numeric_dtype(kept):
        return f"{cell(kept.min())} to {cell(kept.max())}, median {cell(float(kept.median()))}"
    names = sorted({cell(value) for value in kept})
    return (
        ", ".join(names)
        if len(names) <= 8
        else f"{len(names):,} different, such as {', '.join(names[:3])}"
    )


def data_uri(kind: str, content: bytes) -> str:
    """Return content as a data URI."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def read_tables(paths: Iterable[str | Path]) -> dict[str, Table]:
    """Return tables with the words of their sidecars, by their names."""
    tables = {}
    for path in map(Path, paths):
        about, n_bytes = storage.read_json(storage.sidecar(path)), path.stat().st_size
        columns = {
            name: entry.get("Description", "")
            for name, entry in about.items()
            if isinstance(entry, dict) and name != "Provenance"
        }
        file = path.read_bytes() if n_bytes <= MOST_BYTES else None
        tables[path.stem] = Table(
            path.stem,
            storage.read_table(path, dtype=KEYS),
            about.get("Description", ""),
            columns,
            n_bytes,
            file,
        )
    return tables


def read_figures(svgs: Sequence[str | Path], pngs: Sequence[str | Path]) -> list[FigureFile]:
    """Return figures as images: SVG, or PNG where that is much smaller, as of surfaces.

    Titles, captions and alternative texts are those of their sidecars; where there are none,
    the name stands for title and text.
    """
    figures = []
    for svg, png in zip(map(Path, svgs), map(Path, pngs), strict=True):
        about = storage.read_json(storage.sidecar(svg))
        title = about.get("Title") or svg.stem
        vector, pixels = svg.read_bytes(), png.read_bytes()
        drawn = len(vector) <= max(len(pixels), _LARGE)
        uri = data_uri("image/svg+xml", vector) if drawn else data_uri("image/png", pixels)
        width = re.search(rb'<svg[^>]*?\swidth="([\d.]+)pt"', vector)
        points = float(width[1]) if width else 500.0
        caption, alt = about.get("Caption", ""), about.get("Alt") or title
        figures.append(
            FigureFile(
                svg.stem,
                uri,
                round(points * _SCALE),
                title,
                caption,
                alt,
                "svg" if drawn else "png",
            )
        )
    return figures


def surface_maps(
    config: Mapping[str, Any],
    scores: pd.DataFrame,
    score_files: Sequence[str],
    association_files: Sequence[str],
    ceiling_files: Sequence[str],
) -> list[SurfaceMap]:
    """Return the maps that can be turned.

    They are R of each model shown, F minus that of random texts, and the
    ceiling of single listeners.

    Parameters
    ----------
    config : mapping
        With `shown` models and `association_maps` (text and model), in the order of the files.
    scores : pandas.DataFrame
        Says how deep each model is.
    score_files, association_files, ceiling_files : sequences of paths
        Left and right of each map.
    """
    maps = []
    depths = scores[scores["text"] == ORIGINAL].groupby("model")["layer"].max()
    for model, sides in zip(config["shown"], _sides(score_files), strict=bool(score_files)):
        layer = reported_layer(int(depths[model]), config["figures"]["layer"])
        maps.append(
            SurfaceMap(
                f"R (Pearson r): {model}, layer {layer}",
                _values(sides, layer_name(layer)),
                _LEAST_R,
            )
        )
    for (text, model), sides in zip(
        config["association_maps"], _sides(association_files), strict=True
    ):
        maps.append(
            SurfaceMap(
                f"F minus random texts (Pearson r): {text}, {model}",
                _values(sides, ASSOCIATION_DIFFERENCE),
                _LEAST_F,
            )
        )
    for sides in _sides(ceiling_files):
        maps.append(
            SurfaceMap(
                "Ceiling of single listeners (Pearson r)",
                _values(sides, "single listeners"),
                _LEAST_R,
                diverging=False,
            )
        )
    return [one for one in maps if any(np.isfinite(values).any() for values in one.values.values())]


def _sides(files: Sequence[str]) -> list[tuple[str, str]]:
    return list(zip(files[::2], files[1::2], strict=True))


def _values(sides: tuple[str, str], name: str) -> dict[str, np.ndarray]:
    named = zip(("left", "right"), ("L", "R"), sides, strict=True)
    return {
        side: on_fsaverage5(read_maps(path, hemisphere)[name]) for side, hemisphere, path in named
    }


def surface_data(maps: Sequence[SurfaceMap]) -> str:
    """Return nilearn's view of maps on the inflated cortex, packed (JSON, gzip, base64).

    It is its page, and what differs from map to map.

    The page is split where nilearn puts its data, so that the mesh and the library are
    there once for all maps.
    """
    views = [_view(one) for one in maps]
    head, first, tail = views[0]
    mesh = {name: value for name, value in first.items() if name != "vertexcolor_both"}
    varying = ("vertexcolor_both", "colorscale", "cmin", "cmax")
    content = {
        "head": head,
        "tail": tail,
        "mesh": mesh,
        "maps": [
            {"label": one.label, **{name: info[name] for name in varying}}
            for one, (_, info, _) in zip(maps, views, strict=True)
        ],
    }
    # No time in the archive: the same maps give the same bytes.
    return base64.b64encode(gzip.compress(json.dumps(content).encode(), 9, mtime=0)).decode()


def _view(one: SurfaceMap) -> tuple[str, dict[str, Any], str]:
    """Return nilearn's page before and behind its data, and the data."""
    from nilearn import plotting
    from nilearn.datasets import load_fsaverage, load_fsaverage_data
    from nilearn.surface import SurfaceImage

    mesh = load_fsaverage("fsaverage5")["inflated"]
    # Vertices without a target are 0, and what is 0 is not painted; of the sequential maps viridis
    # holds no grey, as the cortex is.
    image = SurfaceImage(
        mesh,
        {side: np.nan_to_num(values).astype(np.float32) for side, values in one.values.items()},
    )
    largest = max(
        one.least,
        *(float(np.nanmax(np.abs(values), initial=0.0)) for values in one.values.values()),
    )
    html = plotting.view_surf(
        surf_map=image,
        bg_map=load_fsaverage_data(mesh="fsaverage5", mesh_type="inflated", data_type="sulcal"),
        hemi="both",
        threshold=1e-9,
        cmap="RdBu_r" if one.diverging else "viridis",
        symmetric_cmap=one.diverging,
        vmin=None if one.diverging else 0.0,
        vmax=largest,
        colorbar_fontsize=14,
        title="",
    ).html
    # As plotly spells it: its logo is a link to a site.
    html = html.replace("displayLogo", "displaylogo")
    start = html.index('{"inflated_both"')
    info, length = json.JSONDecoder().raw_decode(html[start:])
    return html[:start], info, html[start + length :]


def jobs_behind(paths: Iterable[str | Path]) -> list[dict[str, Any]]:
    """Return the provenance of every job behind some results, each once, by rule.

    It is taken from their sidecars, and those of what they were made of.
    """
    waiting, seen = [storage.sidecar(path) for path in paths], set()
    jobs: dict[tuple[str, str], dict[str, Any]] = {}
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        found = provenance(path)
        if found:
            jobs[found["Rule"], json.dumps(found["Wildcards"], sort_keys=True)] = found
            waiting += [storage.sidecar(one) for one in found["Inputs"]]
    return [jobs[key] for key in sorted(jobs)]


def run_times(jobs: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """Return a row for each rule.

    It has its jobs, seconds in all, those of the longest, and the highest memory in MB.
    """
    table = pd.DataFrame(
        [
            {"rule": job["Rule"], "seconds": job["Seconds"], "memory": job["PeakMemoryMB"]}
            for job in jobs
        ]
    )
    if table.empty:
        return []
    rows = table.groupby("rule").agg(
        jobs=("seconds", "size"),
        seconds=("seconds", "sum"),
        longest=("seconds", "max"),
        memory=("memory", "max"),
    )
    rows = rows.sort_values("seconds", ascending=False)
    return [
        [
            row.Index,
            f"{row.jobs:.0f}",
            f"{row.seconds:.1f}",
            f"{row.longest:.1f}",
            f"{row.memory:.0f}",
        ]
        for row in rows.itertuples()
    ]


def versions(jobs: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """Return each package with the version that jobs ran, or all of them where they differ."""
    found: dict[str, set[str]] = {}
    for job in jobs:
        for package, version in job["Versions"].items():
            found.setdefault(package, set()).add(version)
    return [[package, ", ".join(sorted(found[package]))] for package in sorted(found)]


def warnings_of(jobs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what jobs warned of, each once, without paths of the machine."""
    return sorted(
        {public(f"{job['Rule']}: {message}") for job in jobs for message in job.get("Warnings", [])}
    )


def public(text: str) -> str:
    """Return a text in which paths and addresses tell nothing that is nobody's business.

    Absolute paths are shortened to their last part, and addresses lose names and passwords.
    """
    text = re.sub(r"//[^/\s@]+@", "//", text)
    text = re.sub(r"/(home|Users)/[^/\s'\"<>|]+", "~", text)
    return re.sub(r"(?<![\w.:/~])~?/(?:[^/\s'\"<>|]+/)+", "…/", text)


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
        The checked configuration and plan (`report_config` of the workflow).
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

    data = {name: table.data for name, table in tables.items()}
    paragraphs, sources = methods.methods(config, data, version)
    scans = tables["scans"].data
    order = {name: place for place, name in enumerate(_ORDER)}
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"cell": cell, "there": pd.notna}
    return environment.get_template("report.html").render(
        answer=sentences.answer(data, config),
        claims=tables.get("claims"),
        clocks=sentences.clocks(scans, config),
        devices=sorted({job["Device"] for job in jobs}),
        figures=figures,
        listeners=sentences.people(config),
        left_out=scans[scans["excluded"].notna()].to_dict("records"),
        maps=[one.label for one in maps[:MOST_MAPS]],
        methods=paragraphs,
        missing=sentences.missing(data, config),
        most_rows=MOST_ROWS,
        n_jobs=len(jobs),
        n_maps=len(maps),
        n_scans=int(scans["excluded"].isna().sum()),
        planted=sentences.planted(data.get("truth")),
        question=QUESTION,
        run_times=run_times(jobs),
        seconds=sum(job["Seconds"] for job in jobs),
        simulated=config["dataset"]["kind"] == "simulated",
        sources=sources,
        stories=config["told"],
        study=config["study"],
        surface=surface_data(maps[:MOST_MAPS]) if maps else "",
        tables=sorted(
            (table for name, table in tables.items() if name != "claims"),
            key=lambda table: (order.get(table.name, len(order)), table.name),
        ),
        verdict=sentences.verdict(data.get("claims"), config),
        version=version,
        versions=versions(jobs),
        warnings=warnings_of(jobs),
    )
