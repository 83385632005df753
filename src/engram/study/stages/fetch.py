"""Downloads: what is fetched, under which names, and the manifests that jobs wait for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engram.datasets.planned import Download
from engram.study.config.models import Model
from engram.study.config.study import Study
from engram.study.models import (
    download_name,
    download_source,
    is_language_model,
    is_local,
    weights_of,
)
from engram.study.plan import Plan
from engram.study.stages.shared import plain
from engram.vocabulary import NILEARN_PREFIX

MODEL = "<downloads>/models/{download}.tsv"
ATLAS = "<downloads>/atlases/{atlas}.tsv"


def model_depends_on(study: Study, plan: Plan, download: str) -> dict[str, Any]:
    """Return what a model's download depends on.

    The mirror is not among it: a hub id is the same model from wherever it came.
    """
    return download_source(study, download)


def dataset_depends_on(study: Study, plan: Plan) -> dict[str, Any]:
    """Return what the download of a dataset that comes as a whole depends on."""
    return words_depends_on(study, plan, plan.stories[0])


def words_depends_on(study: Study, plan: Plan, story: str) -> dict[str, Any]:
    """Return what the download of a story's words depends on."""
    return _settings(plan.dataset.words_download(story))


def scans_depends_on(study: Study, plan: Plan, story: str) -> dict[str, Any]:
    """Return what the download of a story's scans depends on."""
    return _settings(plan.dataset.scans_download(story))


def words_manifest(study: Study, plan: Plan, story: str) -> list[str]:
    """Return the manifest of the words of a dataset that is downloaded or made.

    There is none for a folder that the user names.
    """
    return _manifest(plan.dataset.words_download(story))


def scans_manifest(study: Study, plan: Plan, story: str) -> list[str]:
    """Return the manifest of the scans of a dataset that is downloaded or made.

    There is none for a folder that the user names.
    """
    return _manifest(plan.dataset.scans_download(story))


def atlas_manifest(study: Study, plan: Plan) -> list[str]:
    """Return the manifest of an atlas that is downloaded."""
    atlas = plan.dataset.atlas
    if atlas is None or not atlas.startswith(NILEARN_PREFIX):
        return []
    return [ATLAS.format(atlas=atlas.removeprefix(NILEARN_PREFIX))]


def model_manifest(study: Study, plan: Plan, model: str) -> list[str]:
    """Return the manifest of a model that is downloaded, or of an adapter's base.

    There is none for a folder, a feature space or a baseline.
    """
    if not is_language_model(study, model):
        return []
    name = weights_of(study, model)
    if is_local(study, name):
        return []
    return [MODEL.format(download=download_name(study.language_models()[name]))]


def was_downloaded(study: Study, model: Model) -> bool:
    """Tell whether a model of the hub is here already."""
    return _model_manifest(study, model).exists()


def downloaded_model(study: Study, model: Model) -> Path:
    """Return the folder of a model that was downloaded."""
    return _model_manifest(study, model).with_suffix("")


def downloaded_words(study: Study, plan: Plan, story: str) -> Path | None:
    """Return the folder of a story's words that were downloaded or made; None: not here yet."""
    for manifest in words_manifest(study, plan, story):
        path = Path(manifest.replace("<downloads>", _downloads(study)))
        if path.exists():
            return path.parent / "dataset"
    return None


def _model_manifest(study: Study, model: Model) -> Path:
    return Path(_downloads(study), "models", f"{download_name(model)}.tsv")


def _downloads(study: Study) -> str:
    return study.pathvars.get("downloads", "resources/downloads")


def _manifest(download: Download | None) -> list[str]:
    return [] if download is None else [download.manifest]


def _settings(download: Download | None) -> dict[str, Any]:
    """Return what a download depends on; a rule that is not asked for depends on nothing."""
    settings: dict[str, Any] = plain({} if download is None else download.settings)
    return settings
