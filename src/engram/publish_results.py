"""Copy what a run showed into a folder that is committed, with the commit that made it.

`python -m engram.publish_results RESULTS FOLDER` (`make publish-alice`) copies the report, the
tables and the figures that documents link to, with their sidecars, and writes `README.md` and
`run.json`, which say what made them. The folders of tables and figures are made anew. Nothing in
them is written by hand.

Results of a checkout with changes that are not committed are refused: nobody else could make them.
`jobs.tsv` says what each job took.
Words that people said to cues (norms) stay out: only tables in `TABLES` are copied, and none of
these holds texts that were inserted.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from engram.errors import EngramError
from engram.files import storage

#: Tables that are published, those that a study has; and its figures, the main ones first.
TABLES = (
    "claims",
    "scores",
    "best_layer",
    "ceilings",
    "regions",
    "chance",
    "comparisons",
    "time_resolved",
    "metrics",
    "decoding_tests",
    "similarity_tests",
    "nuisance",
    "partitions",
    "spaces",
    "features",
    "feature_deals",
    "heads",
    "head_specialisation",
    "association",
    "association_controls",
    "association_texts",
    "association_unique",
    "association_coverage",
    "association_strength",
    "association_exchangeability",
    "association_kinds",
    "association_sources",
    "association_insertions",
    "tuning",
    "tuning_models",
    "tuning_samples",
)
FIGURES = (
    "layers",
    "regions",
    "roi-layers",
    "reliability",
    "metrics",
    "decoding",
    "similarity",
    "partitions",
    "heads",
    "association",
    "insertions",
    "tuning",
    "tuning-methods",
    "tuning-losses",
)
#: What is written beside them.
RUN, README, JOBS = "run.json", "README.md", "jobs.tsv"
#: Columns of Snakemake's record of a job, by what they are called here, and what they hold.
_RECORDED = {
    "seconds": ("s", "Seconds from its start to its end."),
    "cpu_seconds": ("cpu_time", "Seconds of processors; n/a for jobs too short to be measured."),
    "megabytes": ("max_rss", "Memory at its peak, in MB."),
}


def publish(results: Path, folder: Path) -> dict[str, Any]:
    """Copy a run's report, tables and figures into a folder.

    Parameters
    ----------
    results : Path
        Of a finished study.
    folder : Path
        Where they go; what an earlier call put there is replaced.

    Returns
    -------
    dict
        What `run.json` holds: ``Commits`` that made the results, ``Finished``, ``Models`` with
        source and revision, ``Versions`` of packages, ``JobHours`` of all jobs together, ``Files``.

    Raises
    ------
    EngramError
        If there is no finished study, or the results were made by code that is in no commit.
    """
    if not (results / "report.html").is_file():
        raise EngramError(
            f"there is no '{results / 'report.html'}'. Name a folder of results whose run is "
            "finished, such as results/alice."
        )
    files = list(_files(results))
    sidecars = [_provenance(path) for path in sorted(results.rglob("*.json"))]
    made = [one for one in sidecars if one]
    run = {
        "Study": results.name,
        "Commits": _commits([one for path in files if (one := _provenance(path))]),
        "Finished": max(one["Finished"] for one in made),
        "Models": _models(made),
        "Versions": dict(
            sorted({k: v for one in made for k, v in one["Versions"].items()}.items())
        ),
        "JobHours": round(sum(one["Seconds"] for one in made) / 3600, 2),
        "Files": sorted(str(path.relative_to(results)) for path in files),
    }
    for kind in ("tables", "figures"):
        if (folder / kind).is_dir():
            shutil.rmtree(folder / kind)
        (folder / kind).mkdir(parents=True)
    for path in files:
        shutil.copyfile(path, folder / path.relative_to(results))
    storage.write_json(folder / RUN, run)
    _write_jobs(results, folder)
    (folder / README).write_text(_readme(run), encoding="utf-8")
    return run


def _files(results: Path) -> Iterator[Path]:
    """Yield the files that are published, and their sidecars, which captions of figures are."""
    tables = [results / "scans.tsv", *(results / "tables" / f"{name}.tsv" for name in TABLES)]
    figures = [results / "figures" / f"{name}.png" for name in FIGURES]
    for path in (results / "report.html", *tables, *figures):
        if path.is_file():
            yield from (path, storage.sidecar(path))
        if path in figures and path.with_suffix(".svg").is_file():
            yield path.with_suffix(".svg")


def _write_jobs(results: Path, folder: Path) -> None:
    """Write what each job took, by Snakemake's own records; nothing where there are none."""
    rows = []
    for path in sorted((results / "benchmarks").rglob("*.tsv")):
        record = storage.read_table(path).iloc[0]
        place = path.relative_to(results / "benchmarks").with_suffix("")
        rule = place.parts[0]
        name = " ".join(place.parts[1:])
        taken = {column: record.get(one) for column, (one, _) in _RECORDED.items()}
        rows.append({"rule": rule, "job": name or rule, **taken})
    if rows:
        described = {
            "rule": "The rule.",
            "job": "What the job is of.",
            **{column: said for column, (_, said) in _RECORDED.items()},
        }
        what = "What each job of the run took, as Snakemake recorded it, beside whatever else ran."
        storage.write_table(folder / JOBS, pd.DataFrame(rows), what, described)


def _provenance(path: Path) -> dict[str, Any] | None:
    """Return how a result was made, as its sidecar says it; None for other files."""
    place = path if path.suffix == ".json" else storage.sidecar(path)
    if not place.is_file():
        return None
    content = storage.read_json(place)
    found = content.get("Provenance") if isinstance(content, dict) else None
    return found if isinstance(found, dict) else None


def _commits(made: Sequence[dict[str, Any]]) -> list[str]:
    """Return the commits that made results; more than one where a run went on after another."""
    commits = sorted({str(one["Revision"]) for one in made})
    strange = [one for one in commits if one.endswith("-dirty") or one == "None"]
    if strange or not commits:
        raise EngramError(
            f"these results were made by code that is in no commit ({', '.join(strange)}). "
            "Commit, run again from a clean clone, and publish that."
        )
    return commits


def _versions(made: Sequence[dict[str, Any]]) -> dict[str, str]:
    """Return the versions of the packages that made results."""
    return dict(
        sorted({name: one for job in made for name, one in job["Versions"].items()}.items())
    )


def _models(made: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return source and revision of each language model that read the stories."""
    return {
        one["Wildcards"]["model"]: {
            key: one["Config"]["model"].get(key) for key in ("source", "revision", "reinitialised")
        }
        for one in made
        if one["Rule"] == "activations" and "revision" in one["Config"]["model"]
    }


def _readme(run: dict[str, Any]) -> str:
    """Return the page of a published folder."""
    models = "\n".join(
        f"- `{name}`: `{model['source']}`"
        + (f" at `{model['revision']}`" if model["revision"] else "")
        + (", weights drawn anew" if model["reinitialised"] else "")
        for name, model in sorted(run["Models"].items())
    )
    figures = "\n".join(
        f"![{name}](figures/{name}.png)"
        for name in FIGURES
        if f"figures/{name}.png" in run["Files"]
    )
    tables = " · ".join(
        f"[{Path(name).stem}]({name})" for name in run["Files"] if name.endswith(".tsv")
    )
    commits = ", ".join(f"`{one}`" for one in run["Commits"])
    return f"""# {run["Study"]}: what a run showed

Generated by `python -m engram.publish_results`; do not edit. **[report.html](report.html)** is what
people open first: save it and open it in a browser. {RUN} has what is said here, for programs.

- Commit: {commits}; finished {run["Finished"]}; {run["JobHours"]} hours of jobs.
- Versions: {", ".join(f"{name} {version}" for name, version in run["Versions"].items())}.

Models (`4bit` in a name: its weights were stored in 4 bits, and give other numbers than the hub's):

{models}

Tables, each with a `.json` beside it that explains its columns: {tables}

{figures}
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Publish results as the command line says; return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("results", type=Path, help="a folder of results, such as results/alice")
    parser.add_argument("folder", type=Path, help="where they go, such as published/alice")
    given = parser.parse_args(arguments)
    try:
        run = publish(given.results, given.folder)
    except EngramError as error:
        print(f"publish_results: {error}", file=sys.stderr)
        return 2
    print(f"{len(run['Files'])} files in {given.folder}, made by {', '.join(run['Commits'])}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
