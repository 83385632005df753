"""What tables of norms cover of each story, before a run, by the reader and rules of its jobs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engram.associations.norms import writing
from engram.associations.norms.table import read_norms
from engram.datasets import readers
from engram.errors import EngramError
from engram.preflight.machine_checks import FINE, LOOK, STOP, Check
from engram.words import stories


def norms_checks(norms: Mapping[str, Mapping[str, Any]], data: Mapping[str, Any]) -> list[Check]:
    """Return a check for each text that comes from norms, and each story.

    Parameters
    ----------
    norms : mapping
        By text: what its job depends on, and where the table is (``here``).
    data : mapping
        ``folder`` and ``stories``, as `engram.study.stages.preflight.data` gives them.
    """
    return [check for text, config in norms.items() for check in _of_text(text, config, data)]


def _of_text(text: str, config: Mapping[str, Any], data: Mapping[str, Any]) -> list[Check]:
    """Return a check for each story whose words are here; of the table alone where none are."""
    if not config["here"]:
        return [Check(f"norms {text}", LOOK, f"'{config['file']}' is fetched by the run")]
    if data["stories"]:
        return [_checked(text, story, config, data) for story in data["stories"]]
    try:
        found = read_norms(Path(config["here"]), config["columns"])
    except EngramError as error:
        return [Check(f"norms {text}", STOP, str(error))]
    said = f"{sum(map(bool, found.responses.values()))} cues with responses; no story is here yet"
    return [Check(f"norms {text}", FINE, said)]


def _checked(text: str, story: str, config: Mapping[str, Any], data: Mapping[str, Any]) -> Check:
    """Return what a table covers of a story; a fault in the words that its job would say."""
    what, words = f"norms {text}, {story}", data["stories"][story]["words"]
    try:
        table = stories.words_table(
            readers.open_words(words["dataset"], Path(data["folder"])).words(story),
            words["stories"]["pseudo_sentence"],
            story,
            words["language"],
        )
        here = {**config, "file": config["here"]}
        choices = writing.open_choices(table["word"].tolist(), table["sentence"].tolist(), here)
        _, coverage = writing.write_norms(choices, config["name"])
    except EngramError as error:
        return Check(what, STOP, str(error))
    return Check(what, FINE, writing.described_coverage(coverage))
