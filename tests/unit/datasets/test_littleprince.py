"""Le Petit Prince: the real list of files, words, and made volumes."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pandas as pd
import pytest
import yaml
from conftest import ROOT, jobs, snakemake

from engram.datasets.littleprince import facts
from engram.datasets.littleprince.reader import LittlePrinceDataset, LittlePrinceWords
from engram.errors import EngramError
from engram.fetch import dataset_files
from engram.fetch.annex_keys import read_key
from engram.paths import LITTLEPRINCE_SCANS, LITTLEPRINCE_WORDS
from engram.study.config.read import read_study
from engram.study.plan import Plan, make_plan
from engram.vocabulary import stimulus


def plan(**dataset: object) -> Plan:
    return make_plan(
        read_study({"study": "n", "dataset": {"kind": "littleprince", **dataset}, "models": {}})
    )


def config_of(made: Plan, story: str) -> dict[str, Any]:
    return made.dataset.scans_config(story)


def test_sections_are_ranks_of_runs() -> None:
    scans = facts.read_scans(LITTLEPRINCE_SCANS)
    assert len(scans) == 1008 and len({scan.subject for scan in scans}) == 112
    runs = [scan.run for scan in scans if scan.subject == "EN057"]
    assert runs == [str(run) for run in range(15, 24)]
    counts = Counter(scan.language for scan in scans)
    assert counts == {"en": 9 * 49, "zh": 9 * 35, "fr": 9 * 28}
    made = plan(language="en", stories=["littleprince-2"], listeners=["EN057"])
    assert config_of(made, "littleprince-2")["scans"] == {
        "EN057": [
            "sub-EN057_task-lppEN_run-16",
            "derivatives/sub-EN057/func/sub-EN057_task-lppEN_run-16_space-MNIColin27_desc-preproc_"
            "bold.nii.gz",
            "sub-EN057/func/sub-EN057_task-lppEN_run-16_echo-1_bold.json",
        ]
    }


def test_sizes_of_files_follow_the_lengths_of_sections() -> None:
    """Bytes for each volume of a section by rank are the same, within 6 %, in every listener.

    Sections are 265 to 401 volumes long: with two of them swapped this would not hold.
    """
    sizes: dict[str, dict[int, float]] = defaultdict(dict)
    for scan in facts.read_scans(LITTLEPRINCE_SCANS):
        sizes[scan.subject][scan.section] = (
            scan.bytes / facts.VOLUMES[scan.language][scan.section - 1]
        )
    spread = {
        subject: max(abs(one / np.median(list(mine.values())) - 1) for one in mine.values())
        for subject, mine in sizes.items()
    }
    assert max(spread.values()) < 0.06


def test_scans_last_as_long_as_the_audio() -> None:
    for language, volumes in facts.VOLUMES.items():
        for rows, seconds in zip(volumes, facts.SECONDS[language], strict=True):
            assert -0.5 <= rows * facts.TR - facts.START[language] - seconds <= 10


def test_a_listener_without_nine_runs_is_refused() -> None:
    path = facts.SectionScan("EN001", 1, "03", 1, "0a").path
    with pytest.raises(EngramError, match=r"sub-EN001 has 1 cleaned runs; 9 were expected"):
        facts.scans_of({path: "MD5E-s1--0a.nii.gz"})


def test_tables_are_those_of_the_file_list(mirror: Path) -> None:
    tree = mirror / "littleprince" / "tree.tsv"
    rows = [line.split("\t") for line in tree.read_text().splitlines()[1:]]
    keys = {path: key for path, key, _ in rows if key != "git"}
    scans = facts.read_scans(LITTLEPRINCE_SCANS)
    assert scans == facts.scans_of(keys)
    assert {scan.path: scan.key for scan in scans} == {
        path: key for path, key in keys.items() if path.startswith("derivatives/")
    }
    assert facts.read_words(LITTLEPRINCE_WORDS) == facts.words_of(keys)
    assert {scan.sidecar for scan in scans} <= {path for path, _, _ in rows}


@pytest.mark.parametrize(("language", "listeners"), [("en", 49), ("fr", 28), ("zh", 35)])
def test_plan_needs_no_data(language: str, listeners: int) -> None:
    made = plan(language=language)
    assert len(made.stories) == 9
    assert {len(made.listeners(story)) for story in made.stories} == {listeners}
    download = made.dataset.scans_download("littleprince-1")
    assert download is not None and made.dataset.fetches_by_datalad
    assert sorted(download.settings["keys"]) == download.settings["files"]
    assert len(download.settings["files"]) == len(download.settings["optional"]) == listeners
    sizes = [read_key(key).size for key in download.settings["keys"].values()]
    assert 50e6 < min(sizes) < max(sizes) < 150e6
    assert 20e9 < made.dataset.download_bytes() < 35e9
    # Sections have different words, so that one of them can be left out.
    assert len({stimulus(story) for story in made.stories}) == 9
    https = plan(language=language, source="s3").dataset
    words = https.words_download("littleprince-3")
    assert not https.fetches_by_datalad and words is not None
    assert words.settings["bucket"] == "https://s3.amazonaws.com/openneuro.org/ds003643"
    assert list(words.settings["keys"]) == words.settings["files"]


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        ({"language": "en", "listeners": ["FR001"]}, r"dataset.listeners names \['FR001'\]"),
        ({"language": "en", "stories": ["section1"]}, r"dataset.stories names \['section1'\]"),
        ({"language": "de"}, r"language"),
        ({}, r"language"),
        ({"language": "en", "atlas": "nilearn:none"}, r"none of nilearn's atlases"),
        ({"language": "en", "atlas": "no.nii"}, r"there is no file 'no.nii'"),
        ({"language": "en", "path": "nowhere"}, r"there is no folder 'nowhere'"),
    ],
)
def test_mistakes_are_named(dataset: dict[str, Any], message: str) -> None:
    with pytest.raises(EngramError, match=message):
        plan(**dataset)


@pytest.mark.parametrize("story", ["littleprince-1", "littleprince-4"])
def test_words_come_from_a_mirror_against_their_keys(
    story: str, mirror: Path, tmp_path: Path
) -> None:
    """With `source: s3` the real files are taken from the mirror, without git or the network."""
    download = plan(language="en", source="s3").dataset.words_download(story)
    assert download is not None
    manifest = tmp_path / "littleprince-01234567" / "words.tsv"
    dataset_files.fetch(download.settings, manifest, mirror)
    (path,) = download.settings["files"]
    fetched = manifest.parent / "dataset" / path
    assert fetched.read_bytes() == (mirror / "littleprince" / path).read_bytes()
    assert manifest.read_text() == f"path\tkey\n{path}\t{download.settings['keys'][path]}\n"


def test_real_words(mirror: Path) -> None:
    folder = mirror / "littleprince"
    made = plan(language="en")
    words = [
        LittlePrinceWords(folder, made.dataset.words_config(story)["source"]).words(story)
        for story in made.stories
    ]
    assert sum(map(len, words)) == 15_429
    for section, table in enumerate(words):
        end = table["offset"].max()
        assert 0 < facts.SECONDS["en"][section] - end < 30, section
    made = plan(language="fr")
    french = [
        LittlePrinceWords(folder, made.dataset.words_config(story)["source"]).words(story)
        for story in made.stories
    ]
    # Each section is on its own clock.
    assert all(table["onset"].min() < 10 for table in french)
    for section, table in enumerate(french):
        assert 0 < facts.SECONDS["fr"][section] - table["offset"].max() < 30, section
    assert 13_000 < sum(map(len, french)) <= 15_391


def write_volume(path: Path, rows: int, seed: int, shared: np.ndarray | None = None) -> None:
    rng = np.random.default_rng(seed)
    values = rng.standard_normal((4, 4, 4, rows)).astype(np.float32)
    if shared is not None:
        values += 2 * shared[:rows]
    path.parent.mkdir(parents=True, exist_ok=True)
    image = nibabel.Nifti1Image(values, np.diag([2, 2, 2, 1]))
    image.header.set_zooms((2, 2, 2, 2.0))
    image.header.set_xyzt_units("mm", "sec")
    nibabel.save(image, path)


def write_atlas(path: Path) -> None:
    numbers = np.zeros((4, 4, 4), dtype=np.int16)
    numbers[:2], numbers[2:] = 1, 2
    numbers[0, 0, 0] = 0
    nibabel.save(nibabel.Nifti1Image(numbers, np.diag([2, 2, 2, 1])), path)
    path.with_name("atlas.tsv").write_text("index\tname\n1\tfront\n2\tback\n")


def opened(folder: Path, rows: int, **more: Any) -> LittlePrinceDataset:
    scans = {"EN057": ["sub-EN057_task-lppEN_run-15", "a.nii.gz", "a.json"]}
    write_volume(folder / "a.nii.gz", rows, 0)
    write_atlas(folder / "atlas.nii")
    given = {"volumes": 282, "regions": None, "start": 0.0, "tr": 2.0, **more}
    return LittlePrinceDataset(folder, scans, atlas=folder / "atlas.nii", **given)


def test_volumes_are_read(tmp_path: Path) -> None:
    dataset = opened(tmp_path, 280)
    assert dataset.timeseries("EN057", "littleprince-1").shape == (280, 63)
    assert Counter(dataset.targets()["roi"]) == {"front": 31, "back": 32}
    assert dataset.confounds("EN057", "littleprince-1") is None


def test_a_scan_of_another_section_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EngramError, match=r"has 298 volumes; the scans of littleprince-1 have 282"):
        opened(tmp_path, 298).timeseries("EN057", "littleprince-1")


def test_headers_of_a_folder_are_looked_at_before_a_run(tmp_path: Path) -> None:
    scans = {
        one.subject: tmp_path / one.path
        for one in facts.read_scans(LITTLEPRINCE_SCANS)
        if one.subject in ("EN057", "EN113") and one.section == 2
    }
    (tmp_path / facts.text_grid("en", 2)).parent.mkdir(parents=True)
    (tmp_path / facts.text_grid("en", 2)).touch()
    for number, path in enumerate(scans.values()):
        write_volume(path, 298, number)
    made = plan(
        language="en", path=str(tmp_path), stories=["littleprince-2"], listeners=list(scans)
    )
    made.dataset.check()
    image = nibabel.load(scans["EN113"])
    nibabel.save(nibabel.Nifti1Image(image.get_fdata()[1:], image.affine), scans["EN113"])
    with pytest.raises(EngramError, match="EN113.*all scans need the same voxels"):
        made.dataset.check()
    write_volume(scans["EN113"], 282, 1)
    with pytest.raises(EngramError, match="has 282 volumes; the scans of littleprince-2 have 298"):
        made.dataset.check()
    scans["EN113"].write_bytes(b"/annex/objects/MD5E-s9--0.nii.gz\n")
    with pytest.raises(EngramError, match="is a pointer of git-annex"):
        made.dataset.check()


def test_a_sidecar_with_another_tr_stops(tmp_path: Path) -> None:
    dataset = opened(tmp_path, 282)
    (tmp_path / "a.json").write_text('{"RepetitionTime": 1.5}')
    with pytest.raises(EngramError, match=r"1\.5"):
        dataset.timeseries("EN057", "littleprince-1")


LONG = """File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0
xmax = {end}
tiers? <exists>
size = 1
item []:
    item [1]:
        class = "IntervalTier"
        name = "TokensAlign"
        xmin = 0
        xmax = {end}
        intervals: size = {size}
"""


def write_text_grid(path: Path, onsets: np.ndarray, end: float, encoding: str) -> None:
    """Words of a third of a second, with '#' for silence between them."""
    labels = [(0.0, onsets[0], "#")]
    for number, onset in enumerate(onsets):
        after = onsets[number + 1] if number + 1 < len(onsets) else end
        labels += [(onset, onset + 0.3, f"word{number % 7}"), (onset + 0.3, after, "#")]
    text = LONG.format(end=end, size=len(labels))
    for number, (begin, stop, label) in enumerate(labels, start=1):
        text += f"        intervals [{number}]:\n            xmin = {begin}\n"
        text += f'            xmax = {stop}\n            text = "{label}"\n'
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding=encoding)


@pytest.mark.slow
def test_from_a_made_tree_to_scores(tmp_path: Path) -> None:
    """Two listeners of a section, whose voxels follow the rate of words two rows later."""
    tree, rng = tmp_path / "tree", np.random.default_rng(3)
    listeners = ["EN057", "EN113"]
    seconds, rows = facts.SECONDS["en"][1], facts.VOLUMES["en"][1]
    onsets = np.sort(rng.choice(np.arange(1, seconds - 1, 0.4), 600, replace=False))
    write_text_grid(tree / facts.text_grid("en", 2), onsets, seconds, "utf-16")
    rate = np.histogram(onsets, np.arange(rows + 1) * 2.0)[0].astype(float)
    followed = np.roll((rate - rate.mean()) / rate.std(), 2)
    for number, scan in enumerate(facts.read_scans(LITTLEPRINCE_SCANS)):
        if scan.subject in listeners and scan.section == 2:
            write_volume(tree / scan.path, rows, number, followed)
    write_atlas(tmp_path / "atlas.nii")
    content = {
        "study": "prince",
        "dataset": {
            "kind": "littleprince",
            "language": "en",
            "path": str(tree),
            "stories": ["littleprince-2"],
            "listeners": listeners,
            "atlas": str(tmp_path / "atlas.nii"),
        },
        "encoding": {"folds": 3, "inner_folds": 2},
        "targets": "roi",
    }
    (tmp_path / "prince.yaml").write_text(yaml.safe_dump(content))
    table = "results/prince/tables/scores.tsv"
    result = snakemake("--configfile", "prince.yaml", "--until", "tables", folder=tmp_path)
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
    scores = pd.read_csv(tmp_path / table, sep="\t")
    assert set(scores["subject"]) == {"EN057", "EN113", "average"}
    assert set(scores["roi"]) == {"front", "back"} and scores["score"].min() > 0.5
    words = pd.read_csv(
        tmp_path / "results" / "prince" / "stories" / "story-littleprince-2_words.tsv", sep="\t"
    )
    assert len(words) == 600


@pytest.mark.slow
def test_shipped_study_is_planned_on_a_fresh_clone(tmp_path: Path) -> None:
    config = ROOT / "config" / "littleprince.yaml"
    chosen = "dataset={language: fr}"
    result = snakemake("-n", "--configfile", config, "--config", chosen, folder=tmp_path)
    counts = jobs(result)
    assert counts["fetch_scans"] == counts["fetch_words"] == counts["bold"] == 9
    assert counts["encoding"] == 2 and sum(counts.values()) < 100
    assert "GB of disk" in result.stderr + result.stdout


def test_facts_are_made_from_a_clone(tmp_path: Path) -> None:
    """The script reads a clone in which links dangle, as git alone leaves it."""
    clone = tmp_path / "clone"
    for section, run in enumerate(range(4, 13), start=1):
        scan = facts.SectionScan("EN999", section, f"{run:02d}", 100 + run, "0" * 32)
        (clone / scan.path).parent.mkdir(parents=True, exist_ok=True)
        (clone / scan.path).symlink_to(f"../../../.git/annex/objects/a/b/{scan.key}/{scan.key}")
    for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "made"]):
        who = ["-c", "user.name=n", "-c", "user.email=e"]
        subprocess.run(["git", *who, *arguments], cwd=clone, check=True)
    script = ROOT / "resources" / "littleprince" / "make_facts.py"
    subprocess.run([sys.executable, script, clone, tmp_path], check=True, capture_output=True)
    made = facts.read_scans(tmp_path / "scans.tsv")
    assert [(scan.section, scan.run, scan.bytes) for scan in made[:2]] == [
        (1, "04", 104),
        (2, "05", 105),
    ]
