"""Downloads: what is fetched, under which names, and the manifests that jobs wait for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engram.files.fingerprints import file_fingerprint
from engram.paths import ALICE_PINS
from engram.study import plan as planning
from engram.study import raw_plan
from engram.study.config.datasets import NarrativesDataset
from engram.study.config.models import Model
from engram.study.config.study import Study
from engram.study.models import download_name, download_source, is_local, weights_of
from engram.study.plan import Plan
from engram.study.stages import simulation
from engram.study.stages.shared import plain
from engram.vocabulary import MIRROR_PREFIX, NILEARN_PREFIX, WORD_RATE

ALICE = "<downloads>/alice/manifest.tsv"
MODEL = "<downloads>/models/{download}.tsv"
WORDS = "<downloads>/narratives-{clone}/words-{story}.tsv"
SCANS = "<downloads>/narratives-{clone}/scans-{story}-{files}.tsv"
ATLAS = "<downloads>/atlases/{atlas}.tsv"


def alice_depends_on(study: Study, plan: Plan) -> dict[str, Any]:
    """Return what the download of Alice depends on: the table of its files, by content."""
    return {"files": file_fingerprint(ALICE_PINS)}


def model_depends_on(study: Study, plan: Plan, download: str) -> dict[str, Any]:
    """Return what a model's download depends on."""
    return download_source(study, download)


def model_reads(study: Study, plan: Plan, download: str) -> dict[str, list[str]]:
    """Return the folder of a model whose source is a mirror's.

    There is none for a hub id, which is the same model from wherever it came.
    """
    source, mirror = download_source(study, download)["source"], study.mirror_folder()
    inside = source.startswith(MIRROR_PREFIX) and mirror is not None
    return raw_plan.reads(folders=[mirror / source.removeprefix(MIRROR_PREFIX)] if inside else [])


def words_depends_on(study: Study, plan: Plan, story: str) -> dict[str, Any]:
    """Return what the download of a story's words depends on."""
    settings: dict[str, Any] = plain(planning.words_to_fetch(study, plan, story))
    return settings


def scans_depends_on(study: Study, plan: Plan, story: str) -> dict[str, Any]:
    """Return what the download of a story's scans depends on."""
    settings: dict[str, Any] = plain(planning.scans_to_fetch(study, plan, story))
    return settings


def words_manifest(study: Study, plan: Plan, story: str) -> list[str]:
    """Return the manifest of the words of a dataset that is downloaded or made.

    There is none for a folder that the user names.
    """
    if fetches_narratives(study):
        return [WORDS.format(clone=_clone(study), story=story)]
    return _whole_dataset(study)


def scans_manifest(study: Study, plan: Plan, story: str) -> list[str]:
    """Return the manifest of the scans of a dataset that is downloaded or made.

    There is none for a folder that the user names.
    """
    if fetches_narratives(study):
        files = planning.fetch_name(study, plan, story).removeprefix(f"{story}-")
        return [SCANS.format(clone=_clone(study), story=story, files=files)]
    return _whole_dataset(study)


def atlas_manifest(study: Study, plan: Plan) -> list[str]:
    """Return the manifest of an atlas that is downloaded."""
    atlas = study.dataset.atlas if isinstance(study.dataset, NarrativesDataset) else None
    if atlas is None or not atlas.startswith(NILEARN_PREFIX):
        return []
    return [ATLAS.format(atlas=atlas.removeprefix(NILEARN_PREFIX))]


def model_manifest(study: Study, plan: Plan, model: str) -> list[str]:
    """Return the manifest of a model that is downloaded, or of an adapter's base.

    There is none for a folder or a baseline.
    """
    if model == WORD_RATE:
        return []
    name = weights_of(study, model)
    if is_local(study, name):
        return []
    return [MODEL.format(download=download_name(study.language_models()[name]))]


def fetches_narratives(study: Study) -> bool:
    """Tell whether Narratives is fetched, and not read from a folder that the user names."""
    return isinstance(study.dataset, NarrativesDataset) and study.dataset.path is None


def was_downloaded(study: Study, model: Model) -> bool:
    """Tell whether a model of the hub is here already."""
    downloads = study.pathvars.get("downloads", "resources/downloads")
    return Path(downloads, "models", f"{download_name(model)}.tsv").exists()


def _clone(study: Study) -> str:
    assert isinstance(study.dataset, NarrativesDataset)
    return planning.clone_name(study.dataset)


def _whole_dataset(study: Study) -> list[str]:
    """Return the manifest of a dataset that comes as a whole."""
    return {"alice": [ALICE], "simulated": [simulation.MANIFEST]}.get(study.dataset.kind, [])
