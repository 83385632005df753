"""LeBel et al.: the real list of files, made responses, and the ceiling of a repeated story."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest
import xarray as xr
import yaml
from conftest import ROOT, jobs, snakemake, story_bold

from engram.bold import story_bold as reading
from engram.datasets import readers
from engram.datasets.lebel import facts
from engram.datasets.lebel import plan as lebel_plan
from engram.datasets.lebel.reader import LebelDataset
from engram.datasets.time_courses import zscore
from engram.encoding import ceiling
from engram.encoding.layer_scoring import score_layers
from engram.errors import EngramError
from engram.features.word_rate import word_rate
from engram.files import storage
from engram.paths import LEBEL_RESPONSES, LEBEL_WORDS
from engram.statistics.score_tables import ceilings_table
from engram.study import story_folds
from engram.study.config.read import read_study
from engram.study.plan import Plan, make_plan
from engram.study.stages import tables
from engram.study.stages.encoding import settings
from engram.words import stories

LISTENERS = {
    "UTS01": (84, 81_126, 10),
    "UTS02": (84, 94_251, 10),
    "UTS03": (84, 95_556, 10),
    "UTS04": (26, 109_469, 5),
    "UTS05": (27, 99_322, 5),
    "UTS06": (27, 92_198, 5),
    "UTS07": (27, 94_395, 5),
    "UTS08": (27, 97_023, 5),
    "UTS09": (54, 98_336, 5),
}
ROWS, VOXELS, REPEATS = 120, 30, 5


def plan(**dataset: object) -> Plan:
    given = {"kind": "lebel", "listeners": ["UTS03"], **dataset}
    return make_plan(read_study({"study": "n", "dataset": given, "models": {}}))


def test_sizes_of_files_say_stories_voxels_and_repeats() -> None:
    found = {
        subject: (
            len(mine := [one for one in responses if one.subject == subject]),
            mine[0].voxels,
            max(one.repeats for one in mine),
        )
        for responses in [facts.read_responses(LEBEL_RESPONSES)]
        for subject in sorted({one.subject for one in responses})
    }
    assert found == LISTENERS
    repeated = {one.story for one in facts.read_responses(LEBEL_RESPONSES) if one.repeats > 1}
    assert repeated == {facts.REPEATED}


def test_tables_are_those_of_the_file_list(mirror: Path) -> None:
    folder = mirror / "lebel"
    rows = [line.split("\t") for line in (folder / "tree.tsv").read_text().splitlines()[1:]]
    keys = {path: key for path, key, _ in rows if key != "git"}
    tellings = facts.tellings_of(keys, json.loads((folder / facts.LENGTHS).read_text()))
    responses = facts.responses_of(keys, tellings)
    assert facts.read_responses(LEBEL_RESPONSES) == responses and len(responses) == 440
    assert facts.read_tellings(LEBEL_WORDS) == {one.story: one for one in tellings}
    known = {one.path: one.key for one in responses} | {one.path: one.key for one in tellings}
    assert known.items() <= keys.items()


def test_a_size_that_does_not_fit_is_refused() -> None:
    tellings = [facts.Telling("a", 120, 1, "0a"), facts.Telling("b", 220, 1, "0a")]
    sizes = {"a": 2048 + 8 * 100 * 7, "b": 2048 + 8 * 200 * 7}
    keys = {
        facts.Response("U", story, 7, 1, size, "0a").path: f"MD5E-s{size}--0a.hf5"
        for story, size in sizes.items()
    }
    assert [one.voxels for one in facts.responses_of(keys, tellings)] == [7, 7]
    keys[facts.Response("U", "b", 7, 1, 1, "0a").path] = "MD5E-s22448--0a.hf5"
    with pytest.raises(EngramError, match=r"U, b: 22448 bytes are not those of 200 rows of 7 vox"):
        facts.responses_of(keys, tellings)


def test_plan_of_a_listener() -> None:
    made = plan()
    assert len(made.stories) == 84 and len(made.groups) == 1
    assert next(iter(made.groups.values())).subjects == ("UTS03",)
    assert made.dataset.n_targets() == 95_556 and made.dataset.fetches_by_datalad
    download = made.dataset.scans_download("souls")
    assert download is not None
    assert download.settings["files"] == ["derivative/preprocessed_data/UTS03/souls.hf5"]
    assert list(download.settings["keys"]) == download.settings["files"]
    assert made.dataset.scans_config("wheretheressmoke") == {
        "file": "derivative/preprocessed_data/UTS03/wheretheressmoke.hf5",
        "repeats": 10,
        "rows": 291,
        "start": 10.0,
        "tr": 2.0,
        "voxels": 95_556,
    }
    assert plan(start=8.5).dataset.scans_config("souls")["start"] == 8.5
    https = plan(source="s3", stories=["souls"]).dataset.scans_download("souls")
    assert https is not None
    assert https.settings["bucket"] == "https://s3.amazonaws.com/openneuro.org/ds003020"


def test_shipped_study_is_tested_on_the_repeated_story() -> None:
    """So R, which is of that story alone, is divided by the ceiling that its repeats give."""
    study = read_study(yaml.safe_load((ROOT / "config" / "lebel.yaml").read_text()))
    made = make_plan(study)
    (group,) = made.groups.values()
    assert story_folds.tested(study, group) == [facts.REPEATED] and len(group.stories) == 84
    assert story_folds.count_fits(study, group) == 1
    stories_of = tables.depends_on(study, made)["stories"]
    assert list(stories_of.values()) == [[facts.REPEATED]]


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        ({"listeners": ["UTS01", "UTS02"]}, r"voxels of their own.*average.*listeners: \[UTS01\]"),
        ({"listeners": ["UTS10"]}, r"dataset.listeners names \['UTS10'\].*UTS09"),
        ({"listeners": None}, r"listeners"),
        ({"exclude": {"UTS01": "asleep"}}, r"a study has one listener"),
        (
            {"listeners": ["UTS04"], "stories": ["sweetaspie"]},
            r"dataset.stories names \['sweetaspie'\]",
        ),
        ({"path": "nowhere"}, r"there is no folder 'nowhere'"),
    ],
)
def test_mistakes_are_named(dataset: dict[str, Any], message: str) -> None:
    with pytest.raises(EngramError, match=message):
        plan(**dataset)


def responses(share: float, seed: int = 0) -> np.ndarray:
    """Repeats in which a share of each one's variance is the same."""
    rng = np.random.default_rng(seed)
    signal = rng.standard_normal((ROWS, VOXELS))
    noise = rng.standard_normal((REPEATS, ROWS, VOXELS))
    return np.sqrt(share) * signal + np.sqrt(1 - share) * noise


def opened(path: Path, **more: Any) -> LebelDataset:
    given = {"voxels": VOXELS, "rows": ROWS, "repeats": 1, "start": 10.0, "tr": 2.0, **more}
    return LebelDataset(path, **given)


def write(path: Path, **arrays: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as stream:
        for name, values in arrays.items():
            stream[name] = values
    return path


def test_responses_are_read(tmp_path: Path) -> None:
    values = responses(0.5)
    values[0, :, 3] = np.nan
    path = write(tmp_path / "a.hf5", data=values[0])
    dataset = opened(path)
    found = dataset.timeseries("UTS01", "a")
    assert found.dtype == np.float32 and not found[:, 3].any()
    np.testing.assert_allclose(found[:, 4], values[0, :, 4], rtol=1e-6)
    assert len(dataset.targets()) == VOXELS and set(dataset.targets()["hemisphere"]) == {"B"}
    assert dataset.repeats("UTS01", "a") is None and dataset.confounds("UTS01", "a") is None
    with pytest.raises(EngramError, match=r"no array 'data' of shape \(121, 30\).*data \(120, 30"):
        opened(path, rows=121).timeseries("UTS01", "a")
    with pytest.raises(EngramError, match=r"no array 'individual_repeats'"):
        opened(path, repeats=5).timeseries("UTS01", "a")
    with pytest.raises(EngramError, match=r"not there, or is a link"):
        opened(tmp_path / "b.hf5").timeseries("UTS01", "a")
    (tmp_path / "c.hf5").write_bytes(b"<html>")
    with pytest.raises(EngramError, match=r"cannot be read"):
        opened(tmp_path / "c.hf5").timeseries("UTS01", "a")
    values[0, 7, 5] = np.nan
    with pytest.raises(EngramError, match=r"target 'V5' has a missing value in row 7"):
        opened(write(tmp_path / "d.hf5", data=values[0])).timeseries("UTS01", "a")


def test_files_of_a_folder_are_looked_at_before_a_run(tmp_path: Path) -> None:
    telling = facts.read_tellings(LEBEL_WORDS)["souls"]
    path = tmp_path / "derivative/preprocessed_data/UTS03/souls.hf5"
    write(path, data=np.zeros((telling.rows, 95_556), np.int8))
    (tmp_path / telling.path).parent.mkdir(parents=True)
    (tmp_path / telling.path).touch()
    made = plan(path=str(tmp_path), stories=["souls"])
    made.dataset.check()
    for content, message in (
        (path.read_bytes()[:5000], "no whole file of responses .* 5000 bytes"),
        (b"<html>" * 200_000, "no whole file of responses"),
        (b"", "is empty"),
    ):
        path.write_bytes(content)
        with pytest.raises(EngramError, match=message):
            made.dataset.check()


def repeated(path: Path, values: np.ndarray, **more: Any) -> tuple[xr.Dataset, xr.Dataset]:
    """BOLD of a story that was heard several times, and its ceilings."""
    write(path, data=values.mean(0), individual_repeats=values)
    onsets = np.arange(0, 10 + 2 * ROWS, 0.5)
    words = pd.DataFrame({"word": "a", "onset": onsets, "offset": onsets + 0.4})
    bold, _ = story_bold(
        opened(path, repeats=REPEATS),
        "wheretheressmoke",
        ["UTS01"],
        words,
        **{
            "confounds": True,
            "high_pass": None,
            "targets": "all",
            "average": True,
            "trim": 0,
            "tail": 8.0,
            **more,
        },
    )
    rows: dict[str, Any] = {"folds": 3, "longest_delay": 4.0, "delays": None, "words_to_trs": "fir"}
    return bold, ceiling.of_dataset(bold, halves=40, seed=0, **rows)


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.2, 0.6])
def test_repeats_give_the_ceiling(share: float, tmp_path: Path) -> None:
    """Explainable variance is the planted share; a perfect model of the mean reaches the ceiling.

    It is compared with the definition by variances (Schoppe et al. 2016 and others).
    """
    values = responses(share)
    bold, found = repeated(tmp_path / "a.hf5", values)
    assert dict(bold.sizes) == {
        "subject": 1, "time": ROWS, "target": VOXELS, "repeat": REPEATS,
    }  # fmt: skip
    assert bold["subject"].values.tolist() == ["UTS01"]  # no average of one
    np.testing.assert_allclose(bold["repeats"].values.mean((1, 2)), np.zeros(REPEATS), atol=1e-3)
    z = (values - values.mean(1, keepdims=True)) / values.std(1, keepdims=True)
    residual = (z - z.mean(0)).var(1).mean(0)
    by_variance = 1 - residual * REPEATS / (REPEATS - 1)
    explained = found["explainable_variance"].sel(subject="UTS01").values
    assert explained.mean() == pytest.approx(by_variance.mean(), abs=0.02)
    assert explained.mean() == pytest.approx(share, abs=0.05)
    reliability = REPEATS * share / (1 + (REPEATS - 1) * share)
    assert found["single"].values.mean() == pytest.approx(np.sqrt(reliability), abs=0.04)
    # Between listeners there is nothing to compare.
    assert np.isnan(found["loo"]).all() and np.isnan(found["average"]).all()


@pytest.mark.slow
def test_ceilings_by_repeats_are_tabled(tmp_path: Path) -> None:
    _, found = repeated(tmp_path / "a.hf5", responses(0.5), targets="roi")
    found.to_netcdf(tmp_path / "ceiling.nc", engine="h5netcdf")
    table = ceilings_table("n", [str(tmp_path / "ceiling.nc")]).set_index("kind")
    assert table.loc["single", "ceiling"] == pytest.approx(
        np.sqrt(table.loc["repeats_split_sb", "ceiling"]), abs=1e-6
    )
    assert table.loc["explainable_variance", "subject"] == "UTS01"


def write_text_grid(path: Path, onsets: np.ndarray, end: float) -> None:
    """Words in a TextGrid of the short form, with a tier of phones before them."""

    def tier(name: str, labels: list[tuple[float, float, str]]) -> str:
        written = "".join(f'{begin}\n{stop}\n"{text}"\n' for begin, stop, text in labels)
        return f'"IntervalTier"\n"{name}"\n0\n{end}\n{len(labels)}\n{written}'

    labels = [(0.0, float(onsets[0]), "sp")]
    for onset, after in zip(onsets, [*onsets[1:], end], strict=True):
        labels += [(onset, onset + 0.3, "word"), (onset + 0.3, after, "sp")]
    phones = [(begin, stop, "AH0" if text == "word" else "sp") for begin, stop, text in labels]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        f'File type = "ooTextFile"\nObject class = "TextGrid"\n\n0\n{end}\n<exists>\n2\n'
        + tier("phone", phones)
        + tier("word", labels)
    )


@pytest.mark.slow
def test_from_a_made_tree_to_scores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two stories of a listener with few voxels, which follow the rate of words."""
    tree, rng, read = tmp_path / "tree", np.random.default_rng(5), facts.read_responses
    monkeypatch.setattr(
        lebel_plan,
        "read_responses",
        lambda path: [replace(one, voxels=VOXELS) for one in read(path)],
    )
    tellings = facts.read_tellings(LEBEL_WORDS)
    chosen = ["againstthewind", "sweetaspie"]
    for story in chosen:
        rows, end = tellings[story].rows, tellings[story].trs * 2.0 - 20
        onsets = np.sort(rng.choice(np.arange(1, end - 1, 0.4), 500, replace=False))
        write_text_grid(tree / tellings[story].path, onsets, end)
        # The rate of words from 10 s of the audio on, two rows before each row.
        edges = facts.START - 4 + 2.0 * np.arange(rows + 1)
        rate = np.histogram(onsets, edges)[0].astype(float)
        voxels = rng.standard_normal((rows, VOXELS)) + 2 * zscore(rate[:, None])
        write(tree / f"derivative/preprocessed_data/UTS01/{story}.hf5", data=voxels)
    made = plan(path=str(tree), listeners=["UTS01"], stories=chosen)
    files: dict[str, list[str]] = {"activations": [], "bold": [], "words": []}
    for story in chosen:
        given = {"reader": "lebel", **made.dataset.words_config(story)}
        words = stories.words_table(readers.open_words(given, tree).words(story), 15, story)
        assert len(words) == 500
        given = {"reader": "lebel", **made.dataset.scans_config(story)}
        dataset = readers.open_dataset(given, tree)
        bold, scans = reading.story_bold(
            dataset, story, made.listeners(story), words, confounds=True, high_pass=None,
            targets="all", average=True, trim=0, tail=8.0,
        )  # fmt: skip
        assert scans["scan"].tolist() == [f"sub-UTS01_task-{story}"]
        for kind in files:
            files[kind].append(str(tmp_path / f"{story}.{'tsv' if kind == 'words' else kind}"))
        storage.write_dataset(files["activations"][-1], word_rate(len(words)))
        storage.write_dataset(files["bold"][-1], bold)
        storage.write_table(files["words"][-1], words, "Words.", stories.COLUMNS, digits=10)
    study = read_study({"study": "n", "dataset": {"kind": "lebel", "listeners": ["UTS01"]}})
    options = {**settings(study), "folds": 3, "inner_folds": 2, "backend": "numpy"}
    scores = score_layers(
        files["activations"], files["bold"], files["words"], ["UTS01"], memory=None, **options
    )
    assert dict(scores["r"].sizes) == {"layer": 1, "story": 2, "subject": 1, "target": VOXELS}
    assert float(scores["r"].min()) > 0.6


@pytest.mark.slow
def test_shipped_study_is_planned_on_a_fresh_clone(tmp_path: Path) -> None:
    result = snakemake("-n", "--configfile", ROOT / "config" / "lebel.yaml", folder=tmp_path)
    counts = jobs(result)
    assert counts["fetch_scans"] == counts["fetch_words"] == counts["bold"] == 84
    assert counts["encoding"] == 2 and sum(counts.values()) < 700
    assert "GB of disk" in result.stderr + result.stdout
