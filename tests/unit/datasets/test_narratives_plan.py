"""Narratives as it is planned: scans, groups, mistakes, downloads; without the data."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from conftest import ROOT, jobs, snakemake

from engram.datasets.narratives import facts, layout
from engram.datasets.narratives.config import NarrativesSection
from engram.datasets.narratives.plan import PlannedNarratives
from engram.errors import EngramError
from engram.paths import NARRATIVES_FACTS
from engram.study.config.read import read_study
from engram.study.plan import Plan, make_plan

FACTS = facts.read_facts(NARRATIVES_FACTS)


def plan(**dataset: object) -> Plan:
    return make_plan(
        read_study({"study": "n", "dataset": {"kind": "narratives", **dataset}, "models": {}})
    )


def test_plan_needs_no_data_and_loses_no_scan() -> None:
    made = plan(stories=["pieman", "tunnel"])
    used = {(scan.subject, scan.story) for scan in made.dataset.scans}
    left_out = {scan for _, _, scan, _ in made.dataset.excluded}
    # sub-001's two runs of pieman are excluded; of sub-013's, the second: one remains
    assert ("001", "pieman") not in used and {
        "sub-001_task-pieman_run-1",
        "sub-001_task-pieman_run-2",
    } <= left_out
    assert ("013", "pieman") in used and "sub-013_task-pieman_run-2" in left_out
    read = {
        name
        for story in made.stories
        for subject in made.listeners(story)
        for name in scan_names(made, subject, story)
    }
    everything = {fact.scan for fact in FACTS if fact.story in ("pieman", "tunnel")}
    assert read | left_out == everything and not read & left_out
    assert set(made.groups) == {"pieman", "tunnel", "pieman+tunnel"}
    assert "average" in made.groups["pieman+tunnel"].subjects


def scan_names(made: Plan, subject: str, story: str) -> list[str]:
    assert isinstance(made.dataset, PlannedNarratives)
    return [fact.scan for fact in made.dataset.scan_facts(story) if fact.subject == subject]


def test_a_run_that_does_not_count_is_listed() -> None:
    made = plan(stories=["pieman"], listeners=["002"], runs="last")
    assert made.dataset.excluded == (
        ("002", "pieman", "sub-002_task-pieman_run-1", "another run counts (dataset.runs: last)"),
    )
    assert scan_names(made, "002", "pieman") == ["sub-002_task-pieman_run-2"]


def test_adding_a_story_renames_no_other_group() -> None:
    few, more = (
        plan(stories=names).groups for names in (["black", "bronx"], ["black", "bronx", "lucy"])
    )
    assert set(few) <= set(more) and "lucy" in more
    for name, group in few.items():
        assert set(group.subjects) - {"average"} == set(more[name].subjects) - {"average"}


def test_studies_of_other_listeners_have_records_of_their_own() -> None:
    """So that one study does not make another's fetched scans look old."""
    names = set()
    for subjects in (None, ["002"], ["003"]):
        study = read_study(
            {
                "study": "n",
                "dataset": {"kind": "narratives", "stories": ["pieman"], "listeners": subjects},
                "models": {},
            }
        )
        download = make_plan(study).dataset.scans_download("pieman")
        assert download is not None
        names.add(download.manifest)
    assert len(names) == 3


def test_scrambled_stories_and_schema_can_be_asked_for() -> None:
    made = plan(stories=["friends", "notthefalllongscram"])
    assert len(made.listeners("friends")) == 31 and len(made.listeners("notthefalllongscram")) == 22
    default = plan()
    assert not {"friends", "notthefalllongscram"} & set(default.stories)


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        ({"stories": ["piemann"]}, "piemann"),
        ({"listeners": ["999"]}, "999"),
        ({"stories": ["lucy"], "listeners": ["002"]}, "no listener is left for lucy"),
        ({"regions": []}, "regions"),
        (
            {"regions": ["langauge"]},
            "'langauge' is no region of this atlas.* Did you mean language",
        ),
        ({"facts": "nowhere.tsv"}, "dataset.facts: there is no file 'nowhere.tsv'"),
        (
            {"atlas": "atlases/{hemi}.mine.annot"},
            "dataset.atlas: there is no file 'atlases/lh.mine.annot'",
        ),
        ({"path": "nowhere"}, "no folder 'nowhere'.*to fetch the data"),
        ({"space": "MNI152NLin2009cAsym"}, "needs an atlas.*harvard-oxford-sub"),
        ({"atlas": "nilearn:aal"}, "volumes"),
        ({"atlas": "mine.annot"}, "write {hemi}"),
        ({"atlas": "nilearn:mine", "space": "MNI152NLin2009cAsym"}, "'mine' is none of"),
    ],
)
def test_what_cannot_be_is_refused(dataset: dict[str, object], message: str) -> None:
    with pytest.raises(EngramError, match=message):
        plan(**dataset)


def test_files_that_are_not_there_are_named_before_the_first_job(tmp_path: Path) -> None:
    """A half-got clone: links without content, and a hemisphere that is missing altogether."""
    folder = tmp_path / "clone"
    wanted = [
        path
        for fact in FACTS
        if (fact.story, fact.subject) == ("lucy", "022")
        for path in layout.bold_files("afni-nosmooth", "fsaverage6", fact.scan)
    ]
    for path in (layout.alignment_file("lucy"), *layout.parcellation_files()):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text("x")
    (folder / wanted[0]).parent.mkdir(parents=True)
    (folder / wanted[0]).symlink_to("../../nothing")
    with pytest.raises(
        EngramError,
        match=r"2 of 5 files .* \(1 of them are links .*'datalad get' brings it\).*hemi-L",
    ):
        plan(path=str(folder), stories=["lucy"], listeners=["022"])
    for path in wanted:
        (folder / path).unlink(missing_ok=True)
        (folder / path).write_text("x")
    assert plan(path=str(folder), stories=["lucy"], listeners=["022"]).dataset.scans[
        0
    ].files == tuple(str(folder / path) for path in wanted)


def test_source_s3_wants_the_same_files_without_datalad() -> None:
    """Downloads by DataLad keep their names and what they depend on: nothing is fetched again."""
    annexed, https = (plan(stories=["lucy"], **one).dataset for one in ({}, {"source": "s3"}))
    assert annexed.fetches_by_datalad and not https.fetches_by_datalad
    assert "[@datalad]" not in NarrativesSection(kind="narratives", source="s3").description()
    for one, other in (
        (annexed.words_download("lucy"), https.words_download("lucy")),
        (annexed.scans_download("lucy"), https.scans_download("lucy")),
    ):
        assert one is not None and other is not None
        assert sorted(one.settings) == ["files", "optional", "source"]
        assert other.settings == {
            **one.settings,
            "bucket": "https://s3.amazonaws.com/fcp-indi/data/Projects/narratives",
            "name": "narratives",
        }
        assert re.fullmatch(r"<downloads>/narratives-3cba3caa/\S+", one.manifest)
        assert one.manifest.split("/")[1] != other.manifest.split("/")[1]
    fetched = https.scans_download("lucy")
    assert fetched is not None
    assert https.sources() == [{"URL": fetched.settings["bucket"]}]
    assert https.download_bytes() == annexed.download_bytes() > 0


@pytest.mark.slow
@pytest.mark.parametrize(("name", "n_groups"), [("narratives-pilot", 3), ("narratives", 48)])
def test_shipped_studies_are_planned_on_a_fresh_clone(
    tmp_path: Path, name: str, n_groups: int
) -> None:
    config = ROOT / "config" / f"{name}.yaml"
    content = yaml.safe_load(config.read_text())
    assert len(make_plan(read_study(content)).groups) == n_groups
    result = snakemake("-n", "--configfile", config, folder=tmp_path)
    counts = jobs(result)
    n_models = len(content["models"]) + 1  # and the word rate
    assert counts["encoding"] == n_groups * n_models
    assert (
        counts["fetch_scans"]
        == counts["fetch_words"]
        == len(content["dataset"].get("stories", range(20)))
    )
    assert sum(counts.values()) < 3000
    assert "GB of disk" in result.stderr + result.stdout


@pytest.mark.slow
def test_the_papers_study_with_texts_and_tunings_is_a_few_large_jobs(tmp_path: Path) -> None:
    """GPT-2 and LLaMA-2, the original and four more texts, two tunings, with all their controls."""
    content = yaml.safe_load((ROOT / "config" / "narratives.yaml").read_text())
    content["tunings"] = {"lora": {}, "frozen": {"method": "frozen"}}
    content["associations"] = {f"word-{number}": {"folder": "texts"} for number in range(4)}
    (tmp_path / "texts").mkdir()
    for story in make_plan(read_study({**content, "associations": {}})).stories:
        for name in content["associations"]:
            (tmp_path / "texts" / f"story-{story}_associations-{name}.tsv").write_text(
                "after_word\ttext\tgranularity\tannotator\n"
            )
    (tmp_path / "whole.yaml").write_text(yaml.safe_dump(content))
    result = snakemake("-n", "--configfile", "whole.yaml", folder=tmp_path)
    counts = jobs(result)
    assert (
        counts["association_scores"] == 48 * 4 * 2
        and counts["encoding"] == 48 * 3
        and counts["tuning_scores"] == 48 * 2 * 2
    )
    assert counts["tune"] == 2 * 2 * 12  # four seeds of the association and of either control
    assert sum(counts.values()) < 3000
    size = re.search(r"about (\d+) GB of disk", result.stderr + result.stdout)
    assert size is not None and int(size[1]) < 400


def test_facts_hold_what_is_known_of_the_dataset() -> None:
    scans = {fact.scan: fact.excluded for fact in FACTS}
    assert len({fact.subject for fact in FACTS}) == 345
    assert len(scans) == 873 and sum(reason is not None for reason in scans.values()) == 27
    # The 891 scans of the publication count each of the 18 scans of
    # slumlordreach as two: a story each.
    assert (
        len(
            {(fact.scan, fact.story) for fact in FACTS if fact.task != "schema"}
            | {(fact.scan, "") for fact in FACTS if fact.task == "schema"}
        )
        == 891
    )
    assert len({fact.subject for fact in FACTS if (fact.task, fact.run) == ("pieman", "2")}) == 14
    milkyway = {fact.story for fact in FACTS if fact.task == "milkyway"}
    assert milkyway == {"milkywayoriginal", "milkywaysynonyms", "milkywayvodka"}
    assert {fact.story for fact in FACTS if fact.task == "prettymouth"} == {
        "prettymouthaffair",
        "prettymouthparanoia",
    }
    for story, onset, length in (
        ("pieman", 15, 422),
        ("tunnel", 3, 1534),
        ("slumlord", 29.5, 903),
        ("reach", 969.5, 825),
        ("21styear", 21, 3338),
    ):
        found = {
            (fact.story_onset, fact.story_end - fact.story_onset)
            for fact in FACTS
            if fact.story == story
        }
        assert found == {(onset, length)}
