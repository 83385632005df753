"""Results of an earlier plan that this one does not have.

They are named, and moved aside before a run, so that they do not stand beside new ones.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from engram.files.checksums import provenance
from engram.runs.use import Use

#: Where they go, below the results.
FOLDER = "earlier"
#: Rules whose results are costly, say nothing by themselves and serve again when they are asked
#: for: they stay where they are.
KEPT = (
    "simulate",
    "story",
    "bold",
    "activations",
    "annotate",
    "annotate_locally",
    "write_norms",
    "associations",
    "association_texts",
    "text_activations",
    "tuning_samples",
    "tune",
    "tuned_activations",
)
#: Files that a message names.
_MOST_NAMED = 12


def set_aside(workflow: Any, use: Use, logger: Any) -> None:
    """Move results that the plan does not have any more to `<results>/earlier/<date>`.

    In a dry-run they are only named.

    Only where the whole study was asked for, of all rules: what part of it does not need is no
    leftover. Of a module it is where the other workflow needs the module's rule `all`.

    Parameters
    ----------
    workflow : snakemake.workflow.Workflow
        Its DAG is built.
    use : Use
    logger : logging.Logger
        Snakemake's.
    """
    wanted, results = workflow.dag_settings, use.results
    partial = (
        use.name("all") not in {job.rule.name for job in workflow.dag.jobs}
        or wanted.until
        or wanted.omit_from
        or wanted.target_jobs
        or wanted.batch
        or wanted.allowed_rules
    )
    if partial or workflow.executor_plugin is None or workflow.touch:
        return
    planned = {Path(path).absolute() for job in workflow.dag.jobs for path in job.output}
    # Sidecars go last: without its own, what a stopped run left where it was could not be
    # told from a user's file.
    found = sorted(
        leftovers(workflow, use, planned), key=lambda path: (path.suffix == ".json", path)
    )
    if not found:
        return
    named = ", ".join(path.relative_to(results).as_posix() for path in found[:_MOST_NAMED]) + (
        f" and {len(found) - _MOST_NAMED} more" if len(found) > _MOST_NAMED else ""
    )
    if workflow.dryrun:
        logger.warning(
            f"{len(found)} results are of an earlier plan and not of this one; a run moves them "
            f"to '{results}/{FOLDER}': {named}"
        )
    elif not workflow.persistence.locked:
        target = Path(results) / FOLDER / datetime.now().strftime("%Y-%m-%d_%H.%M.%S")
        moved = sum(_move(path, target / path.relative_to(results), logger) for path in found)
        if moved:
            logger.warning(
                f"{moved} results are of an earlier plan and not of this one; they were moved "
                f"to '{target}': {named}"
            )


def leftovers(workflow: Any, use: Use, planned: set[Path]) -> Iterator[Path]:
    """Yield files and folders that jobs of an earlier plan made, with their sidecars.

    A file counts where its sidecar names the rule that made it, and that rule, as it is,
    would put it there: copies that people made stay.

    Parameters
    ----------
    workflow : snakemake.workflow.Workflow
    use : Use
    planned : set of Path
        Absolute paths of all outputs of this plan.
    """
    kept = {use.name(rule) for rule in KEPT}
    for place in sidecars(use.results):
        record = provenance(place)
        if not record or record.get("Rule") in kept:
            continue
        made = _outputs(workflow, record)
        files = [
            place.with_name(name)
            for name in record.get("Outputs", {})
            if place.with_name(name).absolute() in made
        ]
        if files and not any(path.absolute() in planned for path in files):
            yield from {path for path in (*files, place) if path.exists()}


def _outputs(workflow: Any, record: dict[str, Any]) -> set[Path]:
    """Return the absolute paths that the rule of a record would make for its wildcards.

    None where there is no such rule any more.
    """
    from snakemake.exceptions import UnknownRuleException, WildcardError
    from snakemake.io import apply_wildcards

    try:
        patterns = workflow.get_rule(record["Rule"]).output
        return {
            Path(apply_wildcards(str(pattern), record.get("Wildcards", {}))).absolute()
            for pattern in patterns
        }
    except (KeyError, UnknownRuleException, WildcardError):
        return set()


def sidecars(results: str) -> Iterator[Path]:
    """Yield JSON files among results: sidecars, and others that hold no provenance."""
    for folder, names, files in os.walk(results):
        if folder == str(results):
            names[:] = [
                name for name in names if name not in (FOLDER, "logs", "benchmarks", "simulated")
            ]
        names[:] = sorted(name for name in names if not name.startswith("."))
        yield from (
            Path(folder) / name
            for name in sorted(files)
            if name.endswith(".json") and not name.startswith(".")
        )


def _move(path: Path, target: Path, logger: Any) -> bool:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        path.rename(target)
    except OSError as error:
        logger.warning(
            f"'{path}' is of an earlier plan and could not be moved to '{target}' ({error})."
        )
        return False
    return True
