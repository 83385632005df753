"""Narratives: planning, words, surfaces and the whole road.

That is on the simulated dataset in every form, and on the real metadata where a mirror has them.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pandas as pd
import pytest
import yaml
from conftest import ROOT, jobs, snakemake, story_bold
from datalad_source import make_dataset

from engram.datasets import time_courses
from engram.datasets.images.surfaces import VERTICES
from engram.datasets.narratives import facts, layout
from engram.datasets.narratives.config import NarrativesSection
from engram.datasets.narratives.plan import PlannedNarratives
from engram.datasets.narratives.reader import NarrativesDataset
from engram.datasets.narratives.words import NarrativesWords
from engram.datasets.simulated import schedule, simulate
from engram.datasets.simulated.planted import PLANTED
from engram.errors import EngramError
from engram.paths import ASSOCIATIONS, GENERATOR, NARRATIVES_FACTS, TEXTS, TUNED_GENERATOR
from engram.study.config.read import read_study
from engram.study.plan import Plan, make_plan
from engram.words import stories
from engram.words.timings.gentle import read_alignment
from engram.words.timings.transcript import punctuate

FACTS = facts.read_facts(NARRATIVES_FACTS)
N_VERTICES = VERTICES["fsaverage5"]
STUDY: dict[str, Any] = {"stories": ["lighthouse", "market"], "listeners": 6, "words": 120}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The simulated Narratives on fsaverage5: two stories and six listeners.

    One of the listeners has two runs; one scan is excluded.
    """
    folder = tmp_path_factory.mktemp("narratives") / "dataset"
    simulate.write_narratives(
        folder, GENERATOR, TUNED_GENERATOR, TEXTS, ASSOCIATIONS, **STUDY, space="fsaverage5", seed=0
    )
    return folder


SCANS = schedule.simulated_facts(TEXTS, seed=0, **STUDY)


def scans_of(story: str) -> list[facts.Fact]:
    return [fact for fact in SCANS if fact.story == story]


def reader(folder: Path, story: str = "lighthouse", **options: Any) -> NarrativesDataset:
    return NarrativesDataset(folder, scans_of(story), space="fsaverage5", **options)


def raw(folder: Path, scan: str) -> np.ndarray:
    """Both hemispheres of a scan, every vertex."""
    sides = [
        nibabel.load(folder / path)
        for path in layout.bold_files("afni-nosmooth", "fsaverage5", scan)
    ]
    return np.concatenate(
        [np.stack([array.data for array in side.darrays]) for side in sides], axis=1
    )


@pytest.mark.slow
def test_metadata_of_the_made_dataset_give_the_facts_it_was_planned_by(tree: Path) -> None:
    assert facts.read_dataset(tree) == SCANS
    assert sum(fact.excluded is not None for fact in SCANS) == 1 and any(
        fact.run == "2" for fact in SCANS
    )


def test_words_are_those_that_were_told_when_they_were_told(tree: Path) -> None:
    words = NarrativesWords(tree, scans_of("market")).words("market")
    # With the transcript's punctuation.
    assert words["word"].tolist() == (TEXTS / "market.txt").read_text().split()[:120]
    told = schedule.speak((TEXTS / "market.txt").read_text(), 1, 120)
    fact = scans_of("market")[0]
    lead = fact.story_onset - fact.audio_onset  # the audio begins with music
    timed = words["onset"].notna().to_numpy()
    assert 0 < (~timed).sum() < 10
    np.testing.assert_allclose(
        words["onset"][timed], lead + np.array([onset for _, onset, _ in told])[timed], atol=0.006
    )
    table = stories.words_table(words, 15, "market")
    assert table["onset"].notna().all() and (table["timed"] == "false").sum() == (~timed).sum()


def test_words_before_the_story_lose_their_times(tree: Path, tmp_path: Path) -> None:
    """As in milkywaysynonyms, whose first word is aligned into the music."""
    folder = tmp_path / "copy"
    shutil.copytree(tree / "stimuli", folder / "stimuli")
    path = folder / layout.alignment_file("lighthouse")
    lines = path.read_text().splitlines()
    path.write_text("\n".join(["The,the,2.0,2.1", *lines[1:]]) + "\n")
    assert np.isnan(NarrativesWords(folder, scans_of("lighthouse")).words("lighthouse")["onset"][0])


def test_two_stories_of_one_scan_are_told_apart(tmp_path: Path) -> None:
    """slumlordreach: the audio begins 4.5 s into the scan.

    Told from 29.5 s for 903 s, and from 969.5 s for 825 s.
    """
    path = tmp_path / layout.alignment_file("slumlordreach")
    path.parent.mkdir(parents=True)
    # on the audio's clock slumlord ends at 928 s and reach begins at 965 s: they are
    # cut half-way, at 946.5 s
    path.write_text(
        "one,one,25.2,25.5\ntwo,two,927.0,927.4\nthree,,,\n"
        "four,four,965.3,965.6\nfive,five,1788.0,1789.0\n"
    )
    scan = next(fact.scan for fact in FACTS if fact.story == "reach" and fact.excluded is None)
    told = [fact for fact in FACTS if fact.scan == scan]
    reader_of_words = NarrativesWords(tmp_path, told)
    assert reader_of_words.words("slumlord")["word"].tolist() == ["one", "two", "three"]
    reach = reader_of_words.words("reach")
    assert reach["word"].tolist() == ["four", "five"] and reach["onset"].tolist() == [965.3, 1788.0]
    # on the scan's clock 969.8 s: row 646, which begins at 969.0 s
    assert int((965.3 + told[0].audio_onset) / 1.5) == 646


@pytest.mark.parametrize(
    ("story", "start"),
    [
        ("pieman", 0.0),
        ("tunnel", -3.0),
        ("shapesphysical", -4.5),
        ("black", -12.0),
        ("reach", -4.5),
    ],
)
def test_the_audio_begins_where_the_events_say(tree: Path, story: str, start: float) -> None:
    mine = [fact for fact in FACTS if fact.story == story and fact.excluded is None]
    dataset = NarrativesDataset(tree, mine, space="fsaverage5")
    assert {dataset.start(fact.subject, story) for fact in mine} == {start}


def test_schema_begins_at_each_listeners_own_time(tree: Path) -> None:
    mine = [fact for fact in FACTS if fact.story == "friends"]
    dataset = NarrativesDataset(tree, mine, space="fsaverage5")
    assert (dataset.start("049", "friends"), dataset.start("075", "friends")) == (-199.93, -199.7)


def test_targets_leave_out_the_medial_wall_and_cortex_without_a_region(tree: Path) -> None:
    targets = reader(tree).targets()
    assert set(targets["roi"]) <= set(PLANTED) and set(targets["hemisphere"]) == {"L", "R"}
    values = raw(tree, "sub-001_task-lighthouse")
    assert 300 < np.isnan(values).all(0).sum() < 1200  # the medial wall, both hemispheres
    chosen = targets["vertex"].to_numpy() + np.where(targets["hemisphere"] == "R", N_VERTICES, 0)
    np.testing.assert_array_equal(reader(tree).timeseries("001", "lighthouse"), values[:, chosen])
    assert set(reader(tree, regions=["precuneus"]).targets()["roi"]) == {"precuneus"}


def test_runs_are_averaged_or_chosen(tree: Path) -> None:
    runs = [
        reader(tree, runs=which).timeseries("002", "lighthouse")
        for which in ("first", "last", "mean")
    ]
    n_trs = min(len(runs[0]), len(runs[1]))
    assert len(runs[0]) != len(runs[1])
    np.testing.assert_allclose(runs[2], (runs[0][:n_trs] + runs[1][:n_trs]) / 2, atol=1e-6)
    assert (
        reader(tree).scan_names("002", "lighthouse")
        == "sub-002_task-lighthouse_run-1 sub-002_task-lighthouse_run-2"
    )


def test_runs_that_begin_at_different_times_are_not_averaged(tree: Path, tmp_path: Path) -> None:
    folder = copy_of(tree, tmp_path)
    events = folder / layout.events_file("sub-002_task-lighthouse_run-2")
    events.write_text(events.read_text().replace("0.0\t13.0\tmusic", "6.0\t7.0\tmusic"))
    late = [fact for fact in facts.read_dataset(folder) if fact.story == "lighthouse"]
    with pytest.raises(EngramError, match=r"begins at \[0.0, 6.0\] s in its runs.*runs: first"):
        NarrativesDataset(folder, late, space="fsaverage5").timeseries("002", "lighthouse")


OPTIONS: dict[str, Any] = {
    "confounds": True,
    "high_pass": None,
    "targets": "roi",
    "average": True,
    "trim": 6,
    "tail": 60.0,
}


def test_scans_are_cut_to_the_shortest(tree: Path, caplog: pytest.LogCaptureFixture) -> None:
    words = stories.words_table(
        NarrativesWords(tree, scans_of("lighthouse")).words("lighthouse"),
        15,
        "lighthouse",
    )
    result, scans = story_bold(reader(tree), "lighthouse", ["001", "002", "003"], words, **OPTIONS)
    assert scans["n_trs"].nunique() == 2 and "cut to the shortest" in caplog.text
    # the first word begins 15.5 s into the scan, in row 10
    assert (result["time"].values[0], result.sizes["time"]) == (15.0, scans["n_trs"].min() - 10)
    assert "L-angular gyrus" in result["target"].values.tolist()
    # every vertex of a region belongs to the region's target
    regions = result["roi"].values[result["vertex_target"].values]
    assert (regions == reader(tree).targets()["roi"]).all()


def test_listeners_who_heard_it_at_other_times_are_brought_to_one_clock() -> None:
    """Schema: the same response, 200.0 s into one scan and 150.4 s into the other.

    That is 33 TRs less 0.1 s.
    """
    rng = np.random.default_rng(0)
    response = rng.standard_normal((60, 2)).astype(np.float32)
    begins = {"a": 200.0, "b": 150.4}

    class Made:
        tr, slack_trs, most_constant, simulated = 1.5, 5, 0.0, False

        def targets(self) -> pd.DataFrame:
            return pd.DataFrame({"target": ["p", "q"], "hemisphere": "L", "roi": ["p", "q"]})

        def start(self, subject: str, story: str) -> float:
            return -begins[subject]

        def scan_names(self, subject: str, story: str) -> str:
            return subject

        def timeseries(self, subject: str, story: str) -> np.ndarray:
            before = round(begins[subject] / 1.5)
            rest = rng.standard_normal((200 - before - 60, 2))
            return np.concatenate([rng.standard_normal((before, 2)), response, rest]).astype(
                np.float32
            )

        def confounds(self, subject: str, story: str) -> None:
            return None

    words = pd.DataFrame({"word": ["a", "b"], "onset": [0.6, 80.0], "offset": [0.9, 80.4]})
    result, _ = story_bold(
        Made(), "friends", ["a", "b"], words, **{**OPTIONS, "targets": "all", "tail": 4.0}
    )
    one, other = result["bold"].sel(subject=["a", "b"]).values
    np.testing.assert_allclose(one, other, atol=1e-5)
    np.testing.assert_allclose(one, time_courses.zscore(response[: len(one)]), atol=3e-4)


def test_facts_that_the_dataset_contradicts_stop_the_scan(tree: Path, tmp_path: Path) -> None:
    folder = copy_of(tree, tmp_path)
    events = folder / layout.events_file("sub-003_task-lighthouse")
    events.write_text(events.read_text().replace("15.0", "18.0"))
    with pytest.raises(
        EngramError,
        match=r"sub-003_task-lighthouse.*story_onset: table 15, metadata 18.*make_facts",
    ):
        reader(folder).timeseries("003", "lighthouse")


def copy_of(tree: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "copy"
    shutil.copytree(tree, folder)
    return folder


def write_surface(path: Path, values: np.ndarray) -> None:
    arrays = [
        nibabel.gifti.GiftiDataArray(row.astype(np.float32), intent="NIFTI_INTENT_TIME_SERIES")
        for row in values
    ]
    nibabel.save(nibabel.gifti.GiftiImage(darrays=arrays), path)


def test_broken_files_are_named(tree: Path, tmp_path: Path) -> None:
    folder = copy_of(tree, tmp_path)
    left = folder / layout.bold_files("afni-nosmooth", "fsaverage5", "sub-003_task-lighthouse")[0]
    whole = left.read_bytes()
    left.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(
        EngramError, match=r"hemi-L_desc-clean\.func\.gii' cannot be read .* fetch it again"
    ):
        reader(folder).timeseries("003", "lighthouse")
    left.unlink()
    left.symlink_to("../../.git/annex/objects/not-fetched")
    with pytest.raises(EngramError, match="not fetched"):
        reader(folder).timeseries("003", "lighthouse")
    left.unlink()
    write_surface(left, np.zeros((50, 500)))
    with pytest.raises(EngramError, match="has 500 vertices; fsaverage5 has 10242"):
        reader(folder).timeseries("003", "lighthouse")
    write_surface(left, np.ones((20, N_VERTICES)))
    with pytest.raises(EngramError, match=r"have \[20, \d+\] TRs"):
        reader(folder).timeseries("003", "lighthouse")
    alignment = folder / layout.alignment_file("lighthouse")
    alignment.write_text("I,i,2.0,2.1\nbegan,began,late,3\n")
    with pytest.raises(EngramError, match=r"align\.csv', line 2"):
        NarrativesWords(folder, scans_of("lighthouse")).words("lighthouse")
    alignment.unlink()
    with pytest.raises(EngramError, match="is not there"):
        NarrativesWords(folder, scans_of("lighthouse")).words("lighthouse")


def test_a_few_targets_without_variance_are_counted_many_are_refused(
    tree: Path, tmp_path: Path
) -> None:
    folder = copy_of(tree, tmp_path)
    left = folder / layout.bold_files("afni-nosmooth", "fsaverage5", "sub-003_task-lighthouse")[0]
    values = np.stack([array.data for array in nibabel.load(left).darrays])
    targets = reader(folder).targets()
    vertices = targets.loc[targets["hemisphere"] == "L", "vertex"].to_numpy()
    values[:, vertices[:5]] = 0
    write_surface(left, values)
    words = stories.words_table(
        NarrativesWords(folder, scans_of("lighthouse")).words("lighthouse"),
        15,
        "lighthouse",
    )
    result, scans = story_bold(
        reader(folder), "lighthouse", ["001", "003"], words, **{**OPTIONS, "targets": "all"}
    )
    assert scans["n_constant"].tolist() == [0, 5]
    assert (result["bold"].sel(subject="003").values[:, :5] == 0).all() and np.isfinite(
        result["bold"].values
    ).all()
    values[:, vertices[:200]] = 0
    write_surface(left, values)
    with pytest.raises(EngramError, match="200 of"):
        reader(folder).timeseries("003", "lighthouse")


def test_punctuation_survives_differences() -> None:
    words = ["so", "i", "um", "went", "to", "st", "johns"]
    assert punctuate(words, "So I went to St. John's!") == [
        "So",
        "I",
        "um",
        "went",
        "to",
        "St.",
        "John's!",
    ]


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


def test_files_that_are_not_there_are_named_before_the_first_job(
    tree: Path, tmp_path: Path
) -> None:
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


@pytest.fixture(scope="module")
def superdataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same builder's dataset with the shapes of fsaverage6.

    It is a DataLad dataset with sub-datasets.
    """
    folder = tmp_path_factory.mktemp("datalad") / "narratives"
    simulate.write_narratives(
        folder,
        GENERATOR,
        TUNED_GENERATOR,
        TEXTS,
        ASSOCIATIONS,
        stories=["lighthouse"],
        listeners=4,
        words=150,
        space="fsaverage6",
        seed=0,
    )
    make_dataset(folder, ["derivatives/afni-nosmooth", "derivatives/freesurfer", "stimuli/gentle"])
    return folder


@pytest.mark.slow
def test_fetched_by_datalad_to_the_end(superdataset: Path, tmp_path: Path) -> None:
    """From a DataLad dataset to tables and maps.

    Raw files may be dropped afterwards; what is asked for later is fetched then.
    """
    own = superdataset.parent / "facts.tsv"
    facts.write_facts(own, facts.read_dataset(superdataset))
    content = {
        "study": "road",
        "dataset": {
            "kind": "narratives",
            "source": str(superdataset),
            "facts": str(own),
            "stories": ["lighthouse"],
            "listeners": ["001", "002", "003"],
        },
        "bold": {"targets": "roi", "high_pass": None, "trim": 6},
        "encoding": {"longest_delay": 4.5, "folds": 3, "inner_folds": 2},
    }
    (tmp_path / "road.yaml").write_text(yaml.safe_dump(content))
    result = snakemake("--configfile", "road.yaml", folder=tmp_path)
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
    results = tmp_path / "results" / "road"
    scores = pd.read_csv(results / "tables" / "scores.tsv", sep="\t", dtype={"subject": str})
    assert set(scores["subject"]) == {"001", "002", "003", "average"}
    assert set(scores["roi"]) == set(PLANTED)
    left = (
        nibabel.load(results / "maps" / "model-word-rate_text-original_hemi-L_scores.shape.gii")
        .darrays[0]
        .data
    )
    assert left.shape == (40962,) and 1000 < np.isfinite(left).sum() < 10000
    clone = next((tmp_path / "resources" / "downloads").glob("narratives-*")) / "dataset"
    got = sorted(path.name for path in clone.rglob("*_desc-clean.func.gii") if path.exists())
    # Exactly the scans of the study.
    assert len(got) == 6 and not any("sub-004" in name for name in got)
    subprocess.run(["chmod", "-R", "u+w", str(clone)], check=True)
    shutil.rmtree(clone)
    assert jobs(snakemake("-n", "--configfile", "road.yaml", folder=tmp_path)) == {}
    more = ["--config", 'dataset={listeners: ["001", "002", "003", "004"]}']
    planned = jobs(snakemake("-n", "--configfile", "road.yaml", *more, folder=tmp_path))
    assert planned["fetch_scans"] == planned["bold"] == 1 and not {
        "fetch_words",
        "story",
        "activations",
    } & set(planned)
    result = snakemake("--configfile", "road.yaml", *more, "--until", "bold", folder=tmp_path)
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
    scans = pd.read_csv(
        results / "bold" / "story-lighthouse_scans.tsv", sep="\t", dtype={"subject": str}
    )
    assert scans["subject"].tolist() == ["001", "002", "003", "004"]


def test_real_metadata_give_the_facts_table(mirror: Path, tmp_path: Path) -> None:
    script = ROOT / "resources" / "narratives" / "make_facts.py"
    subprocess.run(
        [sys.executable, str(script), str(mirror / "narratives"), str(tmp_path / "scans.tsv")],
        check=True,
        capture_output=True,
    )
    assert (tmp_path / "scans.tsv").read_text() == NARRATIVES_FACTS.read_text()


@pytest.mark.parametrize(
    ("stimulus", "n_words", "n_untimed"),
    [
        ("shapesphysical", 951, 9),
        ("shapessocial", 910, 6),
        ("milkywayoriginal", 1059, 7),
        ("milkywaysynonyms", 1066, 10),
        ("milkywayvodka", 1058, 2),
    ],
)
def test_real_alignments(mirror: Path, stimulus: str, n_words: int, n_untimed: int) -> None:
    table = read_alignment(mirror / "narratives" / "stimuli" / "gentle" / stimulus / "align.csv")
    assert (len(table), int(table["onset"].isna().sum())) == (n_words, n_untimed)


def test_real_words_land_in_the_right_rows(mirror: Path) -> None:
    """shapesphysical: "A" is at 49.17 s, row 32 (48.0 to 49.5 s).

    That is 44.67 s of the audio, which begins 4.5 s into the scan.
    """
    mine = [fact for fact in FACTS if fact.story == "shapesphysical" and fact.excluded is None]
    dataset = NarrativesDataset(mirror / "narratives", mine)
    words = NarrativesWords(mirror / "narratives", mine[:1]).words("shapesphysical")
    assert words["onset"].iloc[0] == pytest.approx(44.67, abs=0.01)
    assert (
        int((words["onset"].iloc[0] - dataset.start(mine[0].subject, "shapesphysical")) / 1.5) == 32
    )
    # milkywaysynonyms: the first word is aligned to 5.6 s, into the music before the story at 21
    # s: its time is unknown
    synonyms = [
        fact for fact in FACTS if fact.story == "milkywaysynonyms" and fact.excluded is None
    ]
    assert np.isnan(
        NarrativesWords(mirror / "narratives", synonyms[:1])
        .words("milkywaysynonyms")["onset"]
        .iloc[0]
    )
    targets = dataset.targets()
    assert targets["roi"].nunique() == 74 and targets.groupby("hemisphere").size().to_dict() == {
        "L": 37447,
        "R": 37454,
    }
