"""The study's configuration and plan, and the functions that name inputs and parameters.

Needs a configuration: --configfile, or the demo's when none is given. Nothing heavy is imported here, since every job of
a cluster reads this file again.
"""

import os

from snakemake.exceptions import WorkflowError

from engram import plan as planning
from engram.code import digest
from engram.config import MIRROR_VARIABLE, NAME, read_study, source_folder
from engram.disk import describe, estimate
from engram.errors import EngramError
from engram.names import NILEARN_ATLASES, NILEARN_PREFIX, ORIGINAL, WORD_RATE
from engram.paths import (
    ALICE_SENTENCE_ENDS,
    COMMON_WORDS,
    GENERATOR,
    RESOURCES,
    ROI_SETS,
    TEXTS,
)

# Snakemake merges --configfile into the default one, deeply. The demo's is loaded only when the user gives no study, so
# that none of its models or stories leaks into another.
if not workflow.overwrite_configfiles and "study" not in config:

    configfile: workflow.source_path("../../config/config.yaml")


try:
    STUDY = read_study(config)
    PLAN = planning.make_plan(STUDY)
except EngramError as error:
    raise WorkflowError(str(error)) from None

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
    results=f"results/{STUDY.study}",
    downloads="resources/downloads",
    logs="<results>/logs",
    benchmarks="<results>/benchmarks",


wildcard_constraints:
    story=NAME,
    model=NAME,
    aug=NAME,
    download=r"[A-Za-z0-9.@-]+",
    group=r"[A-Za-z0-9.+-]+",
    figure=r"(?!association)[a-z-]+",
    clone=r"[0-9a-f]+",
    files=r"[0-9a-f]{8}",
    atlas=NILEARN_ATLASES,


AUGMENTATIONS = [ORIGINAL]

# Said once, when the study is planned, and not by every job.
if workflow.is_main_process and STUDY.dataset.kind == "narratives":
    logger.warning(
        describe(estimate(STUDY, PLAN, len(AUGMENTATIONS) + len(STUDY.associations)))
    )


def final_outputs():
    """Tables and figures of the study."""
    tables = [
        "scans.tsv",
        "tables/scores.tsv",
        "tables/roi_sets.tsv",
        "tables/best_layer.tsv",
        "tables/ceilings.tsv",
        "tables/regions.tsv",
        *(
            [
                "tables/association.tsv",
                "tables/association_controls.tsv",
                "tables/association_texts.tsv",
            ]
            if STUDY.associations
            else []
        ),
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
        for path in [*tables, *figures, *(maps if on_surface else []), *truth]
    ]


def figure_names():
    """Figures that this study can have."""
    destrieux = (
        STUDY.dataset.kind == "narratives"
        and PLAN.brain == "surface"
        and STUDY.dataset.atlas is None
    )
    return [
        "layers",
        "regions",
        *(["roi-sets"] if destrieux else []),
        *(["brain"] if PLAN.brain else []),
        *(["association"] if STUDY.associations else []),
    ]


def code_of(rule_name):
    """The digest of a rule's script and of the modules it imports."""
    return digest(workflow.source_path(f"../scripts/{rule_name}.py"))


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


def atlas_files(wildcards):
    """The files of an atlas that the user names, or the manifest of one that is downloaded."""
    atlas = getattr(STUDY.dataset, "atlas", None)
    if atlas is None:
        return []
    if atlas.startswith(NILEARN_PREFIX):
        return [f"<downloads>/atlases/{atlas.removeprefix(NILEARN_PREFIX)}.tsv"]
    return planning.atlas_files(STUDY.dataset)


def word_files(wildcards):
    """Raw files of a story's words."""
    return PLAN.story_files[wildcards.story]


def scan_files(wildcards):
    """Raw files of a story's scans."""
    return [
        *PLAN.common_files,
        *(
            path
            for scan in PLAN.scans
            if scan.story == wildcards.story
            for path in scan.files
        ),
    ]


def words_fetch_config(wildcards):
    """What the download of a story's words depends on."""
    return plain(planning.words_to_fetch(STUDY, PLAN, wildcards.story))


def scans_fetch_config(wildcards):
    """What the download of a story's scans depends on."""
    return plain(planning.scans_to_fetch(STUDY, PLAN, wildcards.story))


def simulation_config(wildcards):
    """What simulated listeners depend on: the texts and the generator, by their content, among others."""
    dataset = section("dataset")
    return {
        "dataset": {
            key: dataset[key] for key in ("listeners", "space", "stories", "words")
        },
        "generator": planning.folder_fingerprint(GENERATOR),
        "seed": STUDY.seed,
        "texts": {
            story: planning.file_fingerprint(TEXTS / f"{story}.txt")
            for story in PLAN.stories
        },
    }


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
        "subjects": PLAN.listeners(wildcards.story),
    }


def model_manifest(wildcards):
    """The manifest of a model that is downloaded; none for a folder or a baseline."""
    if wildcards.model == WORD_RATE or planning.is_local(STUDY, wildcards.model):
        return []
    return [
        f"<downloads>/models/{planning.download_name(STUDY.language_models()[wildcards.model])}.tsv"
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


def encoding_config(wildcards):
    """What a group's scores depend on."""
    return {
        "encoding": section("encoding"),
        "subjects": list(PLAN.groups[wildcards.group].subjects),
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
    }


def all_scores(wildcards):
    """Scores of every group, model and augmentation."""
    return [
        f"<results>/scores/group-{group}_model-{model}_aug-{aug}_scores.nc"
        for group in PLAN.groups
        for model in planning.models(STUDY)
        for aug in AUGMENTATIONS
    ]


def model_scores(wildcards):
    """Scores of every group for one model and text."""
    return [
        f"<results>/scores/group-{group}_model-{wildcards.model}_aug-{wildcards.aug}_scores.nc"
        for group in PLAN.groups
    ]


def any_ceiling(wildcards):
    """The ceilings of a story: they say, as all do, which vertex belongs to which target."""
    return all_ceilings(wildcards)[0]


def maps_config(wildcards):
    """What maps depend on."""
    return {"space": STUDY.dataset.space}


def figure_maps(wildcards):
    """The maps that a figure is drawn from: left and right hemisphere of each language model."""
    if wildcards.figure != "brain" or PLAN.brain != "surface":
        return []
    return [
        f"<results>/maps/model-{model}_aug-{ORIGINAL}_hemi-{hemisphere}_scores.shape.gii"
        for model in figure_models()
        for hemisphere in ("L", "R")
    ]


def figure_models():
    """Models that the brain shows: trained language models, or whatever there is."""
    trained = [
        name for name, model in STUDY.language_models().items() if not model.untrained
    ]
    return trained or planning.models(STUDY)


def all_ceilings(wildcards):
    """Ceilings of every story."""
    return [f"<results>/ceilings/story-{story}_ceiling.nc" for story in PLAN.stories]


def all_scans(wildcards):
    """What was heard and read of every story."""
    return [f"<results>/bold/story-{story}_scans.tsv" for story in PLAN.stories]


def tables_config(wildcards):
    """What the tables depend on."""
    return {
        "floor": STUDY.ceiling.floor,
        "roi_sets": planning.file_fingerprint(ROI_SETS),
        "scores": [
            [group, model, aug]
            for group in PLAN.groups
            for model in planning.models(STUDY)
            for aug in AUGMENTATIONS
        ],
        "stories": {
            group: list(members.stories)
            for group, members in sorted(PLAN.groups.items())
        },
        "study": STUDY.study,
    }


def figure_config(wildcards):
    """What a figure depends on."""
    return {
        **section("figures"),
        "brain": PLAN.brain,
        "figure": wildcards.figure,
        "models": planning.models(STUDY),
        "shown": figure_models(),
        "study": STUDY.study,
    }


def all_effects(wildcards):
    """Scores of augmented texts of every group, model and augmentation."""
    return [
        f"<results>/associations/group-{group}_model-{model}_aug-{aug}_scores.nc"
        for aug in STUDY.associations
        for model in planning.associating_models(STUDY)
        for group in PLAN.groups
    ]


def all_texts(wildcards):
    """What was inserted in every story, by augmentation."""
    return [
        f"<results>/associations/story-{story}_aug-{aug}_texts.tsv"
        for aug in STUDY.associations
        for story in PLAN.stories
    ]


def all_associations(wildcards):
    """The associations of every story, by augmentation."""
    return [
        f"<results>/associations/story-{story}_associations-{aug}.tsv"
        for aug in STUDY.associations
        for story in PLAN.stories
    ]


def association_file(wildcards):
    """The file of a story's associations, as people made it or a model will."""
    if STUDY.associations[wildcards.aug].annotator is not None:
        return f"<results>/associations/written/story-{wildcards.story}_associations-{wildcards.aug}.tsv"
    return str(planning.association_file(STUDY, wildcards.aug, wildcards.story))


def association_pool(wildcards):
    """Files of other stories' associations."""
    return [
        str(path)
        for path in planning.association_pool(STUDY, wildcards.aug, wildcards.story)
    ]


def annotate_config(wildcards):
    """What a model's associations depend on; a folder's model by its content."""
    annotator = plain(
        STUDY.associations[wildcards.aug].annotator.model_dump(mode="json")
    )
    if annotator["address"] is None:
        folder = source_folder(annotator["model"])
        annotator = {
            **annotator,
            "content": planning.folder_fingerprint(folder),
            "folder": str(folder),
        }
    return {**annotator, "seed": STUDY.seed}


def associations_config(wildcards):
    """What the check of a file of associations depends on."""
    return {"name": wildcards.aug}


def texts_config(wildcards):
    """What augmented and control texts depend on."""
    return {
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
    return {**encoding_config(wildcards), "targets": STUDY.associating.targets}


def effects_table_config(wildcards):
    """What the tables of associations depend on."""
    return {
        "augmentations": list(STUDY.associations),
        "groups": len(PLAN.groups),
        "models": planning.associating_models(STUDY),
        "seed": STUDY.seed,
    }


def association_figure_config(wildcards):
    """What the figure of associations depends on."""
    return {"dpi": STUDY.figures.dpi}
