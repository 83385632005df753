"""Checks that concern more than one section of a study, such as names that stand in two."""

from __future__ import annotations

from engram.study.config.sections import Sections
from engram.vocabulary import ORIGINAL, PEOPLE, REINITIALISED_SUFFIX, WORD_RATE


def _check_names_of_models(study: Sections) -> None:
    if WORD_RATE in study.models:
        raise ValueError(
            f"models: '{WORD_RATE}' is the name of a baseline; give the model another name"
        )
    if "reinitialised" not in study.baselines:
        return
    for name in study.models:
        twin = name + REINITIALISED_SUFFIX
        if study.has_twin(name) and twin in study.models:
            raise ValueError(
                f"models: '{twin}' is the name of the re-initialised twin of '{name}'; rename one"
            )


def _check_series(study: Sections) -> None:
    for series, members in study.series().items():
        steps = [study.models[name].step for name in members]
        if len(set(steps)) < len(steps):
            raise ValueError(f"models: two of one step in the series '{series}': {members}")


def _check_models_of_pairs(study: Sections) -> None:
    wanted = study.minimal_pairs.models or []
    if study.minimal_pairs.table is None:
        if wanted:
            raise ValueError(
                "minimal_pairs.models: no table of pairs is given; write table: engram, or a file"
            )
        return
    known = sorted(study.language_models())
    if strange := sorted(set(wanted) - set(study.models_of_pairs())):
        raise ValueError(
            f"minimal_pairs.models: {strange} are no whole language models of the study, which has "
            f"{known}"
        )
    if not study.models_of_pairs():
        raise ValueError("minimal_pairs: the study has no whole language model; take table out")


def _check_features(study: Sections) -> None:
    """Refuse a space with the name of a model, and one that is made from a model that is none."""
    models = study.language_models()
    for name, space in study.features.items():
        if name == WORD_RATE or name in models:
            raise ValueError(
                f"features: '{name}' is the name of a model or a baseline; give the space another"
            )
        if space.needs_frequencies and not study.dataset.has_frequencies:
            raise ValueError(f"features.{name}: log_frequency {_no_frequencies(study)}")
        _check_side_by_side(study, name)
        if space.model is None:
            continue
        key = f"features.{name}.{space.reads_model or space.takes_model}"
        if space.model not in models:
            raise ValueError(
                f"{key}: '{space.model}' is no model of the study; it has {sorted(models)}"
            )
        if models[space.model].layers_together:
            raise ValueError(
                f"{key}: '{space.model}' is layers together; name the model with all its layers"
            )
        if space.has_heads and study.encoding.components is not None:
            raise ValueError(
                f"features.{name}: encoding.components mixes the heads of a layer; take it out, or "
                "the space of kind heads"
            )
        if space.reads_model and not models[space.model].is_whole:
            raise ValueError(
                f"{key}: '{space.model}' is re-initialised or an adapter; name a whole, trained "
                "model"
            )


def _check_side_by_side(study: Sections, name: str) -> None:
    """Refuse a space that is made from spaces not scored, made so themselves, or not of words."""
    made = [one for one, space in study.features.items() if space.spaces or space.has_times]
    known = [one for one in study.scored() if one not in made]
    if unknown := [one for one in study.features[name].spaces if one not in known]:
        raise ValueError(
            f"features.{name}.of: {unknown} cannot stand side by side with others; these can: "
            f"{sorted(known)}. Rows of a recording or of times stand in a group of partitions"
        )


def _check_partitions(study: Sections) -> None:
    """Refuse a partition of what is not scored."""
    known = study.scored()
    for name, partition in study.partitions.items():
        if unknown := [space for space in partition.spaces if space not in known]:
            raise ValueError(
                f"partitions.{name}.groups: {unknown} are not scored in this study; it has "
                f"{sorted(known)}"
            )


def _check_names_of_texts(study: Sections) -> None:
    if ORIGINAL in study.associations:
        raise ValueError(
            f"associations: '{ORIGINAL}' is the name of the story as it was heard; "
            "give the text another name"
        )
    people = sorted(
        name
        for name, one in study.associations.items()
        if PEOPLE in name and one.annotator is not None
    )
    if people:
        raise ValueError(
            f"associations: {people}: '{PEOPLE}' in a name says that people wrote the text, "
            "and a model is to; give it another name"
        )


def _check_models_of_associations(study: Sections) -> None:
    unknown = sorted(set(study.association_effect.models or ()) - set(study.models))
    together = [name for name, one in study.models.items() if one.layers_together]
    if strange := sorted(set(study.association_effect.models or ()) & set(together)):
        raise ValueError(
            f"association_effect.models: {strange} are layers together, which read no texts with "
            "associations; name the model with all its layers"
        )
    if unknown:
        raise ValueError(
            f"association_effect.models: {unknown} are no models of the study; "
            f"it has {sorted(study.models)}"
        )


def _check_primary(study: Sections) -> None:
    if study.primary is None:
        return
    if study.primary.text not in study.associations:
        raise ValueError(
            f"primary.text: '{study.primary.text}' is no text of associations; the study has "
            f"{sorted(study.associations)}"
        )
    reading = study.association_effect.models or [
        name for name, model in study.language_models().items() if not model.reinitialised
    ]
    if study.primary.model not in reading:
        raise ValueError(
            f"primary.model: '{study.primary.model}' reads no texts with associations; these do: "
            f"{sorted(reading)}"
        )


def _check_models_that_write(study: Sections) -> None:
    trained = study.trained_models()
    for name, one in study.associations.items():
        writer = one.annotator.folder if one.annotator is not None else None
        if writer in study.models and writer not in trained:
            raise ValueError(
                f"associations.{name}.annotator.model: '{writer}' is re-initialised or an adapter, "
                f"and cannot be asked to write; trained models of the study are {trained}"
            )


def _check_models_of_tunings(study: Sections) -> None:
    trained = study.trained_models()
    for name, tuning in study.tunings.items():
        strange = sorted(set(tuning.models or ()) - set(trained))
        if strange:
            raise ValueError(
                f"tunings.{name}.models: {strange} are no trained models of "
                f"the study; it has {trained}"
            )


def _check_adapters(study: Sections) -> None:
    trained = study.trained_models()
    for name, model in study.models.items():
        if model.base is None:
            continue
        if model.base not in trained:
            raise ValueError(
                f"models.{name}.base: '{model.base}' is no trained model of "
                f"the study; it has {trained}"
            )
        if model.reinitialised:
            raise ValueError(
                f"models.{name}: an adapter (base: {model.base}) cannot be re-initialised; "
                "leave one of the two out"
            )
        if model.trust_remote_code:
            raise ValueError(
                f"models.{name}: an adapter has no code; write 'trust_remote_code: "
                f"true' at models.{model.base}, whose code would run"
            )


def _no_frequencies(study: Sections) -> str:
    return (
        "is a column of a folder of tables (dataset.kind: table), and a dataset of kind "
        f"{study.dataset.kind} has none; take it out"
    )


def _check_nuisance(study: Sections) -> None:
    if "log-frequency" in study.nuisance.features and not study.dataset.has_frequencies:
        raise ValueError(f"nuisance.features: log-frequency {_no_frequencies(study)}")
    wanted, there = study.nuisance.random_texts, study.association_effect.controls.random
    if wanted is not None and wanted > there:
        raise ValueError(
            f"nuisance.random_texts: {wanted} is more than the {there} random texts there "
            f"are; give {there} or fewer, or more controls"
        )


def _check_something_to_score(study: Sections) -> None:
    if not (study.models or study.features) and WORD_RATE not in study.baselines:
        raise ValueError(f"nothing to score: give models, features, or baselines: [{WORD_RATE}]")


#: All checks of sections together, in the order in which they are made.
CHECKS = (
    _check_names_of_models,
    _check_series,
    _check_models_of_pairs,
    _check_features,
    _check_partitions,
    _check_names_of_texts,
    _check_models_of_associations,
    _check_models_that_write,
    _check_primary,
    _check_models_of_tunings,
    _check_adapters,
    _check_nuisance,
    _check_something_to_score,
)
