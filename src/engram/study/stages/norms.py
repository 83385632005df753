"""Norms: what people associate with single words, written into the stories.

Their control texts are made with those of other texts (`engram.study.stages.associations`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engram.associations.norms.known import DESCRIBED, KNOWN_NORMS
from engram.files.fingerprints import file_fingerprint
from engram.paths import COMMON_WORDS, IRREGULAR_FORMS, NORMS_PINS, PARTS_OF_SPEECH, found
from engram.study import raw_plan
from engram.study.association_plan import models_reading_associations, norms_of, norms_texts
from engram.study.config.study import Study
from engram.study.plan import Plan
from engram.study.stages.shared import Key, paths, plain, rules, table_paths

#: The manifest of a table that is fetched, what is written from norms, and how much they cover.
MANIFEST = "<downloads>/norms/{norms}.tsv"
WRITTEN = "<results>/associations/norms/story-{story}_associations-{text}.tsv"
COVERAGE = "<results>/associations/norms/story-{story}_text-{text}_coverage.tsv"


def jobs(study: Study, plan: Plan) -> list[Key]:
    """Return a job for each story and each text that comes from norms."""
    return [{"text": text, "story": story} for text in norms_texts(study) for story in plan.stories]


def coverage(study: Study, plan: Plan) -> list[str]:
    """Return what norms cover, of every text and story."""
    return paths(COVERAGE, jobs(study, plan))


def fetch_depends_on(study: Study, plan: Plan, norms: str) -> dict[str, Any]:
    """Return what the download of a table of norms depends on: its file, which is pinned."""
    return {"file": KNOWN_NORMS[norms].file, "pins": file_fingerprint(NORMS_PINS)}


def manifest(study: Study, plan: Plan, text: str) -> list[str]:
    """Return the manifest of a text's table of norms; there is none for a table of the user's."""
    norms = norms_of(study, text)
    if norms is None or norms.table not in KNOWN_NORMS:
        return []
    return [MANIFEST.format(norms=norms.table)]


def here(study: Study, text: str) -> str | None:
    """Return where a text's table of norms is, if it is the user's, was fetched or is mirrored."""
    norms = norms_of(study, text)
    assert norms is not None, text
    known = KNOWN_NORMS.get(norms.table)
    if known is None:
        return str(found(norms.table))
    downloads = Path(study.pathvars.get("downloads", "resources/downloads"))
    mirror = study.mirror_folder()
    folders = [downloads / "norms" / norms.table, *([mirror / "norms"] if mirror else [])]
    files = (folder / known.file for folder in folders)
    return next((str(path) for path in files if path.is_file()), None)


def reads(study: Study, plan: Plan, text: str) -> dict[str, list[str]]:
    """Return the table of norms that the user names for a text, where that is so."""
    norms = norms_of(study, text)
    here = norms is not None and norms.table not in KNOWN_NORMS
    return raw_plan.reads([found(norms.table)] if norms is not None and here else [])


def depends_on(study: Study, plan: Plan, text: str) -> dict[str, Any]:
    """Return what a text that comes from norms depends on, and its control texts."""
    norms = norms_of(study, text)
    assert norms is not None, text
    known = KNOWN_NORMS.get(norms.table)
    rules = norms.model_dump(mode="json", exclude={"table", "columns", "described"})
    settings: dict[str, Any] = plain(
        {
            "columns": norms.columns.model_dump(mode="json"),
            "described": norms.described or (known.described if known else DESCRIBED),
            "file": known.file if known else str(found(norms.table)),
            "lists": [
                file_fingerprint(path) for path in (COMMON_WORDS, IRREGULAR_FORMS, PARTS_OF_SPEECH)
            ],
            "name": norms.table if known else found(norms.table).stem,
            "rules": {**rules, "seed": study.seed},
        }
    )
    return settings


def coverage_depends_on(study: Study, plan: Plan) -> dict[str, Any]:
    """Return what the table of what norms cover depends on."""
    return {"keys": {"coverage": jobs(study, plan)}}


def strength_pairs(study: Study) -> list[tuple[str, str]]:
    """Return the texts of strong and of weak responses that have the same places.

    Their settings are the same, ``both_strengths`` among them, but for the response.
    """
    found = {text: norms_of(study, text) for text in norms_texts(study)}
    return [
        (strong, weak)
        for strong, one in found.items()
        for weak, other in found.items()
        if one is not None
        and other is not None
        and one.both_strengths
        and (one.response, other.response) == ("strongest", "weak")
        and one == other.model_copy(update={"response": "strongest", "described": one.described})
    ]


def strength_jobs(study: Study, plan: Plan) -> list[Key]:
    """Return the scores that strength is tested with: of each pair's texts, models and groups."""
    texts = dict.fromkeys(text for pair in strength_pairs(study) for text in pair)
    return [
        {"text": text, "group": group, "model": model}
        for text in texts
        for model in models_reading_associations(study)
        for group in plan.groups
    ]


def strength_depends_on(study: Study, plan: Plan) -> dict[str, Any]:
    """Return what the comparison of strong and weak responses depends on."""
    return {
        "keys": {"scores": strength_jobs(study, plan)},
        "layer": study.reported_layer,
        "pairs": [list(pair) for pair in strength_pairs(study)],
        "seed": study.seed,
        **rules(study),
        "study": study.study,
    }


def shown_tables(study: Study, plan: Plan) -> list[str]:
    """Return the tables of what norms cover, and of strength where two texts are compared."""
    return [
        *(table_paths("association_coverage") if norms_texts(study) else []),
        *(table_paths("association_strength") if strength_pairs(study) else []),
    ]
