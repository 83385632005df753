"""What is scored against what: a small study of one model, and its words and BOLD.

It is configured, checked and planned as the workflow does it; only its files lie elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from engram.datasets import readers
from engram.datasets.planned import Download
from engram.datasets.protocols import Dataset, Words
from engram.errors import EngramError
from engram.fetch import hugging_face, pinned_files
from engram.files.checksums import check_download
from engram.interactive.arrays import ArrayDataset, PlannedArrays
from engram.paths import ALICE_PINS, found
from engram.study.config.read import read_study
from engram.study.config.study import Study
from engram.study.models import download_name, download_source, is_local, weights_of
from engram.study.plan import Plan, make_plan, plan_of
from engram.study.stages import bold, stories
from engram.vocabulary import NILEARN_PREFIX, WORD_RATE

#: What the study is called, which no result outlives.
STUDY = "python"
#: The sections and keys of a study's configuration that scores depend on.
SETTINGS = (
    "activations",
    "bold",
    "ceiling",
    "compute",
    "encoding",
    "mirror",
    "protocol",
    "reported_layer",
    "seed",
    "stories",
    "targets",
)


@dataclass(frozen=True)
class Data:
    """Words and BOLD, with the study that they are scored in.

    Attributes
    ----------
    study, plan
        As the workflow has them.
    words, scans : callable
        Return the reader of a story's words, and of its scans.
    """

    study: Study
    plan: Plan
    words: Callable[[str], Words]
    scans: Callable[[str], Dataset]


def of_dataset(
    dataset: Mapping[str, Any],
    models: Mapping[str, Any],
    settings: Mapping[str, Any],
    downloads: Path,
) -> Data:
    """Return the data of a section `dataset`, as a study's YAML has it.

    What is downloaded is fetched where it is first read.
    """
    study = _study(dataset, models, settings, downloads)
    plan = make_plan(study)
    _check_atlas(plan)

    def words(story: str) -> Words:
        config = stories.depends_on(study, plan, story)
        folder = _folder(study, plan.dataset.words_download(story), downloads)
        return readers.open_words(config["dataset"], folder)

    def scans(story: str) -> Dataset:
        config = bold.depends_on(study, plan, story)
        folder = _folder(study, plan.dataset.scans_download(story), downloads)
        return readers.open_dataset(config["dataset"], folder, plan.dataset.atlas)

    return Data(study, plan, words, scans)


def of_arrays(
    words: pd.DataFrame | Mapping[str, pd.DataFrame],
    scans: Mapping[str, Any],
    tr: float,
    start: float | Mapping[str, float],
    targets: pd.DataFrame | None,
    models: Mapping[str, Any],
    settings: Mapping[str, Any],
    downloads: Path,
) -> Data:
    """Return data that are in memory, as `engram.interactive.arrays.ArrayDataset` takes them."""
    dataset = ArrayDataset(words, scans, tr, start, targets)
    # A folder of tables is what they are most like; nothing is read from it.
    section = {"kind": "table", "path": "arrays in memory", "tr": dataset.tr}
    study = _study(section, models, settings, downloads)
    plan = plan_of(study, PlannedArrays(dataset))
    return Data(study, plan, lambda story: dataset, lambda story: dataset)


def _study(
    dataset: Mapping[str, Any],
    models: Mapping[str, Any],
    settings: Mapping[str, Any],
    downloads: Path,
) -> Study:
    unknown = sorted(set(settings) - set(SETTINGS))
    if unknown:
        raise EngramError(
            f"settings: {unknown} are not settings of brain scores. There are {list(SETTINGS)}, as "
            "in a study's YAML (config/README.md); a study of associations or tunings needs the "
            "workflow."
        )
    return read_study(
        {
            "study": STUDY,
            "dataset": dict(dataset),
            "models": dict(models),
            "baselines": [] if models else [WORD_RATE],
            "pathvars": {"downloads": str(downloads)},
            **settings,
        }
    )


def model_entry(model: str | Path | Mapping[str, Any]) -> dict[str, Any]:
    """Return a model as the section `models` has it."""
    return dict(model) if isinstance(model, Mapping) else {"source": str(model)}


def name_of(source: str) -> str:
    """Return what a model is called by its folder or hub id."""
    last = Path(source).name or Path(source).resolve().name
    return re.sub(r"[^A-Za-z0-9]+", "-", last).strip("-")[:60].strip("-") or "model"


def model_folder(data: Data, name: str, downloads: Path) -> Path:
    """Return the folder of a model, or of an adapter's base; one of the hub is fetched before."""
    study = data.study
    weights = weights_of(study, name)
    model = study.language_models()[weights]
    if is_local(study, weights):
        return found(model.source)
    download = download_name(model)
    folder = downloads / "models" / download
    manifest = folder.with_name(f"{download}.tsv")
    if not manifest.exists():
        wanted = download_source(study, download)
        code = wanted.get("code", False)  # what the configuration says of the model
        hugging_face.fetch_model(
            wanted["source"],
            folder,
            revision=wanted["revision"],
            weights=wanted["weights"],
            mirror=_mirror(study),
            code=code,
        )
        pinned_files.write_manifest(manifest, folder)
    check_download(manifest, folder)
    return folder


def _folder(study: Study, download: Download | None, downloads: Path) -> Path:
    """Return where raw files are: the user's folder, or a download, which is made if it can be."""
    if study.dataset.folder is not None:
        return Path(study.dataset.folder).expanduser()
    assert download is not None
    manifest = Path(download.manifest.replace("<downloads>", str(downloads)))
    folder = manifest.parent / "dataset"
    if not manifest.exists():
        if study.dataset.kind != "alice":
            raise EngramError(
                f"data of kind {study.dataset.kind} are fetched or made by the workflow, and "
                f"'{manifest}' is not there. Run the workflow once with the same 'downloads', or "
                "give a folder of tables, arrays, or 'alice'."
            )
        mirror = _mirror(study)
        pinned_files.fetch(
            pinned_files.read_pins(ALICE_PINS),
            folder,
            mirror=Path(mirror) / "alice" if mirror else None,
        )
        pinned_files.write_manifest(manifest, folder)
    check_download(manifest, folder)
    return folder


def _mirror(study: Study) -> str | None:
    mirror = study.mirror_folder()
    return None if mirror is None else str(mirror)


def _check_atlas(plan: Plan) -> None:
    if (plan.dataset.atlas or "").startswith(NILEARN_PREFIX):
        raise EngramError(
            f"an atlas of nilearn ('{plan.dataset.atlas}') is fetched by the workflow. Give the "
            "path of an atlas, or run the workflow."
        )
