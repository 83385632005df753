"""Texts with associations: which models read them, and the files that they come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from engram.associations.control_sources import ENOUGH_SOURCES
from engram.errors import EngramError
from engram.files import delimited
from engram.paths import ASSOCIATIONS, TUNING_SAMPLES, found
from engram.study.config.associations import Norms
from engram.study.config.sources import source_folder
from engram.study.config.study import Study
from engram.vocabulary import (
    ADDITIVE,
    CARD,
    CUES,
    DEALT,
    RANDOM,
    WORD_RATE,
    associations_file,
    stimulus,
)
from engram.words.language import ENGLISH, primary

#: Dealt texts of a text that comes from norms, if the study does not say how many.
FEWEST_DEALT = 39


def models_reading_associations(study: Study) -> list[str]:
    """Return the names of the models that read texts with associations.

    The baseline that counts words is among them where inserted words are rows.
    """
    chosen = study.association_effect.models
    reading = [
        name
        for name, model in study.language_models().items()
        if (
            not (model.reinitialised or model.layers_together) if chosen is None else name in chosen
        )
    ]
    # Where inserted words are rows, their number alone changes scores: the rate of
    # words says by how much.
    return [
        *reading,
        *(
            [WORD_RATE]
            if WORD_RATE in study.baselines and study.association_effect.alignment in ADDITIVE
            else []
        ),
    ]


def controlled_models(study: Study) -> list[str]:
    """Return the names of the language models whose F is set beside nuisance features."""
    wanted = study.nuisance.method != "none" and study.nuisance.random_texts != 0
    return [name for name in models_reading_associations(study) if wanted and name != WORD_RATE]


def norms_of(study: Study, text: str) -> Norms | None:
    """Return the section of norms that a text comes from; None for any other text."""
    annotator = study.associations[text].annotator
    return None if annotator is None else annotator.norms


def norms_texts(study: Study) -> list[str]:
    """Return the texts that come from norms."""
    return [text for text in study.associations if norms_of(study, text) is not None]


def control_counts(study: Study, text: str) -> dict[str, int]:
    """Return how many control texts of each kind a text has: all that are read and scored.

    For a text that comes from norms, dealt texts take the place of random ones.
    """
    controls = study.association_effect.controls
    counts: dict[str, int] = controls.model_dump(mode="json", exclude={DEALT, CUES})
    if norms_of(study, text) is None:
        return {**counts, DEALT: 0, CUES: 0}
    dealt = controls.dealt or max(controls.random, FEWEST_DEALT)
    return {**counts, RANDOM: 0, DEALT: dealt, CUES: controls.cues}


def n_null_texts(study: Study, text: str) -> int:
    """Return how many control texts are the null of a text: dealt ones if it has some."""
    counts = control_counts(study, text)
    return counts.get(DEALT) or counts[RANDOM]


def writing_model(study: Study, text: str) -> str | None:
    """Return the model of the study that writes a text; None where something else does."""
    annotator = study.associations[text].annotator
    writer = annotator.folder if annotator is not None else None
    return writer if writer in study.models else None


def association_folder(study: Study, text: str) -> Path:
    """Return where a text's files are."""
    return found(study.associations[text].folder)


def association_file(study: Study, text: str, story: str) -> Path:
    """Return the file of a story's associations."""
    return association_folder(study, text) / associations_file(story, text)


def association_sources(study: Study, text: str, story: str) -> list[Path]:
    """Return the files whose content random texts take.

    They are those of other stories under the same name, by the same hand; where these are fewer
    than ten, also those under other names, the project's own, and its tuning samples. Versions of
    the story count as the story. Tuning samples are left out where a tuned model reads the texts.
    """
    folder = association_folder(study, text)
    under_this_name = _of_others(folder, story, text)
    if len(under_this_name) >= ENOUGH_SOURCES:
        return under_this_name
    files = {*_of_others(folder, story, "*"), *_of_others(ASSOCIATIONS, story, "*")}
    # The same folder may be named in two ways.
    alone = list({path.resolve(): path for path in sorted(files)}.values())
    return alone if _tuned_model_reads(study) else [*alone, TUNING_SAMPLES]


def other_stories(study: Study, text: str, story: str, stories: Sequence[str]) -> list[str]:
    """Return the stories of the study for which a model writes the same text.

    Versions of the story are not among them.
    """
    if study.associations[text].annotator is None or norms_of(study, text) is not None:
        return []
    return [other for other in stories if stimulus(other) != stimulus(story)]


def _of_others(folder: Path, story: str, text: str) -> list[Path]:
    """Return a folder's files of other stories' associations."""
    return [
        path
        for path in sorted(folder.glob(associations_file("*", text)))
        if stimulus(path.name.removeprefix("story-").partition("_associations-")[0])
        != stimulus(story)
    ]


def _tuned_model_reads(study: Study) -> bool:
    """Tell whether a model that reads texts is tuned, as an adapter is."""
    models = study.language_models()
    return any(
        models[name].base is not None or (source_folder(models[name].source) / CARD).is_file()
        for name in models_reading_associations(study)
        if name in models
    )


def check_associations(study: Study, stories: Sequence[str]) -> None:
    """Refuse a study whose files of associations are not there: it would be found hours later."""
    for name in study.associations:
        if study.associations[name].annotator is not None:
            continue
        missing = [
            str(path)
            for story in stories
            if not (path := association_file(study, name, story)).exists()
        ]
        if missing:
            raise EngramError(
                f"associations.{name}: {len(missing)} of the study's {len(stories)} stories have "
                f"no file. The first: '{missing[0]}' (docs/how-to/annotating.md)."
            )


def check_languages(study: Study, languages: Mapping[str, str]) -> None:
    """Refuse norms beside a story in another language, and frequencies.

    Associations are written from English norms alone. A space of norms or frequencies names its
    language (`features`).

    Parameters
    ----------
    study : Study
    languages : mapping
        The code of each story's language.
    """
    others = {story: code for story, code in languages.items() if primary(code) != ENGLISH}
    if others and (texts := norms_texts(study)):
        story, code = next(iter(others.items()))
        raise EngramError(
            f"associations.{texts[0]}: norms are of English words, and cues are found by English "
            f"forms; the language of {story} is '{code}' (dataset.language). Take the text out, or "
            "make a study of the English stories."
        )
    for name, space in study.features.items():
        own = getattr(space, "language", None)
        if own is None or getattr(space, "source", None) == "column":
            continue
        for story, code in languages.items():
            if primary(code) != primary(own.casefold()):
                raise EngramError(
                    f"features.{name}: its language is '{own}', and that of {story} is '{code}' "
                    f"(dataset.language). Write 'language: {primary(code)}' with values of that "
                    "language, or take the space out."
                )


def check_frequencies(study: Study, story_files: Mapping[str, Sequence[str]]) -> None:
    """Refuse a study whose words have no frequency where something asks for it."""
    asking = [f"features.{name}" for name, one in study.features.items() if one.needs_frequencies]
    if study.nuisance.method != "none" and "log-frequency" in study.nuisance.features:
        asking.append("nuisance.features")
    if not asking:
        return
    for path in (Path(files[0]) for files in story_files.values()):
        if path.suffix == ".csv":
            continue  # its columns may have other names; the job that reads it says so
        header = delimited.read_header(path, ("log_frequency",)) if path.suffix == ".tsv" else []
        if "log_frequency" not in header:
            raise EngramError(
                f"{', '.join(asking)}: a column 'log_frequency' is needed in '{path}', "
                f"which has {header}. Add it, n/a where a word's is not known, "
                "or take frequencies out."
            )
