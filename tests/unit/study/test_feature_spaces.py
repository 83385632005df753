"""Feature spaces in the configuration and in the plan: names, files, jobs, what each depends on."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from test_stages import planned

from engram.errors import EngramError
from engram.features.kinds import KINDS, section
from engram.study.model_shapes import check_layer, scored_shape
from engram.study.needs import need
from engram.study.stages import (
    chance,
    comparisons,
    deals,
    encoding,
    features,
    figures,
    heads,
    partitions,
    preflight,
    report,
    spaces,
    tables,
)
from engram.study.stages.shared import paths


@pytest.fixture
def table(tmp_path: Path) -> str:
    """A table of norms."""
    path = tmp_path / "mine.tsv"
    path.write_text("word\ta\tb\ndog\t1\t2\n")
    return str(path)


def norms(table: str, **more: Any) -> dict[str, Any]:
    """Return an entry of `features`."""
    return {"kind": "norms", "table": table, "columns": ["a", "b"], **more}


def test_every_kind_has_a_section_that_says_its_kind() -> None:
    for kind in KINDS:
        assert section(kind).model_fields["kind"].annotation is not None
        assert (section(kind).__doc__ or "").strip()


def test_spaces_enter_wherever_models_do(table: str) -> None:
    study, plan = planned(
        features={"mine": norms(table), "fetched": {"kind": "norms", "table": "lynott2020"}}
    )
    names = ["gpt2-tiny", "llama-tiny", "mine", "fetched", "word-rate"]
    assert {key["model"] for key in encoding.jobs(study, plan)} == set(names)
    assert {key["model"] for key in chance.jobs(study, plan)} == set(names)
    assert figures.depends_on(study, plan, "layers")["models"] == names
    assert {key["model"] for key in comparisons.depends_on(study, plan)["keys"]["scores"]} == set(
        names
    )
    assert {key["model"] for key in tables.depends_on(study, plan)["keys"]["scores"]} == set(names)
    # Each file is made by one rule.
    assert {key["model"] for key in features.jobs(study, plan)} == {*names} - {"mine", "fetched"}
    assert {key["model"] for key in spaces.jobs(study, plan)} == {"mine", "fetched"}
    made = [*paths(features.ACTIVATIONS, features.jobs(study, plan)), *spaces.files(study, plan)]
    assert len(made) == len(set(made)) == len(names) * len(plan.stories)
    assert scored_shape(study, "mine").units == 2 and scored_shape(study, "fetched").layers == 1
    assert features.shown_models(study) == ["gpt2-tiny", "llama-tiny"]
    jobs = preflight.all_jobs(study, plan)
    assert len(jobs["feature_space"]) == 4 and jobs["deal_scores"] == deals.jobs(study, plan)
    assert all(need(study, plan, rule, key).memory > 0 for rule in jobs for key in jobs[rule])
    shown = report.tables(study, plan)
    assert "<results>/tables/features.tsv" in shown
    assert "<results>/tables/feature_deals.tsv" in shown
    assert set(report.depends_on(study, plan)["feature_spaces"]) == {"mine", "fetched"}
    assert spaces.table_manifest(study, plan, "fetched") == [
        "<downloads>/word-norms/lynott2020.tsv"
    ]
    assert spaces.table_manifest(study, plan, "mine") == []
    assert spaces.reads(study, plan, "mine", "lighthouse")["files"] == [table]


def test_a_study_without_spaces_has_none_of_it() -> None:
    study, plan = planned()
    assert spaces.jobs(study, plan) == deals.jobs(study, plan) == []
    assert not re.fullmatch(spaces.pattern(study), "gpt2-tiny")
    assert not re.fullmatch(spaces.pattern(study), "")
    assert not {"feature_space", "deal_scores"} & set(preflight.all_jobs(study, plan))
    assert not [one for one in report.tables(study, plan) if "feature" in one]


def test_spaces_alone_make_a_study(table: str) -> None:
    nothing: dict[str, Any] = {
        "models": {"gpt2-tiny": None, "llama-tiny": None},
        "partitions": {"both": None},
        "associations": {"word-judged": None, "chat": None},
        "association_effect": {"models": None},
        "tunings": {"lora": None},
    }
    study, plan = planned(**nothing, baselines=[], features={"mine": norms(table)})
    assert features.shown_models(study) == ["mine"]
    assert {key["model"] for key in encoding.jobs(study, plan)} == {"mine"}


def test_what_a_space_depends_on(table: str) -> None:
    def of(**more: Any) -> tuple[Any, Any, Any]:
        study, plan = planned(features={"mine": norms(table, **more)})
        group = next(iter(plan.groups))
        return (
            spaces.depends_on(study, plan, "mine", "market"),
            deals.deal_depends_on(study, plan, "mine"),
            deals.depends_on(study, plan, group),
        )

    first = of()
    # Deals are for the test alone: what is laid over a story stays.
    for more in ({"deals": 99}, {"bins": "column"}):
        made, dealt, _ = of(**more)
        assert made == first[0] and dealt != first[1]
    assert of(described="something")[:2] == first[:2]
    assert of(columns=["a"])[0] != first[0] and of(least_coverage=0.1)[0] != first[0]
    assert of(deals=0)[0] == first[0]
    study, plan = planned(features={"mine": norms(table, deals=0)})
    assert deals.jobs(study, plan) == [] and deals.shown_tables(study, plan) == []


@pytest.mark.parametrize(
    ("features", "said"),
    [
        ({"gpt2-tiny": {}}, "'gpt2-tiny' is the name of a model or a baseline"),
        ({"word-rate": {}}, "'word-rate' is the name of a model or a baseline"),
        ({"mine": {"columns": None}}, "features.mine.columns: which columns of"),
        ({"mine": {"table": "nowhere.tsv"}}, "there is no file 'nowhere.tsv'"),
        ({"mine": {"words": "x"}}, "words"),
        ({"mine": {"kind": "nomrs"}}, "norms"),
    ],
)
def test_what_cannot_be_is_refused(table: str, features: dict[str, Any], said: str) -> None:
    with pytest.raises(EngramError) as error:
        planned(features={name: norms(table) | more for name, more in features.items()})
    assert said in str(error.value)


def test_a_twin_and_a_space_share_no_name(table: str) -> None:
    with pytest.raises(EngramError, match="is the name of a model or a baseline"):
        planned(
            baselines=["word-rate", "reinitialised"],
            features={"gpt2-tiny-reinitialised": norms(table)},
        )


def test_norms_of_another_language_than_the_story_are_refused(table: str) -> None:
    with pytest.raises(EngramError) as error:
        planned(features={"mine": norms(table, language="fr")})
    for said in ("features.mine", "its language is 'fr'", "is 'en'"):
        assert said in str(error.value), said


@pytest.mark.parametrize(
    ("space", "said"),
    [
        ({"kind": "surprisal", "of": "gpt3"}, "features.s.of: 'gpt3' is no model of the study"),
        ({"kind": "autocorrelation", "like": "word-rate"}, "'word-rate' is no model of the study"),
        ({"kind": "embeddings"}, "give 'table' or 'of'"),
        ({"kind": "table", "path": "no/{story}.tsv"}, "there is no file 'no/lighthouse.tsv'"),
        ({"kind": "table", "path": "no/{sub}.tsv"}, "'{story}' alone may stand in it"),
        ({"kind": "table", "path": "a.npy", "rows": "times"}, "step: the seconds between"),
        ({"kind": "word-facts", "facts": ["word-rate"]}, "word-length"),
        ({"kind": "together", "of": ["word-rate", "s"]}, "features.s.of: ['s'] cannot stand side"),
        ({"kind": "together", "of": ["word-rate", "no"]}, "these can: ['gpt2-tiny', 'llama-tiny'"),
        ({"kind": "together", "of": ["word-rate", "word-rate"]}, "['word-rate'] are named twice"),
    ],
)
def test_other_kinds_say_what_is_wrong(space: dict[str, Any], said: str) -> None:
    with pytest.raises(EngramError) as error:
        planned(features={"s": space})
    assert said in str(error.value)


def test_surprisal_reads_a_whole_model() -> None:
    with pytest.raises(EngramError, match="is re-initialised or an adapter"):
        planned(
            baselines=["reinitialised"],
            features={"s": {"kind": "surprisal", "of": "gpt2-tiny-reinitialised"}},
        )


def test_null_takes_a_space_out(table: str) -> None:
    study, _ = planned(features={"mine": norms(table), "other": None})
    assert list(study.features) == ["mine"]


def test_heads_have_scores_of_their_own() -> None:
    mine = {"kind": "heads", "of": "gpt2-tiny"}
    study, plan = planned(features={"few": mine, "many": {**mine, "layers": "all"}})
    keys = heads.jobs(study, plan)
    assert {key["model"] for key in keys} == {"few", "many"}
    assert preflight.all_jobs(study, plan)["head_scores"] == keys
    assert "heads" in figures.names(study, plan)
    shown = report.tables(study, plan)
    assert {f"<results>/tables/{name}.tsv" for name in ("heads", "head_specialisation")} <= set(
        shown
    )
    seconds = {key["model"]: need(study, plan, "head_scores", key).seconds for key in keys}
    assert seconds["many"] > seconds["few"] > 0
    # Only the space of the reported layer depends on which one it is.
    story = plan.stories[0]
    deeper, _ = planned(features=study.model_dump(mode="json")["features"], reported_layer=1)
    changed = [
        name
        for name in ("few", "many")
        if spaces.depends_on(study, plan, name, story)
        != spaces.depends_on(deeper, plan, name, story)
    ]
    assert changed == ["few"]
    without, _ = planned()
    assert heads.jobs(without, plan) == [] and heads.figure_names(without, plan) == []


@pytest.mark.parametrize(
    ("header", "more", "said"),
    [
        ("token\ta\tb", {}, "none is known to hold words. Say which one does: word: <column>"),
        ("token\ta\tb", {"word": "form"}, "form"),
        ("word\ta", {}, "has no column 'b'. It has a"),
    ],
)
def test_columns_of_norms_are_looked_at_before_any_job(
    tmp_path: Path, header: str, more: dict[str, Any], said: str
) -> None:
    path = tmp_path / "mine.tsv"
    path.write_text(f"{header}\ndog\t1\t2\n")
    with pytest.raises(EngramError, match=re.escape(said)):
        planned(features={"mine": norms(str(path), **more)})
    path.write_text('\ufeffWord\t"a"\tb\ndog\t1\t2\n', encoding="utf-8")
    planned(features={"mine": norms(str(path))})
    planned(features={"mine": norms(str(path), columns=["*"], word="b")})


def test_components_do_not_go_with_heads() -> None:
    with pytest.raises(EngramError, match="mixes the heads of a layer"):
        planned(
            features={"mine": {"kind": "heads", "of": "gpt2-tiny"}}, encoding={"components": 10}
        )


PARTITION = {"model": ["gpt2-tiny", "llama-tiny"], "rate": ["word-rate"]}


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ({"model": ["gpt2-tiny"]}, "at least 2"),
        ({one: [one] for one in ("gpt2-tiny", "llama-tiny", "word-rate", "x")}, "at most 3"),
        ({**PARTITION, "again": ["gpt2-tiny"]}, r"\['gpt2-tiny'\] are named twice"),
        ({**PARTITION, "empty": []}, "at least 1"),
        ({"model": ["gpt2-tiny"], "norms": ["mine"]}, r"\['mine'\] are not scored in this study"),
    ],
)
def test_partitions_that_cannot_be(groups: dict[str, list[str]], message: str) -> None:
    with pytest.raises(EngramError, match=message):
        planned(partitions={"both": {"groups": groups}})


def test_a_partition_without_its_word_rate_is_refused() -> None:
    with pytest.raises(EngramError, match="word-rate.* not scored"):
        planned(partitions={"both": {"groups": PARTITION}}, baselines=[])


def test_a_partition_reads_all_its_spaces(table: str) -> None:
    groups = {**PARTITION, "norms": ["mine"]}
    study, plan = planned(features={"mine": norms(table)}, partitions={"p": {"groups": groups}})
    (group, *_) = encoding.groups_of_listeners(plan)
    found = partitions.activations(study, plan, group, "p")
    spaces_in_order = ["gpt2-tiny", "llama-tiny", "word-rate", "mine"]
    stories = plan.groups[group].stories
    assert found == paths(
        features.ORIGINAL_ACTIVATIONS,
        [{"model": one, "story": story} for one in spaces_in_order for story in stories],
    )
    depends = partitions.depends_on(study, plan, group, "p")
    assert dict(depends["groups"]) == groups and depends["targets"] == "roi"
    assert "components" not in depends["encoding"]
    needed = need(study, plan, "partition", {"group": group, "partition": "p"})
    fewer = need(*planned(), "partition", {"group": group, "partition": "both"})
    assert needed.seconds > fewer.seconds > 0
    assert "partitions" in figures.names(study, plan)


def test_a_table_may_lie_below_the_mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ENGRAM_MIRROR", raising=False)
    mine = {"mine": norms("norms/mine.tsv")}
    with pytest.raises(EngramError, match="there is no file 'norms/mine.tsv'"):
        planned(features=mine)
    (tmp_path / "norms").mkdir()
    (tmp_path / "norms" / "mine.tsv").touch()
    monkeypatch.setenv("ENGRAM_MIRROR", str(tmp_path))
    study, plan = planned(features=mine)
    depends = spaces.depends_on(study, plan, "mine", plan.stories[0])
    assert depends["files"] == [str(tmp_path / "norms" / "mine.tsv")]


def test_heads_of_what_has_none_are_refused(tmp_path: Path) -> None:
    heads_of = {"kind": "heads", "of": "gpt2-tiny"}
    with pytest.raises(EngramError, match="reported_layer is 0, the embeddings, which have no"):
        check_layer(planned(features={"h": heads_of}, reported_layer=0)[0])
    check_layer(planned(features={"h": {**heads_of, "layers": "all"}}, reported_layer=0)[0])
    shutil.copytree(ROOT / "resources" / "models" / "gpt2-tiny", tmp_path / "mamba")
    (tmp_path / "mamba" / "config.json").write_text(
        '{"model_type": "mamba", "hidden_size": 32, "num_hidden_layers": 4}'
    )
    with pytest.raises(EngramError, match="features.h.of: 'mamba' has no attention heads"):
        check_layer(
            planned(
                models={"mamba": {"source": str(tmp_path / "mamba")}},
                features={"h": {"kind": "heads", "of": "mamba"}},
            )[0]
        )
