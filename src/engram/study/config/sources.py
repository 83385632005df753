"""Where language models come from: a folder, the mirror, or the hub."""

from __future__ import annotations

from pathlib import Path

from engram.associations.norms.known import KNOWN_NORMS
from engram.errors import EngramError
from engram.features import minimal_pairs
from engram.features.language_models.causality import check_told_causal
from engram.paths import found
from engram.study.config.folders import check_adapter_folder, check_model_folder
from engram.study.config.messages import yaml_lines
from engram.study.config.models import Model
from engram.study.config.study import Study
from engram.vocabulary import MIRROR_VARIABLE

#: Models of the Alice study for a mirror without those of the hub, the larger one first.
_ALICE_MIRRORS = ("config/alice-smollm2.yaml", "config/alice-stories260K.yaml")
#: Models of a mirror that a message names.
_MOST_NAMED = 8


def is_folder_source(source: str) -> bool:
    """Tell whether a model's source is a folder.

    It exists, or is written as a path (a hub id has at most one slash).
    """
    return source.startswith((".", "/", "~")) or source.count("/") > 1 or Path(source).is_dir()


def source_folder(source: str) -> Path:
    """Return the folder that a model's source names."""
    return found(source)


def mirrored_folder(study: Study, source: str) -> Path | None:
    """Return the folder of the mirror that holds a model; None where there is no mirror."""
    mirror = study.mirror_folder()
    return mirror / "models" / source if mirror else None


def folder_here(study: Study, source: str) -> Path | None:
    """Return the folder of a model that is here already: on disk, or in the mirror."""
    folder = source_folder(source) if is_folder_source(source) else mirrored_folder(study, source)
    return folder if folder is not None and folder.is_dir() else None


def check_sources(study: Study) -> None:
    """Look into model folders before the first job: what is missing there costs hours later."""
    for name, model in study.language_models().items():
        _check_source(study, name, model)
    for name, space in study.features.items():
        space.check(f"features.{name}")
    _check_pairs(study)
    for name, one in study.associations.items():
        if one.annotator is not None and one.annotator.folder is not None:
            _check_writer(study, one.annotator.folder, f"associations.{name}.annotator.model")
        if one.annotator is not None and one.annotator.norms is not None:
            _check_norms(one.annotator.norms.table, f"associations.{name}.annotator.norms.table")


def _check_pairs(study: Study) -> None:
    """Read the table of minimal pairs, and refuse models that are known to be no causal ones."""
    table = study.minimal_pairs.table
    if table is None:
        return
    path = minimal_pairs.table_path(table)
    if not path.is_file():
        raise EngramError(
            f"minimal_pairs.table: there is no file '{path}'. Give a table with the columns "
            f"{', '.join(minimal_pairs.COLUMNS)}, or {minimal_pairs.OWN} for the project's own."
        )
    minimal_pairs.read_pairs(path)
    for name in study.models_of_pairs():
        folder = folder_here(study, study.language_models()[name].source)
        if folder is not None:
            check_told_causal(folder, f"minimal_pairs.models: {name}", "asked for probabilities")


def _check_norms(table: str, key: str) -> None:
    """Refuse a table of norms that is neither known nor there."""
    if table not in KNOWN_NORMS and not found(table).is_file():
        raise EngramError(
            f"{key}: there is no file '{found(table)}'. Give the path of a table with cues, "
            f"responses and counts, or one that is known and fetched: {', '.join(KNOWN_NORMS)}."
        )


def _check_writer(study: Study, model: str, key: str) -> None:
    """Refuse a model that is to write and cannot: of the study, or in a folder."""
    if model in study.models:
        folder = folder_here(study, study.models[model].source)
    else:
        folder = source_folder(model)
        check_model_folder(folder, key)
    if folder is not None:
        check_told_causal(folder, key, "asked to write")


def _check_source(study: Study, name: str, model: Model) -> None:
    key, mirrored = f"models.{name}.source", mirrored_folder(study, model.source)
    if model.base is not None:
        check_adapter_folder(source_folder(model.source), key)
        return
    if is_folder_source(model.source):
        folder = source_folder(model.source)
    elif mirrored is not None:
        _check_is_mirrored(study, name, mirrored)
        if model.series is not None and model.revision is not None:
            raise EngramError(
                f"models.{name}.revision: a mirror has one revision of a model, so that all steps "
                f"of '{model.series}' would be the same. Run without the mirror, or give the steps "
                "as folders: checkpoints."
            )
        folder = mirrored
    else:
        _check_code_is_pinned(name, model)
        return
    check_model_folder(folder, key, weights=not model.reinitialised, code=model.trust_remote_code)


def _check_is_mirrored(study: Study, name: str, folder: Path) -> None:
    if folder.is_dir():
        return
    stacked = (
        " For Alice there are files that take a mirror's model instead: --configfile "
        f"config/alice.yaml {' or '.join(_ALICE_MIRRORS)} ('make alice' chooses)."
        if study.dataset.kind == "alice"
        else ""
    )
    raise EngramError(
        f"models.{name}.source: the mirror has no such model: there is no folder '{folder}'. "
        f"{_has(study)}Copy the model there, take it out of the study, or run without the "
        f"mirror (it is named by 'mirror:' in the configuration, or by {MIRROR_VARIABLE}).{stacked}"
    )


def _has(study: Study) -> str:
    """Return which models a study's mirror has, by their names; nothing where there are none."""
    models = (study.mirror_folder() or Path()) / "models"
    found = sorted(one.parent.relative_to(models) for one in models.glob("**/config.json"))
    if not found:
        return ""
    named = [f"'{one.as_posix()}'" for one in found[:_MOST_NAMED]]
    more = f" and {len(found) - len(named)} more" if len(found) > len(named) else ""
    return f"It has {', '.join(named)}{more}. "


def _check_code_is_pinned(name: str, model: Model) -> None:
    if model.trust_remote_code and model.revision is None:
        raise EngramError(
            f"models.{name}: trust_remote_code is true, and no revision is given: "
            "its code could be another one tomorrow. "
            "Read the code, then write the commit that you read:\n"
            f"{yaml_lines(['models', name, 'revision'], '0123abc...')}"
        )
