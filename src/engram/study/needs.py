"""What jobs take, from a study's plan and models' shapes alone.

Memory and time are asked of a scheduler and shown before a run.

Rough on purpose, and rather too much: a job that is killed for memory or time is tried again
with more (`profiles/slurm`). Times are those of two cores without a GPU. What jobs really took
is in `results/<study>/benchmarks`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any

from engram.encoding.memory import BATCH_BYTES, BESIDE, EncodingShape, design_bytes, encoding_bytes
from engram.features.language_models.reading_memory import ReadingShape, reading_bytes
from engram.features.layers import reported_layer
from engram.study import banded_needs, metric_needs
from engram.study.association_plan import control_counts
from engram.study.config.study import Study
from engram.study.disk import REGIONS
from engram.study.groups import Group
from engram.study.model_shapes import model_shape, scored_shape
from engram.study.models import is_language_model, scored_models
from engram.study.plan import Plan
from engram.study.reading_operations import reading_operations
from engram.study.stages import tunings
from engram.study.story_folds import count_fits, count_folds
from engram.study.tuning_shapes import tuning_shape
from engram.tunings.settings import Settings
from engram.tunings.tuning_memory import CONTEXT, planned_memory
from engram.vocabulary import DEALT, RANDOM, SHUFFLED

#: Bytes of a job with the libraries that read and write results (Snakemake beside it on a cluster
#: included), of one with torch, and of torch on a GPU.
_SMALL, _TORCH, _CONTEXT = 1e9, 1.8e9, 1e9
#: Bytes beyond which an encoding takes its listeners in parts.
_ENOUGH = 32e9
#: Seconds in which a process starts and has its libraries (measured on Alice: 2 for tables,
#: 4 for regressions; twice as many for models).
_START = 3.0
#: Operations a second that two cores do in a model (measured, one core: 4.1e10 in BERT's and 6e10
#: in larger ones; a second core adds half).
_OPERATIONS = 6e10
#: Tokens of a word.
_TOKENS = 1.35
#: Seconds of a layer for as many listeners x targets x rows squared (benchmarks/full_size.py:
#: 40 x 81,924 x 300 squared, two cores).
_LAYER_SECONDS, _LAYER_SIZE = 206.0, 40 * 81_924 * 300.0**2


@dataclass(frozen=True)
class Need:
    """What a job takes.

    Attributes
    ----------
    memory : float
        Bytes of main memory at the peak.
    seconds : float
        On two cores, without a GPU.
    gpu : float
        Bytes of a GPU's memory, where one is used.
    """

    memory: float = _SMALL
    seconds: float = _START
    gpu: float = 0.0

    @property
    def megabytes(self) -> int:
        """What a scheduler is asked for: whole megabytes of main memory."""
        return ceil(self.memory / 1e6)

    @property
    def minutes(self) -> int:
        """What a scheduler is asked for: three times what is estimated, and an hour at least."""
        return max(60, ceil(3 * self.seconds / 60))


def need(study: Study, plan: Plan, rule: str, wildcards: Mapping[str, str]) -> Need:
    """Return what a job takes.

    Parameters
    ----------
    study : Study
    plan : Plan
    rule : str
    wildcards : mapping
        The job's, such as story, model, group.
    """
    estimate = _NEEDS.get(rule)
    return estimate(study, plan, wildcards) if estimate else Need()


def _activations(study: Study, plan: Plan, wildcards: Mapping[str, str]) -> Need:
    name = wildcards["model"]
    if not is_language_model(study, name):
        return Need()
    model = model_shape(study, name)
    layers, units = model.layers, model.units
    words, size = (
        plan.dataset.n_words(wildcards["story"]),
        4 if study.compute.reading_dtype == "float32" else 2,
    )
    weights = model.parameters * size
    tokens = study.activations.batch_tokens
    batch = tokens * units * layers * 4 * size / 2
    reading = ReadingShape(
        int(model.parameters),
        layers - 1,
        units,
        4 * units,
        1,
        size,
        tokens,
        tokens,
        int(words),
        int(tokens / _TOKENS),
    )
    whole, reported = _texts_read(study, wildcards)
    # Of several texts, a few are kept with all their layers, the others at one.
    several = whole + reported > 1
    kept = several * (whole * layers + whole + reported) * units * words * 4.0
    # The others are read up to the reported layer.
    part = reported_layer(layers - 1, study.reported_layer) / max(layers - 1, 1)
    times = whole + part * reported
    if together := study.language_models()[name].layers_together:
        times = min(max(together) / max(layers - 1, 1), 1.0)
    operations = reading_operations(model, words * _TOKENS, words, study.activations)
    seconds = 2 * _START + times * operations / _OPERATIONS
    return Need(BESIDE + reading_bytes(reading) + kept, seconds, _CONTEXT + weights + batch)


def _feature_space(study: Study, plan: Plan, wildcards: Mapping[str, str]) -> Need:
    """Return what a feature space takes: what reading its model does, if it reads one."""
    space = study.features[wildcards["model"]]
    if space.folders:  # a model of speech: its weights, and a second or two for each TR
        rows = plan.dataset.n_rows(wildcards["story"])
        return Need(_TORCH + 4e9, _START + 2 * rows * plan.dataset.tr, _CONTEXT + 4e9)
    if not (space.reads_model and space.model):
        return Need()
    return _activations(study, plan, {**wildcards, "model": space.model})


def _pairs(study: Study, plan: Plan, wildcards: Mapping[str, str]) -> Need:
    """Return what minimal pairs take: the weights, and a batch of chances of all tokens."""
    model = model_shape(study, wildcards["model"])
    size = 4 if study.compute.reading_dtype == "float32" else 2
    weights = (model.parameters + model.head_parameters) * size
    batch = study.activations.batch_tokens * (12.0 * model.vocabulary + 40 * model.units)
    return Need(_TORCH + weights + batch, 10 * _START + weights * 1e-8, _CONTEXT + weights + batch)


def _texts_read(study: Study, wildcards: Mapping[str, str]) -> tuple[int, int]:
    """Return how many texts (or tunings) a job reads at all layers, and up to the reported one."""
    if "tuning" in wildcards:
        tuning = study.tunings[wildcards["tuning"]]
        kinds = (tuning.seeds, tuning.controls.shuffled, tuning.controls.generic)
        whole = 1 + sum(number > 0 for number in kinds)
        return whole, 1 + sum(kinds) - whole
    if wildcards.get("text") in study.associations:
        controls = sum(control_counts(study, wildcards["text"]).values())
        both = 2 if study.association_effect.layers == "all" else 0
        return both, 2 - both + controls
    return 1, 0


def _chance(study: Study, plan: Plan, wildcards: Mapping[str, str]) -> Need:
    """Return what one layer takes on shifted BOLD.

    It is that of `encoding`, with so many times the targets, and one decomposition for all.
    """
    group = plan.groups[wildcards["group"]]
    rows = sum(plan.dataset.n_rows(story) for story in group.stories)
    targets = (
        min(_targets(study, plan), _REGIONS_AT_MOST)
        if study.chance.targets == "roi"
        else _targets(study, plan)
    )
    values = len(group.subjects) * targets * rows
    seconds = (
        1 + study.chance.shifts
    ) * _LAYER_SECONDS * values * rows / _LAYER_SIZE + _decomposed(study, group, rows)
    return Need(_TORCH + 24 * values, _START + seconds, _CONTEXT + 24 * values)


def _targets_of(study: Study, plan: Plan, targets: str | None) -> float:
    """Return how many targets a section scores: regions, or all."""
    found = _targets(study, plan)
    return min(found, _REGIONS_AT_MOST) if targets == "roi" else found


def _decoding(study: Study, plan: Plan, wildcards: Mapping[str, str]) -> Need:
    """Return what identification takes; variants of a model are fewer than shifts of BOLD."""
    rows = sum(plan.dataset.n_rows(story) for story in plan.groups[wildcards["group"]].stories)
    values = _targets_of(study, plan, study.decoding.targets) * rows
    shape, group = scored_shape(study, wildcards["model"]), plan.groups[wildcards["group"]]
    seconds = _LAYER_SECONDS * rows / _LAYER_SIZE, _decomposed(study, group, rows)
    people = len(group.subjects)
    memory, taken = metric_needs.decoding(
        study, people, rows, values, shape.layers, shape.units, *seconds
    )
    return Need(_TORCH + memory, _START + taken, _CONTEXT + 24 * people * values)


def _decoding_ceiling(study: Study, plan: Plan, wildcards: Mapping[str, str]) -> Need:
    group = plan.groups[wildcards["group"]]
    rows = sum(plan.dataset.n_rows(story) for story in group.stories)
    values = _targets_of(study, plan, study.decoding.targets) * rows
    people = len(group.subjects)
    return Need(_SMALL + 16 * (people + 1) * values, _START + people * values * 1e-7)


def _similarity(study: Study, plan: Plan, wildcards: Mapping[str, str]) -> Need:
    group, shape = plan.groups[wildcards["group"]], scored_shape(study, wildcards["model"])
    rows = sum(plan.dataset.n_rows(story) for story in group.stories)
    values = _targets_of(study, plan, study.similarity.targets) * rows
    memory, seconds = metric_needs.similarity(
        study, plan.dataset.tr, len(group.subjects), rows, values, shape.layers, shape.units
    )
    return Need(_TORCH + memory, _START + seconds)


def _similarity_ceiling(study: Study, plan: Plan, wildcards: Mapping[str, str]) -> Need:
    story = wildcards["story"]
    people, rows = len(plan.listeners(story)), plan.dataset.n_rows(story)
    values = _targets_of(study, plan, study.similarity.targets) * rows
    pairs = metric_needs.pair_bytes(study, plan.dataset.tr, people, rows)
    return Need(_SMALL + 24 * values + pairs, _START + people * values * 1e-7)


def _deals(study: Study, plan: Plan, wildcards: Mapping[str, str]) -> Need:
    """Return what a space takes under all deals: each has decompositions of its own."""
    group = plan.groups[wildcards["group"]]
    rows = sum(plan.dataset.n_rows(story) for story in group.stories)
    values = len(group.subjects) * _targets_of(study, plan, study.chance.targets) * rows
    each = _LAYER_SECONDS * values * rows / _LAYER_SIZE + _decomposed(study, group, rows)
    seconds = (1 + study.features[wildcards["model"]].n_deals) * each
    return Need(_TORCH + 24 * values, _START + seconds, _CONTEXT + 24 * values)


def _heads(study: Study, plan: Plan, wildcards: Mapping[str, str]) -> Need:
    """Return what the heads of a space take: fits of each head, and of all, on shifted BOLD too.

    They are made in every layer, and on shifted BOLD at the reported one.
    """
    group, space = plan.groups[wildcards["group"]], study.features[wildcards["model"]]
    rows = sum(plan.dataset.n_rows(story) for story in group.stories)
    values = len(group.subjects) * _targets_of(study, plan, study.chance.targets) * rows
    shape = model_shape(study, space.model or "")
    layers, fits = space.width(shape.units, shape.layers)[0], 1 + (shape.heads or shape.units // 64)
    once, decomposed = _LAYER_SECONDS * rows / _LAYER_SIZE, _decomposed(study, group, rows)
    seconds = fits * ((layers + study.chance.shifts) * once * values + (layers + 1) * decomposed)
    delays = study.encoding.longest_delay / plan.dataset.tr
    return Need(_TORCH + 48 * values + 24 * rows * shape.units * delays, _START + seconds, 4e9)


def _decomposed(study: Study, group: Group, rows: float) -> float:
    """Return the seconds of the decompositions of a layer's features, in all folds."""
    return count_fits(study, group) * study.encoding.inner_folds * (rows / 3000) ** 3 * 10


def _banded(study: Study, plan: Plan, group: Group, targets: str | None, fits: float) -> Need:
    """Return what banded ridge regression takes that makes so many decompositions."""
    rows = sum(plan.dataset.n_rows(story) for story in group.stories)
    values = len(group.subjects) * _targets_of(study, plan, targets) * rows
    memory, seconds = banded_needs.solved(study, rows, values, fits)
    return Need(_TORCH + memory, _START + seconds, _CONTEXT + memory)


def _nuisance(study: Study, plan: Plan, wildcards: Mapping[str, str]) -> Need:
    group = plan.groups[wildcards["group"]]
    return _banded(study, plan, group, study.nuisance.targets, banded_needs.NUISANCE)


def _partition(study: Study, plan: Plan, wildcards: Mapping[str, str]) -> Need:
    group, one = plan.groups[wildcards["group"]], study.partitions[wildcards["partition"]]
    fits = count_fits(study, group) * (study.encoding.inner_folds + 1)
    return _banded(study, plan, group, one.targets, fits * banded_needs.CANDIDATES[len(one.groups)])


def _encoding(study: Study, plan: Plan, wildcards: Mapping[str, str]) -> Need:
    group, name = plan.groups[wildcards["group"]], wildcards["model"]
    layers, units = scored_shape(study, name).layers, scored_shape(study, name).units
    whole = _targets(study, plan)
    targets, (at_every_layer, reported) = whole, _texts_read(study, wildcards)
    scored = float(at_every_layer * layers + reported)
    if "tuning" in wildcards:
        tuning = study.tunings[wildcards["tuning"]]
        targets = min(whole, _REGIONS_AT_MOST) if tuning.targets == "roi" else whole
    elif wildcards.get("text") in study.associations:
        targets = (
            min(whole, _REGIONS_AT_MOST) if study.association_effect.targets == "roi" else whole
        )
    rows = sum(plan.dataset.n_rows(story) for story in group.stories)
    words = sum(plan.dataset.n_words(story) for story in group.stories)
    delays = len(
        study.encoding.delays or range(int(study.encoding.longest_delay / plan.dataset.tr))
    )
    values = len(group.subjects) * targets * rows
    folds: dict[str, Any] = {
        "folds": count_folds(study, group),
        "inner_folds": study.encoding.inner_folds,
        "alphas": len(study.encoding.alphas),
        "shared_penalties": study.encoding.penalty == "listeners",
        "others": study.encoding.learn_from != "listener",
        "whole": study.encoding.trend != "none" or study.encoding.components is not None,
    }
    form = EncodingShape(
        int(rows),
        units * delays,
        len(group.subjects),
        int(targets),
        layers,
        len(group.stories),
        **folds,
    )
    # Listeners come in parts where memory is short, so that no job has to ask for more than some.
    together, alone = (
        encoding_bytes(form, at_once, BATCH_BYTES) for at_once in (len(group.subjects), 1)
    )
    memory = BESIDE + min(together, max(alone, _ENOUGH)) + words * units * 4
    seconds = _START + scored * (
        _LAYER_SECONDS * values * rows / _LAYER_SIZE + _decomposed(study, group, rows)
    )
    return Need(memory, seconds, _CONTEXT + 4 * values + design_bytes(form) + 1e9)


def _nuisance_texts(study: Study, plan: Plan, wildcards: Mapping[str, str]) -> Need:
    group = plan.groups[wildcards["group"]]
    rows = sum(plan.dataset.n_rows(story) for story in group.stories)
    targets = _targets_of(study, plan, study.nuisance.targets)
    wanted, controls = study.nuisance.random_texts, control_counts(study, wildcards["text"])
    texts = 1 + sum(
        there if wanted is None else min(wanted, there)
        for there in (controls[kind] for kind in (RANDOM, DEALT, SHUFFLED))
    )
    # Two shares of each text, a decomposition for each inner fold and one for all of them.
    solved = 2 * texts * count_fits(study, group) * (study.encoding.inner_folds + 1)
    values = len(group.subjects) * targets * rows
    memory, seconds = banded_needs.solved(study, rows, values, solved)
    memory += 3 * 8 * len(study.encoding.alphas) * values / study.encoding.inner_folds
    return Need(_TORCH + memory, _START + seconds, _CONTEXT + memory)


def _bold(study: Study, plan: Plan, wildcards: Mapping[str, str]) -> Need:
    story = wildcards["story"]
    rows, people = plan.dataset.n_rows(story), len(plan.listeners(story)) + 1
    read, kept = _targets(study, plan, regions=False) * rows, _targets(study, plan) * rows
    # All listeners in two bytes, twice while they are written; one listener's scan in
    # several steps of cleaning. Repeats are there as they were read, and in two bytes.
    repeats = plan.dataset.n_repeats(story)
    again = 0 if repeats == 1 else repeats * (read * 4 + kept * 4)
    return Need(
        _SMALL + people * kept * 4 + read * 4 * 8 + again,
        _START + (people + repeats - 1) * read * 2e-7,
    )


def _ceiling(study: Study, plan: Plan, wildcards: Mapping[str, str]) -> Need:
    people, targets = len(plan.listeners(wildcards["story"])), _targets(study, plan)
    values = people * targets * plan.dataset.n_rows(wildcards["story"])
    return Need(_SMALL + 40 * people * targets, _START + values * study.ceiling.halves * 1e-8)


def _tables(study: Study, plan: Plan, wildcards: Mapping[str, str]) -> Need:
    pairs = sum(len(group.stories) * len(group.subjects) for group in plan.groups.values())
    layers = [scored_shape(study, name).layers for name in scored_models(study)]
    largest = max(layers) * _targets(study, plan) * 4
    regions = min(_targets(study, plan), _REGIONS_AT_MOST)
    rows = sum(layers) * regions * pairs
    return Need(
        _SMALL + largest * max(len(group.subjects) for group in plan.groups.values()) + rows * 500,
        _START + rows * 2e-5,
    )


def _simulate(study: Study, plan: Plan, wildcards: Mapping[str, str]) -> Need:
    values = sum(
        len(plan.listeners(story)) * plan.dataset.n_rows(story) for story in plan.stories
    ) * _targets(study, plan, regions=False)
    return Need(_TORCH + 4 * values, _START + values * 2e-7)


def _tune(study: Study, plan: Plan, wildcards: Mapping[str, str]) -> Need:
    tuning, model = wildcards["tuning"], model_shape(study, wildcards["model"])
    settings = Settings(**tunings.settings_of(study, tuning))
    without_gpu, with_gpu = (
        sum(planned_memory(tuning_shape(model, settings, device), settings).values())
        for device in ("cpu", "cuda")
    )
    tokens = settings.steps * settings.tokens_per_step * 3
    return Need(
        _TORCH + without_gpu - CONTEXT,
        _START + tokens * 6 * model.parameters / _OPERATIONS,
        with_gpu,
    )


def _annotate(study: Study, plan: Plan, wildcards: Mapping[str, str]) -> Need:
    # The model's shapes are not looked at: give your own where it is large.
    return Need(16e9, 3600.0, 16e9)


_NEEDS: dict[str, Callable[[Study, Plan, Mapping[str, str]], Need]] = {
    "activations": _activations,
    "annotate_locally": _annotate,
    "insertion_measures": _activations,
    "text_activations": _activations,
    "bold": _bold,
    "ceiling": _ceiling,
    "chance": _chance,
    "decoding": _decoding,
    "decoding_ceiling": _decoding_ceiling,
    "deal_scores": _deals,
    "head_scores": _heads,
    "pair_scores": _pairs,
    "feature_space": _feature_space,
    "similarity": _similarity,
    "similarity_ceiling": _similarity_ceiling,
    "association_identification": _decoding,
    "association_scores": _encoding,
    "association_tables": _tables,
    "nuisance": _nuisance,
    "partition": _partition,
    "association_nuisance": _nuisance_texts,
    "encoding": _encoding,
    "simulate": _simulate,
    "tables": _tables,
    "tune": _tune,
    "tuned_activations": _activations,
    "tuning_identification": _decoding,
    "tuning_scores": _encoding,
    "tuning_tables": _tables,
}
#: Regions of both hemispheres that an atlas has, at most (assumed for those that
#: were not looked into).
_REGIONS_AT_MOST = 400


def _targets(study: Study, plan: Plan, regions: bool = True) -> float:
    """Return how many targets BOLD has.

    With `regions` it is after their mean over regions, where the study asks for it.
    """
    found = plan.dataset.n_targets()
    return min(found, REGIONS) if regions and study.bold.targets == "roi" else found
