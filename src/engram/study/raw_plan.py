"""Which raw files each job reads, known when the workflow is planned.

They are the parameter `reads` of its rule.

They are no inputs of rules, since Snakemake compares inputs by time: an older file put
in would go unseen, a touched one would rerun, and a time in the future would stop a run.
`engram.files.raw_files` records their content, `engram.runs.rerun_causes` compares it.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from engram.files import storage
from engram.study.association_plan import (
    association_file,
    association_sources,
    norms_of,
    writing_model,
)
from engram.study.config.sources import source_folder
from engram.study.config.study import Study
from engram.study.models import is_language_model, is_local
from engram.study.plan import Plan


def reads(
    files: Iterable[str | Path] = (), folders: Iterable[str | Path] = ()
) -> dict[str, list[str]]:
    """Return the parameter `reads` of a job: raw files, and folders of models."""
    return {
        "files": sorted({str(path) for path in files}),
        "folders": sorted({str(path) for path in folders}),
    }


def words(plan: Plan, story: str) -> dict[str, list[str]]:
    """Return the raw files of a story's words."""
    return reads(plan.dataset.story_files[story])


def scans(plan: Plan, story: str) -> dict[str, list[str]]:
    """Return the raw files of a story's scans, and of an atlas that the user names."""
    return reads(plan.dataset.scan_files(story))


def model(study: Study, name: str) -> dict[str, list[str]]:
    """Return the folders of a model and of its base, where these are not downloaded."""
    models = study.language_models()
    names = [name, models[name].base] if is_language_model(study, name) else []
    return reads(
        folders=(source_folder(models[one].source) for one in names if one and is_local(study, one))
    )


def annotator(study: Study, text: str) -> dict[str, list[str]]:
    """Return the folder of a model that writes associations.

    There is none for one that is asked through the network.
    """
    chosen, own = study.associations[text].annotator, writing_model(study, text)
    if own is not None:
        return model(study, own)
    return reads(
        folders=[source_folder(chosen.folder)]
        if chosen is not None and chosen.folder is not None
        else []
    )


def associations(study: Study, text: str, story: str) -> dict[str, list[str]]:
    """Return the file of a story's associations as people made it.

    What stands beside it of how is there too; there are none for those that a model writes.
    """
    if study.associations[text].annotator is not None:
        return reads()
    file = association_file(study, text, story)
    return reads([file, *(path for path in [storage.sidecar(file)] if path.is_file())])


def control_sources(study: Study, text: str, story: str) -> dict[str, list[str]]:
    """Return the files whose content random texts take; none for a text that comes from norms."""
    if norms_of(study, text) is not None:
        return reads()
    return reads(association_sources(study, text, story))


def with_digests(found: dict[str, list[str]], folder: str) -> dict[str, Any]:
    """Return the parameter with the folder where digests of large files are kept."""
    return {**found, "digests": folder}
