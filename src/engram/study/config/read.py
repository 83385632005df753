"""Reads a configuration: checks it and returns the study, or says all that is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from engram.errors import EngramError
from engram.study.config.messages import explain, is_other_form
from engram.study.config.renamed import with_new_keys
from engram.study.config.sources import check_sources
from engram.study.config.study import Study, with_targets


def read_study(raw: dict[str, Any]) -> Study:
    """Check a raw configuration and return the study.

    Parameters
    ----------
    raw : dict
        The configuration as Snakemake merged it. Where a mapping of names is expected
        (`models`, `features`, `partitions`, `associations`, `tunings`), entries whose value is
        null are taken out first, and null in place of the mapping is none at all, so that a
        stacked file can remove what an earlier one put in.

    Returns
    -------
    Study

    Raises
    ------
    EngramError
        Naming every offending key: its value, what is allowed, and the line to write.
    """
    raw, messages = with_new_keys(raw)
    for key in ("models", "features", "partitions", "associations", "tunings"):
        entries = raw.get(key)
        if isinstance(entries, dict):
            raw[key] = {
                name: value for name, value in entries.items() if value not in (None, "null")
            }
        elif entries in (None, "null"):
            raw.pop(key, None)
    try:
        study = with_targets(Study.model_validate(raw))
    except ValidationError as error:
        found = [dict(item) for item in error.errors()]
        messages += [explain(item) for item in found if not is_other_form(item, found)]
    if messages:
        number = f"{len(messages)} error" + ("s" if len(messages) > 1 else "")
        raise EngramError(f"the configuration has {number}:\n" + "\n".join(messages))
    _check_places(study)
    check_sources(study)
    return study


def _check_places(study: Study) -> None:
    """Refuse results and downloads in a folder of what the study reads.

    Files of both would stand beside each other.
    """
    raw: dict[str, str] = {
        f"associations.{name}.folder": one.folder for name, one in study.associations.items()
    }
    raw |= {f"models.{name}.source": one.source for name, one in study.models.items()}
    if study.dataset.folder is not None:
        raw["dataset.path"] = study.dataset.folder
    folders = {Path(place).expanduser().resolve(): key for key, place in raw.items()}
    for name, made in study.pathvars.items():
        if key := folders.get(Path(made).resolve()):
            raise EngramError(
                f"pathvars.{name}: '{made}' is the folder that {key} names. What is made needs "
                f"a folder of its own; write {made.rstrip('/')}/{name}, say."
            )
