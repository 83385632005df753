"""The stages of a study: which jobs and files there are, without Snakemake.

And what each depends on.
"""

from __future__ import annotations

import inspect
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from conftest import ROOT

from engram.study.config.read import read_study
from engram.study.config.study import Study
from engram.study.groups import Group
from engram.study.models import download_name
from engram.study.plan import Plan, make_plan
from engram.study.stages import (
    associations,
    bold,
    ceilings,
    chance,
    comparisons,
    deals,
    decoding,
    encoding,
    features,
    fetch,
    figures,
    folds,
    heads,
    identified_effects,
    maps,
    metrics,
    norms,
    nuisance,
    pairs,
    partitions,
    preflight,
    report,
    results,
    series,
    similarity,
    simulation,
    spaces,
    stories,
    tables,
    time_resolved,
    tunings,
)
from engram.study.stages.shared import Key, group_paths, paths, plain

STAGES: list[ModuleType] = [
    associations, bold, ceilings, chance, comparisons, deals, decoding, encoding, features, fetch,
    figures, folds, heads, identified_effects, maps, metrics, norms, nuisance, pairs, partitions,
    preflight, report, results, series, similarity, simulation, spaces, stories, tables, tunings,
]  # fmt: skip
#: Wildcards that rules have.
WILDCARDS = {
    *(
        "effect",
        "text",
        "download",
        "figure",
        "group",
        "metric",
        "model",
        "norms",
        "partition",
        "story",
    ),
    "tuning",
    "variant",
}
RAW: dict[str, Any] = {
    "study": "mine",
    "dataset": {"kind": "simulated", "stories": ["lighthouse", "market"], "n_listeners": 6},
    "models": {
        name: {"source": f"resources/models/{name}"} for name in ("gpt2-tiny", "llama-tiny")
    },
    "associations": {
        "word-judged": {},
        "chat": {"annotator": {"model": "x", "address": "http://localhost/v1"}},
    },
    "association_effect": {"models": ["gpt2-tiny"], "measured_texts": 2},
    "nuisance": {"method": "banded"},
    "partitions": {"both": {"groups": {"model": ["gpt2-tiny"], "rate": ["word-rate"]}}},
    "decoding": {"directions": ["encoding"], "effects": True},
    "similarity": {"metrics": ["rsa"]},
    "tunings": {
        "lora": {"models": ["gpt2-tiny"], "seeds": 2, "controls": {"shuffled": 1, "generic": 0}}
    },
}


def planned(**changes: Any) -> tuple[Study, Plan]:
    """The study with some sections changed, and its plan."""
    raw = {
        name: (
            {**value, **changes.pop(name)} if isinstance(value, dict) and name in changes else value
        )
        for name, value in RAW.items()
    }
    study = read_study({**raw, **changes})
    return study, make_plan(study)


GROUPS = list(planned()[1].groups)


# ---------------------------------------------------------------- jobs and files
#: Every list of jobs, and the file that each job makes.
JOBS: dict[str, tuple[Callable[[Study, Plan], list[Key]], str]] = {
    "story": (stories.jobs, stories.WORDS),
    "bold": (bold.jobs, bold.BOLD),
    "ceiling": (ceilings.jobs, ceilings.CEILING),
    "activations": (features.jobs, features.ACTIVATIONS),
    "encoding": (encoding.jobs, encoding.SCORES),
    "chance": (chance.jobs, chance.NULL),
    "decoding": (decoding.jobs, decoding.SCORES),
    "decoding_ceiling": (decoding.ceiling_jobs, decoding.CEILING),
    "association_identification": (identified_effects.text_jobs, identified_effects.TEXT_SCORES),
    "tuning_identification": (identified_effects.tuning_jobs, identified_effects.TUNING_SCORES),
    "similarity": (similarity.jobs, similarity.SCORES),
    "similarity_ceiling": (similarity.ceiling_jobs, similarity.CEILING),
    "nuisance": (nuisance.jobs, nuisance.SCORES),
    "partition": (partitions.jobs, partitions.SCORES),
    "association_nuisance": (nuisance.text_jobs, nuisance.TEXT_SCORES),
    "association_texts": (associations.story_jobs, associations.TEXTS),
    "text_activations": (associations.reading_jobs, associations.ACTIVATIONS),
    "insertion_measures": (associations.measuring_jobs, associations.MEASURES),
    "association_scores": (associations.scoring_jobs, associations.SCORES),
    "tune": (tunings.jobs, tunings.FOLDER),
    "tuned_activations": (tunings.reading_jobs, tunings.ACTIVATIONS),
    "tuning_scores": (tunings.scoring_jobs, tunings.SCORES),
}


@pytest.mark.parametrize("rule", JOBS)
def test_every_job_makes_a_file_of_its_own_that_says_all_of_its_key(rule: str) -> None:
    jobs, template = JOBS[rule]
    keys = jobs(*planned())
    assert keys and all(set(key) >= set(re.findall(r"\{(\w+)\}", template)) for key in keys)
    assert len(set(paths(template, keys))) == len(keys)


def test_files_of_a_small_study_in_their_order() -> None:
    study, plan = planned()
    assert len(GROUPS) == 2 and bold.files(study, plan) == [
        f"<results>/bold/story-{story}_bold.nc" for story in ("lighthouse", "market")
    ]
    models = ["gpt2-tiny", "llama-tiny", "word-rate"]
    assert encoding.files(study, plan) == [
        f"<results>/scores/group-{group}_model-{model}_text-original_scores.nc"
        for group in GROUPS
        for model in models
    ]
    assert chance.files(study, plan) == [
        f"<results>/chance/group-{group}_model-{model}_null.nc"
        for model in models
        for group in encoding.groups_of_listeners(plan)
    ]
    assert associations.files(study, plan) == [
        f"<results>/associations/group-{group}_model-gpt2-tiny_text-{text}_scores.nc"
        for text in ("word-judged", "chat")
        for group in GROUPS
    ]
    folders = [
        f"<results>/tunings/lora/model-gpt2-tiny_{variant}"
        for variant in ("association-1", "association-2", "shuffled-1")
    ]
    assert (
        tunings.folders(study, plan)
        == tunings.folders_of(study, plan, "lora", "gpt2-tiny")
        == folders
    )


def test_group_reads_its_own_stories() -> None:
    _, plan = planned()
    for name, group in plan.groups.items():
        found = group_paths(
            plan, features.ACTIVATIONS, {"group": name, "model": "m", "text": "original"}
        )
        assert found == [
            f"<results>/activations/story-{story}_model-m_text-original_activations.nc"
            for story in group.stories
        ]


def test_average_listener_alone_is_no_group_of_listeners() -> None:
    study, plan = planned()
    plan = replace(
        plan,
        groups={
            "both": Group(("average",), ("lighthouse", "market")),
            "market": Group(("001", "average"), ("market",)),
        },
    )
    assert encoding.groups_of_listeners(plan) == ["market"]
    assert encoding.listeners_depend_on(study, plan, "market")["subjects"] == ["001"]
    assert chance.files(study, plan) == [
        f"<results>/chance/group-market_model-{model}_null.nc"
        for model in ("gpt2-tiny", "llama-tiny", "word-rate")
    ]


def test_associations_come_from_people_from_an_endpoint_or_from_a_model_in_a_folder() -> None:
    here = {"annotator": {"model": "resources/models/gpt2-tiny"}}
    study, plan = planned(associations={"here": here})
    assert associations.written(study, plan, "market", "word-judged") == []
    assert associations.written(study, plan, "market", "chat") == [
        "<results>/associations/written/story-market_associations-chat.tsv"
    ]
    assert associations.written(study, plan, "market", "here") == [
        "<results>/associations/generated/story-market_associations-here.tsv"
    ]
    assert associations.writing_jobs(study, plan) == [
        {"story": story, "text": "here"} for story in ("lighthouse", "market")
    ]
    assert "folder" in associations.writing_depends_on(
        study, plan, "here"
    ) and "folder" not in associations.writing_depends_on(study, plan, "chat")


@pytest.mark.parametrize(
    ("dataset", "words", "scans"),
    [
        ({"kind": "alice"}, "<downloads>/alice/manifest.tsv", "<downloads>/alice/manifest.tsv"),
        (
            {"kind": "simulated"},
            "<results>/simulated/manifest.tsv",
            "<results>/simulated/manifest.tsv",
        ),
        (
            {"kind": "narratives"},
            r"<downloads>/narratives-\w{8}/words-21styear.tsv",
            r"<downloads>/narratives-\w{8}/scans-21styear-\w{8}.tsv",
        ),
    ],
)
def test_manifests_that_words_and_scans_wait_for(
    dataset: dict[str, Any], words: str, scans: str
) -> None:
    study = read_study({"study": "s", "dataset": dataset})
    plan = make_plan(study)
    for manifest, expected in ((fetch.words_manifest, words), (fetch.scans_manifest, scans)):
        (found,) = manifest(study, plan, plan.stories[0])
        assert re.fullmatch(expected, found)


def test_models_in_folders_and_baselines_wait_for_no_download() -> None:
    study, plan = planned(models={"gpt2": {"source": "gpt2"}})
    assert (
        fetch.model_manifest(study, plan, "gpt2-tiny")
        == fetch.model_manifest(study, plan, "word-rate")
        == []
    )
    (manifest,) = fetch.model_manifest(study, plan, "gpt2")
    download = manifest.removeprefix("<downloads>/models/").removesuffix(".tsv")
    assert fetch.model_depends_on(study, plan, download)["source"] == "gpt2"


def test_figures_and_tables_are_those_that_the_study_can_have() -> None:
    study, plan = planned()
    shown = results.files(study, plan)
    for name in ("tuning-brain", "association-brain", "ceiling-brain", "insertions", "roi-layers"):
        assert f"<results>/figures/{name}.svg" in shown and name in figures.names(study, plan)
    assert "roi-sets" not in figures.names(study, plan)  # the atlas has no such regions
    for name in (
        "truth",
        "nuisance",
        "partitions",
        "association_unique",
        "association_insertions",
        "tuning",
    ):
        assert (
            f"<results>/tables/{name}.tsv" in shown
            and f"<results>/tables/{name}.tsv" in report.tables(study, plan)
        )
    assert len(set(shown)) == len(shown)
    bare = read_study(
        {"study": "s", "dataset": {"kind": "alice"}, "models": {"gpt2": {"source": "gpt2"}}}
    )
    shown = results.files(bare, make_plan(bare))
    assert not [
        path for path in shown if re.search("tuning|association|nuisance|truth|maps|brain", path)
    ]
    assert [path for path in report.tables(bare, make_plan(bare)) if path not in shown] == []


def test_insertions_are_measured_where_that_is_asked_for() -> None:
    study, plan = planned(association_effect={"measured_texts": 0})
    assert associations.measuring_jobs(study, plan) == []
    assert associations.measures(study, plan) == []
    assert not [path for path in results.files(study, plan) if "association_insertions" in path]
    anchored = {"alignment": "interpolate", "models": None}
    models = {
        key["model"] for key in associations.measuring_jobs(*planned(association_effect=anchored))
    }
    assert models == {"gpt2-tiny", "llama-tiny"}  # and no word rate


def test_maps_come_in_pairs_and_only_where_targets_are_vertices() -> None:
    study, plan = planned()
    for figure in ("brain", "ceiling-brain", "association-brain"):
        left, right = (
            figures.left_maps(study, plan, figure),
            figures.right_maps(study, plan, figure),
        )
        assert left and len(left) == len(figures.brain_map_keys(study, plan, figure))
        assert right == [path.replace("hemi-L", "hemi-R") for path in left] != left
        assert figures.brain_places(study, plan, figure) == []
    whole, plan = planned(association_effect={"targets": "roi"})
    assert (
        associations.mapped(whole, plan)
        == []
        == figures.left_maps(whole, plan, "association-brain")
    )
    # One file, and no list.
    assert (
        figures.brain_places(whole, plan, "association-brain")
        == "<results>/ceilings/story-lighthouse_ceiling.nc"
    )


def test_all_jobs_are_those_of_the_stages() -> None:
    study, plan = planned()
    found = preflight.all_jobs(study, plan)
    assert {rule: found[rule] for rule in JOBS if rule in found} == {
        rule: jobs(study, plan) for rule, (jobs, _) in JOBS.items() if rule != "association_texts"
    }
    without, plan = planned(nuisance={"method": "none"})
    assert not {"nuisance", "association_nuisance"} & set(preflight.all_jobs(without, plan))
    assert not nuisance.is_wanted(without) and not nuisance.texts_are_wanted(without)


# ---------------------------------------------------------------- what jobs depend on
STORY, MODEL = "lighthouse", "gpt2-tiny"
DEPENDS: dict[str, Callable[[Study, Plan], dict[str, Any]]] = {
    "simulate": fetch.dataset_depends_on,
    "story": lambda study, plan: stories.depends_on(study, plan, STORY),
    "bold": lambda study, plan: bold.depends_on(study, plan, STORY),
    "activations": lambda study, plan: features.depends_on(study, plan, MODEL),
    "encoding": lambda study, plan: encoding.depends_on(study, plan, GROUPS[0]),
    "ceiling": ceilings.depends_on,
    "tables": tables.depends_on,
    "chance": lambda study, plan: chance.depends_on(study, plan, GROUPS[0]),
    "comparisons": comparisons.depends_on,
    "time_resolved": time_resolved.depends_on,
    "time_resolved_figure": time_resolved.figure_depends_on,
    "decoding": lambda study, plan: decoding.depends_on(study, plan, GROUPS[0]),
    "decoding_ceiling": lambda study, plan: decoding.ceilings_depend_on(study, plan, GROUPS[0]),
    "metric_tables": lambda study, plan: metrics.tables_depend_on(study, plan, "decoding"),
    "association_identification": lambda study, plan: identified_effects.scores_depend_on(
        study, plan, GROUPS[0]
    ),
    "identified_effects": lambda study, plan: identified_effects.table_depends_on(
        study, plan, "association"
    ),
    "similarity": lambda study, plan: similarity.depends_on(study, plan, GROUPS[0]),
    "similarity_ceiling": similarity.ceilings_depend_on,
    "metrics": metrics.depends_on,
    "metric_figure": lambda study, plan: metrics.figure_depends_on(study, plan, "decoding"),
    "claims": comparisons.claims_depend_on,
    "nuisance": lambda study, plan: nuisance.depends_on(study, plan, GROUPS[0]),
    "association_nuisance": lambda study, plan: nuisance.texts_depend_on(study, plan, GROUPS[0]),
    "nuisance_table": nuisance.table_depends_on,
    "partition": lambda study, plan: partitions.depends_on(study, plan, GROUPS[0], "both"),
    "partitions_table": partitions.table_depends_on,
    "partition_figure": partitions.figure_depends_on,
    "association_nuisance_table": nuisance.text_table_depends_on,
    "annotate": lambda study, plan: associations.writing_depends_on(study, plan, "chat"),
    "association_texts": lambda study, plan: associations.texts_depend_on(
        study, plan, "word-judged"
    ),
    "text_activations": lambda study, plan: associations.reading_depends_on(study, plan, MODEL),
    "insertion_measures": lambda study, plan: associations.measuring_depends_on(study, plan, MODEL),
    "association_scores": lambda study, plan: associations.scores_depend_on(study, plan, GROUPS[0]),
    "association_tables": associations.tables_depend_on,
    "tuning_samples": lambda study, plan: tunings.samples_depend_on(study, plan, "lora"),
    "tune": lambda study, plan: tunings.depends_on(study, plan, "lora", MODEL, "association-1"),
    "tuned_activations": lambda study, plan: tunings.reading_depends_on(study, plan, "lora", MODEL),
    "tuning_scores": lambda study, plan: tunings.scores_depend_on(study, plan, "lora", GROUPS[0]),
    "tuning_tables": tunings.tables_depend_on,
    "maps": maps.depends_on,
    "ceiling_maps": maps.ceilings_depend_on,
    "alignment_figure": figures.alignment_depends_on,
    "insertions_figure": figures.insertions_depends_on,
    "figure": lambda study, plan: figures.depends_on(study, plan, "layers"),
    "brain_figure": lambda study, plan: figures.brain_depends_on(study, plan, "brain"),
    "truth": simulation.truth_depends_on,
}
OF_GROUPS = {
    "encoding",
    "decoding",
    "decoding_ceiling",
    "association_identification",
    "similarity",
    "chance",
    "nuisance",
    "partition",
    "association_nuisance",
    "association_scores",
    "tuning_scores",
}
TABLED = {
    "comparisons",
    "time_resolved",
    "metric_tables",
    "identified_effects",
    "claims",
    "nuisance_table",
    "partitions_table",
    "association_nuisance_table",
    "association_tables",
    "tuning_tables",
}
#: Tables name the rules by which BOLD was predicted.
RULED = {*OF_GROUPS, *TABLED, "metrics", "tables"}
#: Banded ridge regression follows some rules alone.
NUISANCE = {"nuisance", "association_nuisance", "partition"}
REPORTED = {
    *OF_GROUPS,
    *TABLED,
    "metrics",
    "truth",
    "text_activations",
    "tuned_activations",
    "figure",
    "brain_figure",
} - {"encoding", "decoding_ceiling"}
#: Who hears what in a simulated study is drawn too.
SEEDED = {
    *TABLED,
    "simulate",
    "story",
    "bold",
    "ceiling",
    "chance",
    "decoding",
    "similarity",
    "metrics",
    "annotate",
    "association_texts",
    "tune",
}
#: What is made of listeners' data names its study; words, and what models make of them, do not.
NAMES_STUDY = {
    *OF_GROUPS,
    *TABLED,
    "bold",
    "ceiling",
    "tables",
    "maps",
    "ceiling_maps",
    "brain_figure",
    "alignment_figure",
    "similarity_ceiling",
}
IDENTIFIED = {"decoding", "decoding_ceiling", "association_identification"}
#: A change of one setting, and all jobs whose parameters it changes.
SETTINGS: list[tuple[dict[str, Any], set[str]]] = [
    ({"stories": {"pseudo_sentence": 9}}, {"story"}),
    ({"bold": {"high_pass": None}}, {"bold"}),
    ({"encoding": {"folds": 4}}, {*RULED, "ceiling"}),
    ({"encoding": {"alpha_by": "mse"}}, RULED),
    ({"encoding": {"penalty": "listeners"}}, RULED - NUISANCE),
    ({"encoding": {"trend": "runs"}}, RULED - NUISANCE),
    ({"encoding": {"learn_from": "listener+others"}}, RULED - NUISANCE),
    ({"encoding": {"scaling": "none"}}, RULED - NUISANCE),
    ({"encoding": {"components": 20}}, RULED - NUISANCE),
    ({"protocol": "yin2025"}, {*TABLED, "metrics", "tables"}),
    ({"protocol": "huth"}, {*RULED, "ceiling", "similarity_ceiling"}),
    ({"bold": {"trim": 2}}, {"bold"}),
    ({"activations": {"context": 64}}, {"activations", "text_activations", "tuned_activations"}),
    (
        {"activations": {"encoder_stride": 2}},
        {"activations", "text_activations", "tuned_activations"},
    ),
    (
        {"compute": {"device": "cpu"}},
        {"activations", "text_activations", "tuned_activations", "insertion_measures"},
    ),
    ({"compute": {"backend": "numpy"}}, OF_GROUPS),
    ({"compute": {"tuning_dtype": "float32"}}, {"tune"}),
    (
        {"targets": "roi"},
        {"bold", "association_scores", "similarity", "similarity_ceiling", "tuning_scores"},
    ),
    ({"ceiling": {"halves": 9}}, {"ceiling"}),
    ({"ceiling": {"floor": 0.2}}, {"tables", "brain_figure"}),
    ({"chance": {"shifts": 39}}, {"chance"}),
    ({"chance": {"window": 30}}, {"chance"}),
    ({"decoding": {"shifts": 39}}, {"decoding"}),
    ({"decoding": {"layers": "reported"}}, {"decoding"}),
    ({"decoding": {"directions": ["encoding", "decoding"]}}, {"decoding"}),
    ({"decoding": {"seconds": 10}}, IDENTIFIED),
    ({"decoding": {"sets": ["all"]}}, IDENTIFIED),
    ({"decoding": {"targets": "all"}}, IDENTIFIED),
    ({"similarity": {"shifts": 39}}, {"similarity"}),
    ({"similarity": {"layers": "reported"}}, {"similarity"}),
    ({"similarity": {"metrics": ["rsa", "encoding"]}}, {"similarity"}),
    ({"similarity": {"seconds": 20}}, {"similarity", "similarity_ceiling"}),
    ({"similarity": {"sets": ["all"]}}, {"similarity", "similarity_ceiling"}),
    ({"similarity": {"targets": "roi"}}, {"similarity", "similarity_ceiling"}),
    ({"nuisance": {"features": ["word-rate"]}}, {"nuisance", "association_nuisance"}),
    ({"partitions": {"both": {**RAW["partitions"]["both"], "targets": "all"}}}, {"partition"}),
    ({"nuisance": {"random_texts": 3}}, {"association_nuisance"}),
    ({"association_effect": {"controls": {"random": 20}}}, {"association_texts"}),
    ({"association_effect": {"room": 0.5}}, {"text_activations"}),
    ({"association_effect": {"measured_texts": 3}}, {"insertion_measures"}),
    (
        {"association_effect": {"alignment": "anchor"}},
        {"association_texts", "text_activations", "claims"},
    ),
    ({"association_effect": {"targets": "roi"}}, {"association_scores"}),
    (
        {"primary": {"text": "chat", "model": "gpt2-tiny"}},
        {"association_tables", "association_nuisance_table", "identified_effects"},
    ),
    (
        {"figures": {"dpi": 99}},
        {
            *("figure", "brain_figure", "alignment_figure", "insertions_figure", "metric_figure"),
            *("partition_figure", "time_resolved_figure"),
        },
    ),
    ({"reported_layer": 1}, REPORTED),
    ({"seed": 3}, SEEDED),
    ({"study": "other"}, NAMES_STUDY),
]


@cache
def unchanged() -> dict[str, str]:
    """Return what jobs depend on in the study as it is."""
    before = planned()
    return {name: str(depends_on(*before)) for name, depends_on in DEPENDS.items()}


@pytest.mark.parametrize(
    ("changes", "expected"), SETTINGS, ids=lambda one: str(one) if isinstance(one, dict) else ""
)
def test_jobs_depend_on_exactly_the_settings_that_they_use(
    changes: dict[str, Any], expected: set[str]
) -> None:
    before, after = planned(), planned(**changes)
    assert before[0] != after[0]
    assert {
        name for name, depends_on in DEPENDS.items() if unchanged()[name] != str(depends_on(*after))
    } == expected
    assert report.depends_on(*before) != report.depends_on(*after)  # its methods name every setting


def test_a_window_for_each_word_is_no_setting_of_jobs() -> None:
    """So that stories which were read before there was another way are not read again."""
    study, _ = planned()
    assert study.activations.encoder_stride == 1
    assert "encoder_stride" not in features.reading(study)
    assert features.reading(planned(activations={"encoder_stride": 2})[0])["encoder_stride"] == 2


def test_description_and_report_depend_on_no_mirror_and_no_place() -> None:
    before, after = planned(), planned(pathvars={"results": "elsewhere"})
    for depends_on in (report.depends_on, results.description_depends_on, *DEPENDS.values()):
        assert depends_on(*before) == depends_on(*after)


def test_a_model_is_the_same_from_the_hub_and_from_a_mirror(tmp_path: Path) -> None:
    folder = tmp_path / "models" / "mine" / "tiny"
    shutil.copytree(ROOT / "resources" / "models" / "gpt2-tiny", folder)
    only = {
        "models": {"m": {"source": "mine/tiny"}},
        "associations": {},
        "association_effect": {},
        "tunings": {},
    }
    asked = [
        fetch.model_depends_on(study, plan, download_name(study.models["m"]))
        for study, plan in (planned(**only), planned(**only, mirror=str(tmp_path)))
    ]
    assert asked[0] == asked[1] == {"revision": None, "source": "mine/tiny", "weights": True}


def test_parameters_are_sorted_since_snakemake_compares_their_text() -> None:
    assert (
        str(plain({"b": {"d": 1, "c": [2, 1]}, "a": None}))
        == "{'a': None, 'b': {'c': [2, 1], 'd': 1}}"
    )


# ---------------------------------------------------------------- how rules and stages are tied
@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.__name__.rpartition(".")[2])
def test_functions_take_study_plan_and_wildcards_by_name(stage: ModuleType) -> None:
    """`engram.study.rule_functions` hands a job's wildcards over.

    It goes by the names of a function's parameters.
    """
    own = [
        one
        for name, one in inspect.getmembers(stage, inspect.isfunction)
        if one.__module__ == stage.__name__ and not name.startswith("_")
    ]
    assert own
    for one in own:
        first, *rest = inspect.signature(one).parameters
        if rest[:1] == ["plan"]:
            assert first == "study" and set(rest[1:]) <= WILDCARDS | {"is_remote"}, one


def test_rules_files_hold_no_logic() -> None:
    for path in sorted((ROOT / "workflow" / "rules").glob("*.smk")):
        text = path.read_text()
        functions = re.findall(r"^ *def .*(?:\n(?!\n).*)*", text, re.MULTILINE)
        assert not functions or path.name == "common.smk", (
            f"{path.name}: functions of rules live in engram.study.stages"
        )
        assert all(len(one.splitlines()) <= 5 for one in functions), path.name
    assert len((ROOT / "workflow" / "rules" / "common.smk").read_text().splitlines()) < 95


@pytest.mark.slow
def test_planning_imports_no_library_of_jobs() -> None:
    code = (
        "import engram.study.stages.preflight, engram.study.stages.report, sys; "
        "print(sorted({'torch', 'scipy', 'xarray', 'sklearn'} & set(sys.modules)))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parent,
    )
    assert found.stdout.strip() == "[]"
