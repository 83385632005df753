"""The study's configuration and plan, and the functions that name inputs and parameters.

Needs a configuration: --configfile, or the demo's when none is given. Nothing heavy is imported here, since every job of
a cluster reads this file again.
"""

import os
from math import ceil
from types import SimpleNamespace

from engram import __version__, endings
from engram import plan as planning
from engram import raw_plan
from engram.code import digest
from engram.config_files import check_files
from engram.config import MIRROR_VARIABLE, NAME, read_study, source_folder
from engram.disk import describe, estimate
from engram.errors import EngramError
from engram.listening import ASSOCIATED
from engram.names import (
    ASSOCIATION,
    AVERAGE,
    FEWEST_LISTENERS,
    NILEARN_ATLASES,
    NILEARN_PREFIX,
    ORIGINAL,
    REMOTE_VARIABLE,
    TUNING_CONTROLS,
    WORD_RATE,
    associations_file,
)
from engram.needs import all_jobs, need
from engram.paths import (
    ALICE_PINS,
    ALICE_SENTENCE_ENDS,
    ASSOCIATIONS,
    COMMON_WORDS,
    GENERATOR,
    PROMPTS,
    RESOURCES,
    ROI_SETS,
    TEMPLATES,
    TEXTS,
    TUNED_GENERATOR,
)
from engram.sidecar_memory import DIGESTS, attach

# Snakemake merges --configfile into the default one, deeply. The demo's is loaded only when the user gives no study, so
# that none of its models or stories leaks into another.
if not workflow.overwrite_configfiles and "study" not in config:

    configfile: workflow.source_path("../../config/config.yaml")


try:
    check_files(workflow.overwrite_configfiles)
    STUDY = read_study(config)
    PLAN = planning.make_plan(STUDY)
except EngramError as error:
    endings.refuse(error, logger)

RESULTS = STUDY.pathvars.get("results", f"results/{STUDY.study}")

# Downloads take a mirror from the environment: where a file came from is no part of what it is, and reruns nothing.
if STUDY.mirror_folder():
    os.environ[MIRROR_VARIABLE] = str(STUDY.mirror_folder())
for name in STUDY.left_out_models():
    logger.warning(
        f"model {name} is left out of this run: it is for runs with{'out' if STUDY.mirror_folder() else ''} a mirror"
    )


# In a conda environment the package is not installed: jobs find it beside the workflow.
if "conda" in {
    str(method.name).lower()
    for method in workflow.deployment_settings.deployment_method
}:
    os.environ.update(PYTHONPATH=str(RESOURCES.parent / "src"))


pathvars:
    results=RESULTS,
    downloads="resources/downloads",
    logs="<results>/logs",
    benchmarks="<results>/benchmarks",


wildcard_constraints:
    story=NAME,
    model=NAME,
    aug=NAME,
    download=r"[A-Za-z0-9.@-]+",
    group=r"[A-Za-z0-9.+-]+",
    tuning=NAME,
    variant=rf"({'|'.join([ASSOCIATION, *TUNING_CONTROLS])})-\d+",
    clone=r"[0-9a-f]+",
    files=r"[0-9a-f]{8}",
    atlas=NILEARN_ATLASES,


AUGMENTATIONS = [ORIGINAL]

# Said once, when the study is planned, and not by every job.
if workflow.is_main_process and STUDY.dataset.kind == "narratives":
    logger.warning(describe(estimate(STUDY, PLAN)))


def final_outputs():
    """Tables and figures of the study."""
    tables = [
        "scans.tsv",
        "tables/scores.tsv",
        "tables/roi_sets.tsv",
        "tables/best_layer.tsv",
        "tables/ceilings.tsv",
        "tables/regions.tsv",
        "tables/chance.tsv",
        "tables/comparisons.tsv",
        "tables/claims.tsv",
        *(
            [
                "tables/association.tsv",
                "tables/association_controls.tsv",
                "tables/association_texts.tsv",
                "tables/association_rows.tsv",
            ]
            if STUDY.associations
            else []
        ),
        *(["tables/tuning.tsv"] if STUDY.tunings else []),
        *(["tables/nuisance.tsv"] if has_nuisance() else []),
        *(["tables/association_unique.tsv"] if has_controlled_texts() else []),
    ]
    figures = [
        f"figures/{figure}.{kind}"
        for figure in figure_names()
        for kind in ("svg", "png")
    ]
    truth = ["tables/truth.tsv"] if STUDY.dataset.kind == "simulated" else []
    maps = [
        f"maps/{name}.shape.gii"
        for hemisphere in ("L", "R")
        for name in (
            f"hemi-{hemisphere}_ceilings",
            *(
                f"model-{model}_aug-{aug}_hemi-{hemisphere}_scores"
                for model in planning.models(STUDY)
                for aug in AUGMENTATIONS
            ),
        )
    ]
    on_surface = PLAN.brain == "surface"
    return [
        f"<results>/{path}"
        for path in [
            "dataset_description.json",
            *tables,
            *figures,
            *(maps if on_surface else []),
            *truth,
            "report.html",
        ]
    ]


def figure_names():
    """Figures that this study can have."""
    destrieux = (
        STUDY.dataset.kind == "narratives"
        and PLAN.brain == "surface"
        and STUDY.dataset.atlas is None
    )
    ceilings = any(
        len(PLAN.listeners(story)) >= FEWEST_LISTENERS for story in PLAN.stories
    )
    return [
        "layers",
        "regions",
        "alignment",
        *(["roi-layers"] if STUDY.language_models() else []),
        *(["roi-sets"] if destrieux else []),
        *(["reliability"] if ceilings else []),
        *(["association", "insertions"] if STUDY.associations else []),
        *(["tuning", "tuning-methods", "tuning-losses"] if STUDY.tunings else []),
        *(["tuning-roi-sets"] if STUDY.tunings and destrieux else []),
        *(["brain"] if PLAN.brain else []),
        *(["ceiling-brain"] if PLAN.brain and ceilings else []),
        *(["association-brain"] if PLAN.brain and STUDY.associations else []),
        *(["tuning-brain"] if PLAN.brain and STUDY.tunings else []),
    ]


def code_of(rule_name):
    """The digest of a rule's script and of the modules it imports."""
    return digest(workflow.source_path(f"../scripts/{rule_name}.py"))


def memory(rule_name):
    """A function that returns a job's megabytes: as many as are estimated, and that again at every new try."""

    def megabytes(wildcards, attempt):
        found = need(STUDY, PLAN, rule_name, dict(wildcards.items()))
        return attempt * ceil(found.memory / 1e6)

    return megabytes


def minutes(rule_name):
    """A function that returns a job's minutes: three times what is estimated, an hour at least, and that again at every new try."""

    def runtime(wildcards, attempt):
        found = need(STUDY, PLAN, rule_name, dict(wildcards.items()))
        return attempt * max(60, ceil(3 * found.seconds / 60))

    return runtime


def alice_config(wildcards):
    """What the download of Alice depends on: the table of its files, by content."""
    return {"files": planning.file_fingerprint(ALICE_PINS)}


def section(name):
    """A section of the configuration as a plain dict."""
    return plain(getattr(STUDY, name).model_dump(mode="json"))


def plain(value):
    """The value with sorted keys: Snakemake compares parameters by their text."""
    return (
        {key: plain(value[key]) for key in sorted(value)}
        if isinstance(value, dict)
        else value
    )


def words_manifest(wildcards):
    """The manifest of the words of a dataset that is downloaded or made; none for a folder that the user names."""
    return _manifest(f"words-{wildcards.story}")


def scans_manifest(wildcards):
    """The manifest of the scans of a dataset that is downloaded or made; none for a folder that the user names."""
    record = (
        planning.fetch_name(STUDY, PLAN, wildcards.story)
        if STUDY.dataset.kind == "narratives"
        else ""
    )
    return _manifest(f"scans-{record}")


def _manifest(of_story):
    if STUDY.dataset.kind == "narratives" and dataset_folder() is None:
        return [
            f"<downloads>/narratives-{planning.clone_name(STUDY.dataset)}/{of_story}.tsv"
        ]
    manifests = {
        "alice": ["<downloads>/alice/manifest.tsv"],
        "simulated": ["<results>/simulated/manifest.tsv"],
    }
    return manifests.get(STUDY.dataset.kind, [])


def atlas_manifest(wildcards):
    """The manifest of an atlas that is downloaded."""
    atlas = getattr(STUDY.dataset, "atlas", None) or ""
    if not atlas.startswith(NILEARN_PREFIX):
        return []
    return [f"<downloads>/atlases/{atlas.removeprefix(NILEARN_PREFIX)}.tsv"]


def reads(found):
    """Raw files that a job reads, and where their digests are remembered."""
    return raw_plan.with_digests(found, workflow.pathvars.apply(f"<results>/{DIGESTS}"))


def words_read(wildcards):
    """Raw files of a story's words."""
    return reads(raw_plan.words(PLAN, wildcards.story))


def scans_read(wildcards):
    """Raw files of a story's scans, and of an atlas that the user names."""
    return reads(raw_plan.scans(STUDY, PLAN, wildcards.story))


def model_read(wildcards):
    """Folders of a model that is not downloaded, and of its base."""
    return reads(raw_plan.model(STUDY, wildcards.model))


def annotator_read(wildcards):
    """The folder of a model that writes associations."""
    return reads(raw_plan.annotator(STUDY, wildcards.aug))


def associations_read(wildcards):
    """The file of a story's associations as people made it."""
    return reads(raw_plan.associations(STUDY, wildcards.aug, wildcards.story))


def pool_read(wildcards):
    """Files of other stories' associations."""
    return reads(raw_plan.pool(STUDY, wildcards.aug, wildcards.story))


def words_fetch_config(wildcards):
    """What the download of a story's words depends on."""
    return plain(planning.words_to_fetch(STUDY, PLAN, wildcards.story))


def scans_fetch_config(wildcards):
    """What the download of a story's scans depends on."""
    return plain(planning.scans_to_fetch(STUDY, PLAN, wildcards.story))


def simulation_config(wildcards):
    """What simulated listeners depend on: the texts and the generator, by their content, among others."""
    dataset = section("dataset")
    associated = {
        story: ASSOCIATIONS / associations_file(story, ASSOCIATED)
        for story in PLAN.stories
    }
    return {
        "associations": {
            story: planning.file_fingerprint(path)
            for story, path in associated.items()
            if path.exists()
        },
        "dataset": {
            key: dataset[key] for key in ("listeners", "space", "stories", "words")
        },
        "generator": planning.folder_fingerprint(GENERATOR),
        "generator_tuned": planning.folder_fingerprint(TUNED_GENERATOR),
        "seed": STUDY.seed,
        "texts": {
            story: planning.file_fingerprint(TEXTS / f"{story}.txt")
            for story in PLAN.stories
        },
    }


def association_tables(wildcards):
    """The tables of F, where the study has associations."""
    names = ["association", "association_controls"] if STUDY.associations else []
    return [f"<results>/tables/{name}.tsv" for name in names]


def tuning_tables(wildcards):
    """The tables of scores and losses of tunings, where the study has some."""
    names = ["tuning", "tuning_curves"] if STUDY.tunings else []
    return [f"<results>/tables/{name}.tsv" for name in names]


def truth_config(wildcards):
    """What the comparison with the truth depends on."""
    return {"layer": STUDY.figures.layer, "models": figure_models()}


def dataset_folder():
    """Where the raw files are, if the user names it."""
    return getattr(STUDY.dataset, "path", None)


def story_config(wildcards):
    """What a words table depends on."""
    ends = (
        planning.file_fingerprint(ALICE_SENTENCE_ENDS)
        if STUDY.dataset.kind == "alice"
        else None
    )
    return {
        "dataset": plain(planning.words_config(STUDY, PLAN, wildcards.story)),
        "folder": dataset_folder(),
        "sentence_ends": ends,
        "stories": section("stories"),
    }


def bold_config(wildcards):
    """What a story's BOLD depends on."""
    rows = section("encoding")
    return {
        "bold": section("bold"),
        "dataset": plain(planning.reader_config(STUDY, PLAN, wildcards.story)),
        "excluded": [
            [subject, scan, reason]
            for subject, story, scan, reason in PLAN.excluded
            if story == wildcards.story
        ],
        "folder": dataset_folder(),
        "rows": {key: rows[key] for key in ("tail", "trim")},
        "study": STUDY.study,
        "subjects": PLAN.listeners(wildcards.story),
    }


def model_manifest(wildcards):
    """The manifest of a model that is downloaded, or of an adapter's base; none for a folder or a baseline."""
    if wildcards.model == WORD_RATE:
        return []
    name = planning.weights_of(STUDY, wildcards.model)
    if planning.is_local(STUDY, name):
        return []
    return [
        f"<downloads>/models/{planning.download_name(STUDY.language_models()[name])}.tsv"
    ]


def download_config(wildcards):
    """What a model's download depends on."""
    return planning.download_source(STUDY, wildcards.download)


def activations_config(wildcards):
    """What a story's activations depend on."""
    if wildcards.model == WORD_RATE:
        return {"model": {"source": WORD_RATE}}
    return {
        "model": plain(planning.model_key(STUDY, wildcards.model)),
        "reading": section("activations"),
    }


def group_files(pattern):
    """A function that returns one file for each story of a group."""

    def files(wildcards):
        return [
            pattern.format(story=story, **wildcards)
            for story in PLAN.groups[wildcards.group].stories
        ]

    return files


def paths_of(pattern, keys):
    """The file of each key: what a job reads, and what it expects the files to be of, come from one list."""
    return [pattern.format(**key) for key in keys]


def encoding_config(wildcards):
    """What a group's scores depend on."""
    group = PLAN.groups[wildcards.group]
    return {
        "encoding": section("encoding"),
        "stories": list(group.stories),
        "study": STUDY.study,
        "subjects": list(group.subjects),
    }


def ceiling_config(wildcards):
    """What a story's ceilings depend on."""
    rows = section("encoding")
    return {
        "halves": STUDY.ceiling.halves,
        "rows": {
            key: rows[key]
            for key in ("delays", "folds", "longest_delay", "words_to_trs")
        },
        "seed": STUDY.seed,
        "study": STUDY.study,
    }


SCORES = "<results>/scores/group-{group}_model-{model}_aug-{aug}_scores.nc"


def score_keys():
    """What there are scores of: every group, model and augmentation."""
    return [
        {"aug": aug, "group": group, "model": model}
        for group in PLAN.groups
        for model in planning.models(STUDY)
        for aug in AUGMENTATIONS
    ]


def all_scores(wildcards):
    """Scores of every group, model and augmentation."""
    return paths_of(SCORES, score_keys())


def group_keys():
    """Every group."""
    return [{"group": group} for group in PLAN.groups]


def story_keys():
    """Every story."""
    return [{"story": story} for story in PLAN.stories]


def model_scores(wildcards):
    """Scores of every group for one model and text."""
    return paths_of(SCORES, [{**wildcards, **key} for key in group_keys()])


def any_ceiling(wildcards):
    """The ceilings of a story: they say, as all do, which vertex belongs to which target."""
    return all_ceilings(wildcards)[0]


def maps_config(wildcards):
    """What maps of scores depend on."""
    return {
        "keys": {"scores": group_keys()},
        "space": STUDY.dataset.space,
        "study": STUDY.study,
    }


def ceiling_maps_config(wildcards):
    """What maps of ceilings depend on."""
    return {
        "keys": {"ceilings": story_keys()},
        "space": STUDY.dataset.space,
        "study": STUDY.study,
    }


def brain_table(wildcards):
    """The table that a figure of the brain is drawn from."""
    tables = {
        "brain": "scores",
        "ceiling-brain": "ceilings",
        "association-brain": "association",
        "tuning-brain": "tuning",
    }
    return f"<results>/tables/{tables[wildcards.figure]}.tsv"


def brain_map_keys(figure):
    """What the maps of a figure are of, those of either hemisphere; none where regions are painted or are markers."""
    if PLAN.brain != "surface":
        return []
    if figure == "association-brain":
        return [{"aug": aug, "model": model} for aug, model in association_pairs()]
    return {
        "brain": [{"aug": ORIGINAL, "model": model} for model in figure_models()],
        "ceiling-brain": [{}],
    }.get(figure, [])


def brain_maps(hemisphere):
    """A function that returns the maps of one hemisphere for a figure of the brain."""
    names = {
        "brain": f"model-{{model}}_aug-{{aug}}_hemi-{hemisphere}_scores",
        "ceiling-brain": f"hemi-{hemisphere}_ceilings",
        "association-brain": f"model-{{model}}_aug-{{aug}}_hemi-{hemisphere}_association",
    }

    def maps(wildcards):
        keys = brain_map_keys(wildcards.figure)
        name = names.get(wildcards.figure, "")
        return paths_of(f"<results>/maps/{name}.shape.gii", keys)

    return maps


def brain_places(wildcards):
    """The ceilings of a story, which say where regions are, for maps that are painted region by region."""
    painted = PLAN.brain == "surface" and not brain_map_keys(wildcards.figure)
    return any_ceiling(wildcards) if painted else []


def brain_figure_config(wildcards):
    """What a figure of the brain depends on."""
    return {
        **section("figures"),
        "figure": wildcards.figure,
        "floor": STUDY.ceiling.floor,
        "keys": dict.fromkeys(("L", "R"), brain_map_keys(wildcards.figure)),
        "shown": figure_models(),
        "space": STUDY.dataset.space if PLAN.brain == "surface" else None,
        "study": STUDY.study,
    }


def figure_models():
    """Models that the brain shows: trained language models, or whatever there is."""
    trained = [
        name for name, model in STUDY.language_models().items() if not model.untrained
    ]
    return trained or planning.models(STUDY)


def all_ceilings(wildcards):
    """Ceilings of every story."""
    return paths_of("<results>/ceilings/story-{story}_ceiling.nc", story_keys())


def all_scans(wildcards):
    """What was heard and read of every story."""
    return [f"<results>/bold/story-{story}_scans.tsv" for story in PLAN.stories]


def tables_config(wildcards):
    """What the tables depend on."""
    return {
        "floor": STUDY.ceiling.floor,
        "keys": {"ceilings": story_keys(), "scores": score_keys()},
        "roi_sets": planning.file_fingerprint(ROI_SETS),
        "stories": {
            group: list(members.stories)
            for group, members in sorted(PLAN.groups.items())
        },
        "study": STUDY.study,
    }


def groups_of_listeners():
    """Groups that have a single listener among them: statistics are over these."""
    return [
        name for name, group in PLAN.groups.items() if set(group.subjects) - {AVERAGE}
    ]


def listeners_keys(models):
    """Models and groups of single listeners, of the stories as they were heard."""
    return [
        {"aug": ORIGINAL, "group": group, "model": model}
        for model in models
        for group in groups_of_listeners()
    ]


def listeners_scores(wildcards):
    """Scores of every model and group of single listeners, of the stories as they were heard."""
    return paths_of(SCORES, listeners_keys(planning.models(STUDY)))


def all_nulls(wildcards):
    """Scores on shifted BOLD, of every model and group of single listeners."""
    return paths_of(
        "<results>/chance/group-{group}_model-{model}_null.nc",
        listeners_keys(planning.models(STUDY)),
    )


def chance_config(wildcards):
    """What the scores on shifted BOLD depend on."""
    return {
        **listeners_config(wildcards),
        "number": STUDY.chance.shifts,
        "seed": STUDY.seed,
        "targets": STUDY.chance.targets,
    }


def listeners_config(wildcards):
    """What the scores of a group's single listeners depend on, at the reported layer."""
    group = PLAN.groups[wildcards.group]
    return {
        "encoding": section("encoding"),
        "layer": STUDY.figures.layer,
        "stories": list(group.stories),
        "study": STUDY.study,
        "subjects": [subject for subject in group.subjects if subject != AVERAGE],
    }


def has_nuisance():
    """Whether language models are scored beside nuisance features."""
    return STUDY.nuisance.method != "none" and bool(STUDY.language_models())


def all_nuisance(wildcards):
    """Scores beside nuisance features, of every language model and group of single listeners."""
    return paths_of(
        "<results>/nuisance/group-{group}_model-{model}_scores.nc",
        listeners_keys(STUDY.language_models()),
    )


def nuisance_config(wildcards):
    """What scores beside nuisance features depend on."""
    nuisance = section("nuisance")
    return {
        **listeners_config(wildcards),
        "features": nuisance["features"],
        "targets": nuisance["targets"],
    }


def nuisance_table_config(wildcards):
    """What the table of unique contributions depends on."""
    return {
        "keys": {"scores": listeners_keys(STUDY.language_models())},
        "layer": STUDY.figures.layer,
        "seed": STUDY.seed,
        "study": STUDY.study,
    }


def has_controlled_texts():
    """Whether associations are scored beside nuisance features."""
    return bool(STUDY.associations and planning.controlled_models(STUDY))


def nuisance_texts_keys():
    """Augmentations, models and groups of single listeners whose scores stand beside nuisance features."""
    return [
        {"aug": aug, "group": group, "model": model}
        for aug in STUDY.associations
        for model in planning.controlled_models(STUDY)
        for group in groups_of_listeners()
    ]


def all_nuisance_texts(wildcards):
    """Scores of augmented texts beside nuisance features, by augmentation, model and group of single listeners."""
    return paths_of(
        "<results>/nuisance/group-{group}_model-{model}_aug-{aug}_scores.nc",
        nuisance_texts_keys(),
    )


def nuisance_texts_config(wildcards):
    """What scores of augmented texts beside nuisance features depend on."""
    nuisance = section("nuisance")
    return {
        **listeners_config(wildcards),
        **{key: nuisance[key] for key in ("features", "random_texts", "targets")},
    }


def nuisance_texts_table_config(wildcards):
    """What the table of associations' unique contributions depends on."""
    return {
        "keys": {"scores": nuisance_texts_keys()},
        "layer": STUDY.figures.layer,
        "seed": STUDY.seed,
        "study": STUDY.study,
    }


def comparisons_config(wildcards):
    """What the tests against chance and between models and hemispheres depend on."""
    scored = listeners_keys(planning.models(STUDY))
    return {
        "keys": {"nulls": scored, "scores": scored},
        "layer": STUDY.figures.layer,
        "seed": STUDY.seed,
        "study": STUDY.study,
    }


def any_activations_keys():
    """A story as every trained model read it."""
    return [
        {"aug": ORIGINAL, "model": model, "story": PLAN.stories[0]}
        for model in trained_models()
    ]


def any_activations(wildcards):
    """A story's activations in every trained model: how deep and wide it is."""
    return paths_of(
        "<results>/activations/story-{story}_model-{model}_aug-{aug}_activations.nc",
        any_activations_keys(),
    )


def trained_models():
    """The sources of the language models that were trained as they are: no untrained twins and no adapters."""
    return {
        name: model.source
        for name, model in STUDY.language_models().items()
        if not (model.untrained or model.base)
    }


def claims_config(wildcards):
    """What the verdict on published claims depends on."""
    return {
        "alignment": STUDY.associating.alignment,
        "keys": {
            "activations": any_activations_keys(),
            "associations": text_keys(),
            "effects": effects_keys(),
            "scores": listeners_keys(planning.models(STUDY)),
            "tuned": tuned_effects_keys(),
        },
        "layer": STUDY.figures.layer,
        "people": STUDY.dataset.kind != "simulated",
        "roi_sets": planning.file_fingerprint(ROI_SETS),
        "seed": STUDY.seed,
        "sources": trained_models(),
        "study": STUDY.study,
    }


def figure_config(wildcards):
    """What a figure depends on."""
    return {
        **section("figures"),
        "figure": wildcards.figure,
        "models": planning.models(STUDY),
        "shown": figure_models(),
    }


EFFECTS = "<results>/associations/group-{group}_model-{model}_aug-{aug}_scores.nc"


def effects_keys():
    """What there are scores of augmented texts of: every augmentation, model and group."""
    return [
        {"aug": aug, "group": group, "model": model}
        for aug in STUDY.associations
        for model in planning.associating_models(STUDY)
        for group in PLAN.groups
    ]


def all_effects(wildcards):
    """Scores of augmented texts of every group, model and augmentation."""
    return paths_of(EFFECTS, effects_keys())


def model_effects(wildcards):
    """Scores of augmented texts of every group for one model and augmentation."""
    return paths_of(EFFECTS, [{**wildcards, **key} for key in group_keys()])


def association_pairs():
    """Augmentations and models whose F is mapped on a surface: none where regions are scored as wholes, or stand as markers."""
    if PLAN.brain != "surface" or STUDY.associating.targets == "roi":
        return []
    return [
        [aug, model]
        for aug in STUDY.associations
        for model in planning.associating_models(STUDY)
    ]


def text_keys():
    """Every augmentation of every story."""
    return [
        {"aug": aug, "story": story}
        for aug in STUDY.associations
        for story in PLAN.stories
    ]


def all_texts(wildcards):
    """What was inserted in every story, by augmentation."""
    return paths_of(
        "<results>/associations/story-{story}_aug-{aug}_texts.tsv", text_keys()
    )


def all_rows(wildcards):
    """Inserted words that are rows of their own, by augmentation and story."""
    return [path.replace("_texts.tsv", "_rows.tsv") for path in all_texts(wildcards)]


def all_associations(wildcards):
    """The associations of every story, by augmentation."""
    return paths_of(
        "<results>/associations/story-{story}_associations-{aug}.tsv", text_keys()
    )


def written_associations(wildcards):
    """The file of a story's associations that a model will write; none where people made it."""
    annotator = STUDY.associations[wildcards.aug].annotator
    if annotator is None:
        return []
    kind = "generated" if annotator.address is None else "written"
    return [
        f"<results>/associations/{kind}/story-{wildcards.story}_associations-{wildcards.aug}.tsv"
    ]


def annotate_config(wildcards):
    """What a model's associations depend on, beside the content of a model in a folder."""
    annotator = plain(
        STUDY.associations[wildcards.aug].annotator.model_dump(mode="json")
    )
    if annotator["address"] is None:
        annotator["folder"] = str(source_folder(annotator["model"]))
    return {
        **annotator,
        "prompts": planning.folder_fingerprint(PROMPTS),
        "seed": STUDY.seed,
    }


def associations_config(wildcards):
    """What the check of a file of associations depends on."""
    return {"name": wildcards.aug}


def texts_config(wildcards):
    """What augmented and control texts depend on."""
    return {
        "alignment": STUDY.associating.alignment,
        "common_words": planning.file_fingerprint(COMMON_WORDS),
        "controls": section("associating")["controls"],
        "seed": STUDY.seed,
    }


def augment_config(wildcards):
    """What the activations of augmented texts depend on."""
    associating = section("associating")
    return {
        **activations_config(wildcards),
        "alignment": associating["alignment"],
        "layer": STUDY.figures.layer,
        "room": associating["room"],
    }


def effects_config(wildcards):
    """What a group's scores of augmented texts depend on."""
    return {
        **encoding_config(wildcards),
        "layer": STUDY.figures.layer,
        "targets": STUDY.associating.targets,
    }


def effects_table_config(wildcards):
    """What the tables of associations depend on."""
    return {
        "keys": {"associations": text_keys(), "scores": effects_keys()},
        "layer": STUDY.figures.layer,
        "seed": STUDY.seed,
        "study": STUDY.study,
    }


def association_figure_config(wildcards):
    """What the figure of associations depends on: the order of all texts and tunings gives their colours."""
    return {"dpi": STUDY.figures.dpi, "texts": [*STUDY.associations, *STUDY.tunings]}


def insertions_figure_config(wildcards):
    """What the figure of insertions depends on."""
    return {
        **association_figure_config(wildcards),
        "keys": {"associations": text_keys(), "words": story_keys()},
    }


def alignment_figure_config(wildcards):
    """What the figure of words beside BOLD depends on."""
    return {
        "dpi": STUDY.figures.dpi,
        "keys": {"bold": story_keys(), "words": story_keys()},
        "study": STUDY.study,
    }


def all_bold(wildcards):
    """BOLD of every story."""
    return paths_of("<results>/bold/story-{story}_bold.nc", story_keys())


def all_words(wildcards):
    """Words of every story."""
    return paths_of("<results>/stories/story-{story}_words.tsv", story_keys())


TUNED_MODEL = "<results>/tunings/{tuning}/model-{model}_{variant}"


def variant_keys(tuning):
    """The variants of a tuning."""
    return [{"variant": variant} for variant in planning.tuning_variants(STUDY, tuning)]


def tuned_folders(wildcards):
    """Every tuned model of a model and a tuning."""
    variants = variant_keys(wildcards.tuning)
    mine = {"model": wildcards.model, "tuning": wildcards.tuning}
    return paths_of(TUNED_MODEL, [{**mine, **key} for key in variants])


def tuned_model_keys():
    """Every tuned model."""
    return [
        {"model": model, "tuning": tuning, **key}
        for tuning in STUDY.tunings
        for model in planning.tuned_models(STUDY, tuning)
        for key in variant_keys(tuning)
    ]


def all_tuned_folders(wildcards):
    """The folder of every tuned model."""
    return paths_of(TUNED_MODEL, tuned_model_keys())


def tuned_effects_keys():
    """What there are scores of tuned models of: every tuning, model and group."""
    return [
        {"group": group, "model": model, "tuning": tuning}
        for tuning in STUDY.tunings
        for model in planning.tuned_models(STUDY, tuning)
        for group in PLAN.groups
    ]


def all_tuned_effects(wildcards):
    """Scores of every tuned model, by tuning, model and group."""
    return paths_of(
        "<results>/tunings/group-{group}_model-{model}_tuning-{tuning}_scores.nc",
        tuned_effects_keys(),
    )


def tuning_keys():
    """Every tuning."""
    return [{"tuning": tuning} for tuning in STUDY.tunings]


def all_tuning_counts(wildcards):
    """What the samples of every tuning are."""
    return paths_of("<results>/tunings/{tuning}_samples.json", tuning_keys())


def tuning_set_config(wildcards):
    """What the check of samples depends on."""
    one = planning.tuning_config(STUDY, wildcards.tuning)
    return {
        "content": one["content"],
        "data": one["data"],
        "keys": {"words": story_keys()},
    }


def tune_config(wildcards):
    """What a tuned model depends on; a condition's seeds are the same numbers, so that conditions can be compared one by one."""
    one = plain(planning.tuning_config(STUDY, wildcards.tuning))
    condition, number = wildcards.variant.rsplit("-", 1)
    about_data = ("content", "data", "licence", "too_long", "validation")
    settings = {key: value for key, value in one.items() if key not in about_data}
    return {
        **{key: one[key] for key in about_data},
        "condition": condition,
        "model": plain(planning.model_key(STUDY, wildcards.model)),
        "settings": plain({**settings, "seed": 1000 * STUDY.seed + int(number)}),
        "study_seed": STUDY.seed,
    }


def tuned_config(wildcards):
    """What the activations of tuned models depend on."""
    return {
        **activations_config(wildcards),
        "keys": {"tuned": variant_keys(wildcards.tuning)},
        "layer": STUDY.figures.layer,
    }


def tuned_effects_config(wildcards):
    """What a group's scores of tuned models depend on."""
    return {
        **encoding_config(wildcards),
        "layer": STUDY.figures.layer,
        "targets": STUDY.tunings[wildcards.tuning].targets,
    }


def tuning_tables_config(wildcards):
    """What the tables of tunings depend on."""
    return {
        "keys": {
            "counts": tuning_keys(),
            "scores": tuned_effects_keys(),
            "tuned": tuned_model_keys(),
        },
        "layer": STUDY.figures.layer,
        "methods": {tuning: one.method for tuning, one in STUDY.tunings.items()},
        "roi_sets": planning.file_fingerprint(ROI_SETS),
        "seed": STUDY.seed,
        "study": STUDY.study,
    }


def tuning_figure_config(wildcards):
    """What a figure of tunings depends on."""
    return {**association_figure_config(wildcards), "figure": wildcards.figure}


def report_tables(wildcards):
    """The tables of the report, which shows whatever stands here."""
    about = ["association", "association_controls", "association_texts"]
    tuning = ["tuning", "tuning_roi_sets", "tuning_models", "tuning_samples"]
    names = [
        "scores",
        "best_layer",
        "roi_sets",
        "ceilings",
        "regions",
        "claims",
        "chance",
        "comparisons",
        *(["nuisance"] if has_nuisance() else []),
        *(["association_unique"] if has_controlled_texts() else []),
        *(about if STUDY.associations else []),
        *(tuning if STUDY.tunings else []),
        *(["truth"] if STUDY.dataset.kind == "simulated" else []),
    ]
    return ["<results>/scans.tsv", *(f"<results>/tables/{name}.tsv" for name in names)]


def report_svgs(wildcards):
    """The figures of the report."""
    return [f"<results>/figures/{figure}.svg" for figure in figure_names()]


def report_pngs(wildcards):
    """The same figures as images."""
    return [f"<results>/figures/{figure}.png" for figure in figure_names()]


def report_score_maps(wildcards):
    """Maps of R that the report lets readers turn: left and right hemisphere of each language model."""
    if PLAN.brain != "surface":
        return []
    return [
        f"<results>/maps/model-{model}_aug-{ORIGINAL}_hemi-{hemisphere}_scores.shape.gii"
        for model in figure_models()
        for hemisphere in ("L", "R")
    ]


def report_association_maps(wildcards):
    """Maps of F, left and right, of each augmentation and model, where there are some."""
    return [
        f"<results>/maps/model-{model}_aug-{aug}_hemi-{hemisphere}_association.shape.gii"
        for aug, model in association_pairs()
        for hemisphere in ("L", "R")
    ]


def report_ceiling_maps(wildcards):
    """Maps of the ceilings, left and right."""
    if PLAN.brain != "surface":
        return []
    return [
        f"<results>/maps/hemi-{hemisphere}_ceilings.shape.gii"
        for hemisphere in ("L", "R")
    ]


def report_config(wildcards):
    """What the report depends on: the whole study as it was checked, and what the plan made of it."""
    study = STUDY.model_dump(mode="json", exclude={"mirror", "pathvars"})
    models = STUDY.language_models()
    made = {
        "associating_models": planning.associating_models(STUDY),
        "association_maps": association_pairs(),
        "brain": PLAN.brain,
        "left_out_models": STUDY.left_out_models(),
        "models": {name: one.model_dump(mode="json") for name, one in models.items()},
        "scored": planning.models(STUDY),
        "shown": figure_models(),
        "templates": planning.folder_fingerprint(TEMPLATES),
        "told": PLAN.stories,
    }
    return plain({**study, **made})


def description_config(wildcards):
    """What the description of the results depends on."""
    sources = planning.source_datasets(STUDY)
    return {"sources": sources, "study": STUDY.study, "version": __version__}


def preflight_config(wildcards):
    """What the check before a run looks at."""
    jobs = {}
    for rule_name, all_wildcards in all_jobs(STUDY, PLAN).items():
        needs = [need(STUDY, PLAN, rule_name, one) for one in all_wildcards]
        jobs[rule_name] = {
            "count": len(needs),
            "gpu": max(one.gpu for one in needs),
            "memory": max(one.memory for one in needs),
            "seconds": sum(one.seconds for one in needs),
        }
    mirror = STUDY.mirror_folder()
    return {
        "annotators": [
            name
            for name, one in STUDY.associations.items()
            if one.annotator is not None and one.annotator.address is not None
        ],
        "data": data_config(),
        "disk": sum(estimate(STUDY, PLAN).values()),
        "fetches_narratives": STUDY.dataset.kind == "narratives"
        and dataset_folder() is None,
        "jobs": jobs,
        "mirror": str(mirror) if mirror else None,
        "models": [
            {
                "code": model.trust_remote_code,
                "here": planning.is_local(STUDY, name) or was_downloaded(model),
                "name": name,
                "revision": model.revision,
                "source": model.source,
            }
            for name, model in STUDY.language_models().items()
        ],
        "remote": runs_elsewhere(),
        "study": STUDY.study,
        "wants_gpu": "cuda" in (STUDY.activations.device, STUDY.encoding.backend[6:]),
    }


def data_config():
    """What a check before a run reads: the tables of a study, where they are here."""
    folder, why_not = planning.tables_here(STUDY, PLAN)
    stories = [SimpleNamespace(story=one) for one in PLAN.stories if folder]
    return {
        "folder": folder,
        "stories": {
            one.story: {"scans": bold_config(one), "words": story_config(one)}
            for one in stories
        },
        "why_not": why_not,
    }


def was_downloaded(model):
    """Whether a model of the hub is here already."""
    downloads = STUDY.pathvars.get("downloads", "resources/downloads")
    return os.path.exists(f"{downloads}/models/{planning.download_name(model)}.tsv")


def runs_elsewhere():
    """Whether jobs go to a cluster; the process of a local job knows it from the environment."""
    if workflow.is_main_process:
        os.environ[REMOTE_VARIABLE] = str(int(bool(workflow.non_local_exec)))
    return os.environ.get(REMOTE_VARIABLE) == "1"
