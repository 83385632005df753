"""Feature spaces: what is laid over a story beside language models, in the form of activations.

They share the file names, the rows, the folds and all later stages of what models read.
"""

from __future__ import annotations

from typing import Any

from engram.features.kinds import KINDS
from engram.features.known_tables import KNOWN_TABLES, PINS
from engram.files.fingerprints import file_fingerprint
from engram.paths import RESOURCES
from engram.study import raw_plan
from engram.study.code_digest import digest
from engram.study.config.study import Study
from engram.study.models import model_key
from engram.study.plan import Plan
from engram.study.stages import fetch, stories
from engram.study.stages.features import ACTIVATIONS, reading
from engram.study.stages.shared import Key, paths, plain, table_paths
from engram.vocabulary import ORIGINAL

#: The manifest of a table of word norms that is fetched.
MANIFEST = "<downloads>/word-norms/{norms}.tsv"
_SCRIPT = RESOURCES.parent / "workflow" / "scripts" / "feature_space.py"


def jobs(study: Study, plan: Plan) -> list[Key]:
    """Return a job for each feature space and each story."""
    return [
        {"text": ORIGINAL, "model": space, "story": story}
        for space in study.features
        for story in plan.stories
    ]


def files(study: Study, plan: Plan) -> list[str]:
    """Return what every space lays over every story."""
    return paths(ACTIVATIONS, jobs(study, plan))


def pattern(study: Study) -> str:
    """Return the pattern of the names of feature spaces; nothing matches it without any."""
    return "|".join(name.replace(".", "[.]") for name in study.features) or "(?!)"


def folder(study: Study, model: str) -> str:
    """Return the folder of the code that makes a space (`engram.features.kinds`)."""
    return KINDS[study.features[model].kind]


def code(study: Study, plan: Plan, model: str) -> str:
    """Return the digest of a space's code, that of its kind alone among the kinds."""
    return digest(_SCRIPT, folder(study, model))


def gpus(study: Study, plan: Plan, model: str) -> int:
    """Return how many GPUs a space's job takes: one if it reads a model."""
    return int(bool(study.features[model].reads_model))


def depends_on(study: Study, plan: Plan, model: str, story: str) -> dict[str, Any]:
    """Return what a space over a story depends on."""
    space = study.features[model]
    found: dict[str, Any] = {
        "files": space.files(story),
        "folder": folder(study, model),
        "keys": {"spaces": _side_by_side(study, model, story)},
        "seed": study.seed,
        "space": plain(space.settings()),
    }
    if space.reads_model and space.model:
        found |= {"model": plain(model_key(study, space.model)), "reading": reading(study)}
    if space.asks_for_layer:
        found["layer"] = study.reported_layer
    return found


def reads(study: Study, plan: Plan, model: str, story: str) -> dict[str, list[str]]:
    """Return the user's files that a space over a story is made from, and its model's folders."""
    space = study.features[model]
    of_model = raw_plan.model(study, space.model) if space.reads_model and space.model else {}
    return raw_plan.reads(space.files(story), of_model.get("folders", ()))


def fetch_depends_on(study: Study, plan: Plan, norms: str) -> dict[str, Any]:
    """Return what the download of a table of word norms depends on: its file, which is pinned."""
    return {"file": KNOWN_TABLES[norms].file, "pins": file_fingerprint(PINS)}


def table_manifest(study: Study, plan: Plan, model: str) -> list[str]:
    """Return the manifest of a space's table, where it is fetched."""
    fetched = study.features[model].fetched
    return [] if fetched is None else paths(MANIFEST, [{"norms": fetched}])


def model_manifest(study: Study, plan: Plan, model: str) -> list[str]:
    """Return the manifest of the model that a space's job reads, where it is downloaded."""
    space = study.features[model]
    reads_one = space.reads_model and space.model
    return fetch.model_manifest(study, plan, space.model) if reads_one and space.model else []


def taken_activations(study: Study, plan: Plan, model: str, story: str) -> list[str]:
    """Return the activations of the model from which a space is made, where it is made from any."""
    space = study.features[model]
    if not (space.takes_model and space.model):
        return []
    return paths(ACTIVATIONS, [{"text": ORIGINAL, "model": space.model, "story": story}])


def spaces_side_by_side(study: Study, plan: Plan, model: str, story: str) -> list[str]:
    """Return the other spaces that a space is made from."""
    return paths(ACTIVATIONS, _side_by_side(study, model, story))


def _side_by_side(study: Study, model: str, story: str) -> list[Key]:
    return [
        {"text": ORIGINAL, "model": name, "story": story} for name in study.features[model].spaces
    ]


def table_depends_on(study: Study, plan: Plan) -> dict[str, Any]:
    """Return what the table of feature spaces depends on."""
    return {
        "keys": {"spaces": jobs(study, plan), "words": stories.jobs(study, plan)},
        "kinds": {name: space.kind for name, space in sorted(study.features.items())},
    }


def spaces_table_depends_on(study: Study, plan: Plan) -> dict[str, Any]:
    """Return what the table of everything that is scored depends on."""
    kinds = dict.fromkeys(study.language_models(), "language model")
    kinds |= {name: space.kind for name, space in study.features.items()}
    return {"kinds": {name: kinds.get(name, "baseline") for name in sorted(study.scored())}}


def shown_tables(study: Study, plan: Plan) -> list[str]:
    """Return the tables of feature spaces, for the report."""
    return table_paths("spaces", "features") if study.features else []


def described(study: Study) -> dict[str, str]:
    """Return what each space is, for the report's methods."""
    return {name: space.description() for name, space in study.features.items()}
